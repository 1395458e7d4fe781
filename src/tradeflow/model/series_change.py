"""`series_change`: what the newest six months of each importer's and each route's monthly series show together."""

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
    imports: pl.DataFrame, coverage: pl.DataFrame, *, min_history_periods: int, births: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Judge the newest six months of every monthly series with enough history before them; contract `series_change`.

    The arguments are those of `fit_seasonal_baseline`. A series with nothing known in the six months has no row.
    """
    table = load_contract("series_change")
    parts = [table.empty_frame()]
    for level, panels in lay_out_levels(imports, coverage, births, "M", WINDOW):
        found = [_judge_panel(panel, min_history_periods).with_columns(series_level=pl.lit(level)) for panel in panels]
        parts += [frame.select(pl.col(name).cast(dtype) for name, dtype in table.schema.items()) for frame in found]
    return pl.concat(parts).sort(table.unique_keys[0])


def _judge_panel(panel: SeriesPanel, shortest: int) -> pl.DataFrame:
    series = Series(panel.kg, panel.has_traded, panel.is_known, periods_per_year("M"))
    changes, is_judged = score_newest_window(series, shortest)
    window = panel.periods[-WINDOW:]
    begun = np.where(changes.start >= 0, window[np.clip(changes.start - (WINDOW - len(window)), 0, None)], 0)
    frame = panel.keys.with_columns(
        freq_code=pl.lit("M"),
        period=pl.lit(panel.periods[-1], pl.Int32),
        six_month_score=pl.Series(as_score(changes.log_evidence)),
        change_kind=pl.Series(changes.kind),
        change_period=pl.Series(begun).replace(0, None),
    )
    return frame.filter(pl.Series(is_judged))
