"""Reads delimited text: fast where every line keeps to the header, carefully where some do not, so that the good rows are kept."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import polars as pl

from tradeflow.exceptions import UnreadableAnswerError
from tradeflow.pull.decoding import decode_text
from tradeflow.pull.reading import BadRow, Reading, has_undecodable_bytes, number_rows, show_stray_bytes, unreadable_rows, whole_reading

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

    `named` is the number of columns that the header line itself has: rows may end in empty cells beyond them, unless columns are told
    by their place: then a cell too many has moved the others.
    """

    names: tuple[str, ...]
    named: int
    delimiter: str
    body_start: int
    is_by_place: bool = False


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
    return Header(name_columns([*cells, *unnamed]), len(cells), delimiter, body_start)


def read_delimited(
    content: bytes, encodings: Sequence[str], *, is_cut: bool = False, names: Sequence[str] = (), lines_before: int = 0
) -> Reading:
    """Read every row as text, an empty cell as null; blank lines are no rows.

    Where the content `is_cut`, its last line is whole only if its line end is there. `names` are the columns of a text without a heading.
    `lines_before`: lines of the file that stand before a slice of it.
    """
    decoded = decode_text(content, encodings, lines_before)
    head = decoded.utf8[:_HEADER_BYTES].decode("utf-8", "surrogateescape")
    header = name_by_place(read_header(head), names)
    start = len(head[: header.body_start].encode("utf-8", "surrogateescape"))
    end = _end_of_whole_lines(decoded.utf8, start) if is_cut else len(decoded.utf8)
    # A view: the text of a large file is not held twice.
    body = memoryview(decoded.utf8)[start:end]
    fast = None if decoded.has_stray_bytes else _read_fast(body, header)
    reading = _read_carefully(body, header) if fast is None else fast
    return _add_tail(reading, decoded.utf8[end:], decoded.problems)


def name_by_place(header: Header, names: Sequence[str]) -> Header:
    """Take the first line for a row where columns are told by their place, unless it is a heading after all."""
    declared = {name.casefold() for name in names}
    if not names or 2 * sum(name.casefold() in declared for name in header.names) >= len(names):
        return header
    unnamed = [f"_column_{place}" for place in range(len(names) + 1, header.named + 1)]
    return Header((*names, *unnamed), header.named, header.delimiter, body_start=0, is_by_place=True)


def _end_of_whole_lines(utf8: bytes, start: int) -> int:
    return max(utf8.rfind(b"\n", start), utf8.rfind(b"\r", start), start - 1) + 1


def _add_tail(reading: Reading, tail: bytes, problems: tuple[str, ...]) -> Reading:
    if not tail.strip():
        return replace(reading, problems=(*problems, *reading.problems))
    cut = BadRow(reading.row_count + 1, "the file is cut short in this row", tail.decode("utf-8", "surrogateescape"))
    unreadable = pl.concat([reading.unreadable, unreadable_rows([cut])])
    return replace(reading, unreadable=unreadable, problems=(*problems, *reading.problems))


def name_columns(cells: Sequence[str]) -> tuple[str, ...]:
    """Return a name for each cell of a header; one that is empty or stands there already is `_column_<place>`."""
    names: list[str] = []
    for place, cell in enumerate(cells, start=1):
        name = show_stray_bytes(cell.strip())
        names.append(name if name and name not in names else f"_column_{place}")
    return tuple(names)


def _split(text: str, delimiter: str, *, strict: bool = False) -> list[str]:
    return next(csv.reader([text], delimiter=delimiter, strict=strict), [])


def _read_fast(body: memoryview, header: Header) -> Reading | None:
    """Read a body whose rows are easily told from one another, setting apart those of another width than the header's.

    None where they are not: cells that span lines (they are meant to, or a quotation mark that nobody closed
    has swallowed rows), rows that are only wider or narrower by empty cells.
    """
    import pyarrow as pa

    if len(body) <= _BLOCK_BYTES and not bytes(body).strip():
        return whole_reading(pl.DataFrame(schema=dict.fromkeys(header.names, pl.String)))
    odd_rows: list[Any] = []
    try:
        table = _parse(body, header)
    except pa.ArrowInvalid:
        try:
            table = _parse(body, header, odd_rows)
        except pa.ArrowInvalid:
            return None
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    faults = [_fit_cells(row.text, header)[1] for row in odd_rows]
    last_line = bytes(body[-_HEADER_BYTES:]).decode("utf-8", "ignore").rstrip("\r\n").rpartition("\n")[2]
    is_doubtful = any(_is_doubtful(text, header) for text in (last_line, *(row.text for row in odd_rows)))
    if is_doubtful or not all(faults) or _has_line_end_in_cell(frame):
        return None
    bad_rows = [BadRow(row.number, fault, row.text) for row, fault in zip(odd_rows, faults, strict=True)]
    return _part_reading(frame, bad_rows)


