"""How alone a declaration is among those of its HS chapter (isolation forest: Liu, Ting and Zhou 2008), whatever inspections found.

On labelled declarations such a forest ranks no better than chance: it says what is unusual, not what is irregular.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tradeflow.model.contribution import path_contributions
from tradeflow.model.declaration_features import COMPARED_WITHIN, MEASURES, ROLES, Feature, Flags, measure_declarations, usual_distances
from tradeflow.model.isolation import group_seed, grow_forest, percentile_among
from tradeflow.model.past_record import Array, PastRecord, Whole, cross_groups, number_values

MIN_GROUP_ROWS = 300
"""Declarations of history below which a chapter is compared with all chapters together."""
EVERYTHING = "declarations of all commodities"
EXPLAINED_PERCENTILE = 95.0
KNOWN_BEFORE = [
    ("importer_id",),
    ("declarant_id",),
    ("seller_id",),
    ("hs6_code",),
    ("hs6_code", "origin"),
    ("importer_id", "hs6_code"),
    ("departure", "origin"),
]
"""What is rare among the days before: people, goods, routes."""


@dataclass(frozen=True)
class Isolation:
    """One row a declaration: score, percentile in its group, the group, what the forest saw, each feature's contribution."""

    score: Array
    percentile: Array
    group: pl.Series
    inputs: Array
    features: tuple[Feature, ...]
    contributions: Array


def isolate_declarations(
    rows: pl.DataFrame,
    is_history: Flags,
    *,
    trees: int,
    seed: int,
    known_before: Sequence[tuple[str, ...]] = KNOWN_BEFORE,
    compared_within: Sequence[tuple[str, ...]] = COMPARED_WITHIN,
) -> Isolation:
    """Score every row by forests grown from the history of its chapter; percentiles are places among that history.

    `rows` sorted by day and id, as for `describe_declarations`. The later half of the history grows the forests: in the earlier half nearly
    everybody is new. Rows outside the history change nothing of one another's scores. A row's contributions are zero below
    EXPLAINED_PERCENTILE.
    """
    inputs, features = isolation_inputs(rows, is_history, known_before, compared_within)
    is_typical = _later_half(rows, is_history)
    group = _comparable_groups(rows, is_typical)
    score, percentile, contributions = np.full(rows.height, np.nan), np.full(rows.height, np.nan), np.zeros(inputs.shape)
    for name in group.unique().sort():
        within = (group == name).to_numpy()
        known = np.flatnonzero(is_typical if name == EVERYTHING else within & is_typical)
        grown = grow_forest(inputs[known], trees, group_seed(seed, name))
        score[within] = -grown.score_samples(inputs[within])  # scikit-learn's sign turned round: from here on higher is stranger
        percentile[within] = percentile_among(score[known], score[within])
        explained = np.flatnonzero(within & (percentile >= EXPLAINED_PERCENTILE))
        contributions[explained] = path_contributions(grown, inputs[explained])
    return Isolation(score, percentile, group, inputs, features, contributions)


def isolation_inputs(
    rows: pl.DataFrame,
    is_history: Flags,
    known_before: Sequence[tuple[str, ...]] = KNOWN_BEFORE,
    compared_within: Sequence[tuple[str, ...]] = COMPARED_WITHIN,
) -> tuple[Array, tuple[Feature, ...]]:
    """Return (rows, features): size and price, their distance from what is usual, and how rare everybody and everything on it was before.

    A missing figure becomes the median of the history. Six decimals are kept: machines disagree beyond them.
    """
    days = rows["declaration_date"].to_physical().to_numpy().astype(np.int64)
    measures = measure_declarations(rows)
    numbered = {role: number_values(rows[role]) for role in ROLES if role in rows.columns}
    described = [(Feature("stated", name, ()), measures[name].to_numpy()) for name in MEASURES]
    distances = usual_distances(numbered, measures, days, is_history, compared_within)
    described += [(Feature("usual", measure, within), distance) for within, measure, distance in distances]
    described += _rarities(numbered, days, is_history, known_before)
    usual = [_median(column[is_history]) for _, column in described]
    columns = [np.where(np.isnan(column), middle, column) for (_, column), middle in zip(described, usual, strict=True)]
    return np.round(np.column_stack(columns), 6), tuple(feature for feature, _ in described)


def _median(column: Array) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else 0.0


def _rarities(
    numbered: dict[str, Whole], days: Whole, is_history: Flags, known_before: Sequence[tuple[str, ...]]
) -> list[tuple[Feature, Array]]:
    """Return minus the log of each group's smoothed share of all earlier declarations."""
    known = is_history.astype(np.float64)
    all_before = PastRecord(np.zeros(len(days), dtype=np.int64), days).sum_before(known)
    present = [columns for columns in known_before if set(columns) <= set(numbered)]
    pasts = [PastRecord(cross_groups([numbered[role] for role in columns]), days) for columns in present]
    return [
        (Feature("rare", "", columns), np.log((all_before + 1) / (past.sum_before(known) + 1)))
        for columns, past in zip(present, pasts, strict=True)
    ]


def _later_half(rows: pl.DataFrame, is_history: Flags) -> Flags:
    days = rows["declaration_date"].to_physical().to_numpy()
    later: Flags = is_history & (days >= np.median(days[is_history]))
    return later


def _comparable_groups(rows: pl.DataFrame, is_typical: Flags) -> pl.Series:
    """Return each row's chapter where enough is known of it, else everything."""
    if "hs6_code" not in rows.columns:
        return pl.Series("comparable_group", [EVERYTHING] * rows.height, dtype=pl.String)
    chapter = pl.col("hs6_code").str.head(2)
    known = pl.col("is_typical").sum().over(chapter)
    group = pl.when(known >= MIN_GROUP_ROWS).then(pl.format("declarations of HS chapter {}", chapter)).otherwise(pl.lit(EVERYTHING))
    return rows.with_columns(is_typical=pl.Series(is_typical)).select(comparable_group=group).to_series()
