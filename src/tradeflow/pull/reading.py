"""What one file's bytes gave: its rows under the source's own names, and the lines that could not be split into them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

UNREADABLE_SCHEMA = pl.Schema({"row_number": pl.Int64, "reason": pl.String, "raw_row": pl.String})
_RAW_ROW_LIMIT = 10_000
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class Reading:
    """The rows of one file.

    `frame` holds the readable rows, values as they came; `row_numbers` their places among all rows of the file, 1-based, which the
    rows of `unreadable` share; `columns` every column that the file has.
    """

    columns: tuple[str, ...]
    frame: pl.DataFrame
    row_numbers: pl.Series
    unreadable: pl.DataFrame
    problems: tuple[str, ...] = ()

    @property
    def row_count(self) -> int:
        """Rows that came in: read and unreadable together."""
        return self.row_numbers.len() + self.unreadable.height


@dataclass(frozen=True)
class BadRow:
    """A row that could not be read: its place, why, and its text (undecodable bytes as surrogate escapes)."""

    row_number: int
    reason: str
    text: str


def whole_reading(frame: pl.DataFrame, problems: Sequence[str] = ()) -> Reading:
    """Return the reading of a file of which every row could be read."""
    return Reading(tuple(frame.columns), frame, number_rows(frame.height), unreadable_rows([]), tuple(problems))


def number_rows(count: int, taken: Sequence[int] = ()) -> pl.Series:
    """Return the `count` smallest places from 1 upward that no bad row has taken."""
    places = pl.int_range(1, count + len(taken) + 1, dtype=pl.Int64, eager=True).alias("row_number")
    return places.filter(~places.is_in(list(taken))) if taken else places


def unreadable_rows(bad_rows: Sequence[BadRow]) -> pl.DataFrame:
    """Return the frame of rows that could not be read; `raw_row` is the text as a JSON string, stray bytes by number."""
    rows = [(bad.row_number, bad.reason, _as_json(bad.text)) for bad in bad_rows]
    return pl.DataFrame(rows, schema=UNREADABLE_SCHEMA, orient="row")


def has_undecodable_bytes(text: str) -> bool:
    """Tell whether a text decoded with surrogate escapes holds bytes that its encoding could not read."""
    return _ESCAPED_BYTE.search(text) is not None


def show_stray_bytes(text: str) -> str:
    r"""Return a text decoded with surrogate escapes with each undecodable byte written as \xNN."""
    return _ESCAPED_BYTE.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", text)


def _as_json(text: str) -> str:
    shown = show_stray_bytes(text)
    if len(shown) > _RAW_ROW_LIMIT:
        shown = f"{shown[:_RAW_ROW_LIMIT]}... ({len(shown):,} characters in all)"
    return json.dumps(shown, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
