"""Documents, and the monthly cells that they add up to, kept on disk by reporter and year until they are written.

Sums are whole numbers (thousandths of a dollar, grams): their order cannot change them, so a world repeats to the byte.
"""

from pathlib import Path

import numpy as np
import polars as pl

from tradeflow.sample.release import Clock

_KEY = ["reporter", "month", "version", "flow", "code", "partner"]
_CELL = np.dtype(
    [("reporter", "i2"), ("month", "i2"), ("version", "i1"), ("flow", "i1"), ("code", "i4"), ("partner", "i2"),
     ("grams", "i8"), ("fob", "i8"), ("cif", "i8")]
)  # fmt: skip

_DOCUMENT = np.dtype(
    [("reporter", "i2"), ("month", "i2"), ("flow", "i1"), ("code", "i4"), ("partner", "i2"), ("day", "i4"), ("kg", "f8"),
     ("fob", "f8"), ("cif", "f8"), ("item", "i2"), ("consignment", "i4"), ("case", "i4"), ("exporter", "i2"), ("importer", "i2"),
     ("hub", "i2"), ("is_entrepot", "?"), ("buyer", "i4"), ("depart_day", "i4"), ("sent_kg", "f8")]
)  # fmt: skip


def add_up(documents: pl.DataFrame) -> pl.DataFrame:
    """One row per cell: reporter, month, version, flow, code and partner."""
    whole = [
        (pl.col(source) * 1000).round().cast(pl.Int64).alias(name) for source, name in (("kg", "grams"), ("fob", "fob"), ("cif", "cif"))
    ]
    return documents.with_columns(whole).group_by(_KEY).agg(pl.col("grams", "fob", "cif").sum()).sort(_KEY)


def store_cells(folder: Path, cells: pl.DataFrame, clock: Clock) -> None:
    """Append cells to one file per reporter and calendar year."""
    _append(folder, "cells", cells, _CELL, clock)


def load_cells(folder: Path, reporter: int, year: int) -> pl.DataFrame:
    """The cells of one reporter and year, added up once more because several items may share a code."""
    cells = _load(folder, "cells", _CELL, reporter, year)
    return cells.group_by(_KEY).agg(pl.col("grams", "fob", "cif").sum()).sort(_KEY)


def store_documents(folder: Path, documents: pl.DataFrame, clock: Clock) -> None:
    """Append documents, each in one version and with what is known of its consignment, to one file per reporter and year."""
    _append(folder, "documents", documents, _DOCUMENT, clock)


def load_documents(folder: Path, reporter: int, year: int) -> pl.DataFrame:
    """The documents of one reporter and year."""
    return _load(folder, "documents", _DOCUMENT, reporter, year)


def _append(folder: Path, kind: str, rows: pl.DataFrame, layout: np.dtype, clock: Clock) -> None:
    years = np.array(clock.periods, dtype=np.int64) // 100
    keyed = rows.with_columns(year=pl.Series(years[rows["month"].to_numpy()]))
    for (reporter, year), part in keyed.group_by("reporter", "year", maintain_order=True):
        block = np.empty(len(part), dtype=layout)
        for name in layout.names or ():
            block[name] = part[name].to_numpy()
        with (folder / f"{reporter}_{year}.{kind}").open("ab") as store:
            block.tofile(store)


def _load(folder: Path, kind: str, layout: np.dtype, reporter: int, year: int) -> pl.DataFrame:
    path = folder / f"{reporter}_{year}.{kind}"
    block = np.fromfile(path, dtype=layout) if path.exists() else np.empty(0, dtype=layout)
    return pl.DataFrame({name: block[name] for name in layout.names or ()})
