"""Reads delimited text: fast where every line keeps to the header, carefully where some do not, so that the good rows are kept."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import polars as pl

from tradeflow.exceptions import UnreadableAnswerError
from tradeflow.pull.decoding import decode_text
from tradeflow.pull.reading import BadRow, Reading, has_undecodable_bytes, number_rows, unreadable_rows, whole_reading

_DELIMITERS = (",", ";", "\t", "|")
_LINE_END = re.compile(r"\r\n|\n|\r")
_HEADER_BYTES = 1 << 16
_BLOCK_BYTES = 1 << 22
_ROWS_PER_FRAME = 100_000
# A quoted cell over more lines than this is taken for a quotation mark that nobody closed.
_LONGEST_CELL_LINES = 100


@dataclass(frozen=True)
class Header:
    """The column names of a delimited text. A column without a name of its own is called `_column_<place>`.

    `named` is the number of columns that the header line itself has: rows may end in empty cells beyond them.
    """

    names: tuple[str, ...]
    named: int
    delimiter: str
    body_start: int


def read_header(text: str) -> Header:
    """Read names and delimiter from a text's first line; UnreadableAnswerError where there is none."""
    starts = [found.end() for found in _LINE_END.finditer(text)]
    lines = [(text[start:end], end) for start, end in zip([0, *starts], [*starts, len(text)], strict=True)]
    filled = [(line.rstrip("\r\n"), end) for line, end in lines if line.strip()]
    if not filled:
        raise UnreadableAnswerError("empty: not one line of text; expected a header and rows")
    (line, body_start), following = filled[0], filled[1:2]
    delimiter = max(_DELIMITERS, key=lambda each: len(_split(line, each)))
    cells = _split(line, delimiter)
    first_row = _split(following[0][0], delimiter) if following else []
    extra = first_row[len(cells) :]
    unnamed = [] if any(extra) else [""] * len(extra)
    return Header(_name_columns([*cells, *unnamed]), len(cells), delimiter, body_start)


def read_delimited(content: bytes, encodings: Sequence[str], *, is_cut: bool = False) -> Reading:
    """Read every row as text, an empty cell as null; blank lines are no rows.

    Where the content `is_cut`, its last line is whole only if its line end is there.
    """
    decoded = decode_text(content, encodings)
    head = decoded.utf8[:_HEADER_BYTES].decode("utf-8", "surrogateescape")
    header = read_header(head)
    body = decoded.utf8[len(head[: header.body_start].encode("utf-8", "surrogateescape")) :]
    body, tail = _part_tail(body) if is_cut else (body, b"")
    fast = _read_fast(body, header)
    reading = _read_carefully(body, header) if fast is None else whole_reading(fast)
    return _add_tail(reading, tail, decoded.problems)


def _part_tail(body: bytes) -> tuple[bytes, bytes]:
    end = max(body.rfind(b"\n"), body.rfind(b"\r")) + 1
    return body[:end], body[end:]


def _add_tail(reading: Reading, tail: bytes, problems: tuple[str, ...]) -> Reading:
    if not tail.strip():
        return replace(reading, problems=(*problems, *reading.problems))
    cut = BadRow(reading.row_count + 1, "the file is cut short in this row", tail.decode("utf-8", "surrogateescape"))
    unreadable = pl.concat([reading.unreadable, unreadable_rows([cut])])
    return replace(reading, unreadable=unreadable, problems=(*problems, *reading.problems))


