"""What gaps are where nothing is amiss: the middle as it is seen, each tail of a shape of its own, by groups of alike corridors.

A deviation counts in standard deviations of its corridor, an anomaly in logs of the amount: a shipment of which the importer saw a quarter
is short by ln 4 whatever the corridor's scatter. This is what tells the two apart, and keeps what is to be found out of what is taken
for usual. Deviations that one reporter shows far more often than the others (a hub to which its partners' exports are misattributed) are
usual there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradeflow.reconcile.corridor import sum_by
from tradeflow.reconcile.shape import NORMAL, SHAPES, TAIL_SHARE, Shape
from tradeflow.reconcile.sides import Floats, Ints

_SHARES_TRIED = (0.0, 0.003, 0.01, 0.02, 0.04, 0.08, 0.15)
_BINS = 100
_PER_LOG = 20
_LONGEST_LOG = 8.0
_LENGTH_BINS = 40
_ROUNDS = 11
_PRIOR_DEVIATIONS = 1000
"""Deviations of the common tail that a group's own is shrunk by."""
_CLEAR_GAIN = 0.02
"""Log likelihood per deviation by which a side's own shape must be better than the common one."""
_PRIOR_OUTLIERS = 15
_FAR = 0.9
"""Standard deviations below which a deviation is no part of a tail."""
_HABIT_FROM, _HABIT_TO = 1.6, 2.2
"""A reporter whose rate of outliers is so many times the median reporter's shows them by habit; below, not at all; between, in part."""


@dataclass(frozen=True)
class Deviations:
    """Standardised deviations into one tail (positive: into it), with what is needed to compare them."""

    distance: Floats
    sigma: Floats
    group: Ints
    exporter: Ints
    importer: Ints

    @property
    def length_log(self) -> Floats:
        """The deviation in logs of the amount."""
        return np.clip(self.distance * self.sigma, 0, _LONGEST_LOG - 1e-9)


@dataclass(frozen=True)
class Tail:
    """One fitted tail: its shape by group, and how often each reporter shows outliers, of which lengths."""

    shapes: list[Shape]
    scale: Floats
    outlier_rate: float
    exporter_factor: Floats
    importer_factor: Floats
    length_density: Floats

    def density(self, deviation: Floats, group: Ints) -> Floats:
        """Return the density of a deviation, per standard deviation."""
        return _densities(deviation, self.shapes, self.scale, group)

    def length_density_at(self, length_log: Floats) -> Floats:
        """Return the density of an outlier's length, per unit of log."""
        bins = np.clip(length_log / _LONGEST_LOG * _LENGTH_BINS, 0, _LENGTH_BINS - 1).astype(np.intp)
        density: Floats = self.length_density[bins]
        return density

    def habitual_rate(self, exporter: Ints, importer: Ints) -> Floats:
        """Return the rate of outliers that these two reporters show beyond what all show."""
        (usual_e, habit_e), (usual_i, habit_i) = _habit_factors(self.exporter_factor), _habit_factors(self.importer_factor)
        excess = habit_e[exporter] * habit_i[importer] - usual_e * usual_i
        rate: Floats = np.minimum(self.outlier_rate * np.maximum(excess, 0), 0.5)
        return rate

    def outlier_survival(self, length_log: Floats) -> Floats:
        """Return the share of outliers that are at least as long."""
        edges = np.linspace(0, _LONGEST_LOG, _LENGTH_BINS + 1)
        shares = self.length_density * (_LONGEST_LOG / _LENGTH_BINS)
        survival: Floats = np.interp(length_log, edges, np.append(np.cumsum(shares[::-1])[::-1], 0))
        return survival


def fit_tails(low: Deviations, high: Deviations, groups: int, exporters: int, importers: int) -> tuple[Tail, Tail]:
    """Fit both tails by expectation and maximisation: which deviations are outliers, by their length and by who shows them.

    The two help each other: a group's tail is shrunk to the shape that both have in common, for what is looked for fattens one of them.
    """
    corridors = np.unique(low.exporter * importers + low.importer, return_counts=True)
    sides = [_Side(_keep_far(each, groups), len(each.distance), corridors, groups, exporters, importers) for each in (low, high)]
    for number in range(_ROUNDS):
        weighed = [side.weigh() for side in sides]
        pooled = sum((tail.counts for tails in weighed for tail in tails), np.zeros(_BINS))
        for side, tails in zip(sides, weighed, strict=True):
            side.improve(tails, pooled if number else None)
    return sides[0].result(), sides[1].result()


