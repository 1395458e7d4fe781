"""Brings the importer's CIF value to the exporter's FOB basis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import polars as pl

from tradeflow.reconcile.pairs import exact_sum

MAX_MARGIN_LOG = math.log(1.25)
"""No corridor is credited with more freight and insurance than a quarter of the goods' value (BACI; MIRROR.md section 13)."""


def restate_cif_as_fob(pairs: pl.DataFrame, fob_reporters: pl.Series, prior_rate: float, prior_weight: float) -> pl.DataFrame:
    """Add import_fob_value_usd, cif_fob_margin_rate and valuation_basis.

    Where the importer's row carries both values, that is data. Importers that publish FOB are left alone. For the rest the margin of the
    corridor is the mean ln(CIF / FOB) of the rows that carry both, shrunk to the importer's and that to the prior.
    """
    margins = _estimate_margins(pairs, math.log1p(prior_rate), prior_weight)
    has_both = _has_both()
    reports_fob = pl.col("importer_code").is_in(fob_reporters.implode())
    log_margin = (
        pl.when(has_both).then((pl.col("_import_cif_usd") / pl.col("_import_fob_usd")).log())
        .when(reports_fob).then(0.0)
        .otherwise(pl.coalesce("_corridor_log", "_importer_log", pl.lit(math.log1p(prior_rate))))
    )  # fmt: skip
    fob = pl.when(has_both).then(pl.col("_import_fob_usd")).otherwise(pl.col("import_value_usd") * (-pl.col("_log_margin")).exp())
    basis = (
        pl.when(pl.col("import_value_usd").is_null()).then(pl.lit("no_import_report"))
        .when(has_both).then(pl.lit("both_values_reported"))
        .when(reports_fob).then(pl.lit("importer_reports_fob"))
        .otherwise(pl.lit("margin_estimated"))
    )  # fmt: skip
    return (
        pairs.join(margins.importer, on="importer_code", how="left")
        .join(margins.corridor, on=["exporter_code", "importer_code"], how="left")
        .with_columns(log_margin.alias("_log_margin"))
        .with_columns(fob.alias("import_fob_value_usd"), basis.alias("valuation_basis"))
        .with_columns(pl.when(pl.col("import_value_usd").is_not_null()).then(pl.col("_log_margin").exp() - 1).alias("cif_fob_margin_rate"))
        .drop("_importer_log", "_corridor_log", "_log_margin")
    )


@dataclass(frozen=True)
class _Margins:
    """Log margins learnt from rows that carry both values: importer_code, _importer_log; and per corridor, _corridor_log."""

    importer: pl.DataFrame
    corridor: pl.DataFrame


def _has_both() -> pl.Expr:
    cif, fob = pl.col("_import_cif_usd"), pl.col("_import_fob_usd")
    # A CIF below its FOB, or more than doubled, is a slip in one of the two: it is no evidence of a margin.
    return ((fob > 0) & (cif >= fob) & (cif <= 2 * fob)).fill_null(value=False)


def _estimate_margins(pairs: pl.DataFrame, prior_log: float, prior_weight: float) -> _Margins:
    both = pairs.filter(_has_both()).select(
        "exporter_code",
        "importer_code",
        (pl.col("_import_cif_usd") / pl.col("_import_fob_usd")).log().clip(0, MAX_MARGIN_LOG).alias("_log"),
    )
    importer = both.group_by("importer_code").agg(_shrunk(pl.lit(prior_log), prior_weight).alias("_importer_log"))
    corridor = (
        both.join(importer, on="importer_code")
        .group_by("exporter_code", "importer_code")
        .agg(_shrunk(pl.col("_importer_log").first(), prior_weight).alias("_corridor_log"))
    )
    return _Margins(importer, corridor)


def _shrunk(towards: pl.Expr, weight: float) -> pl.Expr:
    return (exact_sum("_log") + weight * towards) / (pl.len() + weight)
