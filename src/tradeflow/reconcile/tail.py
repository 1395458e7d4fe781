"""What gaps are where nothing is amiss: the middle as it is seen, each tail of a shape of its own, by groups of alike corridors.

A deviation counts in standard deviations of its corridor, an anomaly in logs of the amount: a shipment of which the importer saw a quarter
is short by ln 4 whatever the corridor's scatter. This is what tells the two apart, and keeps what is to be found out of what is taken
for usual. Deviations that one reporter shows far more often than the others (a hub to which its partners' exports are misattributed) are
usual there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradeflow.reconcile.corridor import sum_by
from tradeflow.reconcile.lack import (
    FAR,
    IS_ANOMALY,
    LACKS,
    Classes,
    LackGrid,
    LackTables,
    expect_lacks,
    outlier_odds,
    place_far,
)
from tradeflow.reconcile.law import NORMAL_MIX, TailLaw
from tradeflow.reconcile.mixture import BINS, OVER_STEP, PER_LOG, fit_mixtures
from tradeflow.reconcile.shape import NORMAL, SHAPES, TAIL_SHARE
from tradeflow.reconcile.sides import Floats, Ints
from tradeflow.reconcile.usual import z_on_axis

_LONGEST_LOG = 8.0
_LENGTH_BINS = 40
MOST_ROUNDS = 40
_SETTLED = 2e-5
"""Share of all deviations, a fiftieth of the smallest rate asked for (0.1%): when chances change by less together the fit has settled."""
_FIRST_RATE = 0.005
"""Share of outliers to begin with."""
_FIRST_OTHER = 0.1
"""Weight of all shapes but the normal one to begin with."""
_PRIOR_LACKS = 0.1
"""Outliers of each lack that are taken as seen."""
_PRIOR_OUTLIERS = 15
_REACH = 3
"""Lacks on each side over which those of both tails are compared."""
_QUARTILE_Z = np.array([-0.6744897501960817, 0.0, 0.6744897501960817])
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
    """One fitted tail: its law by group, and how often each reporter shows outliers, of which lengths."""

    law: TailLaw
    outlier_rate: float
    exporter_factor: Floats
    importer_factor: Floats
    length_density: Floats
    exporter_hubs: NDArray[np.bool_]
    importer_hubs: NDArray[np.bool_]
    """Whose outliers are a habit, however few."""

    def density(self, deviation: Floats, group: Ints) -> Floats:
        """Return the density of a deviation, per standard deviation."""
        return self.law.density(deviation, group)

    def length_density_at(self, length_log: Floats) -> Floats:
        """Return the density of an outlier's length, per unit of log."""
        bins = np.clip(length_log / _LONGEST_LOG * _LENGTH_BINS, 0, _LENGTH_BINS - 1).astype(np.intp)
        density: Floats = self.length_density[bins]
        return density

    def habitual_rate(self, exporter: Ints, importer: Ints) -> Floats:
        """Return the rate of outliers that these two reporters show beyond what all show."""
        usual_e, habit_e = _habit_factors(self.exporter_factor, self.exporter_hubs)
        usual_i, habit_i = _habit_factors(self.importer_factor, self.importer_hubs)
        excess = habit_e[exporter] * habit_i[importer] - usual_e * usual_i
        rate: Floats = np.minimum(self.outlier_rate * np.maximum(excess, 0), 0.5)
        return rate

    def outlier_survival(self, length_log: Floats) -> Floats:
        """Return the share of outliers that are at least as long."""
        edges = np.linspace(0, _LONGEST_LOG, _LENGTH_BINS + 1)
        shares = self.length_density * (_LONGEST_LOG / _LENGTH_BINS)
        survival: Floats = np.interp(length_log, edges, np.append(np.cumsum(shares[::-1])[::-1], 0))
        return survival


def usual_knots(low: TailLaw, high: TailLaw, quartiles: Floats, group: int) -> tuple[Floats, Floats]:
    """Return deviations of one group from its middle, in order, and their z: both tails, and the quartiles [3] between them."""
    below, above = low.knots(group), high.knots(group)
    # The quartiles must lie between the tails; with few rows they may not.
    inner = (quartiles > -below[0][0]) & (quartiles < above[0][0])
    deviation = np.concatenate([-below[0][::-1], quartiles[inner], above[0]])
    return deviation, np.concatenate([-below[1][::-1], _QUARTILE_Z[inner], above[1]])


