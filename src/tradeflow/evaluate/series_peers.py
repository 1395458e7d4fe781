"""What others would use on a monthly series: each peer forecasts log kg with a standard deviation, from the history alone.

A forecaster takes log kg of shape (series, months), NaN where there is none, and a horizon; it returns mean and standard deviation of shape
(series, horizon), NaN where it has no opinion. statsmodels and statsforecast come with the extra `peers`; without them their rows are
absent.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[np.float64]
Forecaster = Callable[[Array, int], tuple[Array, Array]]

YEAR = 12
SMALLEST_SD = 0.05
"""Log standard deviation that every peer is credited with at the least: a constant history would make any change infinitely strange."""
_NORMAL_MAD = 1.4826
_NORMAL_90 = 1.6449
_CONFORMAL_WINDOWS = 10


@dataclass(frozen=True)
class Peer:
    """One method of others: what it is called in the tables, how it forecasts, and how it is run."""

    name: str
    forecast: Forecaster
    needs: str | None = None
    """Package without which it cannot be run."""
    most_series: int | None = None
    """Series of each cell that it is judged on, the others being too dear; None for all."""
    has_hurdle: bool = True
    """Months without trade are left to the hurdle; else they stand in the history as log(1 + 0)."""

    @property
    def is_there(self) -> bool:
        """Whether the package that it needs is installed."""
        return self.needs is None or importlib.util.find_spec(self.needs) is not None


def forecast_year_on_year(log_kg: Array, horizon: int) -> tuple[Array, Array]:
    """Expect the same month of a year ago plus the median yearly change; spread by the changes' median absolute deviation."""
    changes = log_kg[:, YEAR:] - log_kg[:, :-YEAR]
    centre = _median(changes)
    spread = _NORMAL_MAD * _median(np.abs(changes - centre[:, None]))
    return _year_ago(log_kg, horizon) + centre[:, None], _same_for_all(spread, horizon)


def forecast_seasonal_naive(log_kg: Array, horizon: int) -> tuple[Array, Array]:
    """Expect the same month of a year ago; spread by the root mean square of past yearly changes (Hyndman and Athanasopoulos 2021, 5.5)."""
    changes = log_kg[:, YEAR:] - log_kg[:, :-YEAR]
    known = np.maximum(np.isfinite(changes).sum(axis=1), 1)
    return _year_ago(log_kg, horizon), _same_for_all(np.sqrt(np.nansum(changes**2, axis=1) / known), horizon)


def forecast_median(log_kg: Array, horizon: int) -> tuple[Array, Array]:
    """Expect the median of the last 24 months, whatever the season; spread by their median absolute deviation."""
    recent = log_kg[:, -2 * YEAR :]
    centre = _median(recent)
    spread = _NORMAL_MAD * _median(np.abs(recent - centre[:, None]))
    return np.repeat(centre[:, None], horizon, axis=1), _same_for_all(spread, horizon)


def _median(values: Array) -> Array:
    found = np.full(len(values), np.nan)
    is_some = np.isfinite(values).any(axis=1)
    found[is_some] = np.nanmedian(values[is_some], axis=1)
    return found


def _year_ago(log_kg: Array, horizon: int) -> Array:
    """Return the newest known value of the same calendar month, else the median of all."""
    expected = np.repeat(_median(log_kg)[:, None], horizon, axis=1)
    for step in range(horizon):
        same_month = log_kg[:, step - YEAR :: -YEAR]
        known = np.isfinite(same_month)
        rows = np.flatnonzero(known.any(axis=1))
        expected[rows, step] = same_month[rows, known[rows].argmax(axis=1)]
    return expected


def _same_for_all(sd: Array, horizon: int) -> Array:
    return np.repeat(np.maximum(sd, SMALLEST_SD)[:, None], horizon, axis=1)


def _one_by_one(forecast_one: Callable[[Array, int], tuple[Array, Array]], keeps_gaps: bool = False) -> Forecaster:
    """Turn a forecaster of one gap-free series into one of many; a series that it cannot fit gets no forecast."""

    def forecast(log_kg: Array, horizon: int) -> tuple[Array, Array]:
        mean, sd = np.full((len(log_kg), horizon), np.nan), np.full((len(log_kg), horizon), np.nan)
        for row, series in enumerate(log_kg):
            known = np.isfinite(series)
            if known.sum() < 2:
                continue
            months = np.arange(len(series))
            filled = series if keeps_gaps else np.interp(months, months[known], series[known])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a peer's complaints about convergence are part of its figures
                try:
                    mean[row], sd[row] = forecast_one(filled, horizon)
                except (ValueError, np.linalg.LinAlgError, FloatingPointError, ZeroDivisionError):
                    continue
        return mean, np.maximum(sd, SMALLEST_SD)

    return forecast


