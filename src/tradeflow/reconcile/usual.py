"""The usual distribution of deviations as z at fixed knots: how normal a deviation is, and its density."""

from __future__ import annotations

import numpy as np

from tradeflow.reconcile.sides import Floats

FINEST = 0.02
HALF = 300
STEP = float(np.arcsinh(500 / FINEST)) / HALF
AXIS = FINEST * np.sinh(STEP * np.arange(-HALF, HALF + 1))
"""Deviations at which z is told: even near the middle, in proportion far out."""
KNOTS = len(AXIS)


def z_on_axis(deviation: Floats, z: Floats) -> Floats:
    """Return z at every knot of the axis; outside what is given the last slope goes on, so that a farther gap stays a stranger one."""
    first, last = (np.diff(z[ends]) / np.diff(deviation[ends]) for ends in (slice(2), slice(-2, None)))
    inside = np.interp(AXIS, deviation, z)
    begun = np.where(deviation[0] > AXIS, z[0] + first * (AXIS - deviation[0]), inside)
    told: Floats = np.where(deviation[-1] < AXIS, z[-1] + last * (AXIS - deviation[-1]), begun)
    return told


def log_density(z: Floats) -> Floats:
    """Return ln of the density of deviations at the knots of the axis (the last one), whose z is standard normal."""
    density: Floats = -(z**2 + np.log(2 * np.pi)) / 2 + np.log(np.maximum(np.gradient(z, AXIS, axis=-1), 1e-12))
    return density
