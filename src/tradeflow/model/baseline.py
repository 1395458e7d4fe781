"""`baseline`: what each importer and each route was expected to trade in a period, from earlier periods alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.contract import load_contract
from tradeflow.model.excess import interval_reach, normal_deviate
from tradeflow.model.scoring import LARGEST_LOG_KG, Series, score_months
from tradeflow.model.series import ROUTE, SeriesPanel, flow_panel, importer_panel, make_calendar, periods_per_year
from tradeflow.model.used_weight import weight_bases

Array = NDArray[np.float64]
Places = NDArray[np.intp]

MIN_ANNUAL_HISTORY = 5
"""Shortest history, in years, from which an annual series is judged."""
PANEL_SERIES = 20_000
"""Routes laid out as dense series at once: bounds the memory, changes no figure."""


def fit_seasonal_baseline(
    imports: pl.DataFrame,
    coverage: pl.DataFrame,
    *,
    scored_periods: int,
    calibration_periods: int,
    min_history_periods: int,
    births: pl.DataFrame | None = None,
    workers: int = 2,
    levels: tuple[str, ...] = ("importer", "flow"),
) -> pl.DataFrame:
    """Expect each series one period ahead over the newest `scored_periods` + `calibration_periods`; contract `baseline`.

    `imports`: one row per freq_code, period, importer_code, exporter_code, commodity_code with net_weight_kg (empty where it is not
    usable), primary_value_usd and, where some weights are derived, weight_basis. `coverage`: contract `coverage`. `births`:
    importer_code, commodity_code, first_period in which the code could be used; before it silence says nothing. Importers have a row
    for every period of the window, routes for those with trade.
    A period's row depends on that period and earlier ones only. `levels`: which series, all that an importer buys, or its routes.
    """
    contract = load_contract("baseline")
    parts = [contract.empty_frame().drop("weight_basis")]
    window = scored_periods + calibration_periods
    for freq_code, shortest in (("M", min_history_periods), ("A", MIN_ANNUAL_HISTORY)):
        for level, panels in lay_out_levels(imports, coverage, births, freq_code, window):
            if level not in levels:
                continue
            found = [
                expect_cells(panel, *_list_cells(panel, window, level == "importer"), scored_periods, freq_code, shortest, workers)
                for panel in panels
            ]
            expected = pl.concat(found)
            parts.append(expected.with_columns(series_level=pl.lit(level)).select(_contract_columns()))
    bases = weight_bases(imports).cast({"freq_code": pl.String, "commodity_code": pl.String})
    key = ["freq_code", "period", "importer_code", "exporter_code", "commodity_code"]
    labelled = pl.concat(parts).join(bases, on=key, how="left", validate="m:1")
    weighed = labelled.with_columns(pl.when(pl.col("observed_kg") > 0).then(pl.col("weight_basis").cast(pl.String)).alias("weight_basis"))
    return weighed.select(contract.schema.names()).sort(contract.unique_keys[0])


def lay_out_levels(
    imports: pl.DataFrame, coverage: pl.DataFrame, births: pl.DataFrame | None, freq_code: str, window_periods: int
) -> Iterator[tuple[str, Iterator[SeriesPanel]]]:
    """Yield each level's series of one frequency up to its newest period: importers, and routes with trade in the newest `window_periods`.

    Nothing where the frequency has no rows.
    """
    rows = imports.filter(pl.col("freq_code") == freq_code)
    if rows.is_empty():
        return
    reports = coverage.filter(pl.col("freq_code") == freq_code, pl.col("flow_code") == "M", pl.col("coverage_status") == "reported")
    calendar = make_calendar(freq_code, *_first_and_last(rows["period"], reports["period"]))
    yield "importer", iter([importer_panel(rows, reports, births, calendar)])
    in_window = rows.filter(pl.col("period") >= int(calendar[max(len(calendar) - window_periods, 0)]))
    keys = in_window.select(ROUTE).unique().sort(ROUTE)
    yield "flow", (flow_panel(rows, part, reports, births, calendar) for part in keys.iter_slices(PANEL_SERIES))


def _first_and_last(traded: pl.Series, reported: pl.Series) -> tuple[int, int]:
    """Return the first period of any report, and the last one with trade."""
    periods = traded.unique().to_list()
    return min([*periods, *reported.unique().to_list()]), max(periods)


def _list_cells(panel: SeriesPanel, window_periods: int, is_every_period: bool) -> tuple[Places, Places]:
    """Return the rows and columns of the newest periods: all of them, or those with trade."""
    columns = window_columns(panel, window_periods)
    listed = [np.arange(len(panel.kg)) if is_every_period else np.flatnonzero(panel.has_traded[:, column]) for column in columns]
    return np.concatenate(listed), np.repeat(columns, [len(each) for each in listed])


def window_columns(panel: SeriesPanel, window_periods: int) -> Places:
    """Return the places of the newest periods."""
    return np.arange(max(len(panel.periods) - window_periods, 0), len(panel.periods))


def expect_cells(
    panel: SeriesPanel, rows: Places, columns: Places, scored_periods: int, freq_code: str, shortest: int, workers: int
) -> pl.DataFrame:
    """Return one row per pair of a series and a period, its figures empty where the history is too short; without series_level."""
    series = Series(panel.kg, panel.has_traded, panel.is_known, periods_per_year(freq_code))
    scores = score_months(series, rows, columns, shortest, workers=workers)
    is_judged = np.isfinite(scores.mean)
    reach = interval_reach() * scores.sd
    observed = panel.kg[rows, columns]
    z = np.where(is_judged & (observed > 0), normal_deviate(scores.log_p), np.nan)
    return panel.keys[rows].with_columns(
        period=pl.Series(panel.periods[columns], dtype=pl.Int32),
        observed_kg=pl.Series(observed).fill_nan(None),
        expected_kg=_kg(scores.mean),
        lower_kg=_kg(scores.mean - reach),
        upper_kg=_kg(scores.mean + reach),
        trade_probability=pl.Series(np.where(is_judged, scores.trade_probability, np.nan)).fill_nan(None),
        z_seasonal=pl.Series(z).fill_nan(None),
        history_periods=pl.Series(series.known_before(rows, columns), dtype=pl.Int32),
        is_scored=pl.Series(columns >= len(panel.periods) - scored_periods),
        freq_code=pl.lit(freq_code),
    )


def _kg(log_kg: Array) -> pl.Series:
    return pl.Series(np.exp(np.clip(log_kg, -LARGEST_LOG_KG, LARGEST_LOG_KG))).fill_nan(None)


def _contract_columns() -> list[pl.Expr]:
    return [pl.col(name).cast(dtype) for name, dtype in load_contract("baseline").schema.items() if name != "weight_basis"]
