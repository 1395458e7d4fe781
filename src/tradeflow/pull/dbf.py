"""Reads dBase tables (DBF): fixed widths, one byte per character, all rows of a column at once (why: decision 0011).

The form: a head of 32 bytes (records, length of the head, length of a record), 32 bytes per field (name, type, length), 0x0D; then the
records, each behind a byte that is `*` where the record is deleted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from tradeflow.exceptions import UnreadableAnswerError
from tradeflow.pull.reading import BadRow, Reading, unreadable_rows

Bytes = NDArray[np.uint8]
_VERSIONS = frozenset({0x03, 0x04, 0x30, 0x31, 0x32, 0x83, 0x8B, 0xF5, 0xFB})
_HEAD, _FIELD, _END, _DELETED = 32, 32, 0x0D, ord("*")
_LONGEST_HEAD = 1 << 16
_ROWS_AT_ONCE = 200_000


@dataclass(frozen=True)
class DbfHead:
    """What the head says: how many records, how long head and record are, and each field's name, place and length in the record."""

    records: int
    head_bytes: int
    record_bytes: int
    fields: tuple[tuple[str, int, int], ...]


def is_dbf(head: bytes) -> bool:
    """Tell a dBase table by its version, a day in its head, and the lengths there, which must fit one another."""
    if len(head) < _HEAD + _FIELD or head[0] not in _VERSIONS:
        return False
    length, record = struct.unpack("<HH", head[8:12])
    is_day = 1 <= head[2] <= 12 and 1 <= head[3] <= 31
    return is_day and length > _HEAD + _FIELD and record > 1 and head[_HEAD : _HEAD + 1].isalpha()


def read_dbf_head(content: bytes) -> DbfHead:
    """Read the head, of which all must be there; UnreadableAnswerError where the fields do not fill a record."""
    records, head_bytes, record_bytes = struct.unpack("<IHH", content[4:12])
    fields, place = [], 1
    for start in range(_HEAD, min(head_bytes, len(content)) - _FIELD + 1, _FIELD):
        field = content[start : start + _FIELD]
        if field[0] == _END:
            break
        fields.append((field[:11].split(b"\0")[0].decode("latin-1").strip(), place, field[16]))
        place += field[16]
    if place != record_bytes:
        raise UnreadableAnswerError(f"a DBF table whose fields take {place} bytes where its records have {record_bytes}; download it again")
    return DbfHead(records, head_bytes, record_bytes, tuple(fields))


def read_dbf(content: bytes, encodings: Sequence[str]) -> Reading:
    """Read every record as text, blanks around it gone, an empty cell as null; a deleted record is set apart and keeps its place."""
    head, records = _map_records(np.frombuffer(content, np.uint8))
    return _read_slice(records, head, encodings, _tell_cut(head, len(records)))


def slice_dbf(path: Path, encodings: Sequence[str], rows_at_once: int) -> Iterator[Reading]:
    """Yield what `read_dbf` reads, some records at a time; the places in each begin at 1. The file is not held in memory."""
    head, records = _map_records(np.memmap(path, np.uint8, mode="r"))
    for start in range(0, max(len(records), 1), rows_at_once):
        is_last = start + rows_at_once >= len(records)
        yield _read_slice(records[start : start + rows_at_once], head, encodings, _tell_cut(head, len(records)) if is_last else ())


def _map_records(content: Bytes) -> tuple[DbfHead, Bytes]:
    """Return the head and the whole records that came, a row each."""
    head = read_dbf_head(bytes(content[:_LONGEST_HEAD]))
    body = content[head.head_bytes :]
    whole = min(head.records, len(body) // head.record_bytes)
    return head, body[: whole * head.record_bytes].reshape(whole, head.record_bytes)


def _tell_cut(head: DbfHead, whole: int) -> tuple[str, ...]:
    if whole == head.records:
        return ()
    return (f"cut short: its head promises {head.records:,} records, {whole:,} whole ones came; download it again",)


def _read_slice(records: Bytes, head: DbfHead, encodings: Sequence[str], problems: tuple[str, ...]) -> Reading:
    is_deleted = records[:, 0] == _DELETED
    numbers = np.arange(1, len(records) + 1)
    bad = [
        BadRow(int(number), "the source marked this record as deleted", records[number - 1].tobytes().decode(encodings[0], "replace"))
        for number in numbers[is_deleted]
    ]
    frame = pl.concat([_read_records(part, head, encodings[0]) for part in _parts(records[~is_deleted])])
    return Reading(tuple(frame.columns), frame, pl.Series("row_number", numbers[~is_deleted]), unreadable_rows(bad), problems)


def _parts(records: Bytes) -> list[Bytes]:
    return [records[start : start + _ROWS_AT_ONCE] for start in range(0, max(len(records), 1), _ROWS_AT_ONCE)]


def _read_records(records: Bytes, head: DbfHead, encoding: str) -> pl.DataFrame:
    return pl.DataFrame([_read_field(records[:, place : place + length], name, encoding) for name, place, length in head.fields])


def _read_field(cells: Bytes, name: str, encoding: str) -> pl.Series:
    """Turn a column of bytes into text, each byte by a table into its UTF-8 bytes."""
    utf8, lengths = _utf8_of_bytes(encoding)
    flat = np.ascontiguousarray(cells)
    ends = np.concatenate([[0], np.cumsum(lengths[flat].sum(axis=1, dtype=np.int64))])
    text = flat if ends[-1] == flat.size else utf8[flat][np.arange(3) < lengths[flat][..., None]]
    buffers = [None, pa.py_buffer(ends.astype(np.int64)), pa.py_buffer(np.ascontiguousarray(text))]
    column = pl.from_arrow(pa.Array.from_buffers(pa.large_string(), len(cells), buffers))
    assert isinstance(column, pl.Series)
    bare = column.alias(name).str.strip_chars(" \0")
    return bare.set(bare == "", None)


@cache
def _utf8_of_bytes(encoding: str) -> tuple[Bytes, Bytes]:
    """Return each byte's character in UTF-8, in three bytes, and how many of them count."""
    coded = [bytes([byte]).decode(encoding, "replace").encode() for byte in range(256)]
    table = np.frombuffer(b"".join(each.ljust(3, b"\0") for each in coded), np.uint8).reshape(256, 3)
    return table, np.array([len(each) for each in coded], np.uint8)
