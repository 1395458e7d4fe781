"""How sure: scores become p-values by comparison with earlier flows of the same kind, p-values become q-values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.model.grouping import describe_group, spell_group, widen_group
from tradeflow.model.tail import tail_p_values

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MIN_GROUP = 200
"""Calibration scores that a comparison needs to be worth anything."""
SPEAKING_GROUP = 3_000
"""Calibration scores from which `calibrate` compares a group with itself alone: no p-value of a smaller one survives the correction for
many tests, so a narrower comparison would only silence its leads."""
STATED_NEED = "the need stated for the year"
"""What a candidate is compared with that rests on a stated requirement."""
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

    `candidates`: rule, score (higher is stranger), comparable_group (see `grouping`), is_scored, and freq_code where there are several;
    rows that are not scored are the calibration rows of their rule and frequency and get no q-value. A row without a score gets none of
    the three and counts for nothing. q is controlled over all scored rows of a rule. within_requirement_probability, where a candidate has
    one, is its p-value: a stated need is not compared with earlier flows.
    """
    frequency = pl.col("freq_code") if "freq_code" in candidates.columns else pl.lit("")
    rows = candidates.select(
        "rule",
        "is_scored",
        frequency=frequency,
        score=pl.col("score").cast(pl.Float64).fill_nan(None),
        group=_translate(candidates["comparable_group"], spell_group),
        stated=pl.col("within_requirement_probability")
        if "within_requirement_probability" in candidates.columns
        else pl.lit(None, pl.Float64),
    ).with_row_index("row")
    parts = [_add_p_values(part) for part in rows.partition_by("rule", "frequency", maintain_order=True)]
    empty = pl.DataFrame(schema={**rows.schema, "p_value": pl.Float64, "comparison": pl.String})
    figures = _add_q_values(pl.concat([empty, *parts]).sort("row"))
    return candidates.with_columns(figures.select("p_value", "q_value", "comparison"))


def _add_p_values(rows: pl.DataFrame) -> pl.DataFrame:
    scores = rows["score"].fill_null(np.nan).to_numpy()
    p_values, groups, sizes = _compare(scores, rows["group"], ~rows["is_scored"].to_numpy(), SPEAKING_GROUP)
    thousands = _translate(pl.Series("size", sizes).cast(pl.String), lambda size: f"{int(size):,}")
    words = pl.concat_str([thousands, pl.lit("earlier"), _translate(groups, describe_group)], separator=" ")
    is_stated = pl.col("stated").is_not_null()
    compared = rows.with_columns(p_value=pl.coalesce("stated", pl.Series(p_values).fill_nan(None)))
    told = pl.when(is_stated).then(pl.lit(STATED_NEED)).when(pl.col("p_value").is_not_null()).then(words)
    return compared.with_columns(comparison=told)


def _add_q_values(rows: pl.DataFrame) -> pl.DataFrame:
    is_tested = rows.select(pl.col("is_scored") & pl.col("p_value").is_not_null()).to_series()
    tested = rows.filter(is_tested)
    q_values = np.full(rows.height, np.nan)
    q_values[is_tested.to_numpy()] = benjamini_hochberg(tested["p_value"].to_numpy(), tested["rule"].rank("dense").to_numpy())
    return rows.with_columns(q_value=pl.Series(q_values).fill_nan(None))


def _translate(names: pl.Series, translate: Callable[[str], str]) -> pl.Series:
    """Translate every name, each distinct one once."""
    return names.replace_strict({name: translate(name) for name in names.unique()}, return_dtype=pl.String)


def _compare(scores: Array, groups: pl.Series, is_calibration: Mask, min_group: int) -> tuple[Array, pl.Series, NDArray[np.int64]]:
    """Return each row's p-value, the group that it was compared within, and that group's number of calibration scores."""
    usable = is_calibration & np.isfinite(scores)
    p_values, sizes = _p_values(scores, groups, usable)
    chosen = wider = groups
    for _ in range(WIDENINGS):
        wider = _translate(wider, widen_group)
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
