"""How companies are tied: goods of watched substances that passed between them, and addresses and numbers that they share."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.resolve.party import describe_parties
from tradeflow.resolve.spelling import NameLists
from tradeflow.summing import sum_known

_DECLARATION = ["source", "reporter_code", "declaration_id"]
_PLACE = ["snapshot_id", "row_number"]
_TIE = ["entity_id", "linked_entity_id", "link_kind"]
_MOST_SHARING = 10
"""Companies at one address or under one number from which on it is an agent's or a free zone's, and ties nobody."""


def link_companies(company_item: pl.DataFrame, entity_name: pl.DataFrame, lists: NameLists, placeholders: pl.Series) -> pl.DataFrame:
    """Return `company_link` among the companies of `company_item`; an item of two substances counts once in a tie's weight."""
    ties = pl.concat([company_item.pipe(_tie_by_goods, kind) for kind in ("traded_with", "brokered_by", "consigned_to", "notified_with")])
    traded = _sum_ties(ties.filter(pl.col("entity_id") != pl.col("linked_entity_id")))
    named = entity_name.join(_named_entities(company_item), on="entity_id", how="semi")
    described = describe_parties(named, lists, placeholders)
    shared = [_tie_by_sharing(described.filter(~pl.col("_is_crowded")), "_address", "shares_address")]
    shared.append(_tie_by_sharing(described, "_number", "shares_number"))
    return pl.concat([traded, *shared], how="diagonal").select(load_contract("company_link").column_names).sort(_TIE)


def _tie_by_goods(company_item: pl.DataFrame, kind: str) -> pl.DataFrame:
    declarer = pl.when(pl.col("flow_code") == "X").then("exporter_entity_id").otherwise("importer_entity_id")
    first, second = {
        "traded_with": (pl.col("exporter_entity_id"), "importer_entity_id"),
        "brokered_by": (declarer, "broker_entity_id"),
        "consigned_to": (pl.col("importer_entity_id"), "consignee_entity_id"),
        "notified_with": (pl.col("importer_entity_id"), "notify_party_entity_id"),
    }[kind]
    told = company_item.select(
        *_DECLARATION, *_PLACE, "substance_code", "period", "net_weight_kg", "value_usd",
        first.alias("entity_id"), pl.col(second).alias("linked_entity_id"), pl.lit(kind).alias("link_kind"),
    )  # fmt: skip
    return told.drop_nulls(["entity_id", "linked_entity_id"])


def _sum_ties(ties: pl.DataFrame) -> pl.DataFrame:
    once = ties.group_by(*_TIE, *_PLACE).agg(
        pl.col(*_DECLARATION, "period", "net_weight_kg", "value_usd").first(), pl.col("substance_code").unique()
    )
    return once.group_by(_TIE).agg(
        pl.col("period").min().alias("first_period"),
        pl.col("period").max().alias("last_period"),
        pl.struct(_DECLARATION).n_unique().cast(pl.Int64).alias("declaration_count"),
        *(sum_known(name) for name in ("net_weight_kg", "value_usd")),
        pl.col("substance_code").explode().unique().sort().str.join(";").alias("substances"),
    )


def _named_entities(company_item: pl.DataFrame) -> pl.DataFrame:
    columns = [name for name in company_item.columns if name.endswith("_entity_id")]
    return pl.concat([company_item.select(entity_id=name) for name in columns]).drop_nulls().unique()


def _tie_by_sharing(described: pl.DataFrame, what: str, kind: str) -> pl.DataFrame:
    """Tie the companies of one country that share `what`, each pair once; what is shared by many ties nobody."""
    key = ["_country", what]
    held = described.filter(pl.col(what) != "").select(*key, "entity_id").unique()
    few = held.filter(pl.len().over(key) <= _MOST_SHARING)
    pairs = few.join(few.rename({"entity_id": "linked_entity_id"}), on=key).filter(pl.col("entity_id") < pl.col("linked_entity_id"))
    ties = pairs.select("entity_id", "linked_entity_id", pl.lit(kind).alias("link_kind"), declaration_count=pl.lit(0, pl.Int64))
    return ties.unique()
