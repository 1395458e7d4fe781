"""How a code of one HS edition divides among the codes of another: weights for the splits, with how far one reporter's may differ.

Codes that lead into one another form a group. Within it the reporters that changed edition show the way, by their shares before and after
(Lukaszuk and Torun; MIRROR.md section 13, item 11). Where too few did, the codes' shares in the world's trade stand in, flagged; and where
the trade at hand lacks a code of the group, even shares.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
STEP = ["from_revision", "from_code", "to_revision", "to_code"]
_SPARE_REPORTERS = 5
"""Reporters seen on both sides of a change, beyond the weights to be found, from which these are fitted."""
_MAX_YEARS_BETWEEN = 2
"""A reporter that was silent for longer between two editions shows its trade's change, not the codes'."""
_SUM_WEIGHT = 1e3
"""Weight in the fit of the rows that hold a code's weights to a sum of one."""


def fit_edition_weights(trade: pl.LazyFrame, concordance: pl.DataFrame) -> pl.DataFrame:
    """Return the concordance with weight, weight_variance and weight_label for every step, in its order.

    trade: freq_code, period, reporter_code, flow_code, hs_revision, commodity_code, primary_value_usd. A group's weights minimise the
    squares of (a reporter's share of a code after the change - the sum over the codes before of its share x weight), none below zero, those
    of one code summing to one. weight_variance is that of one reporter's own weight about the common one, at most weight x (1 - weight):
    that of a reporter who puts all into one code or another. weight_label: whole (one code to go to), fitted_on_reporters, world_share
    or equal_share.
    """
    yearly = _yearly_totals(trade)
    parts = []
    for _, steps in concordance.select(STEP).group_by("from_revision", "to_revision", maintain_order=True):
        groups = steps.with_columns(pl.Series("_group", _group_numbers(steps)))
        splits = (pl.len().over("from_code") > 1).any().over("_group")
        before, after = _around_the_change(yearly, steps.row(0, named=True))
        world = [_world_totals(yearly, steps[name][0]) for name in ("from_revision", "to_revision")]
        parts.append(groups.filter(~splits).select(*STEP, weight=pl.lit(1.0), weight_variance=pl.lit(0.0), weight_label=pl.lit("whole")))
        parts += [_weigh_group(group, before, after, world) for _, group in groups.filter(splits).group_by("_group", maintain_order=True)]
    return concordance.drop("weight", strict=False).join(pl.concat(parts), on=STEP, how="left", maintain_order="left")


