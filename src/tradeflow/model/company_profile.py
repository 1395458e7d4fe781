"""A company's line of business and size, over all that was declared of it, watched or not."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.summing import sum_known

COMPANY = ["entity_id", "party_role"]


def profile_companies(company_item: pl.DataFrame, by_chapter: pl.DataFrame, in_all: pl.DataFrame) -> pl.DataFrame:
    """Return `company_profile`.

    `by_chapter`: item_count by COMPANY, reporter_code, period and commodity_chapter; `in_all`: declaration_count, net_weight_kg and
    value_usd by COMPANY, reporter_code and period.
    """
    size = in_all.group_by(COMPANY).agg(
        pl.col("period").min().alias("first_period"),
        pl.col("period").max().alias("last_period"),
        pl.col("declaration_count").sum(),
        *map(sum_known, ("net_weight_kg", "value_usd")),
    )
    told = size.join(_find_main_chapter(by_chapter), on=COMPANY).join(_count_watched(company_item), on=COMPANY, how="left")
    share = (pl.col("_watched").fill_null(0) / pl.col("item_count")).alias("watched_share_ratio")
    return told.with_columns(share).select(load_contract("company_profile").column_names).sort(COMPANY)


def _find_main_chapter(by_chapter: pl.DataFrame) -> pl.DataFrame:
    items = by_chapter.group_by(*COMPANY, "commodity_chapter").agg(pl.col("item_count").sum())
    coded = items.drop_nulls("commodity_chapter").sort("item_count", "commodity_chapter", descending=[True, False])
    main = coded.group_by(COMPANY, maintain_order=True).agg(
        pl.col("commodity_chapter").first().alias("main_chapter"),
        pl.col("item_count").first().alias("_main"),
        pl.len().cast(pl.Int64).alias("chapter_count"),
    )
    whole = items.group_by(COMPANY).agg(pl.col("item_count").sum()).join(main, on=COMPANY, how="left")
    share = (pl.col("_main") / pl.col("item_count")).alias("main_chapter_share")
    return whole.with_columns(share, pl.col("chapter_count").fill_null(0)).drop("_main")


def _count_watched(company_item: pl.DataFrame) -> pl.DataFrame:
    items = company_item.unique(["snapshot_id", "row_number"])
    roles = [
        items.select(pl.col(f"{role}_entity_id").alias("entity_id"), pl.lit(role).alias("party_role")).drop_nulls()
        for role in ("importer", "exporter", "broker", "consignee")
    ]
    return pl.concat(roles).group_by(COMPANY).agg(pl.len().alias("_watched"))
