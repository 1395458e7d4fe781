"""Backtracking: from a company up to every source that could stand behind what it received."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.summing import sum_known

_GOODS = ["_receiver", "substance_code"]
_ROW = ["entity_id", "linked_entity_id", "importer_entity_id", "substance_code"]


def walk_upstream(company_item: pl.DataFrame, entity_id: str, *, most_steps: int = 10) -> pl.DataFrame:
    """Return `upstream_trade`: who supplied the company, who supplied these before they sent on, and so forth, substance by substance.

    Goods that are consigned to another company are not counted as received by the importer, unless the importer is the one asked about. A
    supplier whom no declaration names ends the walk with an empty entity_id. Trade that both countries declare stands in both.
    """
    sent = _list_sendings(company_item)
    own = sent.filter((pl.col("_receiver") == entity_id) | (pl.col("importer_entity_id") == entity_id))
    found = [own.with_columns(_receiver=pl.lit(entity_id), step_count=pl.lit(1, pl.Int64))]
    while not found[-1].is_empty() and len(found) < most_steps:
        seen = pl.concat([each.select("_sending") for each in found])
        above = _senders_to(found[-1], sent.join(seen, on="_sending", how="anti"))
        found.append(above.with_columns(step_count=pl.lit(len(found) + 1, pl.Int64)))
    return _sum_sendings(pl.concat(found))


def _list_sendings(company_item: pl.DataFrame) -> pl.DataFrame:
    receiver = pl.coalesce("consignee_entity_id", "importer_entity_id").alias("_receiver")
    told = company_item.with_row_index("_sending").rename({"exporter_entity_id": "entity_id"}).with_columns(receiver)
    is_own = (pl.col("entity_id") == pl.col("_receiver")).fill_null(value=False)
    return told.filter(pl.col("_receiver").is_not_null() & ~is_own)


def _senders_to(sendings: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Return what was sent to the senders of `sendings` by the day on which they last sent on."""
    until = sendings.group_by(_receiver="entity_id", substance_code="substance_code").agg(pl.col("declaration_date").max().alias("_until"))
    arrived = others.join(until, on=_GOODS).filter(pl.col("declaration_date") <= pl.col("_until"))
    return arrived.drop("_until")


def _sum_sendings(found: pl.DataFrame) -> pl.DataFrame:
    summed = found.rename({"_receiver": "linked_entity_id"}).group_by("step_count", *_ROW).agg(
        pl.col("declaration_date").min().alias("first_date"),
        pl.col("declaration_date").max().alias("last_date"),
        pl.struct("source", "reporter_code", "declaration_id").n_unique().cast(pl.Int64).alias("declaration_count"),
        *(sum_known(name) for name in ("net_weight_kg", "value_usd")),
    )  # fmt: skip
    columns = load_contract("upstream_trade").column_names
    return summed.select(columns).sort(
        "step_count", "net_weight_kg", *_ROW, descending=[False, True, *[False] * len(_ROW)], nulls_last=True
    )
