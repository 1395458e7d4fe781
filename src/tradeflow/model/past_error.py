"""How wide a table's own past one-step errors were beside what the model expected: the scale of its chances and intervals.

A model knows the noise of the series that it was made for; a table's own past tells how its series differ. Within a group the errors of
half a year are compared with Student's t, and its scale is what the group's deviations are divided by (calibration within groups, as in
split conformal prediction: Vovk, Gammerman and Shafer 2005, sections 4.5 and 4.6). The scale is fitted, not read off the highest errors:
what is looked for may be among those.

The scale moves with the standard deviation that the model gives. Of series that look quieter than most some only were so by accident, of
those that look wilder too: the truth lies nearer to the table's usual one (moderated variances, Smyth 2004), and the errors tell how much.
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
USUAL_TREND = (0.0, -0.1, -0.05)
"""Log scale of a series of the table's usual standard deviation, its slope over the log of that, and its bend, before errors are seen:
between what simulated series and real imports show."""
TREND_VARIANCE = (1.0, 0.25, 0.25)
"""By which TRUSTED errors tell level, slope and bend: how far the log standard deviation, and its square, usually vary within a table."""
FURTHEST_WIDTH = 1.5
"""Log standard deviations further than this from the usual one are scaled like those."""
ODD_SHARE, ODD_COUNT, MOST_ODD = 0.02, 50.0, 0.1
"""Share of past months that were out of the ordinary, the errors that this counts for, and the largest share that is believed."""
ODD_SCALE = 3.0
"""Scale of the errors of months out of the ordinary: a month times three in a series of usual noise. Set on simulated series."""
STEPS = 15
_POWER_OF_PAIR = np.add.outer(np.arange(3), np.arange(3))
_INFORMATION = 2 * TAIL_DEGREES / (TAIL_DEGREES + 3)
"""What one error of Student's t tells about the log of its scale (Lange, Little and Taylor 1989, section 5)."""


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
    """Return age, group, usual_log_sd, level, slope, bend from age, group, deviation, sd: one past error a row, in the model's sd.

    The trend of each age is that of all errors of that age, and a group's is drawn from there to its own.
    """
    usual = pl.col("sd").log().mean().over("age").alias("usual_log_sd")
    named = errors.select("age", "group", "deviation", pl.col("sd").log().alias("log_sd"), usual)
    by_group = named.select("age", "group", "usual_log_sd").unique(["age", "group"]).sort("age", "group").with_row_index("place")
    placed = named.join(by_group.drop("usual_log_sd"), on=["age", "group"]).sort("place", "deviation", "log_sd")
    deviations, above = placed["deviation"].to_numpy(), _above_usual(placed)
    ages = by_group["age"].rank("dense").to_numpy().astype(np.int64) - 1
    place = placed["place"].to_numpy().astype(np.int64)
    whole = fit_trend(deviations, above, ages[place], np.tile(USUAL_TREND, (int(ages.max(initial=-1)) + 1, 1)))
    found = fit_trend(deviations, above, place, whole[ages])
    return by_group.drop("place").with_columns(pl.Series(name, found[:, at]) for at, name in enumerate(("level", "slope", "bend")))


def scales_of(months: pl.DataFrame, fitted: pl.DataFrame) -> Array:
    """Return the scale of each month, 1 where nothing was fitted; `months`: age, group, sd; `fitted`: from `fit_scales`."""
    keys = months.select("age", "group", pl.col("sd").log().alias("log_sd"))
    joined = keys.join(fitted, on=["age", "group"], how="left", maintain_order="left")
    trend = joined.select("level", "slope", "bend").to_numpy()
    return np.nan_to_num(_scale(trend.T, _above_usual(joined)), nan=1.0)


def _above_usual(rows: pl.DataFrame) -> Array:
    """Return how far each row's log standard deviation is above the usual one."""
    return np.asarray((rows["log_sd"] - rows["usual_log_sd"]).clip(-FURTHEST_WIDTH, FURTHEST_WIDTH).to_numpy())


def _scale(trend: Array, above: Array) -> Array:
    """Return the scale of each row; `trend`: its level, slope and bend, (3, rows)."""
    level, slope, bend = trend
    return np.asarray(np.exp(level + above * (slope + above * bend)))


def fit_trend(deviations: Array, above: Array, place: Whole, centre: Array) -> Array:
    """Return (places, 3): level, slope and bend of the log scale; `centre`: what they are at each place without any error.

    `above`: how far the log standard deviation of each error's month is above the usual one. Expectation and maximisation for a mixture
    (Dempster, Laird and Rubin 1977): Student's t for ordinary months, the same ODD_SCALE times as wide for the others; each maximisation is
    one step of Fisher scoring.
    """
    count, trend = np.bincount(place, minlength=len(centre)), centre.copy()
    odd_share = np.full(len(centre), ODD_SHARE)
    odd_density = _density(deviations, np.full(len(deviations), ODD_SCALE))
    prior = _INFORMATION * TRUSTED * np.diag(TREND_VARIANCE)
    powers = above ** np.arange(5)[:, None]
    for _ in range(STEPS):
        scale = _scale(trend[place].T, above)
        ordinary = (1 - odd_share[place]) * _density(deviations, scale)
        belief = ordinary / (ordinary + odd_share[place] * odd_density)
        moments = _sum_by_place(belief * powers, place, len(centre))
        odd_share = np.minimum((count - moments[:, 0] + ODD_SHARE * ODD_COUNT) / (count + ODD_COUNT), MOST_ODD)
        squares = (deviations / scale) ** 2
        pull = belief * ((TAIL_DEGREES + 1) * squares / (TAIL_DEGREES - 2 + squares) - 1)
        gradient = _sum_by_place(pull * powers[:3], place, len(centre)) - (trend - centre) @ prior
        information = _INFORMATION * moments[:, _POWER_OF_PAIR] + prior
        trend = trend + np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
    return trend


def _sum_by_place(values: Array, place: Whole, places: int) -> Array:
    """Return (places, rows of values)."""
    return np.column_stack([np.bincount(place, row, places) for row in values])


def _density(deviations: Array, scale: Array) -> Array:
    """Return the density of Student's t, up to a factor that all share."""
    return np.asarray(np.exp(log_density(deviations / scale, TAIL_DEGREES)) / scale)
