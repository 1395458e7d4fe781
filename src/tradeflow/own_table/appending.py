"""A table written part by part, CSV or Parquet as its name says; it takes its name only when it is complete."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import polars as pl
import pyarrow.parquet as parquet

from tradeflow.telling.spreadsheets import neutralise_formulas

_WRITE_BATCH = 65_536
"""Values that the writer encodes at a time."""


class Appending:
    """An open table; leaving the context completes it, leaving it by an error removes it."""

    def __init__(self, path: Path, *, only_if_rows: bool) -> None:
        self._path, self._only_if_rows = path, only_if_rows
        self._unfinished = path.with_name(f".unfinished-{path.name}")
        self._writer: Any = None
        self._file: IO[bytes] | None = None

    def append(self, rows: pl.DataFrame) -> None:
        """Write some rows; all parts have the same columns."""
        if self._only_if_rows and rows.is_empty():
            return
        if self._path.suffix.lower() == ".parquet":
            table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
            if self._writer is None:
                self._writer = _open_parquet(self._unfinished, table.schema, rows.schema)
            self._writer.write_table(table)
            return
        is_first = self._file is None
        if self._file is None:
            self._file = self._unfinished.open("wb")
        neutralise_formulas(rows).write_csv(self._file, include_header=is_first)

    def __enter__(self) -> Appending:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        is_begun = self._writer is not None or self._file is not None
        for each in (self._writer, self._file):
            if each is not None:
                each.close()
        if kind is None and is_begun:
            os.replace(self._unfinished, self._path)
            return
        self._unfinished.unlink(missing_ok=True)
        if kind is None:
            # What a former run set aside is not this one's.
            self._path.unlink(missing_ok=True)


def _open_parquet(path: Path, given: Any, columns: pl.Schema) -> Any:
    """Open a Parquet file for tables of one schema.

    Without the Arrow schema a reader sees plain text and numbers. Only labels repeat themselves: amounts hardly shrink. Pairs come by
    ranges of commodities, so of no other column do the statistics spare a reader anything.
    """
    labels = [name for name, dtype in columns.items() if not dtype.is_numeric()]
    return parquet.ParquetWriter(
        path,
        given,
        compression={name: "lz4" if name in labels else "none" for name in columns},
        store_schema=False,
        use_dictionary=labels,
        write_statistics=["commodity"],
        write_batch_size=_WRITE_BATCH,
    )


def open_table(path: Path, *, only_if_rows: bool = False) -> Appending:
    """Return a table to append to; with `only_if_rows` there is no file where no row was appended."""
    return Appending(path, only_if_rows=only_if_rows)
