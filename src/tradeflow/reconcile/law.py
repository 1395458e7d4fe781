"""The law of one tail of the gaps, group by group: where it begins, and a mixture of shapes beyond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from tradeflow.reconcile.shape import NORMAL, SHAPES
from tradeflow.reconcile.sides import Floats, Ints

_INNER = 20
_FURTHEST = 500.0
_REACH = np.geomspace(1, _FURTHEST, 80)
"""Distances in thresholds at which the chance beyond is told."""
_STEP = float(np.log(_REACH[1]))
_RATIOS = np.append(np.arange(_INNER) / _INNER, _REACH)
_SURVIVAL = np.stack([shape.survival(_REACH * shape.threshold) for shape in SHAPES])
_DENSITY = np.stack([shape.density(_RATIOS * shape.threshold) * shape.threshold for shape in SHAPES])
_LEAST_CHANCE = 1e-250
NORMAL_MIX = np.array([float(shape == NORMAL) for shape in SHAPES])


@dataclass(frozen=True)
class TailLaw:
    """One tail by group: the distance that TAIL_SHARE of the deviations reach, and the weight of each of SHAPES, [groups, shapes]."""

    threshold: Floats
    weights: Floats

    def density(self, deviation: Floats, group: Ints) -> Floats:
        """Return the density of deviations, per standard deviation; the mixture goes on inside the threshold."""
        table = np.log(np.maximum(self.weights @ _DENSITY / self.threshold[:, None], 1e-300))
        ratio = np.abs(deviation) / self.threshold[group]
        outer = _INNER + np.log(np.maximum(ratio, 1.0)) / _STEP
        at = np.minimum(np.where(ratio < 1, ratio * _INNER, outer), len(_RATIOS) - 1.000001)
        knot = at.astype(np.intp)
        first, flat = group * len(_RATIOS) + knot, table.ravel()
        density: Floats = np.exp(flat[first] + (at - knot) * (flat[first + 1] - flat[first]))
        return density

    def knots(self, group: int) -> tuple[Floats, Floats]:
        """Return distances and their z; where the chance is too small for a number the last slope goes on."""
        distance, p = self.threshold[group] * _REACH, self.weights[group] @ _SURVIVAL
        told = p > _LEAST_CHANCE
        z = -ndtri(p[told])
        slope = (z[-1] - z[-2]) / (distance[told][-1] - distance[told][-2])
        return distance, np.concatenate([z, z[-1] + slope * (distance[~told] - distance[told][-1])])
