"""`python -m tradeflow.evaluate.tail_power`: the powers of `tradeflow.model.tail_power`, fitted anew on ordinary simulated series."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.evaluate.series_truth import make_series
from tradeflow.evaluate.series_worlds import POOLED_KINDS
from tradeflow.model.excess import log_tail
from tradeflow.model.expectation import expect_months
from tradeflow.model.scoring import MIN_TRADED_PERIODS
from tradeflow.model.tail_power import LEVEL, amounts_group

Array = NDArray[np.float64]

SERIES, SEED = 20_000, 8_001
LEAST_SHARE = 0.1
"""Share of the drawn series of a kind and length that must be in a group, or their far tail is not read there."""
_LENGTHS = (30, 36, 48, 60, 84, 120)
_SPARSE = (0.05, 0.5)
"""Shares of months with trade of the sparse series, beside the kinds that are judged: few amounts in a long history."""


def fit_tail_powers(series: int, seed: int) -> pl.DataFrame:
    """Return group, power, least, most, series: what `POWERS` is read from; `series` of each kind and length are drawn.

    least, most: of the kinds and lengths with at least LEAST_SHARE of their series in the group.
    """
    cells = [(kind, months, make_series(kind, series, months, seed)) for kind in POOLED_KINDS for months in _LENGTHS]
    cells += [("sparse", months, _thin_out(series, months, seed)) for months in _LENGTHS]
    chances = pl.concat([_log_chances(amounts).with_columns(kind=pl.lit(kind), months=months) for kind, months, amounts in cells])
    power = np.log(LEVEL) / pl.col("log_chance").quantile(LEVEL)
    by_kind = chances.group_by("group", "kind", "months").agg(power.alias("power"), pl.len().alias("series"))
    least, most = pl.col("power").min(), pl.col("power").max()
    middle = ((least + most) / 2).alias("power")
    groups = by_kind.filter(pl.col("series") >= LEAST_SHARE * series).group_by("group")
    return groups.agg(middle, least.alias("least"), most.alias("most"), pl.col("series").sum()).sort("group")


def _thin_out(series: int, months: int, seed: int) -> Array:
    random = np.random.default_rng([seed, months])
    has_trade = random.random((series, months)) < random.uniform(*_SPARSE, (series, 1))
    has_trade[:, -1] = True
    return np.where(has_trade, make_series("regular", series, months, seed), 0.0)


def _log_chances(amounts: Array) -> pl.DataFrame:
    """Return the log chance of each series' last month, given that it has trade, with its group."""
    positive = np.where(amounts > 0, amounts, np.nan)
    log_kg = np.log(positive[((positive[:, :-1] > 0).sum(axis=1) >= MIN_TRADED_PERIODS) & (positive[:, -1] > 0)])
    rows, last = np.arange(len(log_kg)), log_kg.shape[1] - 1
    expected = expect_months(log_kg, rows, np.full(len(rows), last), 12)
    chance = log_tail((log_kg[:, -1] - expected.mean[:, 0]) / expected.sd[:, 0])
    return pl.DataFrame({"log_chance": chance, "group": amounts_group(expected.amounts)})


if __name__ == "__main__":
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True):
        print(fit_tail_powers(SERIES, SEED))