def _stl(series: Array, horizon: int) -> tuple[Array, Array]:
    from statsmodels.tsa.seasonal import STL

    parts = STL(series, period=YEAR).fit()
    season = parts.seasonal[-YEAR:][np.arange(horizon) % YEAR]
    return parts.trend[-1] + season, np.full(horizon, np.std(parts.resid, ddof=1))


def _ets(series: Array, horizon: int) -> tuple[Array, Array]:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    # its predictions fail on a plain array: it asks a pandas series for its index
    model = ETSModel(pl.Series(series).to_pandas(), error="add", trend="add", damped_trend=True, seasonal="add", seasonal_periods=YEAR)
    predicted = model.fit(disp=False).get_prediction(start=len(series), end=len(series) + horizon - 1)
    return predicted.predicted_mean.to_numpy(), np.sqrt(np.asarray(predicted.forecast_variance))


def _sarimax(series: Array, horizon: int) -> tuple[Array, Array]:
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    model = SARIMAX(series, order=(0, 1, 1), seasonal_order=(0, 1, 1, YEAR))
    predicted = model.fit(disp=False, maxiter=50).get_forecast(horizon)
    return np.asarray(predicted.predicted_mean), np.asarray(predicted.se_mean)


def _nixtla(model: str, *, is_conformal: bool) -> Callable[[Array, int], tuple[Array, Array]]:
    def forecast(series: Array, horizon: int) -> tuple[Array, Array]:
        from statsforecast import models
        from statsforecast.utils import ConformalIntervals

        windows = min(_CONFORMAL_WINDOWS, (len(series) - 2 * YEAR) // horizon)
        intervals = ConformalIntervals(n_windows=max(windows, 2), h=horizon) if is_conformal else None
        # MSTL's default forecaster of the trend is one object for all, which keeps the conformal intervals of the first that asked for them
        own = {"trend_forecaster": models.AutoETS(model="ZZN")} if model == "MSTL" else {}
        fitted = getattr(models, model)(season_length=YEAR, prediction_intervals=intervals, **own)
        found: dict[str, Any] = fitted.forecast(y=series, h=horizon, level=[90])
        return found["mean"], (found["hi-90"] - found["lo-90"]) / 2 / _NORMAL_90

    return forecast


PEERS = (
    Peer("year on year, robust z", forecast_year_on_year),
    Peer("seasonal naive z", forecast_seasonal_naive),
    Peer("median of 24 months", forecast_median),
    Peer("median of 24 months, no hurdle", forecast_median, has_hurdle=False),
    Peer("STL + forecast (statsmodels)", _one_by_one(_stl), "statsmodels"),
    Peer("ETS damped (statsmodels)", _one_by_one(_ets), "statsmodels", most_series=24),
    Peer("SARIMAX (0,1,1)(0,1,1)12 (statsmodels)", _one_by_one(_sarimax, keeps_gaps=True), "statsmodels", most_series=24),
    Peer("MSTL (statsforecast)", _one_by_one(_nixtla("MSTL", is_conformal=False)), "statsforecast"),
    Peer("MSTL, conformal (statsforecast)", _one_by_one(_nixtla("MSTL", is_conformal=True)), "statsforecast", most_series=24),
    Peer("AutoETS (statsforecast)", _one_by_one(_nixtla("AutoETS", is_conformal=False)), "statsforecast", most_series=24),
    Peer("AutoETS, conformal (statsforecast)", _one_by_one(_nixtla("AutoETS", is_conformal=True)), "statsforecast", most_series=8),
)


def stl_residual_in_sample(log_kg: Array, *, is_robust: bool) -> Array:
    """Return each series' last STL residual over the standard deviation of all of them: what a decomposition of the whole series shows."""

    def score_one(series: Array, horizon: int) -> tuple[Array, Array]:
        from statsmodels.tsa.seasonal import STL

        residual = STL(series, period=YEAR, robust=is_robust).fit().resid
        return residual[-1:], np.array([np.std(residual, ddof=1)])

    residual, sd = _one_by_one(score_one)(log_kg, 1)
    return np.asarray((residual / sd)[:, 0])


def forest_inputs(amounts: Array) -> Array:
    """Return (series, 6): the last month's log ratios to the month before, to a year ago and to medians, and the share of traded months."""
    logs = np.log(amounts, out=np.full(amounts.shape, np.nan), where=amounts > 0)
    last = logs[:, -1:]
    medians = np.column_stack([_median(logs[:, -1 - span : -1]) for span in (3, 6, 24)])
    traded = np.mean(amounts[:, :-1] > 0, axis=1, keepdims=True)
    ratios = np.column_stack([last - logs[:, -2:-1], last - logs[:, -1 - YEAR : -YEAR], last - medians])
    return np.column_stack([np.nan_to_num(ratios), traded])


def grow_forest(clean: Array) -> Callable[[Array], Array]:
    """Grow an isolation forest on clean series and return what scores others by it, from `forest_inputs`."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=100, random_state=1).fit(forest_inputs(clean))
    return lambda amounts: np.asarray(-forest.score_samples(forest_inputs(amounts)))
