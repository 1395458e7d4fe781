"""Shapes that the tail of a gap's distribution may have: Student's t (heavy), or exponential power (exponential, normal, lighter)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import gamma, gammaincc, gammainccinv, gammaln, stdtr, stdtrit

from tradeflow.reconcile.sides import Floats

TAIL_SHARE = 0.10
"""Share of the deviations on one side that makes its tail."""


@dataclass(frozen=True)
class Shape:
    """A symmetric law: Student's t with `degrees`, or, where these are 0, density proportional to exp(-|x|^power) (Subbotin 1923)."""

    degrees: float = 0.0
    power: float = 0.0

    def survival(self, x: Floats) -> Floats:
        """Return the chance of more than x, x >= 0."""
        p: Floats = stdtr(self.degrees, -x) if self.degrees else gammaincc(1 / self.power, x**self.power) / 2
        return p

    def density(self, x: Floats) -> Floats:
        """Return the density at x."""
        if not self.degrees:
            powered: Floats = self.power / (2 * gamma(1 / self.power)) * np.exp(-(np.abs(x) ** self.power))
            return powered
        half = (self.degrees + 1) / 2
        constant = np.exp(gammaln(half) - gammaln(self.degrees / 2)) / np.sqrt(self.degrees * np.pi)
        student: Floats = constant * np.exp(-half * np.log1p(x * x / self.degrees))
        return student

    @cached_property
    def threshold(self) -> float:
        """Where the tail begins."""
        if self.degrees:
            return float(stdtrit(self.degrees, 1 - TAIL_SHARE))
        return float(gammainccinv(1 / self.power, 2 * TAIL_SHARE) ** (1 / self.power))


NORMAL = Shape(power=2.0)
SHAPES = [
    *(Shape(degrees=degrees) for degrees in (2.0, 3.0, 4.0, 6.0, 10.0)),
    *(Shape(power=power) for power in (0.8, 1.0, 1.4)),
    NORMAL,
    Shape(power=3.0),
]
"""A tail is a mixture of them: hardly any tail of real figures is one of the laws that have a name."""
