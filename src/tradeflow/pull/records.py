"""Reads JSON: an API answer with its `data` array, a bare array of objects, or JSON lines; broken records are set apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import polars as pl

from tradeflow.exceptions import UnreadableAnswerError
from tradeflow.pull.decoding import decode_text
from tradeflow.pull.reading import BadRow, Reading, has_undecodable_bytes, number_rows, unreadable_rows, whole_reading

_DATA_ARRAY = re.compile(r'"data"\s*:\s*(\[|null)')
_BETWEEN_RECORDS = re.compile(r"[\s,]*")
_COUNT = re.compile(r'"count"\s*:\s*(\d+)')
_ERROR = re.compile(r'"error"\s*:\s*("(?:[^"\\]|\\.)+")')
_RECORD_END = re.compile(r"\}\s*(?:,\s*(?=\{)|(?=\]))")
_ERROR_FIELDS = {"message", "error", "statusCode", "errorMessage"}
_BRACE_OR_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"|[{}"]')
_LONGEST_RECORD = 1 << 16
_CUT = "the answer is cut short in this record"
_SHOWN_CHARACTERS = 200
# What an answer says of itself before its records is shorter than this.
_PREAMBLE_BYTES = 1 << 20
# Some writers leave out fields that are null, so one record does not name them all.
_SNIFFED_RECORDS = 50


def read_records(content: bytes, encodings: Sequence[str]) -> Reading:
    """Read every record; UnreadableAnswerError where there is an object without records, such as a service's error answer."""
    decoded = decode_text(content, encodings)
    reading = _read_fast(decoded.utf8)
    if reading is None:
        reading = _read_carefully(decoded.utf8.decode("utf-8", "surrogateescape"))
    return Reading(reading.columns, reading.frame, reading.row_numbers, reading.unreadable, (*decoded.problems, *reading.problems))


def first_record_names(head: str) -> list[str]:
    """Return the field names of the first records of a JSON text, of which only the beginning need be given; none where it has none."""
    start = _array_start(head)
    if start is None:
        _refuse_error_answer(head)
    pieces = _walk_lines(head) if start is None else _walk_array(head, start)
    records = [piece.value for piece in islice(pieces, _SNIFFED_RECORDS) if isinstance(piece.value, dict)]
    return list(dict.fromkeys(name for record in records for name in record))


def _array_start(text: str) -> int | None:
    """Return where the records of an answer or a bare array begin, or None for JSON lines."""
    if text.lstrip().startswith("["):
        return text.index("[") + 1
    found = _DATA_ARRAY.search(text)
    if found is None:
        return None
    return found.end() if found[1] == "[" else len(text)


# --- fast: every record is whole -----------------------------------------------------------------------------------------------


def _read_fast(utf8: bytes) -> Reading | None:
    if b"\\ud" in utf8 or b"\\uD" in utf8:
        # polars reads half of a surrogate pair as a zero byte and says nothing.
        return None
    try:
        if utf8.lstrip().startswith(b"["):
            frame = pl.read_json(utf8, infer_schema_length=None)
            return whole_reading(frame) if frame.width else None
        if _DATA_ARRAY.search(utf8[:_PREAMBLE_BYTES].decode("utf-8", "ignore")):
            return _open_answer(pl.read_json(utf8, infer_schema_length=None))
        frame = pl.read_ndjson(utf8, infer_schema_length=None)
    except (pl.exceptions.PolarsError, ValueError):
        return None
    if frame.height == 1 and _ERROR_FIELDS & set(frame.columns):
        return None
    is_whole = frame.width > 0 and frame.height == sum(1 for line in utf8.split(b"\n") if line.strip())
    return whole_reading(frame) if is_whole else None


def _open_answer(answer: pl.DataFrame) -> Reading | None:
    """Take the records out of an answer's `data`; None where they are not all objects of one form."""
    records = answer["data"][0]
    if answer.height != 1 or not isinstance(records, pl.Series) or records.null_count():
        return None
    if not isinstance(records.dtype, pl.Struct) or not records.dtype.fields:
        return None
    said: dict[str, Any] = {name: answer[name][0] for name in ("count", "error") if name in answer.columns}
    return whole_reading(records.struct.unnest(), _answer_problems(said, records.len()))


def _answer_problems(said: dict[str, Any], found: int) -> list[str]:
    problems = []
    if said.get("error"):
        problems.append(f"the source says: {str(said['error'])[:_SHOWN_CHARACTERS]}")
    if isinstance(said.get("count"), int) and said["count"] != found:
        problems.append(f"the answer says that it holds {said['count']:,} records; {found:,} came; ask the source again")
    return problems


# --- carefully: what can be kept of a broken text ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Piece:
    """One value with its text and where that ends, or why it could not be read."""

    value: Any
    text: str
    end: int
    fault: str = ""


