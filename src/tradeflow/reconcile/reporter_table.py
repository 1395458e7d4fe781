"""One row per reporter, role, measure and product group: how far its figures scatter, how sure that is, and what is behind it."""

from __future__ import annotations

import numpy as np
import polars as pl

from tradeflow.reconcile.fit import MirrorModel, find_rests, measure_gaps, standardise
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
    value, weight, _ = standardise(sides, find_rests(sides, model, place, gaps.value, gaps.weight))
    told = []
    for name, measure, given in (("net_weight", model.weight, weight), ("value", model.value, value)):
        squared = np.minimum(given.deviation**2, _CAP)
        routes = _count_routes(sides, place, squared, model, len(product_groups))
        exporter, importer = routes["exporter"].to_numpy(), routes["importer"].to_numpy()
        for role, own, partner, errors in (
            ("X", "exporter", "importer", measure.errors.exporter),
            ("M", "importer", "exporter", measure.errors.importer),
        ):
            # The gap's scatter holds both reporters'; what is left of its precision for this one is its own share of it.
            part = errors[routes[own].to_numpy()] / measure.errors.of(exporter, importer)
            seen = routes.select("group", "count", "squared", place=own, partner=partner, part=pl.Series(part))
            rows = (_of_role(seen, errors, model.areas), _of_groups(seen, _moments(squared), errors, model.areas, product_groups))
            told += [each.with_columns(pl.lit(role).alias("flow_code"), pl.lit(name).alias("measure")) for each in rows]
    return pl.concat(told)


def _count_routes(sides: Sides, place: Ints, squared: Floats, model: MirrorModel, groups: int) -> pl.DataFrame:
    """Return a row per exporter, importer and product group: the pairs with a deviation, and the sum of their `squared`."""
    known = np.isfinite(squared)
    counted = (
        pl.DataFrame({"route": (place * groups + sides.product_group)[known], "squared": squared[known]})
        .group_by("route")
        .agg(pl.len().cast(pl.Int64).alias("count"), pl.col("squared").sum())
        .sort("route")
    )
    route = counted["route"].to_numpy()
    exporter, importer = np.divmod(model.corridor_keys[route // groups], len(model.areas))
    return counted.select("count", "squared", exporter=pl.Series(exporter), importer=pl.Series(importer), group=pl.Series(route % groups))


def _moments(squared: Floats) -> tuple[float, float]:
    """Return mean and variance of the squared deviations; 0 where there is none that differs from 0."""
    known = squared[np.isfinite(squared)]
    return (float(known.mean()), float(known.var())) if len(known) else (0.0, 0.0)


def _of_groups(
    routes: pl.DataFrame, moments: tuple[float, float], errors: Floats, areas: pl.Series, product_groups: pl.Series
) -> pl.DataFrame:
    """Return how the reporters' variance differs by product group.

    A squared deviation of a pair is 1 + part * (f - 1) on average, part being this reporter's share in the pair's variance and f what its
    variance is multiplied by in the group: least squares for f - 1, shrunk by empirical Bayes.
    """
    mean, spread = moments
    if not mean:
        routes, mean = routes.clear(), 1.0
    count, part = pl.col("count"), pl.col("part")
    counted = (
        routes.group_by("place", "group")
        .agg(
            pl.len().cast(pl.Int64).alias("pair_count"), count.sum().alias("observation_count"),
            (part * (pl.col("squared") / mean - count)).sum().alias("cross"), (part**2 * count).sum().alias("square"),
        )
        .filter(pl.col("observation_count") >= MIN_OBSERVATIONS)
        .sort("place", "group")
    )  # fmt: skip
    square = counted["square"].to_numpy()
    raw, noise = counted["cross"].to_numpy() / square, spread / mean**2 / square
    between = max(float(np.sum(square * (np.minimum(raw**2, 9) - noise)) / max(square.sum(), 1e-9)), 1e-6)
    kept = between / (between + noise)
    factor = np.clip(1 + kept * raw, 0.1, 10)
    sigma = np.sqrt(errors[counted["place"].to_numpy()] * factor)
    error = sigma * np.sqrt(kept * noise) / (2 * factor)
    return _told(counted, sigma, error, areas, product_groups.gather(counted["group"]))


def _of_role(routes: pl.DataFrame, errors: Floats, areas: pl.Series) -> pl.DataFrame:
    count = pl.col("count")
    counted = (
        routes.group_by("place")
        .agg(
            pl.col("partner").n_unique().cast(pl.Int64).alias("pair_count"), count.sum().alias("observation_count"),
            (pl.col("part") * count).sum().alias("parts"),
        )
        .sort("place")
    )  # fmt: skip
    seen = counted["observation_count"].to_numpy()
    sigma = np.sqrt(errors[counted["place"].to_numpy()])
    error = sigma * _SIGMA_ERROR / np.sqrt(seen) / (counted["parts"].to_numpy() / seen)
    return _told(counted, sigma, error, areas, pl.lit(EVERYTHING))


def _told(counted: pl.DataFrame, sigma: Floats, error: Floats, areas: pl.Series, product_group: pl.Series | pl.Expr) -> pl.DataFrame:
    return counted.select(
        areas.gather(counted["place"]).alias("reporter_code"),
        product_group.alias("product_group"),
        pl.Series("log_error_sigma", sigma),
        pl.Series("log_error_sigma_se", error),
        "pair_count",
        "observation_count",
    )
