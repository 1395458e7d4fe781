"""What a dossier is: facts and tables, before anybody says on what they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Column:
    """A column's heading and what its cells are: text, long (text that needs room), code, count, kg, usd, share, date or period."""

    heading: str
    kind: str = "text"


@dataclass(frozen=True)
class Section:
    """A table with its heading; `intro` says how to read it, `none` what its emptiness means; paper takes only the first rows."""

    title: str
    columns: list[Column]
    rows: list[list[Any]]
    intro: str = ""
    none: str = ""
    most_on_paper: int = 150


@dataclass(frozen=True)
class Dossier:
    """Title, what it was made from and for whom, and the sections."""

    title: str
    facts: list[tuple[str, str]]
    reading_note: str
    sections: list[Section]