def _name_columns(cells: Sequence[str]) -> tuple[str, ...]:
    names: list[str] = []
    for place, cell in enumerate(cells, start=1):
        name = cell.strip()
        names.append(name if name and name not in names else f"_column_{place}")
    return tuple(names)


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _read_fast(body: bytes, header: Header) -> pl.DataFrame | None:
    """Read a body in which every row has a cell for each column; None where one has not, or holds bytes that are no UTF-8."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    if not body.strip():
        return pl.DataFrame(schema=dict.fromkeys(header.names, pl.String))
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(body),
            read_options=arrow_csv.ReadOptions(column_names=header.names, block_size=_BLOCK_BYTES),
            parse_options=arrow_csv.ParseOptions(delimiter=header.delimiter, newlines_in_values=b'"' in body),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header.names, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
    except pa.ArrowInvalid:
        return None
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return None if _ends_in_open_quote(frame, body) else frame


def _ends_in_open_quote(frame: pl.DataFrame, body: bytes) -> bool:
    """Tell whether the last cell was closed by the end of the file only, with other rows swallowed in it."""
    last_cell = frame[-1, -1] if frame.height else None
    return last_cell is not None and _LINE_END.search(last_cell) is not None and not body.rstrip().endswith(b'"')


def _read_carefully(body: bytes, header: Header) -> Reading:
    """Read line by line; a row that does not fit the header is set apart with the reason."""
    lines = io.StringIO(body.decode("utf-8", "surrogateescape"), newline="")
    frames: list[pl.DataFrame] = [pl.DataFrame(schema=dict.fromkeys(header.names, pl.String))]
    rows: list[list[str]] = []
    bad_rows: list[BadRow] = []
    for place, (cells, reason, text) in enumerate(_split_rows(lines, header), start=1):
        if reason:
            bad_rows.append(BadRow(place, reason, text))
            continue
        rows.append(cells)
        if len(rows) == _ROWS_PER_FRAME:
            frames.append(_frame(rows, header))
            rows = []
    frame = pl.concat([*frames, _frame(rows, header)])
    numbers = number_rows(frame.height, [bad.row_number for bad in bad_rows])
    return Reading(header.names, frame, numbers, unreadable_rows(bad_rows))


def _frame(rows: list[list[str]], header: Header) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(header.names, pl.String), orient="row")
    return frame.with_columns(pl.all().replace("", None))


def _split_rows(lines: Iterator[str], header: Header) -> Iterator[tuple[list[str], str, str]]:
    """Yield each row's cells, or the reason why it has none, with its text."""
    waiting: deque[str] = deque()
    while line := waiting.popleft() if waiting else next(lines, ""):
        if not line.strip():
            continue
        if not _is_open(line, header.delimiter):
            yield *_fit_cells(line, header), line
            continue
        waiting.extend(islice(lines, max(0, _LONGEST_CELL_LINES - len(waiting))))
        text, used = _close_quote(line, waiting, header)
        for _ in range(used):
            waiting.popleft()
        yield (*_fit_cells(text, header), text) if used else ([], "a quoted cell is never closed", line)


def _close_quote(line: str, following: Sequence[str], header: Header) -> tuple[str, int]:
    """Add lines until the quoted cell is closed and the row fits; return the text and how many it took, 0 where none fits."""
    text = line
    for used, added in enumerate(following, start=1):
        text += added
        if not _is_open(text, header.delimiter):
            return (text, used) if not _fit_cells(text, header)[1] else (line, 0)
    return line, 0


def _is_open(text: str, delimiter: str) -> bool:
    """Tell whether the text ends inside a quoted cell."""
    if '"' not in text:
        return False
    try:
        _read_row(text, delimiter, strict=True)
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _fit_cells(text: str, header: Header) -> tuple[list[str], str]:
    """Return a row's cells, one for each column, or the reason why they do not fit. Empty cells beyond the named columns carry nothing."""
    if has_undecodable_bytes(text):
        return [], "bytes that the declared encodings cannot read"
    try:
        cells = _read_row(text, header.delimiter)
    except csv.Error as error:
        return [], f"cannot be split into cells: {error}"
    width = len(header.names)
    if len(cells) < header.named or any(cells[width:]):
        return [], f"{len(cells)} cells, where the header has {header.named}"
    return [*cells, *[""] * (width - len(cells))][:width], ""


def _read_row(text: str, delimiter: str, *, strict: bool = False) -> list[str]:
    ended = text.rstrip("\r\n") if '"' not in text else text
    return next(csv.reader(io.StringIO(ended, newline=""), delimiter=delimiter, strict=strict), [])
