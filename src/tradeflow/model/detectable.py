"""`detectable_excess`: how many kilograms too many a series would have to show before they could be seen at all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from tradeflow.contract import load_contract
from tradeflow.model.excess import deviation_exceeded, interval_reach, log_p_value, normal_deviate, presence_chance
from tradeflow.model.series import period_index

Array = NDArray[np.float64]
Refit = Callable[[pl.DataFrame], pl.DataFrame]
"""Takes freq_code, importer_code, commodity_code, period, excess_kg; returns the baseline of these series with the excess in them."""

NOTABLE_EXCESS = 0.25
"""Share of the expected trade that a diversion may take: the share of legal imports that one study puts on illicit use."""
SUSTAINED_MONTHS = 6
MIN_CALIBRATION_SCORES = 200
"""One-step scores from which the threshold is what they exceed at the stated rate; fewer leave the normal distribution's."""
_SERIES = ["freq_code", "importer_code", "commodity_code"]
_NODES, _NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(41)
_SOLVER_STEPS = 60
_REFITTED_SERIES = 150
_FACTORS = (0.5, 1.0, 2.0, 4.0, 8.0)


def measure_detectable_excess(baseline: pl.DataFrame, refit: Refit, *, false_alarm_rate: float, power: float) -> pl.DataFrame:
    """State each importer's and code's smallest excess that is called with chance `power`; contract `detectable_excess`.

    `baseline`: contract `baseline`. The call is a score above what `false_alarm_rate` of earlier one-step scores exceed; an excess in every
    one of six months is judged by the sum of their scores. The closed forms rest on log-normal noise; they are scaled until as many are
    called as stated, over all months of all series, and by a `refit` of some series with the lasting excess in them.
    """
    series = baseline.filter(pl.col("series_level") == "importer").sort(*_SERIES, "period")
    parts = [_measure_frequency(series.filter(pl.col("freq_code") == each), refit, false_alarm_rate, power) for each in ("A", "M")]
    measured = pl.concat(parts).with_columns(false_alarm_rate=pl.lit(false_alarm_rate), power_rate=pl.lit(power))
    contract = load_contract("detectable_excess")
    told = measured.with_columns(detectability=_label()).with_columns(detectability_reason=_reason())
    return told.select(pl.col(name).cast(dtype) for name, dtype in contract.schema.items()).sort(contract.unique_keys[0])


def _measure_frequency(series: pl.DataFrame, refit: Refit, false_alarm_rate: float, power: float) -> pl.DataFrame:
    newest = series.group_by(_SERIES, maintain_order=True).last()
    threshold = _threshold(_interval_scores(series), false_alarm_rate)
    once = detectable_once(_log_sd(newest), _floats(newest, "trade_probability"), threshold, power) * _scale_once(series, threshold, power)
    sustained = np.full(newest.height, np.nan)
    if series["freq_code"].head(1).to_list() == ["M"]:
        limit = _threshold(_six_month_scores(series), false_alarm_rate)
        sustained = detectable_sustained(_log_sd(newest), limit, power)
        sustained = sustained * _scale_sustained(newest, series, sustained, refit, limit, power)
    expected = _floats(newest, "expected_kg")
    figures = {
        "detectable_excess_kg": expected * once,
        "detectable_excess_ratio": once,
        "sustained_excess_kg": expected * sustained,
        "sustained_excess_ratio": sustained,
    }
    return newest.with_columns(pl.Series(name, values, dtype=pl.Float64).fill_nan(None) for name, values in figures.items())


def _floats(rows: pl.DataFrame, name: str) -> Array:
    values: Array = rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return values


def _log_sd(rows: pl.DataFrame) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(_floats(rows, "upper_kg") / _floats(rows, "expected_kg")) / interval_reach())


def _scale_once(series: pl.DataFrame, threshold: float, power: float) -> float:
    """Return by how much the closed form must be multiplied so that the stated share of all reported months would have been called."""
    known = series.filter(pl.col("observed_kg").is_not_null() & pl.col("expected_kg").is_not_null())
    log_sd, chance = _log_sd(known), _floats(known, "trade_probability")
    stated = detectable_once(log_sd, chance, threshold, power)
    lacking = call_limit(log_sd, chance, threshold) - _floats(known, "observed_kg") / _floats(known, "expected_kg")
    needed = lacking[stated > 0] / stated[stated > 0]
    return float(np.quantile(needed, power)) if len(needed) else 1.0


def _interval_scores(series: pl.DataFrame) -> pl.Series:
    """Return each traded month's score as its interval tells it, with the hurdle: what the baseline scores it by."""
    traded = series.filter((pl.col("observed_kg") > 0) & pl.col("expected_kg").is_not_null())
    deviation = np.log(_floats(traded, "observed_kg") / _floats(traded, "expected_kg")) / _log_sd(traded)
    return pl.Series(normal_deviate(log_p_value(deviation, _floats(traded, "trade_probability"))))


