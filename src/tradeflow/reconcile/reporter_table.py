"""One row per reporter, role, measure and product group: how far its figures scatter, how sure that is, and what is behind it."""

from __future__ import annotations

import numpy as np
import polars as pl

from tradeflow.reconcile.corridor import sum_by
from tradeflow.reconcile.fit import MirrorModel, measure_gaps, standardise
from tradeflow.reconcile.measure import MeasureModel
from tradeflow.reconcile.reliability import MIN_OBSERVATIONS
from tradeflow.reconcile.sides import Floats, Ints, Sides

_SIGMA_ERROR = 1.17
"""Standard error of ln(normal-consistent MAD) of n normal draws, times the root of n (its efficiency is 0.37: sqrt(1 / (2 * 0.37)))."""


_CAP = 4.0
"""Squared deviations count up to here: one wild flow says little about a reporter's care."""
EVERYTHING = "all"


def reporter_rows(sides: Sides, model: MirrorModel, product_groups: pl.Series) -> pl.DataFrame:
    """Return contract `reporter_reliability`'s columns for the areas that have two-sided pairs.

    One row for all product groups together, and one for each group with enough flows, shrunk to the former. product_groups: their names,
    by the number that the sides carry.
    """
    place = model.place(sides)
    gaps = measure_gaps(sides, model, place)
    value, weight, _ = standardise(sides, model, place, gaps.value, gaps.weight)
    told = []
    for name, gap, measure, given in (("net_weight", gaps.weight, model.weight, weight), ("value", gaps.value, model.value, value)):
        for role in ("X", "M"):
            whole = _of_role(sides, gap, role, measure, model.areas)
            groups = _of_groups(sides, given.deviation, role, measure, model.areas, product_groups)
            told.append(pl.concat([whole, groups]).with_columns(pl.lit(name).alias("measure")))
    return pl.concat(told)


def _of_groups(
    sides: Sides, deviation: Floats, role: str, measure: MeasureModel, areas: pl.Series, product_groups: pl.Series
) -> pl.DataFrame:
    """Return how the reporters' variance differs by product group.

    A squared deviation of a pair is 1 + part * (f - 1) on average, part being this reporter's share in the pair's variance and f what its
    variance is multiplied by in the group: least squares for f - 1, shrunk by empirical Bayes.
    """
    own, partner = (sides.exporter, sides.importer) if role == "X" else (sides.importer, sides.exporter)
    variance = measure.errors.exporter if role == "X" else measure.errors.importer
    squared = np.minimum(deviation**2, _CAP)
    known = squared[np.isfinite(squared)]
    mean, spread = (float(known.mean()), float(known.var())) if known.any() else (1.0, 0.0)
    counted = (
        pl.DataFrame({
            "place": own, "group": sides.product_group, "partner": partner,
            "part": variance[own] / measure.errors.of(sides.exporter, sides.importer), "excess": squared / mean - 1,
        })
        .filter(pl.col("excess").is_finite())
        .group_by("place", "group")
        .agg(
            pl.col("partner").n_unique().cast(pl.Int64).alias("pair_count"), pl.len().cast(pl.Int64).alias("observation_count"),
            (pl.col("part") * pl.col("excess")).sum().alias("cross"), (pl.col("part") ** 2).sum().alias("square"),
        )
        .filter(pl.col("observation_count") >= MIN_OBSERVATIONS)
        .sort("place", "group")
    )  # fmt: skip
    square = counted["square"].to_numpy()
    raw, noise = counted["cross"].to_numpy() / square, spread / mean**2 / square
    between = max(float(np.sum(square * (np.minimum(raw**2, 9) - noise)) / max(square.sum(), 1e-9)), 1e-6)
    kept = between / (between + noise)
    factor = np.clip(1 + kept * raw, 0.1, 10)
    sigma = np.sqrt(variance[counted["place"].to_numpy()] * factor)
    return counted.select(
        areas.gather(counted["place"]).alias("reporter_code"),
        pl.lit(role).alias("flow_code"),
        product_groups.gather(counted["group"]).alias("product_group"),
        pl.Series("log_error_sigma", sigma),
        pl.Series("log_error_sigma_se", sigma * np.sqrt(kept * noise) / (2 * factor)),
        "pair_count",
        "observation_count",
    )


def _of_role(sides: Sides, gap: Floats, role: str, measure: MeasureModel, areas: pl.Series) -> pl.DataFrame:
    own, partner = (sides.exporter, sides.importer) if role == "X" else (sides.importer, sides.exporter)
    variance = measure.errors.exporter if role == "X" else measure.errors.importer
    known = np.isfinite(gap)
    counted = _count(own[known], partner[known])
    place = counted["place"].to_numpy()
    sigma = np.sqrt(variance[place])
    # The gap's scatter holds both reporters'; what is left of its precision for this one is its own share of it.
    part = variance[own] / measure.errors.of(sides.exporter, sides.importer)
    count = counted["observation_count"].to_numpy()
    share = sum_by(own[known], part[known], len(areas))[place] / count
    error = sigma * _SIGMA_ERROR / np.sqrt(count) / share
    return counted.select(
        areas.gather(counted["place"]).alias("reporter_code"),
        pl.lit(role).alias("flow_code"),
        pl.lit(EVERYTHING).alias("product_group"),
        pl.Series("log_error_sigma", sigma),
        pl.Series("log_error_sigma_se", error),
        "pair_count",
        "observation_count",
    )


def _count(own: Ints, partner: Ints) -> pl.DataFrame:
    return (
        pl.DataFrame({"place": own, "partner": partner})
        .group_by("place")
        .agg(pl.col("partner").n_unique().cast(pl.Int64).alias("pair_count"), pl.len().cast(pl.Int64).alias("observation_count"))
        .sort("place")
    )
