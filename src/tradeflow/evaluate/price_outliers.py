"""Price outliers in clouds of single consignments: the unit-value rule against robust regressions of value on quantity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.evaluate.judging import PREVALENCE, average_precision, recall_at
from tradeflow.signals.rules import deviation_from_usual_price

Array = NDArray[np.float64]
Scorer = Callable[[Array, Array], Array]

CLOUDS = {
    "fishery": ("quantity", "value"), "tradeH": ("Q", "V"), "inttrade1": ("Weight", "Value"), "inttrade2": ("Weight", "Value"),
    "inttrade3": ("Weight", "Value"), "Fishery2002": ("QUANTITY_TON", "VALUE_1000EURO"),
    "Fishery2003": ("QUANTITY_TON", "VALUE_1000EURO"), "Fishery2004": ("QUANTITY_TON", "VALUE_1000EURO"),
}  # fmt: skip
"""File -> its columns of quantity and value, in units of its own."""
PRICE_FACTORS = (0.33, 0.5, 2.0, 3.0)
_REPEATS = 20
_KEPT_SHARE = 0.75
_STARTS, _STEPS, _LAST_STEPS = 200, 2, 20
_NORMAL_MAD = 1.4826


@dataclass(frozen=True)
class PriceRow:
    """How well one method found planted prices in one cloud; means over the factors."""

    cloud: str
    consignments: int
    method: str
    precision: float
    recall: float


def judge_price_outliers(folder: Path, seed: int) -> list[PriceRow]:
    """Plant wrong prices in 2% of each cloud's consignments, many times over, and score all of them by every method."""
    rows = []
    for cloud, columns in CLOUDS.items():
        path = folder / f"{cloud}.csv"
        if path.is_file():
            quantity, value = _read_cloud(path, *columns)
            rows += [_judge(cloud, quantity, value, method, score, seed) for method, score in METHODS.items()]
    return rows


def _read_cloud(path: Path, quantity: str, value: str) -> tuple[Array, Array]:
    cloud = pl.read_csv(path).select(quantity, value).cast(pl.Float64).drop_nulls()
    known = cloud.filter((pl.col(quantity) > 0) & (pl.col(value) > 0))
    return known[quantity].to_numpy(), known[value].to_numpy()


def _judge(cloud: str, quantity: Array, value: Array, method: str, score: Scorer, seed: int) -> PriceRow:
    random = np.random.default_rng(seed)
    figures = []
    for factor in PRICE_FACTORS:
        clean, planted = [], []
        for _ in range(_REPEATS):
            chosen = random.permutation(len(value))[: max(round(PREVALENCE * len(value)), 1)]
            wrong = value.copy()
            wrong[chosen] *= factor
            scores = score(np.log(quantity), np.log(wrong))
            planted.append(scores[chosen])
            clean.append(np.delete(scores, chosen))
        before, after = np.concatenate(clean), np.concatenate(planted)
        figures.append((average_precision(before, after), recall_at(before, after).share))
    precision, recall = np.mean(figures, axis=0)
    return PriceRow(cloud, len(value), method, float(precision), float(recall))


def score_by_rule(log_quantity: Array, log_value: Array) -> Array:
    """Score by the rule `unit_value_outlier`: distance of the log unit value from the usual one, the cloud being one route of one code."""
    unit_value = log_value - log_quantity
    flows = pl.DataFrame({"unit_value_ratio": unit_value - np.median(unit_value)}).with_columns(
        freq_code=pl.lit("M"), commodity_code=pl.lit("000000"), exporter_code=0, importer_code=0
    )
    return deviation_from_usual_price(flows)["_deviation"].to_numpy()


def score_by_least_squares(log_quantity: Array, log_value: Array) -> Array:
    """Score by the residual of ordinary least squares over its standard deviation."""
    slope, level = np.polyfit(log_quantity, log_value, 1)
    residual = log_value - level - slope * log_quantity
    return np.asarray(np.abs(residual) / residual.std())


def score_by_theil_sen(log_quantity: Array, log_value: Array) -> Array:
    """Score by the residual of the median slope through random pairs of points (Theil 1950; Sen 1968)."""
    random = np.random.default_rng(0)
    first, second = random.integers(0, len(log_value), (2, 20_000))
    run = log_quantity[second] - log_quantity[first]
    slope = np.median((log_value[second] - log_value[first])[run != 0] / run[run != 0])
    return _standardise(log_value - slope * log_quantity)


def score_by_trimmed_squares(log_quantity: Array, log_value: Array) -> Array:
    """Score by the residual of least trimmed squares (Rousseeuw and Van Driessen 2006: random pairs, then concentration steps)."""
    random = np.random.default_rng(0)
    starts = random.integers(0, len(log_value), (_STARTS, 2))
    fits = [_concentrate(log_quantity, log_value, start, _STEPS) for start in starts]
    best = sorted((fit for fit in fits if fit is not None), key=lambda fit: fit[0])[:10]
    finished = [_concentrate(log_quantity, log_value, kept, _LAST_STEPS) for _, kept, _ in best]
    _, _, (slope, level) = min((fit for fit in finished if fit is not None), key=lambda fit: fit[0])
    return _standardise(log_value - level - slope * log_quantity)


def _concentrate(x: Array, y: Array, kept: NDArray[np.int_], steps: int) -> tuple[float, NDArray[np.int_], tuple[float, float]] | None:
    """Fit, keep the closest, fit again; return the trimmed sum of squares, who is kept, and slope and level."""
    for _ in range(steps):
        centre = x[kept].mean()
        spread = float(((x[kept] - centre) ** 2).sum())
        if spread == 0:
            return None
        slope = float(((x[kept] - centre) * y[kept]).sum() / spread)
        level = float(y[kept].mean() - slope * centre)
        squares = (y - level - slope * x) ** 2
        kept = np.argpartition(squares, round(_KEPT_SHARE * len(x)))[: round(_KEPT_SHARE * len(x))]
    return float(squares[kept].sum()), kept, (slope, level)


def _standardise(residual: Array) -> Array:
    distance = np.abs(residual - np.median(residual))
    return np.asarray(distance / (_NORMAL_MAD * np.median(distance)))


METHODS: dict[str, Scorer] = {
    "unit_value_outlier (tradeflow)": score_by_rule,
    "least trimmed squares": score_by_trimmed_squares,
    "Theil-Sen": score_by_theil_sen,
    "ordinary least squares": score_by_least_squares,
}