class _Side:
    """One tail while it is being fitted."""

    def __init__(self, far: _Far, total: int, corridors: tuple[Ints, Ints], groups: int, exporters: int, importers: int) -> None:
        self._far, self._total, self._corridors, self._groups = far, total, corridors, groups
        self._outlier = np.zeros(len(far.distance))
        self._rate, self._factor_e, self._factor_i = 0.0, np.ones(exporters), np.ones(importers)
        self._density = np.full(_LENGTH_BINS, 1 / _LONGEST_LOG)
        self._shapes, self._scale = [NORMAL] * groups, np.ones(groups)

    def weigh(self) -> list[_WeighedTail]:
        return [_weigh_tail(self._far, group, self._outlier) for group in range(self._groups)]

    def improve(self, tails: list[_WeighedTail], pooled: Floats | None) -> None:
        """Take one step; without `pooled` it is the first."""
        if pooled is None:
            self._shapes, self._rate = _first_guess(tails, self._groups)
        else:
            self._shapes = _fit_shapes(tails, pooled)
        self._scale = np.array([tail.threshold / shape.threshold for tail, shape in zip(tails, self._shapes, strict=True)])
        far, rates = self._far, self._rate * self._factor_e
        self._outlier = _expect(far, self._shapes, self._scale, rates, self._factor_i, self._density)
        self._rate = max(float(self._outlier.sum()) / max(self._total, 1), 1e-9)
        keys, counts = self._corridors
        self._factor_e, self._factor_i = _reporter_factors(
            far, self._outlier, keys, counts.astype(np.float64) * self._rate, self._factor_e, self._factor_i
        )
        self._density = _length_density(far.bins, self._outlier)

    def result(self) -> Tail:
        return Tail(self._shapes, self._scale, self._rate, self._factor_e, self._factor_i, self._density)


@dataclass(frozen=True)
class _Far:
    """The deviations that may belong to the tail, by group and from the farthest inwards."""

    distance: Floats
    sigma: Floats
    group: Ints
    exporter: Ints
    importer: Ints
    bins: Ints
    """Of the deviation's length in logs of the amount."""
    starts: Ints
    sizes: Floats
    """All deviations of each group."""
    sigmas: Floats
    """The groups' median standard deviation."""


def _keep_far(deviations: Deviations, groups: int) -> _Far:
    rows = np.flatnonzero(deviations.distance > _FAR)
    rows = rows[np.lexsort((-deviations.distance[rows], deviations.group[rows]))]
    group = deviations.group[rows]
    bins = (deviations.length_log[rows] / _LONGEST_LOG * _LENGTH_BINS).astype(np.intp)
    sigmas = [deviations.sigma[deviations.group == each] for each in range(groups)]
    return _Far(
        deviations.distance[rows],
        deviations.sigma[rows],
        group,
        deviations.exporter[rows],
        deviations.importer[rows],
        np.minimum(bins, _LENGTH_BINS - 1),
        np.searchsorted(group, np.arange(groups + 1)),
        np.array([float(len(each)) for each in sigmas]),
        np.array([float(np.median(each)) if len(each) else 1.0 for each in sigmas]),
    )


def _habit_factors(factor: Floats) -> tuple[float, Floats]:
    """Return the median reporter's factor, and each reporter's: its own where it is a habit, else the median's."""
    usual = float(np.median(factor)) if len(factor) else 1.0
    is_habit = np.clip((factor / usual - _HABIT_FROM) / (_HABIT_TO - _HABIT_FROM), 0, 1)
    return usual, usual + is_habit * (factor - usual)


@dataclass(frozen=True)
class _WeighedTail:
    threshold: float
    counts: Floats
    """Of ln(distance / threshold) in bins of 1 / _PER_LOG, the last one open."""
    sigma: float


def _weigh_tail(far: _Far, group: int, outlier: Floats) -> _WeighedTail:
    """Count what lies beyond the distance that TAIL_SHARE of the weight reaches."""
    own = slice(far.starts[group], far.starts[group + 1])
    weight, distance = 1 - outlier[own], far.distance[own]
    if far.sizes[group] < 3 / TAIL_SHARE or not len(distance):
        return _WeighedTail(NORMAL.threshold * np.sqrt(2), np.zeros(_BINS), 1.0)
    reached = int(np.searchsorted(np.cumsum(weight), TAIL_SHARE * (far.sizes[group] - outlier[own].sum())))
    threshold = float(distance[min(reached, len(distance) - 1)])
    bins = np.minimum((np.log(distance[:reached] / threshold) * _PER_LOG).astype(np.intp), _BINS - 1)
    return _WeighedTail(threshold, np.bincount(bins, weight[:reached], _BINS).astype(np.float64), float(far.sigmas[group]))


