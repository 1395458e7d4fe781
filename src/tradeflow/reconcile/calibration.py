"""Turns a standardised gap into a z that is standard normal where nothing is amiss, each tail by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from tradeflow.reconcile.corridor import count_edges
from tradeflow.reconcile.evidence import UsualClass, read_z, weigh_evidence
from tradeflow.reconcile.lack import Classes
from tradeflow.reconcile.sides import Floats, Ints
from tradeflow.reconcile.tail import MOST_ROUNDS, Deviations, Tail, fit_tails, usual_knots

_PRECISION_GROUPS = 6
_ROWS_PER_GROUP = 4000
_CLASSES_PER_GROUP = 4
"""Finer classes of scatter, of one tail, in which a gap is weighed as evidence."""
_HABIT_EDGE = -0.15
"""A corridor that usually loses a share (its goods arrive in the next period) loses it unevenly: it has tails of its own."""
_QUARTILE = 0.6744897501960817
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
class Hubs:
    """By area: importers under which exports to others are booked, and exporters under which imports from others are."""

    importers: NDArray[np.bool_]
    exporters: NDArray[np.bool_]


@dataclass(frozen=True)
class Calibration:
    """The usual distribution of one measure's deviations, by groups of alike corridors."""

    sigma_edges: Floats
    low: Tail
    high: Tail
    middle: Floats
    class_edges: Floats
    classes: list[UsualClass]

    @cached_property
    def table(self) -> Floats:
        """Return z by class of alike corridors and knot (see `read_z`); a first look at the tails never asks for it."""
        return weigh_evidence(self.classes)

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


def fit_calibration(given: Standardised, areas: int, hubs: Hubs | None = None, rounds: int = MOST_ROUNDS) -> Calibration:
    """Fit both tails and the middle to deviations of which a small share may be anomalies.

    hubs: show outliers by habit. rounds: of the fit of the tails at the most, fewer for a first look.
    """
    known = np.flatnonzero(np.isfinite(given.deviation))
    given = given.take(known)
    bins = int(np.clip(len(known) // _ROWS_PER_GROUP, 1, _PRECISION_GROUPS))
    edges, class_edges = (_quantile_edges(given.sigma, bins * parts) for parts in (1, _CLASSES_PER_GROUP))
    group = _alike(edges, given.sigma, given.habit)
    groups = 2 * (len(edges) + 1)
    quartiles = _quartiles(given.deviation, group, groups)
    centred = given.deviation - quartiles[group, 1]
    below, above = (Deviations(sign * centred, given.sigma, group, given.exporter, given.importer) for sign in (-1.0, 1.0))
    about = quartiles - quartiles[:, 1:2]
    classes = _classes(given, edges, class_edges)
    low, high = fit_tails(below, above, classes, about, areas, areas, rounds)
    if hubs is not None:
        low, high = replace(low, importer_hubs=hubs.importers), replace(high, exporter_hubs=hubs.exporters)
    knots = [usual_knots(low.law, high.law, own, number) for number, own in enumerate(about)]
    shares = np.maximum(classes.size, 1) / max(len(known), 1)
    alike = [
        UsualClass(knots[group][0], knots[group][1], sigma, share)
        for group, sigma, share in zip(classes.group, classes.sigma, shares, strict=True)
    ]
    return Calibration(edges, low, high, quartiles[:, 1], class_edges, alike)


def _quantile_edges(sigma: Floats, bins: int) -> Floats:
    return np.unique(np.quantile(sigma, np.linspace(0, 1, bins + 1)[1:-1])) if len(sigma) else np.empty(0)


def _classes(given: Standardised, edges: Floats, class_edges: Floats) -> Classes:
    """Return the finer classes in the order of `_alike`, each with its group."""
    places = _alike(class_edges, given.sigma, given.habit)
    count = 2 * (len(class_edges) + 1)
    general = float(np.median(given.sigma)) if len(given.sigma) else 1.0
    owns = [given.sigma[places == place] for place in range(count)]
    sigma = np.array([float(np.median(own)) if len(own) else general for own in owns])
    group = 2 * count_edges(edges, sigma) + np.arange(count) % 2
    return Classes(places, group, sigma, np.array([float(len(own)) for own in owns]))


def _quartiles(deviation: Floats, group: Ints, groups: int) -> Floats:
    told = np.tile(np.array([-_QUARTILE, 0.0, _QUARTILE]), (groups, 1))
    for number in range(groups):
        own = deviation[group == number]
        if len(own) >= 30:
            told[number] = np.quantile(own, [0.25, 0.5, 0.75])
    return told
