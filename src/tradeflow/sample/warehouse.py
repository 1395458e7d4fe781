"""Documents added up to monthly cells, and kept on disk by reporter and year until they are published.

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


def add_up(documents: pl.DataFrame) -> pl.DataFrame:
    """One row per cell: reporter, month, version, flow, code and partner."""
    whole = [
        (pl.col(source) * 1000).round().cast(pl.Int64).alias(name) for source, name in (("kg", "grams"), ("fob", "fob"), ("cif", "cif"))
    ]
    return documents.with_columns(whole).group_by(_KEY).agg(pl.col("grams", "fob", "cif").sum()).sort(_KEY)


def store_cells(folder: Path, cells: pl.DataFrame, clock: Clock) -> None:
    """Append cells to one file per reporter and calendar year."""
    years = np.array(clock.periods, dtype=np.int64) // 100
    keyed = cells.with_columns(year=pl.Series(years[cells["month"].to_numpy()]))
    for (reporter, year), part in keyed.group_by("reporter", "year", maintain_order=True):
        block = np.empty(len(part), dtype=_CELL)
        for name in _CELL.names or ():
            block[name] = part[name].to_numpy()
        with (folder / f"{reporter}_{year}.cells").open("ab") as store:
            block.tofile(store)


def load_cells(folder: Path, reporter: int, year: int) -> pl.DataFrame:
    """The cells of one reporter and year, added up once more because several items may share a code."""
    path = folder / f"{reporter}_{year}.cells"
    block = np.fromfile(path, dtype=_CELL) if path.exists() else np.empty(0, dtype=_CELL)
    cells = pl.DataFrame({name: block[name] for name in _CELL.names or ()})
    return cells.group_by(_KEY).agg(pl.col("grams", "fob", "cif").sum()).sort(_KEY)
