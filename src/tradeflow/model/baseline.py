"""`baseline`: what each importer and each route was expected to trade in a period, from earlier periods alone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from tradeflow.contract import load_contract
from tradeflow.model.hurdle import deviation_with_hurdle, trade_probability
from tradeflow.model.scale import moderate_variances
from tradeflow.model.seasonal import NO_FORECAST, Forecast, forecast_next, join_forecasts
from tradeflow.model.series import ROUTE, SeriesPanel, flow_panel, importer_panel, make_calendar, periods_per_year

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MIN_TRADED_PERIODS = 6
"""Earlier periods with a usable weight without which no amount is expected: fewer do not tell a level from its noise."""
MIN_ANNUAL_HISTORY = 5
"""Shortest history, in years, from which an annual series is judged."""
LONGEST_HISTORY_YEARS = {"M": 10, "A": 30}
"""Older periods say nothing about the next one that newer ones do not."""
PANEL_SERIES = 20_000
"""Routes laid out as dense series at once: bounds the memory, changes no figure."""
BLOCK_SERIES = 48
"""Series fitted at once: so few stay in a processor's cache and below the size from which the linear algebra library starts threads of
its own, which would fight with the workers."""
LARGEST_LOG_KG = 34.0
"""Ends of intervals stop at e^34 kg, more than any trade: beyond it a number only breaks what reads it."""


@dataclass(frozen=True)
class _Window:
    """The columns whose expectation is wanted, and which of them are in the scored window."""

    columns: NDArray[np.intp]
    is_scored: NDArray[np.bool_]


def fit_seasonal_baseline(
    imports: pl.DataFrame,
    coverage: pl.DataFrame,
    *,
    scored_periods: int,
    calibration_periods: int,
    min_history_periods: int,
    births: pl.DataFrame | None = None,
    workers: int = 2,
) -> pl.DataFrame:
    """Expect each series one period ahead over the newest `scored_periods` + `calibration_periods`; contract `baseline`.

    `imports`: one row per freq_code, period, importer_code, exporter_code, commodity_code with net_weight_kg (empty where it is not
    usable) and primary_value_usd. `coverage`: contract `coverage`. `births`: importer_code, commodity_code, first_period in which the
    code could be used; before it silence says nothing. Importers have a row for every period of the window, routes for those with trade.
    A period's row depends on that period and earlier ones only.
    """
    parts = [load_contract("baseline").empty_frame()]
    for freq_code, shortest in (("M", min_history_periods), ("A", MIN_ANNUAL_HISTORY)):
        rows = imports.filter(pl.col("freq_code") == freq_code)
        if rows.is_empty():
            continue
        reports = coverage.filter(pl.col("freq_code") == freq_code, pl.col("flow_code") == "M", pl.col("coverage_status") == "reported")
        calendar = make_calendar(freq_code, *_first_and_last(rows["period"], reports["period"]))
        window = _newest(len(calendar), scored_periods, calibration_periods)
        for level, panels in _panels(rows, reports, births, calendar, window):
            expected = pl.concat([_expect(panel, window, freq_code, level == "importer", shortest, workers) for panel in panels])
            parts.append(_judge(expected.with_columns(freq_code=pl.lit(freq_code), series_level=pl.lit(level))))
    return pl.concat(parts).sort(load_contract("baseline").unique_keys[0])


def _first_and_last(traded: pl.Series, reported: pl.Series) -> tuple[int, int]:
    """Return the first period of any report, and the last one with trade."""
    periods = traded.unique().to_list()
    return min([*periods, *reported.unique().to_list()]), max(periods)


def _newest(periods: int, scored: int, calibration: int) -> _Window:
    columns = np.arange(max(periods - scored - calibration, 0), periods)
    return _Window(columns, columns >= periods - scored)


def _panels(
    imports: pl.DataFrame, coverage: pl.DataFrame, births: pl.DataFrame | None, calendar: NDArray[np.int32], window: _Window
) -> Iterator[tuple[str, Iterator[SeriesPanel]]]:
    yield "importer", iter([importer_panel(imports, coverage, births, calendar)])
    in_window = imports.filter(pl.col("period") >= int(calendar[window.columns[0]]))
    keys = in_window.select(ROUTE).unique().sort(ROUTE)
    yield "flow", (flow_panel(imports, part, coverage, births, calendar) for part in keys.iter_slices(PANEL_SERIES))


def _expect(panel: SeriesPanel, window: _Window, freq_code: str, is_every_period: bool, shortest: int, workers: int) -> pl.DataFrame:
    """Return one row per series and period of the window with the forecast's parts, empty where the history is too short."""
    known_before: NDArray[np.int64] = np.cumsum(panel.is_known, axis=1) - panel.is_known
    amounts_before: NDArray[np.int64] = np.cumsum(panel.kg > 0, axis=1) - (panel.kg > 0)
    chance = trade_probability(panel.has_traded, panel.is_known, window.columns, periods_per_year(freq_code))
    frames = []
    for place, column in enumerate(window.columns):
        listed = np.arange(len(panel.kg)) if is_every_period else np.flatnonzero(panel.has_traded[:, column])
        is_judged: Mask = (known_before[listed, column] >= shortest) & (amounts_before[listed, column] >= MIN_TRADED_PERIODS)
        forecast = _forecast_column(panel.kg, listed[is_judged], int(column), freq_code, workers)
        frame = panel.keys[listed].with_columns(
            period=pl.lit(panel.periods[column], pl.Int32),
            observed_kg=pl.Series(panel.kg[listed, column]).fill_nan(None),
            trade_probability=pl.Series(np.where(is_judged, chance[listed, place], np.nan)).fill_nan(None),
            history_periods=pl.Series(known_before[listed, column], dtype=pl.Int32),
            is_scored=pl.lit(bool(window.is_scored[place])),
            **{name: _spread(values, is_judged) for name, values in vars(forecast).items()},
        )
        frames.append(frame)
    return pl.concat(frames)


