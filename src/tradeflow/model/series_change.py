"""`series_change`: what each half year of the newest months shows together: of importers, of routes and of the world."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from tradeflow.contract import load_contract
from tradeflow.model.baseline import lay_out_levels
from tradeflow.model.change import WINDOW
from tradeflow.model.excess import as_score
from tradeflow.model.scoring import Series, score_newest_window
from tradeflow.model.series import SeriesPanel, periods_per_year
from tradeflow.model.world import world_panel


def find_series_changes(
    imports: pl.DataFrame,
    coverage: pl.DataFrame,
    *,
    scored_periods: int,
    min_history_periods: int,
    births: pl.DataFrame | None = None,
    levels: tuple[str, ...] = ("importer", "flow", "world"),
) -> pl.DataFrame:
    """Judge every monthly series six months at a time, from the newest back until `scored_periods` are covered; contract `series_change`.

    The arguments are those of `fit_seasonal_baseline`. Where nothing is known of six months, or too little before them, there is no row.
    """
    table = load_contract("series_change")
    found = [table.empty_frame()]
    windows = -(-scored_periods // WINDOW)
    for level, panels in _lay_out(imports, coverage, births, windows, levels):
        for panel, end in panels:
            judged = _judge_window(panel, end, min_history_periods).with_columns(series_level=pl.lit(level))
            found.append(judged.select(pl.col(name).cast(dtype) for name, dtype in table.schema.items()))
    return pl.concat(found).sort(table.unique_keys[0])


def _lay_out(
    imports: pl.DataFrame, coverage: pl.DataFrame, births: pl.DataFrame | None, windows: int, levels: tuple[str, ...]
) -> Iterator[tuple[str, Iterator[tuple[SeriesPanel, int]]]]:
    """Yield each level's series with the column before which a window ends, the newest first."""
    for level, panels in lay_out_levels(imports, coverage, births, "M", windows * WINDOW):
        for panel in panels:
            ends = range(len(panel.periods), 0, -WINDOW)[:windows]
            if level in levels:
                yield level, ((panel, end) for end in ends)
            if level == "importer" and "world" in levels:
                yield "world", ((_world_before(panel, end), end) for end in ends)


def _world_before(importers: SeriesPanel, end: int) -> SeriesPanel:
    """Return the world's series as those made it up who were steady before the window's last month."""
    return world_panel(importers, "M", np.array([end - 1]))[0]


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
