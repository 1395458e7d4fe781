"""Reads JSON: an API answer with its `data` array, a bare array of objects, or JSON lines; broken records are set apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import polars as pl

from tradeflow.exceptions import UnreadableAnswerError
from tradeflow.pull.decoding import decode_text
from tradeflow.pull.reading import BadRow, Reading, has_undecodable_bytes, number_rows, unreadable_rows, whole_reading

_DATA_ARRAY = re.compile(r'"data"\s*:\s*(\[|null)')
_BETWEEN_RECORDS = re.compile(r"[\s,]*")
_NEXT_RECORD = re.compile(r"\}\s*,\s*(?=\{)")
_CUT = "the answer is cut short in this record"
_SHOWN_CHARACTERS = 200
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
    walked = _walk_array(head, start) if start is not None else _walk_lines(head)
    records = [record for record, _, _ in islice(walked, _SNIFFED_RECORDS) if isinstance(record, dict)]
    return list(dict.fromkeys(name for record in records for name in record))


def _array_start(text: str) -> int | None:
    """Return where the records of an answer or a bare array begin, or None for JSON lines."""
    if text.lstrip().startswith("["):
        return text.index("[") + 1
    found = _DATA_ARRAY.search(text)
    return found.end() if found else None


# --- fast: every record is whole -----------------------------------------------------------------------------------------------


def _read_fast(utf8: bytes) -> Reading | None:
    try:
        if utf8.lstrip().startswith(b"["):
            frame = pl.read_json(utf8, infer_schema_length=None)
            return whole_reading(frame) if frame.width else None
        if _DATA_ARRAY.search(utf8[: _SHOWN_CHARACTERS * 100].decode("utf-8", "ignore")):
            return _open_answer(pl.read_json(utf8, infer_schema_length=None))
        frame = pl.read_ndjson(utf8, infer_schema_length=None)
    except (pl.exceptions.PolarsError, ValueError):
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

_Walked = tuple[Any, str, str]


def _read_carefully(text: str) -> Reading:
    start = _array_start(text)
    if start is None:
        _refuse_error_answer(text)
    records: list[dict[str, Any]] = []
    bad_rows: list[BadRow] = []
    for place, (value, reason, raw) in enumerate(_walk_array(text, start) if start is not None else _walk_lines(text), start=1):
        fault = reason or _fault_of_record(value, raw)
        if fault:
            bad_rows.append(BadRow(place, fault, raw))
        else:
            records.append(value)
    frame = _frame_of(records)
    numbers = number_rows(len(records), [bad.row_number for bad in bad_rows])
    problems = _said_around(text, start, len(records) + len(bad_rows))
    return Reading(tuple(frame.columns), frame, numbers, unreadable_rows(bad_rows), tuple(problems))


def _walk_array(text: str, start: int) -> Iterator[_Walked]:
    """Yield each value of the array that begins at `start` with its text, or why it could not be read; go on at the next record."""
    decoder = json.JSONDecoder(parse_constant=_read_constant)
    place = _skip(text, start)
    while place < len(text) and text[place] != "]":
        try:
            value, end = decoder.raw_decode(text, place)
            yield value, "", text[place:end]
        except (ValueError, RecursionError) as error:
            found = _NEXT_RECORD.search(text, place)
            end = found.end() if found else len(text)
            yield None, _reason(error) if found else _CUT, text[place:end].rstrip(", \r\n\t")
        place = _skip(text, end)


def _walk_lines(text: str) -> Iterator[_Walked]:
    """Yield the value of each filled line with its text, or why it could not be read."""
    decoder = json.JSONDecoder(parse_constant=_read_constant)
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            yield decoder.decode(line), "", line
        except (ValueError, RecursionError) as error:
            yield None, _reason(error), line


def _skip(text: str, place: int) -> int:
    found = _BETWEEN_RECORDS.match(text, place)
    assert found is not None
    return found.end()


def _reason(error: Exception) -> str:
    return f"not JSON: {error}"


def _read_constant(word: str) -> None:
    """Read NaN, which is no JSON but what pandas writes for a missing value, as null; refuse the infinities."""
    if word != "NaN":
        raise ValueError(f"{word} is no number")


def _fault_of_record(value: Any, raw: str) -> str:
    if not isinstance(value, dict):
        return f"{type(value).__name__}, where an object was expected"
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


def _said_around(text: str, start: int | None, found: int) -> list[str]:
    """Return what an answer says of itself beside its records."""
    if start is None or text.lstrip().startswith("["):
        return []
    counts = re.search(r'"count"\s*:\s*(\d+)', text)
    errors = re.search(r'"error"\s*:\s*("(?:[^"\\\\]|\\\\.)+")', text)
    said: dict[str, Any] = {"count": int(counts[1])} if counts else {}
    return _answer_problems(said | ({"error": errors[1]} if errors else {}), found)


def _refuse_error_answer(text: str) -> None:
    """Raise UnreadableAnswerError for one object that holds no records: what a service sends instead of data."""
    try:
        answer = json.loads(text)
    except ValueError:
        return
    is_flat_record = isinstance(answer, dict) and "\n" not in text.strip()
    if not is_flat_record:
        shown = " ".join(text.split())[:_SHOWN_CHARACTERS]
        raise UnreadableAnswerError(f"JSON without records: found {shown}; expected an object with a `data` array, or an array of objects")