def _yearly_totals(trade: pl.LazyFrame) -> pl.DataFrame:
    """The trade of each reporter, direction, edition, year and code; a monthly and an annual report are two."""
    period = pl.col("period")
    year = pl.when(period > 9999).then(period // 100).otherwise(period).alias("_year")
    key = ["freq_code", "reporter_code", "flow_code", "hs_revision", "commodity_code"]
    counted = trade.filter(pl.col("hs_revision").is_not_null()).group_by(*key, year)
    return counted.agg(pl.col("primary_value_usd").sum().alias("_usd")).collect()


def _group_numbers(steps: pl.DataFrame) -> NDArray[np.int32]:
    """Number the groups of codes that lead into one another, one number per step."""
    olds, news = (steps[name].unique().sort() for name in ("from_code", "to_code"))
    old = olds.search_sorted(steps["from_code"]).to_numpy()
    new = news.search_sorted(steps["to_code"]).to_numpy() + len(olds)
    size = len(olds) + len(news)
    _, numbers = connected_components(coo_array((np.ones(len(old)), (old, new)), shape=(size, size)), directed=False)
    return np.asarray(numbers[old], dtype=np.int32)


def _around_the_change(yearly: pl.DataFrame, step: dict[str, str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the trade under both editions, of each reporter's last year in the older and its first in the newer."""
    reporter = ["freq_code", "reporter_code", "flow_code"]
    older, newer = sorted([step["from_revision"], step["to_revision"]])
    of_edition = {each: yearly.filter(pl.col("hs_revision") == each) for each in (older, newer)}
    last = of_edition[older].group_by(reporter).agg(pl.col("_year").max().alias("_last"))
    first = of_edition[newer].group_by(reporter).agg(pl.col("_year").min().alias("_first"))
    changed = last.join(first, on=reporter).filter((pl.col("_first") - pl.col("_last")).is_between(0, _MAX_YEARS_BETWEEN))
    at_change = {
        older: of_edition[older].join(changed, on=reporter).filter(pl.col("_year") == pl.col("_last")),
        newer: of_edition[newer].join(changed, on=reporter).filter(pl.col("_year") == pl.col("_first")),
    }
    before, after = (
        at_change[step[name]].select(pl.concat_str(reporter, separator=" ").alias("_reporter"), "commodity_code", "_usd")
        for name in ("from_revision", "to_revision")
    )
    return before, after


def _world_totals(yearly: pl.DataFrame, revision: str) -> dict[str, float]:
    totals = yearly.filter(pl.col("hs_revision") == revision).group_by("commodity_code").agg(pl.col("_usd").sum())
    return dict(totals.iter_rows())


def _weigh_group(group: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame, world: list[dict[str, float]]) -> pl.DataFrame:
    """A code of the group without any trade in its edition may never have been pulled: then nothing shows how the others divide."""
    olds, news = group["from_code"].unique().sort(), group["to_code"].unique().sort()
    k, s = olds.search_sorted(group["from_code"]).to_numpy(), news.search_sorted(group["to_code"]).to_numpy()
    ways = np.bincount(k, minlength=len(olds))[k]
    x, y = _shares_of_reporters(before, olds, after, news)
    is_seen = all(totals.get(code, 0.0) > 0 for codes, totals in zip((olds, news), world, strict=True) for code in codes)
    if is_seen and len(x) >= len(group) - len(olds) + _SPARE_REPORTERS:
        weight = _fit_simplex(x, y, k, s)
        variance, label = _spread_of_reporters(x, y, k, s, weight), "fitted_on_reporters"
    else:
        trade = np.array([world[1].get(code, 0.0) if is_seen else 1.0 for code in news])[s]
        weight, label = trade / np.bincount(k, trade)[k], "world_share" if is_seen else "equal_share"
        variance = np.ones(len(k))
    is_whole = ways == 1
    weight = np.where(is_whole, 1.0, weight)
    return group.select(
        *STEP,
        pl.Series("weight", weight, dtype=pl.Float64),
        pl.Series("weight_variance", np.minimum(variance, weight * (1 - weight)), dtype=pl.Float64),
        pl.Series("weight_label", np.where(is_whole, "whole", label), dtype=pl.String),
    )


def _shares_of_reporters(before: pl.DataFrame, olds: pl.Series, after: pl.DataFrame, news: pl.Series) -> tuple[Floats, Floats]:
    """Return each reporter's shares of the group's codes before (reporters x old codes) and after (reporters x new codes)."""
    tables = []
    for trade, codes in ((before, olds), (after, news)):
        of_group = trade.filter(pl.col("commodity_code").is_in(codes.implode()) & (pl.col("_usd") > 0))
        wide = of_group.group_by("_reporter").agg(
            (pl.col("_usd").filter(pl.col("commodity_code") == code).sum() / pl.col("_usd").sum()).alias(code) for code in codes
        )
        tables.append(wide)
    both = tables[0].join(tables[1], on="_reporter", suffix="_after").sort("_reporter")
    after_names = [f"{code}_after" if code in olds else code for code in news]
    return both.select(olds.to_list()).to_numpy(), both.select(after_names).to_numpy()


def _fit_simplex(x: Floats, y: Floats, k: NDArray[np.int64], s: NDArray[np.int64]) -> Floats:
    """Least squares of y on x over the steps (k, s), none below zero, each old code's weights summing to one."""
    reporters, olds = x.shape
    design = np.zeros((reporters, y.shape[1], len(k)))
    design[:, s, np.arange(len(k))] = x[:, k]
    sums = np.zeros((olds, len(k)))
    sums[k, np.arange(len(k))] = _SUM_WEIGHT
    solved, _ = nnls(np.vstack([design.reshape(-1, len(k)), sums]), np.concatenate([y.ravel(), np.full(olds, _SUM_WEIGHT)]))
    return np.asarray(solved / np.bincount(k, solved, olds)[k])


def _spread_of_reporters(x: Floats, y: Floats, k: NDArray[np.int64], s: NDArray[np.int64], weight: Floats) -> Floats:
    """Variance of a reporter's weights about the common ones, per new code: residual squares over the squares of the shares before."""
    fitted = np.zeros_like(y)
    np.add.at(fitted.T, s, (x[:, k] * weight).T)
    spare = len(x) / max(len(x) - x.shape[1], 1)
    return np.asarray((((y - fitted) ** 2).sum(axis=0) / (x**2).sum() * spare)[s])
