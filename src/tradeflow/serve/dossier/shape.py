"""What a dossier is: facts and tables, before anybody says on what they are written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Column:
    """A column's heading and what its cells are: text, long (text that needs room), code, count, kg, usd, share, date or period."""

    heading: str
    kind: str = "text"


@dataclass(frozen=True)
class Section:
    """A table with its heading; `intro` says how to read it, `none` what its emptiness means.

    Paper takes only the first rows, or all that stands in `brief` where the whole would be too long to read.
    """

    title: str
    columns: list[Column]
    rows: list[list[Any]]
    intro: str = ""
    none: str = ""
    most_on_paper: int = 60
    brief: Section | None = None

    def without_column(self, at: int) -> Section:
        """Return the section and its brief form without one column."""
        columns, rows = self.columns[:at] + self.columns[at + 1 :], [row[:at] + row[at + 1 :] for row in self.rows]
        return replace(self, columns=columns, rows=rows, brief=self.brief.without_column(at) if self.brief else None)


@dataclass(frozen=True)
class Dossier:
    """Title, what it was made from and for whom, and the sections."""

    title: str
    facts: list[tuple[str, str]]
    reading_note: str
    sections: list[Section]
