"""The world's imports of each commodity as one series: what importers that publish steadily take together.

The importer that rose most in a period counts with its usual amount: what one importer takes, or mis-keys, is told of that importer.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.contract import load_contract
from tradeflow.model.baseline import MIN_ANNUAL_HISTORY, expect_cells, lay_out_levels, window_columns
from tradeflow.model.series import USABLE_SHARE, SeriesPanel, periods_per_year

Array = NDArray[np.float64]
Places = NDArray[np.intp]

HISTORY_YEARS = 5
"""Years before a period over which an importer must have published to belong to the world of that period."""
STEADY_SHARE = 0.9
"""Share of these periods that it must have published with a usable weight."""
_USUAL_YEARS = {"M": 1, "A": 3}
"""Years whose mean stands for a period that a steady importer has not published."""


def fit_world_baseline(
    imports: pl.DataFrame,
    coverage: pl.DataFrame,
    *,
    scored_periods: int,
    calibration_periods: int,
    min_history_periods: int,
    births: pl.DataFrame | None = None,
    workers: int = 2,
) -> pl.DataFrame:
    """Expect the world's imports of each commodity one period ahead; contract `baseline`, importer and exporter 0, level `world`.

    Arguments as of `fit_seasonal_baseline`. Who belongs to the world is asked anew for each judged period, from earlier ones alone. A
    period in which less than USABLE_SHARE of the world's usual trade is published is not judged.
    """
    parts = [load_contract("baseline").empty_frame()]
    window = scored_periods + calibration_periods
    for freq_code, shortest in (("M", min_history_periods), ("A", MIN_ANNUAL_HISTORY)):
        for level, panels in lay_out_levels(imports, coverage, births, freq_code, window):
            if level == "importer":
                parts += [_judge(panel, freq_code, window, scored_periods, shortest, workers) for panel in panels]
    return pl.concat(parts).sort(load_contract("baseline").unique_keys[0])


def _judge(importers: SeriesPanel, freq_code: str, window: int, scored_periods: int, shortest: int, workers: int) -> pl.DataFrame:
    world, rows, columns = world_panel(importers, freq_code, window_columns(importers, window))
    expected = expect_cells(world, rows, columns, scored_periods, freq_code, shortest, workers)
    labelled = expected.with_columns(series_level=pl.lit("world"), weight_basis=pl.lit(None, pl.String))
    return labelled.select(pl.col(name).cast(dtype) for name, dtype in load_contract("baseline").schema.items())


def world_panel(importers: SeriesPanel, freq_code: str, columns: Places) -> tuple[SeriesPanel, Places, Places]:
    """Return one series per commodity and judged period, as its world then was, and the row and column of each period that is judged."""
    usual = _usual_kg(importers.kg, periods_per_year(freq_code) * _USUAL_YEARS[freq_code])
    codes = importers.keys["commodity_code"]
    history = HISTORY_YEARS * periods_per_year(freq_code)
    of_code = [np.flatnonzero((codes == code).to_numpy()) for code in codes.unique(maintain_order=True)]
    kg = np.concatenate([_sum_steady(importers.kg[rows], usual[rows], columns, history) for rows in of_code])
    keys = pl.DataFrame({"commodity_code": codes.unique(maintain_order=True)}).select(
        importer_code=pl.lit(0, pl.Int32), commodity_code="commodity_code", exporter_code=pl.lit(0, pl.Int32)
    )
    each = keys.select(pl.all().repeat_by(len(columns)).explode())
    is_known = ~np.isnan(kg)
    return SeriesPanel(each, importers.periods, kg, kg > 0, is_known), np.arange(len(kg)), np.tile(columns, len(of_code))


def _sum_steady(kg: Array, usual: Array, columns: Places, history: int) -> Array:
    """Return (judged periods, periods): the sum over the importers that were steady before each judged period, up to that period.

    The one that rose most above its usual counts with its usual. NaN where the unpublished part is too large, and before the years that
    make an importer steady.
    """
    is_published = ~np.isnan(kg)
    before = np.cumsum(np.column_stack([np.zeros(len(kg)), is_published]), axis=1)
    first = np.maximum(columns - history, int(is_published.any(axis=0).argmax()))
    span = np.maximum(columns - first, 1)
    is_steady = ((before[:, columns] - before[:, first]) / span >= STEADY_SHARE).T
    published = is_steady @ np.where(is_published, kg, 0.0)
    filled = is_steady @ np.where(is_published, 0.0, np.nan_to_num(usual))
    rise = np.nan_to_num(kg - usual).clip(0)
    largest_rise = np.array([np.max(rise, axis=0, where=steady[:, None], initial=0.0) for steady in is_steady])
    at = np.arange(kg.shape[1])
    is_in = (at >= first[:, None]) & (at <= columns[:, None]) & (filled <= (1 - USABLE_SHARE) * (published + filled))
    return np.where(is_in & is_steady.any(axis=1)[:, None], published + filled - largest_rise, np.nan)


def _usual_kg(kg: Array, periods: int) -> Array:
    """Return the mean of the published amounts of so many periods before each one; NaN where there are none."""
    is_published = ~np.isnan(kg)
    sums = np.cumsum(np.column_stack([np.zeros(len(kg)), np.where(is_published, kg, 0.0)]), axis=1)
    counts = np.cumsum(np.column_stack([np.zeros(len(kg)), is_published]), axis=1)
    at = np.arange(kg.shape[1])
    since = np.maximum(at - periods, 0)
    count = counts[:, at] - counts[:, since]
    mean: Array = np.divide(sums[:, at] - sums[:, since], count, out=np.full(kg.shape, np.nan), where=count > 0)
    return mean
