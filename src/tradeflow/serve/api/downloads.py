"""Long answers, piece by piece: no more than a few thousand rows are in memory at once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import polars as pl
import pyarrow.parquet

from tradeflow.contract import load_contract
from tradeflow.telling.spreadsheets import for_people

_BYTES_AT_ONCE = 1 << 16


def stream_csv(frames: Iterator[pl.DataFrame]) -> Iterator[bytes]:
    """Yield frames as one CSV for people; the heading comes also where there is no row."""
    for number, frame in enumerate(frames):
        yield for_people(frame).write_csv(include_header=number == 0).encode()


def stream_parquet(frames: Iterator[pl.DataFrame], table: str) -> Iterator[bytes]:
    """Yield frames as one Parquet file, in the contract's columns."""
    with tempfile.TemporaryFile() as written:
        schema = load_contract(table).empty_frame().to_arrow().schema
        with pyarrow.parquet.ParquetWriter(written, schema) as writer:
            for frame in frames:
                writer.write_table(frame.to_arrow())
        written.seek(0)
        while piece := written.read(_BYTES_AT_ONCE):
            yield piece
