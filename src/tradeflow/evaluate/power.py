"""The power to see a quarter more in a country's imports: flat, lumpy, and through one of the importing companies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradeflow.evaluate.judging import Rate, recall_at
from tradeflow.evaluate.series_detectors import Scores

Array = NDArray[np.float64]
Scorer = Callable[[list[Array]], list[Scores]]

EXCESS_SHARE = 0.25
WINDOW = 6
MONTHS = 120
COMPANIES = 12
COMPANY_NOISE = (0.25, 0.5, 1.0)
"""Standard deviation of one company's log kg about its season; the country's total varies less, as the page says."""
_TRADED_SHARE = 0.85
_MEAN_KG = 2e6
"""Kilograms a month, about what a country of Mexico's size imports of acetone; the models see logs, so only the share counts."""


@dataclass(frozen=True)
class PowerRow:
    """Share of countries with the excess that are called at a stated rate of false alarms, by one score of one series."""

    company_noise: float
    total_noise: float
    shape: str
    series: str
    last_month: Rate
    six_months: Rate


def study_power(countries: int, seed: int, score: Scorer, false_alarm_rate: float = 0.01) -> list[PowerRow]:
    """State the power by the company's noise and the excess's shape, in the country's series and in the company's own."""
    rows = []
    for noise in COMPANY_NOISE:
        companies = draw_companies(countries, noise, seed)
        chosen = np.argsort(companies.mean(axis=2), axis=1)[:, COMPANIES // 2]
        panels = {"country": companies.sum(axis=1), "company": companies[np.arange(countries), chosen]}
        clean = dict(zip(panels, score(list(panels.values())), strict=True))
        variation = _month_to_month(panels["country"])
        for shape in SHAPES:
            excess = EXCESS_SHARE * _MEAN_KG * SHAPES[shape]
            series = ("country", "company") if shape == "through one company" else ("country",)
            planted = score([_add_excess(panels[name], excess) for name in series])
            rows += [
                _row(noise, variation, shape, name, clean[name], after, false_alarm_rate)
                for name, after in zip(series, planted, strict=True)
            ]
    return rows


SHAPES: dict[str, Array] = {
    "flat": np.ones(WINDOW),
    "lumpy": np.array([0.0, 3.0, 0.0, 0.0, 3.0, 0.0]),
    "through one company": np.ones(WINDOW),
}
"""Multiples of the mean excess in each of the last six months."""


def draw_companies(countries: int, noise: float, seed: int) -> Array:
    """Return (countries, companies, months) kg: unequal companies with a common season, each silent in some months."""
    random = np.random.default_rng([seed, round(1000 * noise)])
    share = random.dirichlet(np.full(COMPANIES, 1.0), (countries, 1)).transpose(0, 2, 1)
    season = np.exp(0.15 * np.cos(2 * np.pi * (np.arange(MONTHS) + random.uniform(0, 12, (countries, 1, 1))) / 12))
    amounts = np.exp(noise * random.normal(size=(countries, COMPANIES, MONTHS)) - noise**2 / 2)
    is_traded = random.random(amounts.shape) < _TRADED_SHARE
    return np.asarray(_MEAN_KG * share * season * amounts * is_traded / _TRADED_SHARE)


def _add_excess(panel: Array, excess: Array) -> Array:
    added = panel.copy()
    added[:, -WINDOW:] += excess
    return added


def _month_to_month(panel: Array) -> float:
    """Return the median standard deviation of log kg against the same month of the year before, over the square root of two."""
    logs = np.log(np.where(panel > 0, panel, np.nan))
    return float(np.nanmedian(np.nanstd(logs[:, 12:] - logs[:, :-12], axis=1)) / np.sqrt(2))


def _row(noise: float, total: float, shape: str, series: str, clean: Scores, after: Scores, rate: float) -> PowerRow:
    name = next(iter(clean.six_months))
    return PowerRow(
        noise,
        total,
        shape,
        series,
        recall_at(clean.last_month, after.last_month, rate),
        recall_at(clean.six_months[name], after.six_months[name], rate),
    )
