"""Pages by cursor: the next page begins behind the last row that was seen, however many rows came or went before it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tradeflow.exceptions import QuestionError

LOWEST = -1e300
"""Stands for what is not stated, so that it sorts last where the largest come first."""
UNREADABLE = "the page's cursor cannot be read; begin with the first page again"


@dataclass(frozen=True)
class Order:
    """Sort by one figure, then by a key that no two rows share; `is_falling` turns the figure round."""

    figure: sa.ColumnElement[Any]
    key: sa.ColumnElement[Any]
    is_falling: bool = False

    @property
    def by(self) -> list[sa.ColumnElement[Any]]:
        """What ORDER BY takes; the key alone where it is the figure, so that its index gives the order."""
        first = [] if self.figure is self.key else [self._stated.desc() if self.is_falling else self._stated.asc()]
        return [*first, self.key.asc()]

    def behind(self, cursor: str) -> sa.ColumnElement[bool]:
        """Tell the rows behind a cursor; QuestionError for one that we did not write."""
        figure, key = read_cursor(cursor)
        if type(key) is not self.key.type.python_type:
            raise QuestionError(UNREADABLE)
        beyond: sa.ColumnElement[bool] = self.key > key
        if self.figure is self.key:
            return beyond
        further = self._stated < figure if self.is_falling else self._stated > figure
        return sa.or_(further, sa.and_(self._stated == figure, beyond))

    @property
    def _stated(self) -> sa.ColumnElement[Any]:
        return sa.func.coalesce(self.figure, LOWEST)

    def cursor_of(self, row: dict[str, Any]) -> str:
        """Write the cursor that points behind a row."""
        figure = row[self.figure.key or ""]
        return write_cursor(LOWEST if figure is None else figure, row[self.key.key or ""])


def write_cursor(*places: Any) -> str:
    """Write a place in an ordered list as text that a URL can hold."""
    return base64.urlsafe_b64encode(json.dumps(places).encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[Any, Any]:
    """Return the figure and the key that a cursor holds; QuestionError where it holds anything else."""
    try:
        figure, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError) as error:
        raise QuestionError(UNREADABLE) from error
    if not isinstance(figure, int | float) or isinstance(figure, bool) or not isinstance(key, int | str):
        raise QuestionError(UNREADABLE)
    return figure, key