def _parse(body: memoryview, header: Header, odd_rows: list[Any] | None = None) -> Any:
    """Return an Arrow table; rows of another width are added to `odd_rows`, or raise ArrowInvalid where that is None."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    def set_apart(row: Any) -> str:
        if odd_rows is None:
            return "error"
        odd_rows.append(row)
        return "skip"

    # Only a single thread can tell the number of an odd row.
    read = arrow_csv.ReadOptions(column_names=header.names, block_size=_BLOCK_BYTES, use_threads=odd_rows is None)
    parse = arrow_csv.ParseOptions(delimiter=header.delimiter, newlines_in_values=True, invalid_row_handler=set_apart)
    types = dict.fromkeys(header.names, pa.string())
    convert = arrow_csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[""])
    return arrow_csv.read_csv(pa.BufferReader(body), read_options=read, parse_options=parse, convert_options=convert)


def _is_doubtful(row: str, header: Header) -> bool:
    """Tell whether a row may be none, or more than one: blank, over several lines, or open at its end."""
    return not row.strip() or bool(_LINE_END.search(row)) or _is_left_open(_split_strictly(row, header.delimiter)[1])


def _has_line_end_in_cell(frame: pl.DataFrame) -> bool:
    found = pl.all().str.contains("\n", literal=True).any() | pl.all().str.contains("\r", literal=True).any()
    return bool(frame.select(found).select(pl.any_horizontal(pl.all())).item())


def _part_reading(frame: pl.DataFrame, bad_rows: Sequence[BadRow]) -> Reading:
    numbers = number_rows(frame.height, [bad.row_number for bad in bad_rows])
    return Reading(tuple(frame.columns), frame, numbers, unreadable_rows(bad_rows))


def _read_carefully(body: memoryview, header: Header) -> Reading:
    """Read line by line; a row that does not fit the header is set apart with the reason."""
    lines = io.StringIO(str(body, "utf-8", "surrogateescape"), newline="")
    frames: list[pl.DataFrame] = [pl.DataFrame(schema=dict.fromkeys(header.names, pl.String))]
    rows: list[list[str]] = []
    bad_rows: list[BadRow] = []
    for place, (cells, reason, text) in enumerate(_split_rows(lines, header), start=1):
        if reason:
            bad_rows.append(BadRow(place, reason, text.rstrip("\r\n")))
            continue
        rows.append(cells)
        if len(rows) == _ROWS_PER_FRAME:
            frames.append(_frame(rows, header))
            rows = []
    frame = pl.concat([*frames, _frame(rows, header)])
    return _part_reading(frame, bad_rows)


def _frame(rows: list[list[str]], header: Header) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(header.names, pl.String), orient="row")
    return frame.with_columns(pl.all().replace("", None))


def _split_rows(lines: Iterator[str], header: Header) -> Iterator[tuple[list[str], str, str]]:
    """Yield each row's cells, or the reason why it has none, with its text."""
    waiting: deque[str] = deque()
    while line := waiting.popleft() if waiting else next(lines, ""):
        if not line.strip():
            continue
        cells, fault = _split_strictly(line, header.delimiter)
        if not _is_left_open(fault):
            yield *(_fit_cells(line, header) if fault else _fit_width(cells, line, header)), line
            continue
        waiting.extend(islice(lines, max(0, _LONGEST_CELL_LINES - len(waiting))))
        cells, text, used = _close_quote(line, waiting, header)
        for _ in range(used):
            waiting.popleft()
        yield cells, "" if used else "a quoted cell is never closed", text


def is_whole_row(line: str, header: Header) -> bool:
    """Tell whether one line is one row that fits the header."""
    cells, fault = _split_strictly(line, header.delimiter)
    return not fault and not _fit_width(cells, line, header)[1]


def _close_quote(line: str, following: Sequence[str], header: Header) -> tuple[list[str], str, int]:
    """Add lines until the quoted cell is closed and the row fits; return cells, text and the lines added, 0 where none fits."""
    text = line
    for used, added in enumerate(following, start=1):
        text += added
        cells, fault = _split_strictly(text, header.delimiter)
        fitted, reason = _fit_width(cells, text, header)
        if not fault and not reason:
            return fitted, text, used
        if not _is_left_open(fault):
            break
    return [], line, 0


def _split_strictly(text: str, delimiter: str) -> tuple[list[str], str]:
    try:
        return _split(text, delimiter, strict=True), ""
    except csv.Error as error:
        return [], str(error)


def _is_left_open(fault: str) -> bool:
    return "unexpected end" in fault


def _fit_cells(text: str, header: Header) -> tuple[list[str], str]:
    """Split a row, lenient about quotation marks, and fit it to the header's columns; or return the reason why it does not fit."""
    try:
        return _fit_width(_split(text, header.delimiter), text, header)
    except csv.Error as error:
        return [], f"cannot be split into cells: {error}"


def _fit_width(cells: list[str], text: str, header: Header) -> tuple[list[str], str]:
    """Return one cell for each column, or the reason why they do not fit; empty cells beyond the named columns carry nothing."""
    if has_undecodable_bytes(text):
        return [], "bytes that the declared encodings cannot read"
    width = len(header.names)
    if len(cells) < header.named or any(cells[width:]) or (header.is_by_place and len(cells) > width):
        return [], f"{len(cells)} cells, where the header has {header.named}"
    return [*cells, *[""] * (width - len(cells))][:width], ""
