"""Long answers, piece by piece: no more than a few thousand rows are in memory at once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import polars as pl
import pyarrow.parquet
import sqlalchemy as sa

from tradeflow.contract import load_contract
from tradeflow.telling.spreadsheets import for_people

_ROWS_AT_ONCE = 5_000
_BYTES_AT_ONCE = 1 << 16


def stream_csv(connection: sa.Connection, question: sa.Select[Any], table: str) -> Iterator[bytes]:
    """Yield the rows of a question as CSV for people; the heading comes also where there is no row."""
    is_first = True
    for frame in _frames(connection, question, table):
        yield for_people(frame).write_csv(include_header=is_first).encode()
        is_first = False


def stream_parquet(connection: sa.Connection, question: sa.Select[Any], table: str) -> Iterator[bytes]:
    """Yield the rows of a question as one Parquet file, in the contract's columns."""
    with tempfile.TemporaryFile() as written:
        schema = load_contract(table).empty_frame().to_arrow().schema
        with pyarrow.parquet.ParquetWriter(written, schema) as writer:
            for frame in _frames(connection, question, table):
                writer.write_table(frame.to_arrow())
        written.seek(0)
        while piece := written.read(_BYTES_AT_ONCE):
            yield piece


def _frames(connection: sa.Connection, question: sa.Select[Any], table: str) -> Iterator[pl.DataFrame]:
    schema = load_contract(table).schema
    found = connection.execute(question, execution_options={"yield_per": _ROWS_AT_ONCE})
    is_empty = True
    for rows in found.partitions():
        is_empty = False
        yield pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")
    if is_empty:
        yield schema.to_frame()
