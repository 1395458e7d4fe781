"""One row per reporter, role, measure and product group: how far its figures scatter, how sure that is, and what is behind it."""

from __future__ import annotations

import numpy as np
import polars as pl

from tradeflow.reconcile.corridor import sum_by
from tradeflow.reconcile.fit import MeasureModel, MirrorModel, measure_gaps
from tradeflow.reconcile.sides import Floats, Ints, Sides

_SIGMA_ERROR = 1.17
"""Standard error of ln(normal-consistent MAD) of n normal draws, times the root of n (its efficiency is 0.37: sqrt(1 / (2 * 0.37)))."""


def reporter_rows(sides: Sides, model: MirrorModel) -> pl.DataFrame:
    """Return contract `reporter_reliability`'s columns for the areas that have two-sided pairs."""
    gaps = measure_gaps(sides, model, model.place(sides))
    told = [
        _of_role(sides, gap, role, measure, model.areas).with_columns(pl.lit(name).alias("measure"))
        for name, gap, measure in (("net_weight", gaps.weight, model.weight), ("value", gaps.value, model.value))
        for role in ("X", "M")
    ]
    return pl.concat(told)


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
        pl.lit("all").alias("product_group"),
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
