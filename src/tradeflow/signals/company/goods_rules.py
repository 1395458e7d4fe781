"""The rules on one declared item: its words against its code, and how alone it stands."""

from __future__ import annotations

import polars as pl

from tradeflow.signals.company.tables import CompanyTables, declaring_party, month_number, tell_item

_ITEM = ["snapshot_id", "row_number", "substance_code"]
_SAME_HEADING = 0.5
"""What a code of the substance's own heading (four digits) counts for: the next subheading is the likeliest slip of a declarant."""
_MISSPELT = 0.8
_SEVERAL_NAMED = 0.6
"""What words count for that name several watched substances: they mostly describe a mixture, which has a code of its own."""


def misdeclared_goods(tables: CompanyTables) -> pl.DataFrame:
    """The words of a declared item name a watched substance, and the code beside them belongs to other goods.

    The rarer that code is among the companies that describe goods so, the more it says (_strength).
    """
    words = tables.declared_substance.select(*_ITEM, "matched_name", "match_kind").with_columns(pl.len().over(*_ITEM[:2]).alias("_named"))
    named = declaring_party(tables.company_item.filter(pl.col("named_by").is_in(["words", "both"]))).join(words, on=_ITEM, how="left")
    odd = named.filter((pl.col("named_by") == "words") & ~pl.col("is_code_of_substance"))
    usual = _usual_codes(named, odd).join(tables.substances.select("substance_code", "_codes"), on="substance_code", how="left")
    share = (pl.col("_users") + 1) / (pl.col("_others") + 2)
    heading = pl.col("_codes").list.eval(pl.element().str.head(4)).list.contains(pl.col("hs6_code").str.head(4))
    strength = (
        (1 - share)
        * pl.when(heading).then(_SAME_HEADING).otherwise(1.0)
        * pl.when(pl.col("match_kind") == "misspelling").then(_MISSPELT).otherwise(1.0)
        * pl.when(pl.col("_named") > 1).then(_SEVERAL_NAMED).otherwise(1.0)
    )
    return tell_item(usual).with_columns(pl.lit("words").alias("_fact"), strength.alias("_strength"))


def _usual_codes(named: pl.DataFrame, odd: pl.DataFrame) -> pl.DataFrame:
    """Add _others, other companies that described goods so in an earlier month, and _users, those of them that used the code."""
    first = named.group_by("substance_code", "hs6_code", "entity_id").agg(month_number().min().alias("_month"))
    dated = odd.with_columns(month_number().alias("_now"))
    for count, key in (("_users", ["substance_code", "hs6_code"]), ("_others", ["substance_code"])):
        began = first.group_by(*key, "entity_id").agg(pl.col("_month").min())
        # By month and not company by company: pairs of companies would grow with the square of their number.
        monthly = began.group_by(*key, "_month").agg(pl.len().cast(pl.Int64).alias(count))
        earlier = dated.select(*key, "_now").unique().join(monthly, on=key).filter(pl.col("_month") < pl.col("_now"))
        beside = dated.join(earlier.group_by(*key, "_now").agg(pl.col(count).sum()), on=[*key, "_now"], how="left")
        own = beside.join(began, on=[*key, "entity_id"], how="left")
        is_own = (pl.col("_month") < pl.col("_now")).fill_null(value=False).cast(pl.Int64)
        dated = own.with_columns(pl.col(count).fill_null(0) - is_own).drop("_month")
    return dated


def isolated_declaration(tables: CompanyTables) -> pl.DataFrame:
    """A declared item that stands alone in its combination of size, price, goods, route and companies (isolation forest)."""
    items = declaring_party(tables.company_item).join(tables.isolation, on=_ITEM)
    return tell_item(items).with_columns(pl.col("isolation_score").alias("score"), pl.lit(None, pl.Float64).alias("excess_kg"))
