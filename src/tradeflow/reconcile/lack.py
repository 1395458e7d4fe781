"""Outliers told apart from the usual scatter: a part of the trade is lacking, and what is left scatters as everything does.

Scatter counts in standard deviations of the corridor, what is lacking in logs of the amount. So an outlier's deviation is the usual one
moved by its lack, and the law of lacks, the same for all corridors, is what the precise ones and the others have in common: it is found by
deconvolution (nonparametric maximum likelihood for a mixture, Kiefer and Wolfowitz 1956; Laird 1978). Where a corridor scatters too much to
show which of its gaps are outliers the others still tell how many there must be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradeflow.reconcile.sides import Floats, Ints
from tradeflow.reconcile.usual import AXIS, KNOTS, log_density

LACKS = np.append(np.arange(2, 25) / 10, np.geomspace(2.5, 8, 12))
"""ln of the whole over what is recorded."""
IS_ANOMALY = np.log(1.5) <= LACKS
"""A third of the trade or more: less is the ordinary course of trade, and stays with the scatter."""
FAR = 0.9
"""Standard deviations below which a deviation is no part of a tail."""
_STEP = 0.05
DISTANCES = FAR * np.exp(_STEP * np.arange(127))
"""Up to 500 standard deviations."""
_WIDTHS = np.diff(AXIS, append=np.inf)


@dataclass(frozen=True)
class Classes:
    """Fine classes of corridors by scatter: the class of each deviation; each class's group, standard deviation in logs, and size."""

    place: Ints
    group: Ints
    sigma: Floats
    size: Floats


@dataclass(frozen=True)
class _AxisPlaces:
    """Where deviations of groups stand between the knots of the axis: found once, read for each new law."""

    cell: Ints
    rest: Floats

    def read(self, heights: Floats) -> Floats:
        """Return heights [groups, KNOTS] there, by straight lines between the knots."""
        slopes = np.diff(heights, append=heights[:, -1:], axis=1) / _WIDTHS
        there: Floats = slopes.ravel()[self.cell] * self.rest + heights.ravel()[self.cell]
        return there


def _find_places(deviation: Floats, group: Ints) -> _AxisPlaces:
    at = np.clip(deviation, AXIS[0], AXIS[-1])
    knot = np.searchsorted(AXIS, at, side="right") - 1
    return _AxisPlaces(group * KNOTS + knot, at - AXIS[knot])


@dataclass(frozen=True)
class LackTables:
    """Density of a deviation by class, lack and distance over the usual one, and the share of the outliers that stay nearer than FAR."""

    odds: Floats
    near: Floats


class LackGrid:
    """The deviations that a lack moves, by class, lack and distance: those of all laws that are fitted to these classes."""

    def __init__(self, classes: Classes) -> None:
        group, moved = classes.group[:, None], LACKS / classes.sigma[:, None]
        self._usual = _find_places(np.tile(DISTANCES, (len(group), 1)), group)
        self._moved = _find_places(DISTANCES - moved[:, :, None], group[:, :, None])
        self._near = _find_places(FAR - moved, group)

    def tabulate(self, z: Floats) -> LackTables:
        """Tabulate for z by group and knot of the axis, positive into the tail."""
        density = np.exp(log_density(z))
        inside = np.cumsum(density * np.gradient(AXIS), axis=1)
        odds = self._moved.read(density)
        odds /= np.maximum(self._usual.read(density), 1e-300)[:, None]
        return LackTables(np.minimum(odds, 1e100, out=odds), self._near.read(inside / inside[:, -1:]))


@dataclass(frozen=True)
class FarPlaces:
    """Where each far deviation stands between the distances of its class's table."""

    cell: Ints
    part: Floats


def place_far(distance: Floats, place: Ints) -> FarPlaces:
    """Return the places of deviations of at least FAR."""
    at = np.clip(np.log(distance / FAR) / _STEP, 0, len(DISTANCES) - 1.000001)
    knot = at.astype(np.intp)
    return FarPlaces(place * len(DISTANCES) + knot, at - knot)


def outlier_odds(tables: LackTables, lack_density: Floats, far: FarPlaces) -> Floats:
    """Return for each far deviation the density of an outlier over that of a usual one."""
    table = np.log(np.maximum(np.einsum("j,cjd->cd", lack_density, tables.odds), 1e-300)).ravel()
    odds: Floats = np.exp(table[far.cell] + far.part * (table[far.cell + 1] - table[far.cell]))
    return odds


def expect_lacks(tables: LackTables, lack_density: Floats, far: FarPlaces, outlier: Floats, near_outliers: Floats) -> Floats:
    """Return how many outliers have each lack: of the far ones by their chance, of those nearer by class as many as must be there."""
    classes = len(near_outliers)
    counted = np.bincount(far.cell, outlier, classes * len(DISTANCES)).reshape(classes, -1)
    whole = np.maximum(np.einsum("j,cjd->cd", lack_density, tables.odds), 1e-300)
    lacks: Floats = lack_density * (np.einsum("cd,cjd->j", counted / whole, tables.odds) + near_outliers @ tables.near)
    return lacks
