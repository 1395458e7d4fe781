"""`series_change`: what each half year of the newest periods shows together, in each importer's and each route's monthly series."""

from __future__ import annotations

import numpy as np
import polars as pl

from tradeflow.contract import load_contract
from tradeflow.model.baseline import lay_out_levels
from tradeflow.model.change import WINDOW
from tradeflow.model.excess import as_score
from tradeflow.model.scoring import Series, score_newest_window
from tradeflow.model.series import SeriesPanel, periods_per_year


def find_series_changes(
    imports: pl.DataFrame, coverage: pl.DataFrame, *, scored_periods: int, min_history_periods: int, births: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Judge every monthly series six months at a time, from the newest back until `scored_periods` are covered; contract `series_change`.

    The arguments are those of `fit_seasonal_baseline`. Where nothing is known of six months, or too little before them, there is no row.
    """
    table = load_contract("series_change")
    parts = [table.empty_frame()]
    windows = -(-scored_periods // WINDOW)
    for level, panels in lay_out_levels(imports, coverage, births, "M", windows * WINDOW):
        for panel in panels:
            ends = range(len(panel.periods), 0, -WINDOW)[:windows]
            found = [_judge_window(panel, end, min_history_periods).with_columns(series_level=pl.lit(level)) for end in ends]
            parts += [frame.select(pl.col(name).cast(dtype) for name, dtype in table.schema.items()) for frame in found]
    return pl.concat(parts).sort(table.unique_keys[0])


def _judge_window(panel: SeriesPanel, end: int, shortest: int) -> pl.DataFrame:
    """Judge the six months before column `end` by what was known before them."""
    series = Series(panel.kg[:, :end], panel.has_traded[:, :end], panel.is_known[:, :end], periods_per_year("M"))
    changes, is_judged = score_newest_window(series, shortest)
    window = panel.periods[max(end - WINDOW, 0) : end]
    begun = np.where(changes.start >= 0, window[np.clip(changes.start - (WINDOW - len(window)), 0, None)], 0)
    frame = panel.keys.with_columns(
        freq_code=pl.lit("M"),
        period=pl.lit(panel.periods[end - 1], pl.Int32),
        six_month_score=pl.Series(as_score(changes.log_evidence)),
        change_kind=pl.Series(changes.kind),
        change_period=pl.Series(begun).replace(0, None),
    )
    return frame.filter(pl.Series(is_judged))
