"""How strange a gap between both sides is: its deviation from the corridor's habit, in units of what such a pair usually scatters."""

from __future__ import annotations

import polars as pl

_OWN_SPREAD_WEIGHT = 10
"""Flows of a corridor that count as much as the two reporters' general scatter when the corridor's own spread is judged."""
_SIZE_BINS = 10
_NORMAL_MAD = 1.4826


def standardise_gap(pairs: pl.DataFrame, reliability: pl.DataFrame, export: str, imported: str, habit_weight: float) -> pl.DataFrame:
    """Return `pairs` with _gap_log, _habit_log, _variance, _z, _export_variance, _import_variance for one measure.

    gap = ln(importer / exporter). habit = the corridor's median gap, shrunk towards 0 by `habit_weight` flows. variance = both reporters'
    error variances, drawn towards the corridor's own robust spread as that rests on more flows, times what flows of this size scatter more
    or less than that (small shipments scatter more). z = (habit - gap) / sd: positive where the importer recorded less.
    """
    has_both = (pl.col(export) > 0) & (pl.col(imported) > 0)
    gaps = pairs.with_columns(pl.when(has_both).then((pl.col(imported) / pl.col(export)).log()).alias("_gap_log"))
    joined = _join_sigmas(gaps, reliability).join(_corridor_habits(gaps, habit_weight), on=["exporter_code", "importer_code"], how="left")
    moderated = _moderated_variance()
    sized = joined.with_columns(moderated.alias("_variance"), _size_bin(export, imported).alias("_size"))
    factors = _size_factors(sized)
    return (
        sized.join(factors, on="_size", how="left")
        .with_columns(pl.col("_variance") * pl.col("_factor").fill_null(1.0))
        .with_columns(((pl.col("_habit_log") - pl.col("_gap_log")) / pl.col("_variance").sqrt()).alias("_z"))
        .drop("_size", "_factor", "_own_variance", "_own_count")
    )


def _join_sigmas(pairs: pl.DataFrame, reliability: pl.DataFrame) -> pl.DataFrame:
    variance = pl.col("log_error_sigma") ** 2
    role = {"X": ("exporter_code", "_export_variance"), "M": ("importer_code", "_import_variance")}
    for flow_code, (reporter, name) in role.items():
        one = reliability.filter(pl.col("flow_code") == flow_code).select(pl.col("reporter_code").alias(reporter), variance.alias(name))
        pairs = pairs.join(one, on=reporter, how="left")
    return pairs.with_columns(pl.col("_export_variance", "_import_variance").fill_null(strategy="mean"))


def _corridor_habits(gaps: pl.DataFrame, habit_weight: float) -> pl.DataFrame:
    gap = pl.col("_gap_log")
    count = gap.count()
    spread = (gap - gap.median()).abs().median() * _NORMAL_MAD
    return (
        gaps.filter(gap.is_not_null())
        .group_by("exporter_code", "importer_code")
        .agg(
            (gap.median() * count / (count + habit_weight)).alias("_habit_log"),
            (spread**2).alias("_own_variance"),
            count.alias("_own_count"),
        )
    )


def _moderated_variance() -> pl.Expr:
    general = pl.col("_export_variance") + pl.col("_import_variance")
    own, count = pl.col("_own_variance").fill_null(0), pl.col("_own_count").fill_null(0)
    return (count * own + _OWN_SPREAD_WEIGHT * general) / (count + _OWN_SPREAD_WEIGHT)


def _size_bin(export: str, imported: str) -> pl.Expr:
    size = (pl.col(export) * pl.col(imported)).log() / 2
    usable = pl.when(size.is_finite() & pl.col("_gap_log").is_not_null()).then(size)
    return (usable.rank("average") / (usable.count() + 1) * _SIZE_BINS).floor().cast(pl.Int32)


def _size_factors(sized: pl.DataFrame) -> pl.DataFrame:
    standardised = (pl.col("_gap_log") - pl.col("_habit_log")).abs() / pl.col("_variance").sqrt()
    return (
        sized.filter(pl.col("_size").is_not_null())
        .group_by("_size")
        .agg(((standardised.median() * _NORMAL_MAD) ** 2).clip(0.05, 20).alias("_factor"))
    )


def balance_sides(export: str, imported: str) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Return (balanced estimate, variance of its log, weight of the exporter's side) by inverse variance of the logs.

    One side only: that side, with its own variance. Formula: METHOD.md section 2, item 4.
    """
    x, m = pl.col(export), pl.col(imported)
    s_x, s_m = pl.col("_export_variance"), pl.col("_import_variance")
    share = (
        pl.when((x > 0) & (m > 0)).then(s_m / (s_x + s_m))
        .when(x > 0).then(1.0)
        .when(m > 0).then(0.0)
    )  # fmt: skip
    both = (share * x.log() + (1 - share) * m.log()).exp()
    estimate = pl.when(share == 1).then(x).when(share == 0).then(m).otherwise(both)
    variance = pl.when(share == 1).then(s_x).when(share == 0).then(s_m).otherwise(s_x * s_m / (s_x + s_m))
    return estimate, variance, share
