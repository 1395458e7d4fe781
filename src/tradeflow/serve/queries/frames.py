"""Rows of the serving database as frames in their contracts' columns."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import polars as pl
import sqlalchemy as sa

from tradeflow.contract import load_contract
from tradeflow.serving_database import TABLES

_IDS_AT_ONCE = 10_000


def read_rows(connection: sa.Connection, table: str, *conditions: sa.ColumnElement[bool], limit: int | None = None) -> pl.DataFrame:
    """Return the rows of a serving table that fulfil all conditions."""
    question = sa.select(TABLES[table]).where(*conditions).limit(limit)
    rows = [tuple(row) for row in connection.execute(question)]
    return pl.DataFrame(rows, schema=load_contract(table).schema, orient="row")


def mappings(connection: sa.Connection, question: sa.Select[Any]) -> list[dict[str, Any]]:
    """Return the rows of a question by column name."""
    found = connection.execute(question)
    names = tuple(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found]


def read_rows_of(connection: sa.Connection, table: str, column: str, ids: Collection[str]) -> pl.DataFrame:
    """Return the rows of a table whose column is one of `ids`, however many these are: a database takes only so many at a time."""
    listed, same = sorted(ids), TABLES[table].c[column]
    found = [read_rows(connection, table, same.in_(listed[at : at + _IDS_AT_ONCE])) for at in range(0, len(listed), _IDS_AT_ONCE)]
    return pl.concat([load_contract(table).empty_frame(), *found])
