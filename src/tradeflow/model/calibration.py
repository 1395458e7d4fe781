"""How sure: scores become p-values by comparison with earlier flows of the same kind, p-values become q-values."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.model.grouping import commodity_path, describe_groups, parent_groups
from tradeflow.model.tail import tail_p_values

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MIN_GROUP = 200
"""Calibration scores from which a group is compared with itself alone."""
WIDENINGS = 3
"""How often a group can be widened: from like size to the commodity, its chapter, all."""


def conformal_p_values(scores: Array, groups: pl.Series, is_calibration: Mask, min_group: int = MIN_GROUP) -> Array:
    """Return each row's chance that an ordinary row of its group scores at least as high; NaN where the score is.

    Split conformal (Vovk, Gammerman and Shafer 2005, section 2.2; Bates et al. 2023): p = (1 + calibration scores >= score) / (n + 1). A
    group with fewer than `min_group` calibration scores is compared within its parent path. Above every calibration score a generalised
    Pareto tail goes on below 1 / (n + 1), see `tail_p_values`. A calibration row is compared with the others of its group.
    """
    return _compare(scores, groups, is_calibration, min_group)[0]


def benjamini_hochberg(p_values: Array, groups: NDArray[np.integer]) -> Array:
    """Return q: the smallest false-discovery rate at which each row would be taken, within its group (Benjamini and Hochberg 1995)."""
    order = np.lexsort((p_values, groups))
    p, group = p_values[order], groups[order]
    first, members = _runs(group)
    rank = np.arange(len(p)) - first + 1
    ratio = p * members / rank
    # the running minimum from the far end must not cross into the next group: groups are kept apart by whole numbers
    apart = np.minimum(ratio, 1.0) + 2.0 * np.unique(group, return_inverse=True)[1]
    q = np.minimum.accumulate(apart[::-1])[::-1] - (apart - np.minimum(ratio, 1.0))
    result = np.empty(len(p))
    result[order] = q
    return result


def calibrate(candidates: pl.DataFrame) -> pl.DataFrame:
    """Add p_value, q_value and comparison to candidates of any rules, in their order.

    `candidates`: rule, score (higher is stranger), comparable_group (an HS code or a path, see `grouping`), is_scored; rows that are not
    scored are the calibration rows of their rule and get no q-value. A row without a score gets neither and counts for nothing.
    """
    rows = candidates.select(
        "rule",
        "is_scored",
        score=pl.col("score").cast(pl.Float64).fill_nan(None),
        group=_as_path(pl.col("comparable_group")),
    ).with_row_index("row")
    parts = [_calibrate_rule(part) for part in rows.partition_by("rule", maintain_order=True)]
    empty = pl.DataFrame(schema={"row": pl.UInt32, "p_value": pl.Float64, "q_value": pl.Float64, "comparison": pl.String})
    return candidates.with_columns(pl.concat([empty, *parts]).sort("row").drop("row"))


def _calibrate_rule(rows: pl.DataFrame) -> pl.DataFrame:
    scores = rows["score"].fill_null(np.nan).to_numpy()
    is_scored = rows["is_scored"].to_numpy()
    p_values, groups, sizes = _compare(scores, rows["group"], ~is_scored, MIN_GROUP)
    q_values = np.full(len(scores), np.nan)
    tested = np.flatnonzero(is_scored & np.isfinite(scores))
    q_values[tested] = benjamini_hochberg(p_values[tested], np.zeros(len(tested), dtype=np.int64))
    figures = pl.DataFrame({"row": rows["row"], "p_value": p_values, "q_value": q_values, "group": groups, "size": sizes})
    return figures.select(
        "row",
        pl.col("p_value", "q_value").fill_nan(None),
        comparison=pl.when(pl.col("p_value").is_not_nan()).then(_comparison(figures["size"])),
    )


def _as_path(group: pl.Expr) -> pl.Expr:
    is_code = group.str.contains(r"^[0-9]{2}(?:[0-9]{2}(?:[0-9]{2}|AA)?)?$|^TOTAL$")
    return pl.when(is_code).then(commodity_path(group)).otherwise(group)


def _comparison(sizes: pl.Series) -> pl.Expr:
    thousands = pl.col("size").replace_strict({size: f"{size:,}" for size in sizes.unique()}, return_dtype=pl.String)
    return pl.concat_str([thousands, pl.lit("earlier flows"), describe_groups(pl.col("group"))], separator=" ")


def _compare(scores: Array, groups: pl.Series, is_calibration: Mask, min_group: int) -> tuple[Array, pl.Series, NDArray[np.int64]]:
    """Return each row's p-value, the group that it was compared within, and that group's number of calibration scores."""
    usable = is_calibration & np.isfinite(scores)
    p_values, sizes = _p_values(scores, groups, usable)
    chosen, wider = groups, groups
    for _ in range(WIDENINGS):
        wider = wider.to_frame("group").select(parent_groups(pl.col("group"))).to_series()
        wider_p, wider_sizes = _p_values(scores, wider, usable)
        is_small = sizes < min_group
        p_values, sizes = np.where(is_small, wider_p, p_values), np.where(is_small, wider_sizes, sizes)
        chosen = wider.zip_with(pl.Series(is_small), chosen)
    return p_values, chosen, sizes


def _p_values(scores: Array, groups: pl.Series, usable: Mask) -> tuple[Array, NDArray[np.int64]]:
    """Return the p-value of each row among the usable rows of its group, and how many these are."""
    number = groups.rank("dense").to_numpy().astype(np.int64)
    order = np.lexsort((-scores, number))
    score, group, counts = scores[order], number[order], usable[order].astype(np.int64)
    first, _ = _runs(group)
    before = np.cumsum(counts) - counts
    # ties: every row of one score counts all calibration rows of that score, so the count is read at the tie's last row
    tie_first, tie_members = _runs(np.cumsum(np.r_[True, (group[1:] != group[:-1]) | (score[1:] != score[:-1])]))
    last = tie_first + tie_members - 1
    at_least = before[last] + counts[last] - before[first]
    size = np.bincount(group, counts, minlength=1).astype(np.int64)[group]
    p = np.where(counts > 0, at_least / size.clip(1), (1 + at_least) / (size + 1))
    p = tail_p_values(score, group, counts > 0, p, at_least == 0)
    result, sizes = np.empty(len(p)), np.empty(len(p), dtype=np.int64)
    result[order], sizes[order] = np.where(np.isnan(score), np.nan, p), size
    return result, sizes


def _runs(values: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return, for each place in a sorted array, where its run of equal values begins and how long it is."""
    _, first, inverse, members = np.unique(values, return_index=True, return_inverse=True, return_counts=True)
    return first[inverse], members[inverse]
