"""How wide a table's own past one-step errors were beside what the model expected: the scale of its chances and intervals.

A model knows the noise of the series that it was made for; a table's own past tells how its series differ. Within a group the errors of
half a year are compared with Student's t, and its scale is what the group's deviations are divided by (calibration within groups, as in
split conformal prediction: Vovk, Gammerman and Shafer 2005, sections 4.5 and 4.6). The scale is fitted, not read off the highest errors:
what is looked for may be among those.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.model.excess import TAIL_DEGREES, log_density

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

MONTHS_BACK = range(6, 12)
"""A month's scale is set by errors so many months before it: the newest six may hold what is looked for."""
SAMPLED_ERRORS, SAMPLED_SHARE = 4_096, 0.25
"""Errors by which a month is set at most, or as a share of the series where these are many: more of them would cost speed."""
TRUSTED = 600.0
"""Errors that the model's own scale counts for beside a table's, and the table's beside a group's."""
ODD_SHARE, ODD_COUNT, MOST_ODD = 0.02, 50.0, 0.1
"""Share of past months that were out of the ordinary, the errors that this counts for, and the largest share that is believed."""
ODD_SCALE = 3.0
"""Scale of the errors of months out of the ordinary: a month times three in a series of usual noise. Set on simulated series."""
STEPS = 15


def sample_errors(keys: pl.DataFrame) -> pl.DataFrame:
    """Return series_id, months_back: a draw of past errors from all groups alike, the same for the same `keys`.

    `keys`: series_id, group.
    """
    pairs = keys.sort("series_id").join(pl.DataFrame({"months_back": MONTHS_BACK}, schema={"months_back": pl.Int32}), how="cross")
    drawn = pairs[np.random.default_rng(0).permutation(pairs.height)]
    turn = pl.int_range(pl.len()).over("group").alias("turn")
    most = max(SAMPLED_ERRORS, int(SAMPLED_SHARE * keys.height))
    return drawn.with_columns(turn).sort("turn", maintain_order=True).head(most).select("series_id", "months_back")


def fit_scales(errors: pl.DataFrame) -> pl.DataFrame:
    """Return age, group, scale from age, group, deviation: one past error a row, in the model's standard deviations.

    The scale of each age is that of all errors of that age, and a group's is drawn from there to its own.
    """
    by_group = errors.select("age", "group").unique().sort("age", "group").with_row_index("place")
    placed = errors.join(by_group, on=["age", "group"]).sort("place", "deviation")
    deviations = placed["deviation"].to_numpy()
    ages = by_group["age"].rank("dense").to_numpy().astype(np.int64) - 1
    place = placed["place"].to_numpy().astype(np.int64)
    whole = fit_scale(deviations, ages[place], np.ones(int(ages.max(initial=-1)) + 1))
    return by_group.select("age", "group", scale=pl.Series(fit_scale(deviations, place, whole[ages]), dtype=pl.Float64))


def fit_scale(deviations: Array, place: Whole, centre: Array) -> Array:
    """Return the scale of the deviations of each place; `centre`: what it is without any, one entry a place.

    Expectation and maximisation for a mixture (Dempster, Laird and Rubin 1977): Student's t for ordinary months, the same ODD_SCALE times
    as wide for the others (scale of a t: Lange, Little and Taylor 1989, section 2).
    """
    count, scale = np.bincount(place, minlength=len(centre)), centre.copy()
    odd_share = np.full(len(centre), ODD_SHARE)
    odd_density = _density(deviations, np.full(len(deviations), ODD_SCALE))
    for _ in range(STEPS):
        own_scale, own_odd = scale[place], odd_share[place]
        ordinary = (1 - own_odd) * _density(deviations, own_scale)
        belief = ordinary / (ordinary + own_odd * odd_density)
        counted = np.bincount(place, belief, minlength=len(centre))
        odd_share = np.minimum((count - counted + ODD_SHARE * ODD_COUNT) / (count + ODD_COUNT), MOST_ODD)
        weight = belief * (TAIL_DEGREES + 1) / (TAIL_DEGREES - 2 + (deviations / own_scale) ** 2)
        squares = np.bincount(place, weight * deviations**2, minlength=len(centre))
        scale = np.sqrt((squares + TRUSTED * centre**2) / (counted + TRUSTED))
    return scale


def _density(deviations: Array, scale: Array) -> Array:
    """Return the density of Student's t, up to a factor that all share."""
    return np.asarray(np.exp(log_density(deviations / scale, TAIL_DEGREES)) / scale)