def _spread(values: Array, is_judged: Mask) -> pl.Series:
    full = np.full(len(is_judged), np.nan)
    full[is_judged] = values
    return pl.Series(full).fill_nan(None)


def _forecast_column(kg: Array, rows: NDArray[np.intp], column: int, freq_code: str, workers: int) -> Forecast:
    """Forecast one column of `kg` for some rows, in blocks of neighbours that are fitted side by side."""
    first = max(column - LONGEST_HISTORY_YEARS[freq_code] * periods_per_year(freq_code), 0)
    blocks = [rows[start : start + BLOCK_SERIES] for start in range(0, len(rows), BLOCK_SERIES)]

    def forecast_block(block: NDArray[np.intp]) -> Forecast:
        history = kg[block, first:column]
        log_kg = np.log(history, out=np.full(history.shape, np.nan), where=history > 0)
        return forecast_next(log_kg, periods_per_year(freq_code))

    with ThreadPoolExecutor(workers) as pool:
        return join_forecasts([NO_FORECAST, *pool.map(forecast_block, blocks)])


def _judge(expected: pl.DataFrame) -> pl.DataFrame:
    """Turn the forecast's parts into kg, an interval and a deviation; scales are moderated across series of one code and period."""
    judged = expected.filter(pl.col("mean").is_not_null())
    variance, prior_degrees = moderate_variances(
        (judged["scale"] ** 2).to_numpy(),
        judged["degrees_of_freedom"].to_numpy(),
        _number(judged, "period", "commodity_code"),
        _number(judged, "period"),
    )
    degrees = judged["degrees_of_freedom"].to_numpy() + prior_degrees
    sd = np.sqrt(variance * judged["relative_variance"].to_numpy() + judged["extra_variance"].to_numpy())
    mean, reach = judged["mean"].to_numpy(), stats.t.ppf(0.95, degrees) * sd
    observed = judged["observed_kg"].fill_null(0.0).to_numpy()
    has_amount = observed > 0
    deviation = (np.log(observed, out=mean.copy(), where=has_amount) - mean) / sd
    z = deviation_with_hurdle(deviation, degrees, judged["trade_probability"].to_numpy())
    figures = judged.with_columns(
        expected_kg=_kg(mean),
        lower_kg=_kg(mean - reach),
        upper_kg=_kg(mean + reach),
        z_seasonal=pl.Series(np.where(has_amount, z, np.nan)).fill_nan(None),
    )
    silent = expected.filter(pl.col("mean").is_null())
    return pl.concat([figures, silent], how="diagonal").select(_contract_columns())


def _number(rows: pl.DataFrame, *by: str) -> NDArray[np.integer]:
    return np.asarray(rows.select(pl.struct(by).rank("dense") - 1).to_series().to_numpy(), dtype=np.int64)


def _kg(log_kg: Array) -> pl.Series:
    return pl.Series(np.exp(np.clip(log_kg, -LARGEST_LOG_KG, LARGEST_LOG_KG)))


def _contract_columns() -> list[pl.Expr]:
    return [pl.col(name).cast(dtype) for name, dtype in load_contract("baseline").schema.items()]
