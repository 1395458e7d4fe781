"""How far each reporter's figures scatter, learnt from all its partners at once.

The variance of ln(importer / exporter) on a corridor is the sum of the two reporters' error variances; with many corridors each can be told
apart (MIRROR.md section 13, item 3; the idea is that of BACI's quality weights, Gaulier and Zignago 2010, without their ad-hoc floor).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradeflow.reconcile.corridor import CorridorGaps, sum_by
from tradeflow.reconcile.sides import Floats, Ints

MIN_OBSERVATIONS = 5
"""Two-sided flows from which a corridor's variance is worth anything."""
_ROUNDS = 400
_SETTLED = 1e-6
_MAX_VARIANCE = float(np.log(10) ** 2)
"""A corridor on which half the flows differ more than tenfold says that its figures cannot be compared, not how much worse they are."""
_PRIOR_OBSERVATIONS = 5
"""Flows that the typical reporter counts for when one with few corridors is judged."""
_TYPICAL_VARIANCE = 0.125
"""Of one report where no corridor tells: the two sides then differ by a factor of 1.6 in half of the cases."""


@dataclass(frozen=True)
class ErrorVariances:
    """Variance of the log error of each reporter in each role."""

    exporter: Floats
    importer: Floats

    def of(self, exporter: Ints, importer: Ints) -> Floats:
        """Return the variance of the gap between two reporters."""
        gap: Floats = self.exporter[exporter] + self.importer[importer]
        return gap


def split_variances(corridors: CorridorGaps, exporters: int, importers: int, floor_sigma: float) -> ErrorVariances:
    """Split the corridors' variances into their two reporters'.

    Gamma likelihood of a variance with n / 2 degrees of freedom, maximised by the multiplicative updates of Itakura-Saito factorisation
    (Fevotte and Idier 2011): each raises the likelihood, none can go negative, none can oscillate. What the two roles share is one constant
    that the figures leave open; the prior, a corridor of typical variance, fixes it.
    """
    usable = corridors.count >= MIN_OBSERVATIONS
    e, i, count = corridors.exporter[usable], corridors.importer[usable], corridors.count[usable]
    variance = np.clip(corridors.variance[usable], 2 * floor_sigma**2, _MAX_VARIANCE)
    half = float(np.exp(np.average(np.log(variance), weights=count))) / 2 if len(count) else _TYPICAL_VARIANCE
    out, into = np.full(exporters, half), np.full(importers, half)
    for _ in range(_ROUNDS):
        fitted = out[e] + into[i]
        pull, push = count * variance / fitted**2, count / fitted
        factor_out = _update(sum_by(e, pull, exporters), sum_by(e, push, exporters), out, half)
        factor_in = _update(sum_by(i, pull, importers), sum_by(i, push, importers), into, half)
        out, into = out * factor_out, into * factor_in
        if max(np.abs(factor_out - 1).max(initial=0), np.abs(factor_in - 1).max(initial=0)) < _SETTLED:
            break
    return ErrorVariances(np.maximum(out, floor_sigma**2), np.maximum(into, floor_sigma**2))


def _update(pull: Floats, push: Floats, current: Floats, half: float) -> Floats:
    factor: Floats = np.sqrt((pull + _PRIOR_OBSERVATIONS * half / current**2) / (push + _PRIOR_OBSERVATIONS / current))
    return factor