def _read_carefully(text: str) -> Reading:
    start = _array_start(text)
    if start is None:
        _refuse_error_answer(text)
    pieces = list(_walk_lines(text) if start is None else _walk_array(text, start))
    has_fields = any(piece.value for piece in pieces if isinstance(piece.value, dict))
    faults = [piece.fault or _fault_of_record(piece.value, piece.text, has_fields=has_fields) for piece in pieces]
    frame = _frame_of([piece.value for piece, fault in zip(pieces, faults, strict=True) if not fault])
    judged = enumerate(zip(pieces, faults, strict=True), start=1)
    bad_rows = [BadRow(place, fault, piece.text) for place, (piece, fault) in judged if fault]
    numbers = number_rows(len(pieces) - len(bad_rows), [bad.row_number for bad in bad_rows])
    problems = [] if start is None else _array_problems(text, start, pieces)
    return Reading(tuple(frame.columns), frame, numbers, unreadable_rows(bad_rows), tuple(problems))


def _walk_array(text: str, start: int) -> Iterator[_Piece]:
    """Yield each value of the array that begins at `start`; after one that cannot be read go on at the next record."""
    decoder = json.JSONDecoder(parse_constant=_read_constant)
    place = _skip(text, start)
    while place < len(text) and text[place] != "]":
        try:
            value, end = decoder.raw_decode(text, place)
            yield _Piece(value, text[place:end], end)
        except (ValueError, RecursionError) as error:
            end = _next_record(text, place)
            yield _Piece(None, text[place:end].rstrip(", \r\n\t"), end, f"not JSON: {error}" if end < len(text) else _CUT)
        place = _skip(text, end)


def _next_record(text: str, broken: int) -> int:
    """Return where the record after a broken one begins, or the text's end.

    What looks like the end of a record may stand inside a text: it counts where the braces up to it are balanced, or where the array
    ends or an object can be read behind it.
    """
    balanced = _balanced_end(text, broken)
    for found in _RECORD_END.finditer(text, broken):
        if found.start() + 1 == balanced or text[found.end()] == "]" or _begins_object(text, found.end()):
            return found.end()
    return len(text)


def _balanced_end(text: str, start: int) -> int:
    """Return where the object that begins at `start` is closed, or -1 where it is not within reach, or a text in it is never closed."""
    depth = 0
    for token in _BRACE_OR_TEXT.finditer(text, start, start + _LONGEST_RECORD):
        if token[0] == '"':
            return -1
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return -1


def _begins_object(text: str, place: int) -> bool:
    try:
        json.JSONDecoder().raw_decode(text, place)
    except (ValueError, RecursionError):
        return False
    return True


def _walk_lines(text: str) -> Iterator[_Piece]:
    """Yield the value of each filled line."""
    decoder = json.JSONDecoder(parse_constant=_read_constant)
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            yield _Piece(decoder.decode(line), line, len(line))
        except (ValueError, RecursionError) as error:
            yield _Piece(None, line, len(line), f"not JSON: {error}")


def _skip(text: str, place: int) -> int:
    found = _BETWEEN_RECORDS.match(text, place)
    assert found is not None
    return found.end()


def _read_constant(word: str) -> None:
    """Read NaN, which is no JSON but what pandas writes for a missing value, as null; refuse the infinities."""
    if word != "NaN":
        raise ValueError(f"{word} is no number")


def _fault_of_record(value: Any, raw: str, *, has_fields: bool) -> str:
    if not isinstance(value, dict):
        return f"{type(value).__name__}, where an object was expected"
    if not has_fields:
        return "an object without a field, as all others"
    if has_undecodable_bytes(raw):
        return "bytes that the declared encodings cannot read"
    if any(isinstance(each, str) and not _is_text(each) for each in value.values()):
        return "half of a surrogate pair, which is no character"
    return ""


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _frame_of(records: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Return records as a frame; a column of several types becomes text."""
    names = dict.fromkeys(name for record in records for name in record)
    return pl.DataFrame([_column_of(name, [record.get(name) for record in records]) for name in names])


def _column_of(name: str, values: list[Any]) -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float}:
        return pl.Series(name, values, dtype=pl.Float64 if float in kinds else None, strict=False)
    if len(kinds) == 1 and kinds <= {str, bool}:
        return pl.Series(name, values)
    texts = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    return pl.Series(name, texts, dtype=pl.String)


def _array_problems(text: str, start: int, pieces: Sequence[_Piece]) -> list[str]:
    """Return whether the array ends before its time, and what an answer says of itself beside it."""
    end = _skip(text, pieces[-1].end if pieces else start)
    is_closed = end < len(text) or (start == len(text) and not text.endswith("["))
    cut = [] if is_closed else [f"cut short: its array of records is never closed; {len(pieces):,} came; ask the source again"]
    if text.lstrip().startswith("["):
        return cut
    count, error = _COUNT.search(text), _ERROR.search(text)
    said = {"count": int(count[1]) if count else None, "error": json.loads(error[1]) if error else None}
    return cut + _answer_problems(said, len(pieces))


def _refuse_error_answer(text: str) -> None:
    """Raise UnreadableAnswerError for one object that holds no records: what a service sends instead of data."""
    try:
        answer = json.loads(text)
    except ValueError:
        return
    is_one_line = isinstance(answer, dict) and "\n" not in text.strip()
    if not is_one_line or _ERROR_FIELDS & set(answer):
        shown = " ".join(text.split())[:_SHOWN_CHARACTERS]
        raise UnreadableAnswerError(f"JSON without records: found {shown}; expected an object with a `data` array, or an array of objects")