def _bin_chances() -> Floats:
    """Return, for each shape, the chance of each bin given that a deviation lies beyond the threshold."""
    edges = np.append(np.exp(np.arange(_BINS) / _PER_LOG), np.inf)
    survival = np.stack([shape.survival(edges * shape.threshold) for shape in SHAPES]) / TAIL_SHARE
    return np.maximum(-np.diff(survival, axis=1), 1e-12)


_CHANCES = _bin_chances()


def _first_guess(tails: list[_WeighedTail], groups: int) -> tuple[list[Shape], float]:
    """One shape for all, with a share of outliers spread evenly over the logs of the amount; the likeliest of a grid."""
    edges = np.append(np.exp(np.arange(_BINS) / _PER_LOG), np.inf)
    likelihood = np.zeros((len(_SHARES_TRIED), len(SHAPES)))
    for tail in tails:
        lengths = np.minimum(edges * tail.threshold * tail.sigma, _LONGEST_LOG)
        even = np.maximum(np.diff(lengths) / _LONGEST_LOG, 1e-9)
        for row, share in enumerate(_SHARES_TRIED):
            likelihood[row] += np.log((1 - share) * _CHANCES + share * even) @ tail.counts
    row, column = divmod(int(likelihood.argmax()), likelihood.shape[1])
    return [SHAPES[column]] * groups, max(_SHARES_TRIED[row] * TAIL_SHARE, 1e-4)


def _fit_shapes(tails: list[_WeighedTail], pooled: Floats) -> list[Shape]:
    """The side has the shape that both have in common unless its own tells clearly; a group that of its side unless its own tells."""
    own = np.log(_CHANCES) @ sum((tail.counts for tail in tails), np.zeros(_BINS))
    common = int((np.log(_CHANCES) @ pooled).argmax())
    gain = own.max() - own[common]
    of_side = int(own.argmax()) if gain > _CLEAR_GAIN * sum(tail.counts.sum() for tail in tails) else common
    prior = _PRIOR_DEVIATIONS * _CHANCES[of_side]
    return [SHAPES[int((np.log(_CHANCES) @ (tail.counts + prior)).argmax())] for tail in tails]


def _expect(far: _Far, shapes: list[Shape], scale: Floats, rate_e: Floats, factor_i: Floats, density: Floats) -> Floats:
    """Return for each deviation the chance that it is an outlier."""
    usual = _densities(far.distance, shapes, scale, far.group)
    rate = np.minimum(rate_e[far.exporter] * factor_i[far.importer], 0.5)
    strange = rate * density[far.bins] * far.sigma
    outlier: Floats = strange / (strange + (1 - rate) * usual)
    return outlier


def _densities(distance: Floats, shapes: list[Shape], scale: Floats, group: Ints) -> Floats:
    """Return the density of each deviation under its group's shape and scale."""
    density = np.zeros(len(distance))
    for number, shape in enumerate(shapes):
        own = np.flatnonzero(group == number)
        density[own] = shape.density(distance[own] / scale[number]) / scale[number]
    return density


def _reporter_factors(
    far: _Far, outlier: Floats, corridors: Ints, expected: Floats, factor_e: Floats, factor_i: Floats
) -> tuple[Floats, Floats]:
    """Observed over expected outliers by exporter and by importer, each raised by _PRIOR_OUTLIERS (mean of a gamma-Poisson rate)."""
    e, i = np.divmod(corridors, len(factor_i))
    seen_e, seen_i = sum_by(far.exporter, outlier, len(factor_e)), sum_by(far.importer, outlier, len(factor_i))
    for _ in range(5):
        factor_i = (seen_i + _PRIOR_OUTLIERS) / (sum_by(i, expected * factor_e[e], len(factor_i)) + _PRIOR_OUTLIERS)
        factor_e = (seen_e + _PRIOR_OUTLIERS) / (sum_by(e, expected * factor_i[i], len(factor_e)) + _PRIOR_OUTLIERS)
    return factor_e, factor_i


def _length_density(bins: Ints, outlier: Floats) -> Floats:
    counts = np.bincount(bins, outlier, _LENGTH_BINS) + 0.5
    smooth: Floats = np.convolve(np.pad(counts, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    density: Floats = smooth / smooth.sum() / (_LONGEST_LOG / _LENGTH_BINS)
    return density
