"""The graph of companies that other tools open: which part of it is handed out, and its nodes. Its edges are `company_link`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from tradeflow.contract import load_contract

_PARTIES = ["importer_entity_id", "exporter_entity_id", "broker_entity_id", "consignee_entity_id", "notify_party_entity_id"]
_ENDS = ["entity_id", "linked_entity_id"]


@dataclass(frozen=True)
class CompanyRecords:
    """The tables that the graph is made of, as their contracts say; `licensed_operator` with the entity_id of its company."""

    entity: pl.DataFrame
    entity_name: pl.DataFrame
    company_profile: pl.DataFrame
    company_link: pl.DataFrame
    company_item: pl.DataFrame
    company_signal: pl.DataFrame
    licensed_operator: pl.DataFrame


def take_flagged(records: CompanyRecords) -> CompanyRecords:
    """Keep the companies that flagged leads are about, who is tied to them, and their declared items of the leads' substances."""
    flagged = records.company_signal.filter("is_flagged")
    about = flagged["entity_id"].unique()
    links = records.company_link.filter(pl.any_horizontal(pl.col(name).is_in(about.implode()) for name in _ENDS))
    items = records.company_item.with_row_index("_item")
    led = pl.concat([_items_of(items, flagged, party) for party in _PARTIES]).unique()
    kept = items.join(led, on="_item", how="semi").drop("_item")
    return take_companies(replace(records, company_link=links, company_item=kept), _stack(flagged, ["entity_id", "related_entity_id"]))


def _items_of(items: pl.DataFrame, flagged: pl.DataFrame, party: str) -> pl.DataFrame:
    """Return _item of what the companies declared in one role, of the substance that their lead names or, where it names none, of all."""
    asked = flagged.select(pl.col("entity_id").alias(party), "substance_code").unique()
    of_substance = items.join(asked.drop_nulls(), on=[party, "substance_code"], how="semi")
    of_all = items.join(asked.filter(pl.col("substance_code").is_null()), on=party, how="semi")
    return pl.concat([of_substance, of_all]).select("_item")


def take_companies(records: CompanyRecords, others: pl.Series | None = None) -> CompanyRecords:
    """Keep the companies that stand in a tie or on an item, and `others`."""
    named = pl.concat([_stack(records.company_link, _ENDS), _stack(records.company_item, _PARTIES)])
    kept = (named if others is None else pl.concat([named, others])).unique().to_frame("entity_id")
    tables = ("entity", "entity_name", "company_profile", "company_signal", "licensed_operator")
    return replace(records, **{table: getattr(records, table).join(kept, on="entity_id", how="semi") for table in tables})


def _stack(table: pl.DataFrame, columns: list[str]) -> pl.Series:
    return pl.concat([table[name].alias("entity_id") for name in columns]).drop_nulls().unique()


def list_nodes(records: CompanyRecords) -> pl.DataFrame:
    """Return `company_node`: one row per company, with its strongest lead."""
    profile = records.company_profile.sort("item_count", "party_role", descending=[True, False]).group_by("entity_id", maintain_order=True)
    told = profile.agg(
        pl.col("party_role").sort().str.join(";").alias("roles"),
        pl.col("first_period").min(),
        pl.col("last_period").max(),
        pl.col("main_chapter", "watched_share_ratio", "item_count").first(),
    )
    flagged = records.company_signal.filter("is_flagged").sort("lead_rank", "anomaly_score", descending=[False, True])
    lead = flagged.unique("entity_id", keep="first", maintain_order=True).select(
        "entity_id", "is_flagged", "lead_rank", "lead_score", "rule", "signal_reason"
    )
    joined = records.entity.join(told, on="entity_id", how="left").join(lead, on="entity_id", how="left")
    filled = joined.with_columns(pl.col("is_flagged").fill_null(value=False), pl.col("item_count").fill_null(0))
    return filled.select(load_contract("company_node").column_names).sort("entity_id")
