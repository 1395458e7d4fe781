"""The score of a month and of the newest six: one way for the pipeline's series and for anyone's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradeflow.model.change import SILENT_MONTHS, WINDOW, Changes, find_changes
from tradeflow.model.excess import log_p_value, one_off_evidence, presence_chance
from tradeflow.model.expectation import expect_months
from tradeflow.model.hurdle import restart_chance, silent_periods, trade_probability

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

MIN_TRADED_PERIODS = 6
"""Earlier periods with a usable weight without which no amount is expected: fewer do not tell a level from its noise."""
LARGEST_LOG_KG = 34.0
"""Amounts and ends of intervals stop at e^34 kg, more than any trade: beyond it a number only breaks what reads it."""


@dataclass(frozen=True)
class Series:
    """Dense series; arrays of shape (series, periods)."""

    kg: Array
    """Net weight; 0 where there was no trade, NaN where no usable weight is known."""
    has_traded: Mask
    """There was trade, with or without a usable weight."""
    is_known: Mask
    """Whether there was trade is known."""
    periods_per_year: int

    @property
    def log_kg(self) -> Array:
        """NaN where there is no amount."""
        amounts = np.clip(self.kg, 0.0, np.exp(LARGEST_LOG_KG))
        return np.log(amounts, out=np.full(amounts.shape, np.nan), where=amounts > 0)

    def known_before(self, rows: Places, columns: Places) -> NDArray[np.int64]:
        """Return how many earlier periods are known, for each pair of a row and a column."""
        return _count_before(self.is_known, rows, columns)

    def amounts_before(self, rows: Places, columns: Places) -> NDArray[np.int64]:
        """Return how many earlier periods have an amount."""
        return _count_before(self.kg > 0, rows, columns)


@dataclass(frozen=True)
class MonthScores:
    """One entry per pair of a row and a column, NaN where nothing can be said."""

    mean: Array
    """Expected natural log of the amount, given that there is trade; empty before MIN_TRADED_PERIODS amounts."""
    sd: Array
    deviation: Array
    """How far the log amount is above its expectation, in `sd`; NaN where either is missing."""
    trade_probability: Array
    log_p: Array
    """Log of the chance of so much trade or more by accident; 0 where there is none; NaN where the period is not known."""
    log_evidence: Array
    """Log Bayes factor of a one-off excess against an ordinary period; minus infinity where there is no trade."""


def score_months(series: Series, rows: Places, columns: Places, shortest: int, *, workers: int = 2) -> MonthScores:
    """Score each pair of a row and a column by what was known before that column; `shortest`: earlier known periods that are needed."""
    is_judged = series.known_before(rows, columns) >= shortest
    has_level = is_judged & (series.amounts_before(rows, columns) >= MIN_TRADED_PERIODS)
    log_kg = series.log_kg
    mean, sd = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    expected = expect_months(log_kg, rows[has_level], columns[has_level], series.periods_per_year, workers=workers)
    mean[has_level], sd[has_level] = expected.mean[:, 0], expected.sd[:, 0]
    chance = np.where(is_judged, _chances(series, rows, columns), np.nan)
    observed = log_kg[rows, columns]
    deviation = (observed - mean) / sd
    with np.errstate(invalid="ignore"):
        by_amount = log_p_value(deviation, chance), one_off_evidence(observed, mean, sd, chance)
        by_presence = np.log(presence_chance(chance))
    silent = is_judged & series.is_known[rows, columns] & ~series.has_traded[rows, columns]
    appears = is_judged & ~has_level & series.has_traded[rows, columns]
    log_p = np.select([silent, appears], [0.0, by_presence], by_amount[0])
    return MonthScores(mean, sd, deviation, chance, log_p, np.select([silent, appears], [-np.inf, -by_presence], by_amount[1]))


def score_newest_window(series: Series, shortest: int, *, control_month: int | None = None, workers: int = 2) -> tuple[Changes, Mask]:
    """Judge the last WINDOW periods of every series together; also returns which could be judged."""
    rows = np.arange(len(series.kg))
    columns = np.full(len(rows), max(series.kg.shape[1] - WINDOW, 0))
    log_kg = series.log_kg
    has_level = (series.known_before(rows, columns) >= shortest) & (series.amounts_before(rows, columns) >= MIN_TRADED_PERIODS)
    asked = np.where(has_level, columns, 0)
    expected = expect_months(log_kg, rows, asked, series.periods_per_year, ahead=WINDOW, workers=workers)
    silent = silent_periods(series.has_traded, series.is_known)[rows, columns]
    window = np.full((len(rows), WINDOW), np.nan)
    newest = log_kg[:, -WINDOW:]
    window[:, WINDOW - newest.shape[1] :] = newest
    changes = find_changes(window, expected, silent, control_month)
    is_known = series.is_known[:, -WINDOW:].any(axis=1)
    return changes, is_known & (has_level | (silent >= SILENT_MONTHS))


def _chances(series: Series, rows: Places, columns: Places) -> Array:
    """Return the chance of trade; after long silence it is at most that of a restart."""
    targets, place = np.unique(columns, return_inverse=True)
    usual = trade_probability(series.has_traded, series.is_known, targets, series.periods_per_year)[rows, place]
    silent = silent_periods(series.has_traded, series.is_known)[rows, columns]
    return np.where(silent >= SILENT_MONTHS, np.minimum(usual, restart_chance(silent)), usual)


def _count_before(flags: Mask, rows: Places, columns: Places) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.cumsum(flags, axis=1) - flags
    padded = np.column_stack([counts, flags.sum(axis=1)])
    return np.asarray(padded[rows, columns])
