"""Monthly trade-like series with a known truth, and anomalies planted in them.

Amounts are arrays of shape (series, months): kg, NaN where a month is missing, 0 where there was no trade. Everything is drawn from the
seed, so the same arguments give the same series.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

KINDS = ("regular", "contaminated", "intermittent", "missing", "evolving")
LAST_MONTH = ("spike x2", "spike x3", "spike x5", "new route", "restart after silence")
"""Anomalies of the last month."""
SIX_MONTHS = ("shift +25%", "shift +50%", "shift x2", "ramp to x2", "one-off x3")
"""Anomalies of the last six months; the one-off is in a random one of them."""
WINDOW = 6
SILENT_MONTHS = 24
"""Months without trade before trade starts again."""
_SHIFTS = {"shift +25%": 1.25, "shift +50%": 1.5, "shift x2": 2.0}
_SETTLED_MONTHS = 8
"""Months at the end in which contamination plants nothing: the truth there is what the evaluation plants."""


def make_series(kind: str, series: int, months: int, seed: int) -> Array:
    """Draw series of one kind: level, drift, season and autocorrelated heavy-tailed noise, all on the log scale.

    regular: nothing else. contaminated: old spikes and, in half of them, an old level shift. intermittent: 15 to 60% of the months without
    trade. missing: 8% of the months not reported, none among the last seven. evolving: the level wanders and the season changes.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; known are {', '.join(KINDS)}")
    random = np.random.default_rng([seed, months, KINDS.index(kind)])
    amounts = np.exp(_draw_log_kg(random, series, months, is_evolving=kind == "evolving"))
    if kind == "contaminated":
        return _contaminate(random, amounts)
    if kind == "intermittent":
        is_silent = random.random((series, months)) < random.uniform(0.15, 0.6, (series, 1))
        return np.where(is_silent, 0.0, amounts)
    if kind == "missing":
        is_absent = random.random((series, months)) < 0.08
        is_absent[:, -WINDOW - 1 :] = False
        return np.where(is_absent, np.nan, amounts)
    return amounts


def _draw_log_kg(random: np.random.Generator, series: int, months: int, *, is_evolving: bool) -> Array:
    month = np.arange(months)
    level = random.normal(10.5, 1.8, (series, 1)) + random.normal(0, 0.08, (series, 1)) * month / 12
    step = random.uniform(0.05, 0.12, (series, 1)) if is_evolving else random.choice([0.0, 0.02, 0.04], (series, 1), p=[0.4, 0.35, 0.25])
    wander = np.cumsum(random.normal(0, 1, (series, months)) * step, axis=1)
    season = _draw_season(random, series, month)
    if is_evolving:
        season = season * np.linspace(1, 0, months) + _draw_season(random, series, month) * np.linspace(0, 1, months)
    return np.asarray(level + wander + season + _draw_noise(random, series, months))


def _draw_season(random: np.random.Generator, series: int, month: NDArray[np.int_]) -> Array:
    """Return a calendar pattern of twelve free months, smoothed or not, which no small number of harmonics need fit exactly."""
    pattern = random.normal(0, 1, (series, 12))
    is_smooth = random.random((series, 1)) < 0.7
    smooth = (np.roll(pattern, 1, axis=1) + 2 * pattern + np.roll(pattern, -1, axis=1)) / 2.5
    pattern = np.where(is_smooth, smooth, pattern)
    pattern -= pattern.mean(axis=1, keepdims=True)
    strength = random.lognormal(np.log(0.2), 0.6, (series, 1)) * (random.random((series, 1)) < 0.8)
    return np.asarray((strength * pattern)[:, month % 12])


def _draw_noise(random: np.random.Generator, series: int, months: int) -> Array:
    """Return AR(1) noise with t(6) shocks; its standard deviation differs from series to series."""
    sd = random.uniform(0.08, 0.55, series)
    carry = random.choice([0.0, 0.3, 0.5], series, p=[0.5, 0.3, 0.2])
    shocks = random.standard_t(6, (months, series)) / np.sqrt(1.5)
    noise = np.empty((months, series))
    noise[0] = shocks[0]
    for at in range(1, months):
        noise[at] = carry * noise[at - 1] + np.sqrt(1 - carry**2) * shocks[at]
    return np.asarray((noise * sd).T)


def _contaminate(random: np.random.Generator, amounts: Array) -> Array:
    series, months = amounts.shape
    old = months - _SETTLED_MONTHS
    spoiled = amounts.copy()
    for number in range(3):
        is_hit = random.random(series) < (1.0, 0.6, 0.3)[number]
        rows = np.flatnonzero(is_hit)
        spoiled[rows, random.integers(0, old, len(rows))] *= random.choice([3.0, 5.0, 0.2], len(rows))
    shifts_at = random.integers(months // 4, old, series)
    size = np.where(random.random(series) < 0.5, random.choice([0.4, 2.2], series), 1.0)
    return np.asarray(np.where(np.arange(months) >= shifts_at[:, None], spoiled * size[:, None], spoiled))


def plant(amounts: Array, anomaly: str, seed: int = 0) -> Array:
    """Return a copy with `anomaly` in every series; a last month without trade first gets the series' typical amount."""
    typical = typical_amount(amounts)
    planted = amounts.copy()
    last = np.where(amounts[:, -1] > 0, amounts[:, -1], typical)
    if anomaly.startswith("spike x"):
        planted[:, -1] = last * float(anomaly.removeprefix("spike x"))
    elif anomaly in _SHIFTS:
        planted[:, -WINDOW:] *= _SHIFTS[anomaly]
    elif anomaly == "ramp to x2":
        planted[:, -WINDOW:] *= np.linspace(1 + 1 / WINDOW, 2, WINDOW)
    elif anomaly == "one-off x3":
        rows = np.arange(len(amounts))
        columns = amounts.shape[1] - 1 - np.random.default_rng(seed).integers(0, WINDOW, len(amounts))
        hit = amounts[rows, columns]
        planted[rows, columns] = 3 * np.where(hit > 0, hit, typical)
    elif anomaly in ("new route", "restart after silence"):
        first = 0 if anomaly == "new route" else -SILENT_MONTHS - 1
        planted[:, first:-1] = np.where(np.isnan(planted[:, first:-1]), np.nan, 0.0)
        planted[:, -1] = last
    else:
        raise ValueError(f"unknown anomaly {anomaly!r}; known are {', '.join(LAST_MONTH + SIX_MONTHS)}")
    return planted


def typical_amount(amounts: Array) -> Array:
    """Return each series' median traded month before the last six; 1 kg where it never traded."""
    traded = np.where(amounts > 0, amounts, np.nan)[:, :-WINDOW]
    has_trade = np.isfinite(traded).any(axis=1)
    typical = np.ones(len(amounts))
    typical[has_trade] = np.nanmedian(traded[has_trade], axis=1)
    return typical
