"""Turns a standardised gap into a z that is standard normal where nothing is amiss, each tail by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, ndtri

from tradeflow.reconcile.corridor import count_edges
from tradeflow.reconcile.evidence import UsualClass, read_z, weigh_evidence
from tradeflow.reconcile.sides import Floats, Ints
from tradeflow.reconcile.tail import Deviations, Tail, fit_tails

_PRECISION_GROUPS = 6
_ROWS_PER_GROUP = 4000
_CLASSES_PER_GROUP = 4
"""Finer classes of scatter, of one tail, in which a gap is weighed as evidence."""
_HABIT_EDGE = -0.15
"""A corridor that usually loses a share (its goods arrive in the next period) loses it unevenly: it has tails of its own."""
_QUARTILE = 0.6744897501960817
_REACH = np.geomspace(1, 500, 80)
_NEAR = 1.0
"""Nearer to the middle no outlier of a reporter's habit matters."""


@dataclass(frozen=True)
class Standardised:
    """Deviations of one measure from what is usual, in standard deviations; NaN where a side has no amount."""

    deviation: Floats
    sigma: Floats
    habit: Floats
    exporter: Ints
    importer: Ints

    def take(self, rows: Ints) -> Standardised:
        """Return some of the rows."""
        return Standardised(self.deviation[rows], self.sigma[rows], self.habit[rows], self.exporter[rows], self.importer[rows])

    def put(self, rows: Ints, other: Standardised) -> Standardised:
        """Return the same with the deviations of some rows replaced."""
        deviation = self.deviation.copy()
        deviation[rows] = other.deviation
        return replace(self, deviation=deviation)


@dataclass(frozen=True)
class Calibration:
    """The usual distribution of one measure's deviations, by groups of alike corridors."""

    sigma_edges: Floats
    low: Tail
    high: Tail
    middle: Floats
    class_edges: Floats
    table: Floats
    """z by class of alike corridors and knot; see `read_z`."""

    def group_of(self, sigma: Floats, habit: Floats) -> Ints:
        """Return the group of alike corridors: by their scatter, and by whether they usually lose a share."""
        return _alike(self.sigma_edges, sigma, habit)

    def z(self, given: Standardised) -> Floats:
        """Return calibrated z: negative where the importer recorded less than is usual."""
        centred = given.deviation - self.middle[self.group_of(given.sigma, given.habit)]
        z = read_z(centred, _alike(self.class_edges, given.sigma, given.habit), self.table)
        for tail, sign in ((self.low, -1.0), (self.high, 1.0)):
            z = _raise_by_habit(z, tail, sign, given)
        return z


def _alike(edges: Floats, sigma: Floats, habit: Floats) -> Ints:
    group: Ints = 2 * count_edges(edges, sigma) + (habit < _HABIT_EDGE * sigma)
    return group


def _raise_by_habit(z: Floats, tail: Tail, sign: float, given: Standardised) -> Floats:
    """Add what these reporters' outliers make usual to the chance of such a deviation."""
    rows = np.flatnonzero(sign * z > _NEAR)
    rate = tail.habitual_rate(given.exporter[rows], given.importer[rows])
    rows, rate = rows[rate > 0], rate[rate > 0]
    length = np.abs(given.deviation[rows]) * given.sigma[rows]
    p = (1 - rate) * ndtr(-np.abs(z[rows])) + rate * tail.outlier_survival(length)
    raised = z.copy()
    raised[rows] = -sign * ndtri(np.clip(p, 1e-300, 0.5))
    return raised


def fit_calibration(given: Standardised, areas: int) -> Calibration:
    """Fit both tails and the middle to deviations of which a small share may be anomalies."""
    known = np.flatnonzero(np.isfinite(given.deviation))
    given = given.take(known)
    bins = int(np.clip(len(known) // _ROWS_PER_GROUP, 1, _PRECISION_GROUPS))
    edges, class_edges = (_quantile_edges(given.sigma, bins * parts) for parts in (1, _CLASSES_PER_GROUP))
    group = _alike(edges, given.sigma, given.habit)
    groups = 2 * (len(edges) + 1)
    quartiles = _quartiles(given.deviation, group, groups)
    centred = given.deviation - quartiles[group, 1]
    below, above = (Deviations(sign * centred, given.sigma, group, given.exporter, given.importer) for sign in (-1.0, 1.0))
    low, high = fit_tails(below, above, groups, areas, areas)
    knots = [_knots(low, high, quartiles[number] - quartiles[number, 1], number) for number in range(groups)]
    table = weigh_evidence(_usual_classes(given, edges, class_edges, knots))
    return Calibration(edges, low, high, quartiles[:, 1], class_edges, table)


def _quantile_edges(sigma: Floats, bins: int) -> Floats:
    return np.unique(np.quantile(sigma, np.linspace(0, 1, bins + 1)[1:-1])) if len(sigma) else np.empty(0)


def _usual_classes(given: Standardised, edges: Floats, class_edges: Floats, knots: list[tuple[Floats, Floats]]) -> list[UsualClass]:
    """Return the classes in the order of `_alike`, each with its group's knots."""
    places = _alike(class_edges, given.sigma, given.habit)
    general = float(np.median(given.sigma)) if len(given.sigma) else 1.0
    classes = []
    for place in range(2 * (len(class_edges) + 1)):
        own = given.sigma[places == place]
        sigma = float(np.median(own)) if len(own) else general
        group = 2 * int(count_edges(edges, np.array([sigma]))[0]) + place % 2
        classes.append(UsualClass(*knots[group], sigma, max(len(own), 1) / max(len(places), 1)))
    return classes


def _quartiles(deviation: Floats, group: Ints, groups: int) -> Floats:
    told = np.tile(np.array([-_QUARTILE, 0.0, _QUARTILE]), (groups, 1))
    for number in range(groups):
        own = deviation[group == number]
        if len(own) >= 30:
            told[number] = np.quantile(own, [0.25, 0.5, 0.75])
    return told


def _knots(low: Tail, high: Tail, quartiles: Floats, group: int) -> tuple[Floats, Floats]:
    below, above = _tail_knots(low, group), _tail_knots(high, group)
    # The quartiles must lie between the tails; with few rows they may not.
    inner = [x for x in (quartiles[0], 0.0, quartiles[2]) if -below[0][0] < x < above[0][0]]
    inner_z = [z for x, z in zip((quartiles[0], 0.0, quartiles[2]), (-_QUARTILE, 0.0, _QUARTILE), strict=True) if x in inner]
    deviation = np.concatenate([-below[0][::-1], inner, above[0]])
    return deviation, np.concatenate([-below[1][::-1], inner_z, above[1]])


def _tail_knots(tail: Tail, group: int) -> tuple[Floats, Floats]:
    """Return distances and their z; where the chance is too small for a number the last slope goes on."""
    shape, scale = tail.shapes[group], tail.scale[group]
    threshold = scale * shape.threshold
    distance = threshold * _REACH
    p = shape.survival(distance / scale)
    told = p > 1e-250
    z = -ndtri(p[told])
    slope = (z[-1] - z[-2]) / (distance[told][-1] - distance[told][-2])
    rest = z[-1] + slope * (distance[~told] - distance[told][-1])
    return distance, np.concatenate([z, rest])
