"""What is behind a reporter's reliability: how well it agrees with each partner, and where a weight or a whole flow is missing."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract

_CANNOT_ANSWER = ("not_reported_yet", "partner_never_reports", "no_record_of_code", "suppressed")
"""Reasons for a missing side that say nothing about how well anybody records."""
_NORMAL_MAD = 1.4826


def summarise_corridors(mirror_pair: pl.LazyFrame) -> pl.DataFrame:
    """Take `mirror_pair`; return `corridor`, one row per exporter and importer, over all codes and periods."""
    paired = mirror_pair.with_columns(_gap_log().alias("_gap_log"), _orphan_status().alias("_orphan_status"))
    gap = pl.col("_gap_log")
    summed = paired.group_by("exporter_code", "importer_code").agg(
        (pl.col("mirror_status") == "both").sum().cast(pl.Int64).alias("two_sided_count"),
        (pl.col("_orphan_status") == "exporter_only").sum().cast(pl.Int64).alias("exporter_orphan_count"),
        (pl.col("_orphan_status") == "importer_only").sum().cast(pl.Int64).alias("importer_orphan_count"),
        pl.col("is_export_weight_out_of_scale").sum().cast(pl.Int64).alias("export_slip_count"),
        pl.col("is_import_weight_out_of_scale").sum().cast(pl.Int64).alias("import_slip_count"),
        gap.median().alias("gap_log_median"),
        ((gap - gap.median()).abs().median() * _NORMAL_MAD).alias("gap_log_sigma"),
    )
    return summed.select(load_contract("corridor").column_names).sort("exporter_code", "importer_code").collect()


def _gap_log() -> pl.Expr:
    """ln(importer / exporter) in kg, where both weights are evidence."""
    export, imported = pl.col("export_net_weight_kg"), pl.col("import_net_weight_kg")
    in_scale = ~pl.col("is_export_weight_out_of_scale") & ~pl.col("is_import_weight_out_of_scale")
    return pl.when((export > 0) & (imported > 0) & in_scale).then((imported / export).log())


def _orphan_status() -> pl.Expr:
    could_answer = ~pl.col("mirror_reason").is_in(_CANNOT_ANSWER).fill_null(value=False)
    return pl.when(could_answer).then("mirror_status")
