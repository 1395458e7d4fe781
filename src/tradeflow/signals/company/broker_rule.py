"""The rule on brokers: how much of a substance passes through one of them."""

from __future__ import annotations

import polars as pl

from tradeflow.signals.company.tables import CompanyTables, family_of, month_number, name_group

_LEAST_COMPANIES = 2
"""Companies that a broker must declare a substance for before its share is that of a broker and not of one customer."""


def broker_bottleneck(tables: CompanyTables) -> pl.DataFrame:
    """An unusual share of a substance passes through one broker: more than its share of all goods and its own past lead to expect.

    score = declarations x Kullback-Leibler distance of the share from the expected one; share: by weight or by count, whichever is less.
    Of neighbouring windows of twelve months the strangest of a year stands for all.
    """
    shares = tables.broker_share
    window = ["substance_code", "reporter_code", "period"]
    total = pl.col("declaration_count").sum().over(window)
    share = pl.min_horizontal("share_ratio", pl.col("declaration_count") / total)
    expected = (pl.max_horizontal("expected_share_ratio", "past_share_ratio").fill_null(0) * total + 1) / (total + 2)
    kept = share.clip(1e-6, 1 - 1e-6)
    distance = kept * (kept / expected).log() + (1 - kept) * ((1 - kept) / (1 - expected)).log()
    is_more = (share > expected) & (pl.col("company_count") >= _LEAST_COMPANIES)
    newest = tables.months.newest // 100 * 12 + tables.months.newest % 100 - 1
    scored = shares.with_columns(
        pl.when(is_more).then(total * distance).otherwise(0.0).alias("score"), expected.alias("_expected_share"), share.alias("_share"),
        ((newest - month_number()) // 12).alias("_year"), (pl.col("net_weight_kg") / pl.col("share_ratio")).alias("_total_kg"),
    )  # fmt: skip
    best = (
        scored.sort("score", "period").group_by("broker_entity_id", "substance_code", "reporter_code", "_year", maintain_order=True).last()
    )
    expected_kg = pl.col("_expected_share") * pl.col("_total_kg")
    excess_kg = pl.col("net_weight_kg") - expected_kg
    return best.rename({"broker_entity_id": "entity_id"}).with_columns(
        pl.lit("company").alias("subject"), pl.lit("broker").alias("party_role"), pl.lit(12, pl.Int32).alias("window_periods"),
        pl.col("net_weight_kg").alias("observed_kg"), expected_kg.alias("expected_kg"), excess_kg.alias("excess_kg"),
        name_group("broker years", tables.substances), family_of(tables.substances),
    )  # fmt: skip