def fit_tails(
    low: Deviations, high: Deviations, classes: Classes, quartiles: Floats, exporters: int, importers: int, rounds: int = MOST_ROUNDS
) -> tuple[Tail, Tail]:
    """Fit both tails by expectation and maximisation: which deviations are outliers, by what they lack and by who shows them.

    quartiles: of the deviations by group, [groups, 3], about the middle one.
    """
    corridors = np.unique(low.exporter * importers + low.importer, return_counts=True)
    far = [_keep_far(each, classes.place, len(quartiles)) for each in (low, high)]
    sides, grid = [_Side(each, classes, corridors, exporters, importers) for each in far], LackGrid(classes)
    for _ in range(rounds):
        laws = [side.fit_law() for side in sides]
        z = np.stack([z_on_axis(*usual_knots(laws[0], laws[1], own, group)) for group, own in enumerate(quartiles)])
        changes = [side.expect_outliers(grid.tabulate(of_side)) for side, of_side in zip(sides, (-z[:, ::-1], z), strict=True)]
        sides[0].keep_own(sides[1])
        if max(changes) <= _SETTLED * len(low.distance):
            break
    return sides[0].result(), sides[1].result()


class _Side:
    """One tail while it is being fitted."""

    def __init__(self, far: _Far, classes: Classes, corridors: tuple[Ints, Ints], exporters: int, importers: int) -> None:
        self._far, self._classes, self._total = far, classes, max(float(classes.size.sum()), 1.0)
        self._corridors = (*np.divmod(corridors[0], importers), corridors[1].astype(np.float64))
        self._places = place_far(far.distance, far.place)
        self._outlier = np.zeros(len(far.distance))
        self._lack = np.full(len(LACKS), 1 / len(LACKS))
        self._factor_e, self._factor_i = np.ones(exporters), np.ones(importers)
        self._rate = _FIRST_RATE
        self._mix = np.tile((1 - _FIRST_OTHER) * NORMAL_MIX + _FIRST_OTHER / len(SHAPES), (1 + len(far.sizes), 1))
        self._law = TailLaw(self._weigh(self._outlier)[0], np.tile(NORMAL_MIX, (len(far.sizes), 1)))
        self._is_begun = False
        self._lacks, self._own_share = np.zeros(len(LACKS)), np.ones(len(LACKS))

    def _weigh(self, outlier: Floats) -> tuple[Floats, Floats]:
        """Return the groups' thresholds without the outliers, and the counts beyond, [groups, bins]."""
        tails = [_weigh_tail(self._far, group, outlier) for group in range(len(self._far.sizes))]
        return np.array([threshold for threshold, _ in tails]), np.stack([counts for _, counts in tails])

    def fit_law(self) -> TailLaw:
        """Fit the law to what is no outlier; it is normal until outliers are told apart, for what is heavy may be outliers."""
        if self._is_begun:
            thresholds, counts = self._weigh(self._outlier)
            self._mix = fit_mixtures(counts, self._mix)
            self._law = TailLaw(thresholds, self._mix[1:])
        self._is_begun = True
        return self._law

    def expect_outliers(self, tables: LackTables) -> float:
        """Tell the outliers by what lacks look like under the usual law; return by how many they changed."""
        far = self._far
        odds, anomalous = (outlier_odds(tables, lacks, self._places) for lacks in (self._lack, self._lack * IS_ANOMALY * self._own_share))
        rate = np.minimum(self._rate * self._factor_e[far.exporter] * self._factor_i[far.importer], 0.5)
        chance = rate / (rate * odds + 1 - rate)
        before = self._rate * self._total * self._lack
        outlier = chance * anomalous
        change = float(np.abs(outlier - self._outlier).sum())
        lacks = expect_lacks(tables, self._lack, self._places, chance * odds, self._rate * self._classes.size)
        lacks = before * (lacks / before) ** OVER_STEP
        self._lacks = lacks
        self._outlier, self._rate = outlier, max(float(lacks.sum()) / self._total, 1e-9)
        self._lack = (lacks + _PRIOR_LACKS) / (lacks + _PRIOR_LACKS).sum()
        seen = max(float(outlier.sum()) / self._total, 1e-9)
        self._factor_e, self._factor_i = _reporter_factors(far, outlier, self._corridors, seen, self._factor_e, self._factor_i)
        return change

    def keep_own(self, other: _Side) -> None:
        """Take as lacking only what this side shows more of than the other: what both show alike is scatter with long tails."""
        own, others = (_smooth(side._lacks) for side in (self, other))
        self._own_share, other._own_share = (np.maximum(a - b, 0) / np.maximum(a, 1e-9) for a, b in ((own, others), (others, own)))

    def result(self) -> Tail:
        density = _length_density(self._far.bins, self._outlier)
        rate = self._rate * float((self._lack * self._own_share)[IS_ANOMALY].sum())
        hubs_e, hubs_i = np.zeros_like(self._factor_e, dtype=bool), np.zeros_like(self._factor_i, dtype=bool)
        return Tail(self._law, rate, self._factor_e, self._factor_i, density, hubs_e, hubs_i)


