"""All that companies declared, watched or not, in few rows: what their size and line of business are told from."""

from __future__ import annotations

import polars as pl

from tradeflow.resolve.company_item import join_party, name_entities
from tradeflow.resolve.declared import tell_party
from tradeflow.summing import sum_known

ROLES = ("importer", "exporter", "broker", "consignee")
"""Roles of which behaviour is followed; who is to be notified is a tie alone."""
_MONTH = ["entity_id", "reporter_code", "period"]


def count_activity(declarations: pl.LazyFrame, entity_name: pl.DataFrame, areas: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return two tables of every company in every role, reporter and month.

    The first, by HS chapter: entity_id, party_role, reporter_code, period, commodity_chapter, item_count. The second over all chapters:
    declaration_count, net_weight_kg, value_usd. The declarations are read through once per role and never held whole.
    """
    known = name_entities(entity_name).lazy()
    columns = declarations.collect_schema().names()
    by_chapter, in_all = [], []
    for role in ROLES:
        party = join_party(list(tell_party(role, columns, areas).values()))
        named = declarations.select(party, *_figures()).join(known, on="_party")
        told = pl.lit(role).alias("party_role")
        counted = named.group_by(*_MONTH, "commodity_chapter").agg(pl.len().cast(pl.Int64).alias("item_count"))
        summed = named.group_by(_MONTH).agg(
            pl.col("_declaration").n_unique().cast(pl.Int64).alias("declaration_count"), *map(sum_known, ("net_weight_kg", "value_usd"))
        )
        by_chapter.append(counted.with_columns(told).collect(engine="streaming"))
        in_all.append(summed.with_columns(told).collect(engine="streaming"))
    return pl.concat(by_chapter), pl.concat(in_all)


def _figures() -> list[pl.Expr]:
    day = pl.col("declaration_date")
    return [
        pl.col("reporter_code", "net_weight_kg"),
        pl.col("hs6_code").str.head(2).alias("commodity_chapter"),
        (day.dt.year() * 100 + day.dt.month()).cast(pl.Int32).alias("period"),
        pl.coalesce("cif_value_usd", "fob_value_usd").alias("value_usd"),
        pl.struct("source", "declaration_id").hash().alias("_declaration"),
    ]
