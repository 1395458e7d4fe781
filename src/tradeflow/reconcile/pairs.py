"""Puts what the exporter says beside what the importer says; loses no row of either."""

from __future__ import annotations

import polars as pl

PAIR_KEY = ["freq_code", "period", "exporter_code", "importer_code", "commodity_code"]


def pair_mirror_flows(trade_flow: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row per exporter, importer, commodity and period with both reports, null where a side is silent.

    Aggregates (partner World) are no side of a pair. Several rows of one reporter for one pair (two second partners, an edition changed
    within the period) are summed; the evidence then names the largest. A weight that the source estimated is no evidence about weight
    and stays out; one that a part of the sum lacks leaves the whole without weight.
    """
    partners = trade_flow.filter(pl.col("partner_code") != 0)
    exports = _one_side(partners.filter(pl.col("flow_code") == "X"), "export", "reporter_code", "partner_code")
    imports = _one_side(partners.filter(pl.col("flow_code") == "M"), "import", "partner_code", "reporter_code")
    return exports.join(imports, on=PAIR_KEY, how="full", coalesce=True)


def _one_side(rows: pl.LazyFrame, side: str, exporter: str, importer: str) -> pl.LazyFrame:
    keyed = rows.with_columns(pl.col(exporter).alias("exporter_code"), pl.col(importer).alias("importer_code"))
    weight = _evident_weight()
    value = pl.col("primary_value_usd")
    largest = value.fill_null(0).arg_max()
    return keyed.group_by(PAIR_KEY).agg(
        value.sum().alias(f"{side}_value_usd"),
        pl.when(weight.is_null().any()).then(None).otherwise(weight.sum()).alias(f"{side}_net_weight_kg"),
        _whole_sum("cif_value_usd").alias(f"_{side}_cif_usd"),
        _whole_sum("fob_value_usd").alias(f"_{side}_fob_usd"),
        pl.col("snapshot_id").get(largest).alias(f"{side}_snapshot_id"),
        pl.col("row_number").get(largest).alias(f"{side}_row_number"),
    )


def _evident_weight() -> pl.Expr:
    is_evidence = ~pl.col("is_net_weight_estimated").fill_null(value=False) & (pl.col("net_weight_kg") > 0)
    return pl.when(is_evidence).then(pl.col("net_weight_kg"))


def _whole_sum(column: str) -> pl.Expr:
    return pl.when(pl.col(column).is_null().any()).then(None).otherwise(pl.col(column).sum())