@dataclass(frozen=True)
class _Far:
    """The deviations that may belong to the tail, by group and from the farthest inwards."""

    distance: Floats
    group: Ints
    place: Ints
    """Of its class of corridors."""
    exporter: Ints
    importer: Ints
    bins: Ints
    """Of the deviation's length in logs of the amount."""
    starts: Ints
    sizes: Floats
    """All deviations of each group."""


def _keep_far(deviations: Deviations, place: Ints, groups: int) -> _Far:
    rows = np.flatnonzero(deviations.distance > FAR)
    rows = rows[np.lexsort((-deviations.distance[rows], deviations.group[rows]))]
    group = deviations.group[rows]
    bins = (deviations.length_log[rows] / _LONGEST_LOG * _LENGTH_BINS).astype(np.intp)
    return _Far(
        deviations.distance[rows],
        group,
        place[rows],
        deviations.exporter[rows],
        deviations.importer[rows],
        np.minimum(bins, _LENGTH_BINS - 1),
        np.searchsorted(group, np.arange(groups + 1)),
        np.bincount(deviations.group, minlength=groups).astype(np.float64),
    )


def _habit_factors(factor: Floats, is_hub: NDArray[np.bool_]) -> tuple[float, Floats]:
    """Return the median reporter's factor, and each reporter's: its own where it is a habit, else the median's."""
    usual = float(np.median(factor)) if len(factor) else 1.0
    is_habit = np.clip((factor / usual - _HABIT_FROM) / (_HABIT_TO - _HABIT_FROM), is_hub, 1)
    return usual, usual + is_habit * np.maximum(factor - usual, 0)


def _weigh_tail(far: _Far, group: int, outlier: Floats) -> tuple[float, Floats]:
    """Return the distance that TAIL_SHARE of the weight reaches, and the weight beyond by ln(distance / threshold) in bins."""
    own = slice(far.starts[group], far.starts[group + 1])
    weight, distance = 1 - outlier[own], far.distance[own]
    if far.sizes[group] < 3 / TAIL_SHARE or not len(distance):
        return _NORMAL_THRESHOLD, np.zeros(BINS)
    reached = int(np.searchsorted(np.cumsum(weight), TAIL_SHARE * (far.sizes[group] - outlier[own].sum())))
    threshold = float(distance[min(reached, len(distance) - 1)])
    bins = np.minimum((np.log(distance[:reached] / threshold) * PER_LOG).astype(np.intp), BINS - 1)
    return threshold, np.bincount(bins, weight[:reached], BINS).astype(np.float64)


_NORMAL_THRESHOLD = float(NORMAL.threshold * np.sqrt(2))
"""Of a standard normal; the shape's own variance is 1 / 2."""


def _reporter_factors(
    far: _Far, outlier: Floats, corridors: tuple[Ints, Ints, Floats], rate: float, factor_e: Floats, factor_i: Floats
) -> tuple[Floats, Floats]:
    """Observed over expected outliers by exporter and by importer, each raised by _PRIOR_OUTLIERS (mean of a gamma-Poisson rate)."""
    e, i, counts = corridors
    expected = counts * rate
    seen_e, seen_i = sum_by(far.exporter, outlier, len(factor_e)), sum_by(far.importer, outlier, len(factor_i))
    for _ in range(5):
        factor_i = (seen_i + _PRIOR_OUTLIERS) / (sum_by(i, expected * factor_e[e], len(factor_i)) + _PRIOR_OUTLIERS)
        factor_e = (seen_e + _PRIOR_OUTLIERS) / (sum_by(e, expected * factor_i[i], len(factor_e)) + _PRIOR_OUTLIERS)
    return factor_e, factor_i


def _smooth(lacks: Floats) -> Floats:
    """Return means over neighbouring lacks."""
    mean: Floats = np.convolve(np.pad(lacks, _REACH, mode="edge"), np.ones(2 * _REACH + 1) / (2 * _REACH + 1), "valid")
    return mean


def _length_density(bins: Ints, outlier: Floats) -> Floats:
    counts = np.bincount(bins, outlier, _LENGTH_BINS) + 0.5
    smooth: Floats = np.convolve(np.pad(counts, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    density: Floats = smooth / smooth.sum() / (_LONGEST_LOG / _LENGTH_BINS)
    return density
