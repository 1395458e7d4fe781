"""Every detector answers the same two questions: how strange is the last month, and has anything changed within the last six."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tradeflow.evaluate.series_peers import Peer, grow_forest, stl_residual_in_sample
from tradeflow.evaluate.series_truth import WINDOW
from tradeflow.evaluate.series_worlds import Cell
from tradeflow.model.hurdle import deviation_with_hurdle, trade_probability

Array = NDArray[np.float64]

NO_TRADE = -10.0
"""Score of a month without trade, or without an opinion: below everything."""
NOMINAL = 0.01
"""False-alarm rate at which detectors are asked to alarm."""
_NORMAL_TAIL = 1e9
"""Degrees of freedom at which Student's t is the normal distribution."""


@dataclass(frozen=True)
class Scores:
    """Scores of some series, higher is stranger, arrays of shape (series,)."""

    last_month: Array
    six_months: dict[str, Array] = field(default_factory=dict)
    """By the name of the score; a peer may bring several, and the best for each shape counts."""
    p_value: Array | None = None
    """Of the last month; without one the last month's score counts as a normal deviate."""

    def rows(self, kept: NDArray[np.int_]) -> Scores:
        """Return the scores of some series alone."""
        p_value = None if self.p_value is None else self.p_value[kept]
        return Scores(self.last_month[kept], {name: scores[kept] for name, scores in self.six_months.items()}, p_value)

    @property
    def is_alarm(self) -> NDArray[np.bool_]:
        """Whether the last month is called at the nominal rate."""
        if self.p_value is not None:
            return np.asarray(self.p_value <= NOMINAL)
        return np.asarray(self.last_month > -special.ndtri(NOMINAL))


@dataclass(frozen=True)
class CellScores:
    """A detector's scores of one cell, by anomaly; how many fits it made and the CPU seconds of them all."""

    clean: Scores
    planted: dict[str, Scores]
    fits: int
    seconds: float


CellJudge = Callable[[Cell], CellScores]


@dataclass(frozen=True)
class Judgement:
    """A detector's scores: of the clean series and of those with each anomaly, one entry a cell; and the CPU seconds of one fit."""

    clean: list[Scores]
    planted: dict[str, list[Scores]]
    seconds_per_fit: float


def join_cells(cells: list[CellScores]) -> Judgement:
    """Put a detector's scores of several cells together."""
    planted = {anomaly: [cell.planted[anomaly] for cell in cells] for anomaly in cells[0].planted}
    fits = sum(cell.fits for cell in cells)
    return Judgement([cell.clean for cell in cells], planted, sum(cell.seconds for cell in cells) / max(fits, 1))


def peer_judge(peer: Peer) -> CellJudge:
    """Score a cell by a forecasting peer: one fit up to the last month, one up to six months ago; anomalies that rewrite history refit."""

    def judge(cell: Cell) -> CellScores:
        started = time.process_time()
        views = [_View(peer, cell.amounts, 1), _View(peer, cell.amounts, WINDOW)]
        clean, planted = _score(views, cell.amounts), {}
        for anomaly, amounts in cell.planted.items():
            if np.array_equal(amounts[:, :-WINDOW], cell.amounts[:, :-WINDOW], equal_nan=True):
                planted[anomaly] = _score(views, amounts)
            elif peer.most_series is None:
                views.append(_View(peer, amounts, 1))
                planted[anomaly] = Scores(views[-1].last_month(amounts))
        return CellScores(clean, planted, sum(view.fits for view in views), time.process_time() - started)

    return judge


class _View:
    """A peer's forecast of the last `horizon` months from those before them."""

    def __init__(self, peer: Peer, amounts: Array, horizon: int) -> None:
        self.has_hurdle = peer.has_hurdle
        history = amounts[:, :-horizon]
        log_kg = self._log_kg(history)
        self.fits = int((np.isfinite(log_kg).sum(axis=1) > 1).sum())
        self.mean, self.sd = peer.forecast(log_kg, horizon)
        known = np.isfinite(history)
        targets = np.arange(history.shape[1], amounts.shape[1])
        padded = [np.pad(each, ((0, 0), (0, horizon))) for each in (known & (history > 0), known)]
        self.chance = trade_probability(padded[0], padded[1], targets, 12)

    def _log_kg(self, amounts: Array) -> Array:
        if not self.has_hurdle:
            return np.log1p(amounts)
        return np.log(amounts, out=np.full(amounts.shape, np.nan), where=amounts > 0)

    def deviations(self, amounts: Array) -> Array:
        """Return (series, horizon): how far the newest months are above what was expected, NaN where nothing can be said."""
        horizon = self.mean.shape[1]
        z = (self._log_kg(amounts)[:, -horizon:] - self.mean) / self.sd
        if not self.has_hurdle:
            return np.asarray(z)
        return np.where(np.isfinite(z), deviation_with_hurdle(z, np.full(z.shape, _NORMAL_TAIL), self.chance), np.nan)

    def last_month(self, amounts: Array) -> Array:
        """Return the last month's deviation; no trade scores lowest."""
        return np.nan_to_num(self.deviations(amounts)[:, -1], nan=NO_TRADE)


def _score(views: list[_View], amounts: Array) -> Scores:
    z = views[1].deviations(amounts)
    known = np.isfinite(z)
    total = np.where(known, z, 0.0).sum(axis=1) / np.sqrt(np.maximum(known.sum(axis=1), 1))
    highest = np.where(known, z, NO_TRADE).max(axis=1)
    return Scores(views[0].last_month(amounts), {"sum": np.where(known.any(axis=1), total, NO_TRADE), "maximum": highest})


def in_sample_judge(*, is_robust: bool) -> CellJudge:
    """Score the last month by the residual of an STL decomposition that has seen it."""
    return partial(_judge_spikes, prepare=lambda _: lambda amounts: stl_residual_in_sample(np.log1p(amounts), is_robust=is_robust))


def forest_judge() -> CellJudge:
    """Score the last month by an isolation forest alone, grown on the clean series of the cell."""
    return partial(_judge_spikes, prepare=grow_forest)


def _judge_spikes(cell: Cell, prepare: Callable[[Array], Callable[[Array], Array]]) -> CellScores:
    started = time.process_time()
    score = prepare(cell.amounts)

    def judge(amounts: Array) -> Scores:
        return Scores(np.where(amounts[:, -1] > 0, np.nan_to_num(score(amounts), nan=NO_TRADE), NO_TRADE))

    planted = {name: judge(amounts) for name, amounts in cell.planted.items() if name.startswith("spike")}
    fits = len(cell.amounts) * (1 + len(planted))
    return CellScores(judge(cell.amounts), planted, fits, time.process_time() - started)


Scorer = Callable[[list[Array]], list[Scores]]


def judge_ours(cells: list[Cell], score: Scorer) -> Judgement:
    """Score cells by our own model: the clean series as one table of all kinds, those with each anomaly as another."""
    started = time.process_time()
    clean = score([cell.amounts for cell in cells])
    seconds = (time.process_time() - started) / sum(len(cell.amounts) for cell in cells)
    planted = {anomaly: score([cell.planted[anomaly] for cell in cells]) for anomaly in cells[0].planted}
    return Judgement(clean, planted, seconds)