def _scale_sustained(newest: pl.DataFrame, series: pl.DataFrame, stated: Array, refit: Refit, limit: float, power: float) -> float:
    """Return by how much the closed form must be multiplied until the stated share of refitted series is called; NaN if none is enough."""
    excess = pl.Series(stated * _floats(newest, "expected_kg")).fill_nan(None)
    asked = newest.select(_SERIES).with_columns(excess_kg=excess).drop_nulls()
    some = asked.gather_every(max(asked.height // _REFITTED_SERIES, 1)).head(_REFITTED_SERIES)
    reported = series.filter(pl.col("observed_kg").is_not_null()).group_by(_SERIES, maintain_order=True).tail(SUSTAINED_MONTHS)
    placed = some.join(reported.select(*_SERIES, "period"), on=_SERIES)
    if placed.is_empty():
        return float("nan")
    shares = [_share_called(placed, refit, factor, limit) for factor in _FACTORS]
    if max(shares) < power:
        return float("nan")
    return float(np.exp(np.interp(power, np.maximum.accumulate(shares), np.log(_FACTORS))))


def _share_called(placed: pl.DataFrame, refit: Refit, factor: float, limit: float) -> float:
    fitted = refit(placed.with_columns(pl.col("excess_kg") * factor)).filter(pl.col("series_level") == "importer")
    score = pl.col("z_seasonal").drop_nulls()
    sums = placed.join(fitted.select(*_SERIES, "period", "z_seasonal"), on=[*_SERIES, "period"], how="left").group_by(_SERIES)
    return float(sums.agg(((score.sum() / score.len().sqrt()) > limit).alias("_is_called"))["_is_called"].cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]


def _threshold(scores: pl.Series, false_alarm_rate: float) -> float:
    """Return the score that ordinary months exceed at the stated rate."""
    known = scores.drop_nulls().drop_nans()
    if len(known) < MIN_CALIBRATION_SCORES:
        return float(-special.ndtri(false_alarm_rate))
    return float(np.quantile(known.to_numpy(), 1 - false_alarm_rate))


def _six_month_scores(series: pl.DataFrame) -> pl.Series:
    """Return each row's sum of the last six months' scores over the square root of their number, as the rules add them up."""
    indexed = series.filter(pl.col("z_seasonal").is_not_null()).with_columns(_index=period_index("M").cast(pl.Int64))
    score = pl.col("z_seasonal")
    rolled = indexed.sort(*_SERIES, "_index").rolling("_index", period=f"{SUSTAINED_MONTHS}i", group_by=_SERIES)
    return rolled.agg((score.sum() / score.count().sqrt()).alias("_score"))["_score"]


def detectable_once(log_sd: Array, trade_probability: Array, threshold: float, power: float) -> Array:
    """Return the excess of one month over its expectation that is called with chance `power`, arrays of shape (series,).

    Trade is silent with chance 1 - p, else about its expectation as the model has it. A month is called exactly when its amount passes the
    limit at which its score reaches the threshold; so the excess is that limit less the amount that 1 - `power` of the months stay below.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        below = (1 - power - (1 - trade_probability)) / trade_probability
        low = np.where(below > 0, np.exp(-deviation_exceeded(np.clip(below, 1e-12, 1)) * log_sd), 0.0)
    excess = np.maximum(call_limit(log_sd, trade_probability, threshold) - low, 0.0)
    return np.where(np.isfinite(log_sd), excess, np.nan)


def call_limit(log_sd: Array, trade_probability: Array, threshold: float) -> Array:
    """Return the amount over its expectation at which the score reaches the threshold; 0 where any trade does."""
    tail, presence = special.ndtr(-threshold), presence_chance(trade_probability)
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = np.exp(deviation_exceeded(np.minimum(tail / presence, 1.0)) * log_sd)
    return np.where(tail < presence, limit, 0.0)


def detectable_sustained(log_sd: Array, threshold: float, power: float) -> Array:
    """Return the excess over the expectation that six months in a row must each show, given that each has trade.

    A month's score with excess r is ln(exp(s N) + r) / s; its mean and variance come from Gauss-Hermite nodes, and the sum of six is taken
    as normal. What the forecast learns from the first of the six months, and errs in common over them, is left out here.
    """
    low, high = np.zeros(len(log_sd)), np.full(len(log_sd), 1e6)
    reach = special.ndtri(power)
    for _ in range(_SOLVER_STEPS):
        middle = (low + high) / 2
        mean, sd = _score_moments(log_sd, middle)
        is_seen = np.sqrt(SUSTAINED_MONTHS) * mean - reach * sd >= threshold
        low, high = np.where(is_seen, low, middle), np.where(is_seen, middle, high)
    return np.where(np.isfinite(log_sd), high, np.nan)


def _score_moments(log_sd: Array, excess: Array) -> tuple[Array, Array]:
    weights = _NODE_WEIGHTS / _NODE_WEIGHTS.sum()
    scores = np.log(np.exp(log_sd[:, None] * _NODES) + excess[:, None]) / log_sd[:, None]
    mean = scores @ weights
    return mean, np.sqrt(np.maximum((scores**2) @ weights - mean**2, 0.0))


def _label() -> pl.Expr:
    once, sustained = pl.col("detectable_excess_ratio"), pl.col("sustained_excess_ratio")
    return (
        pl.when(once.is_null())
        .then(pl.lit("too_short"))
        .when(once <= NOTABLE_EXCESS)
        .then(pl.lit("in_one_period"))
        .when(sustained <= NOTABLE_EXCESS)
        .then(pl.lit("if_sustained"))
        .otherwise(pl.lit("too_noisy"))
    )


def _reason() -> pl.Expr:
    notable = f"{NOTABLE_EXCESS:.0%}"
    sentences = {
        "too_short": "The history is too short to expect anything, so no excess can be seen.",
        "in_one_period": f"An excess of {notable} can be seen in a single period.",
        "if_sustained": f"An excess of {notable} can be seen only where it lasts six months.",
        "too_noisy": f"The trade varies too much for an excess of {notable} to be seen, even over six months.",
    }
    return pl.col("detectability").replace_strict(sentences, return_dtype=pl.String)
