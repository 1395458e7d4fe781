"""How much of a substance passes through each customs broker, and how central the broker is among who sends and who receives it."""

from __future__ import annotations

import polars as pl
import rustworkx

from tradeflow.contract import load_contract

WINDOW_MONTHS = 12
_MARKET = ["substance_code", "reporter_code"]
_SHARE = ["broker_entity_id", *_MARKET]
_MOST_COMPANIES = 2_000
"""Companies in a window's graph from which on betweenness is left out: its cost grows with companies times ties."""


def share_brokers(company_item: pl.DataFrame, by_chapter: pl.DataFrame) -> pl.DataFrame:
    """Return `broker_share`: a row per broker, substance, reporter and month in which anybody declared the substance.

    `by_chapter`: item_count of all goods by entity_id, party_role, reporter_code and period. A row sees the twelve months that end with its
    own and, beside them, the twelve before; a later month changes nothing of it.
    """
    dated = company_item.with_columns(_number_month()).drop_nulls("reporter_code")
    monthly, asked = _sum_months(dated), dated.select(*_MARKET, "_month").unique()
    passed = _sum_window(monthly, asked, _SHARE, 0).drop_nulls("broker_entity_id")
    whole = _sum_window(monthly, asked, _MARKET, 0).select(*_MARKET, "_month", pl.col("net_weight_kg").alias("_whole_kg"))
    shared = passed.join(whole, on=[*_MARKET, "_month"]).filter(pl.col("_whole_kg") > 0)
    told = shared.with_columns((pl.col("net_weight_kg") / pl.col("_whole_kg")).alias("share_ratio"), _spell_month())
    compared = told.pipe(_add_past_share, monthly, asked).pipe(_add_share_of_all, by_chapter).pipe(_add_betweenness, dated)
    return compared.select(load_contract("broker_share").column_names).sort("period", *_SHARE)


def _number_month() -> pl.Expr:
    return (pl.col("period") // 100 * 12 + pl.col("period") % 100 - 1).alias("_month")


def _spell_month() -> pl.Expr:
    return (pl.col("_month") // 12 * 100 + pl.col("_month") % 12 + 1).cast(pl.Int32).alias("period")


def _window_of(rows: pl.DataFrame, asked: pl.DataFrame, within: list[str], ended_ago: int) -> pl.DataFrame:
    """Return each row once for every asked _month whose window, ended so many months before it, holds the row."""
    months = rows["_month"].unique().sort().to_frame("_held")
    ends = asked.select(*within, "_month")
    reach = pl.col("_month") - ended_ago - pl.col("_held")
    held = ends.select("_month").unique().join(months, how="cross").filter(reach.is_between(0, WINDOW_MONTHS - 1))
    return rows.rename({"_month": "_held"}).join(held, on="_held").join(ends, on=[*within, "_month"], how="semi")


def _sum_months(dated: pl.DataFrame) -> pl.DataFrame:
    """Sum the items of each market, broker (null: none) and month; a declaration lies in one month, so windows may add their numbers up."""
    trader = pl.when(pl.col("flow_code") == "X").then("exporter_entity_id").otherwise("importer_entity_id")
    return dated.group_by(*_SHARE, "_month").agg(
        pl.col("net_weight_kg").sum(),
        pl.struct("source", "declaration_id").n_unique().cast(pl.Int64).alias("declaration_count"),
        trader.drop_nulls().unique().alias("_traders"),
    )


def _sum_window(monthly: pl.DataFrame, asked: pl.DataFrame, key: list[str], ended_ago: int) -> pl.DataFrame:
    traders = pl.col("_traders").explode().drop_nulls().n_unique().cast(pl.Int64).alias("company_count")
    held = _window_of(monthly, asked, _MARKET, ended_ago)
    return held.group_by(*key, "_month").agg(pl.col("net_weight_kg", "declaration_count").sum(), traders)


def _add_past_share(shares: pl.DataFrame, monthly: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    before = _sum_window(monthly, asked, _SHARE, WINDOW_MONTHS).select(*_SHARE, "_month", pl.col("net_weight_kg").alias("_past_kg"))
    whole = _sum_window(monthly, asked, _MARKET, WINDOW_MONTHS).select(*_MARKET, "_month", pl.col("net_weight_kg").alias("_past_whole_kg"))
    joined = shares.join(before, on=[*_SHARE, "_month"], how="left").join(whole, on=[*_MARKET, "_month"], how="left")
    ratio = pl.col("_past_kg").fill_null(0.0) / pl.col("_past_whole_kg")
    return joined.with_columns(pl.when(pl.col("_past_whole_kg") > 0).then(ratio).alias("past_share_ratio"))


def _add_share_of_all(shares: pl.DataFrame, by_chapter: pl.DataFrame) -> pl.DataFrame:
    """Add the broker's share of the items of all goods that went through any broker: who is large is expected to have much of anything."""
    brokered = by_chapter.filter(pl.col("party_role") == "broker").with_columns(_number_month())
    monthly = brokered.group_by("reporter_code", "_month").agg(pl.col("item_count").sum())
    of_broker = brokered.rename({"entity_id": "broker_entity_id"}).join(
        shares.select("broker_entity_id").unique(), on="broker_entity_id", how="semi"
    )
    own = of_broker.group_by("broker_entity_id", "reporter_code", "_month").agg(pl.col("item_count").sum())
    asked = shares.select("reporter_code", "_month").unique()
    whole_items = (
        _window_of(monthly, asked, ["reporter_code"], 0).group_by("reporter_code", "_month").agg(pl.col("item_count").sum().alias("_all"))
    )
    key = ["broker_entity_id", "reporter_code", "_month"]
    own_items = _window_of(own, asked, ["reporter_code"], 0).group_by(key).agg(pl.col("item_count").sum().alias("_own"))
    joined = shares.join(own_items, on=key, how="left").join(whole_items, on=["reporter_code", "_month"], how="left")
    return joined.with_columns((pl.col("_own") / pl.col("_all")).alias("expected_share_ratio"))


def _add_betweenness(shares: pl.DataFrame, dated: pl.DataFrame) -> pl.DataFrame:
    """Add Freeman's betweenness (1977), as Brandes (2001) computes it, of each broker in the graph of its market's window."""
    asked = shares.select(*_MARKET, "_month").unique()
    ties = _window_of(_list_ties(dated), asked, _MARKET, 0).select(*_MARKET, "_month", "_one", "_other").unique()
    empty = shares.clear().select(*_SHARE, "_month").with_columns(pl.lit(None, pl.Float64).alias("betweenness"))
    told = [_measure_graph(graph) for graph in ties.partition_by(*_MARKET, "_month")]
    return shares.join(pl.concat([empty, *told]), on=[*_SHARE, "_month"], how="left")


def _list_ties(dated: pl.DataFrame) -> pl.DataFrame:
    sides = [
        dated.select(*_MARKET, "_month", pl.col(side).alias("_one"), pl.col("broker_entity_id").alias("_other"))
        for side in ("exporter_entity_id", "importer_entity_id")
    ]
    return pl.concat(sides).drop_nulls().unique().filter(pl.col("_one") != pl.col("_other"))


def _measure_graph(ties: pl.DataFrame) -> pl.DataFrame:
    companies = pl.concat([ties["_one"], ties["_other"]]).unique().sort()
    told = pl.DataFrame({"broker_entity_id": companies}).with_columns(
        *(pl.lit(ties[name][0], ties.schema[name]).alias(name) for name in (*_MARKET, "_month"))
    )
    measured = (
        _betweenness(companies, ties) if companies.len() <= _MOST_COMPANIES else pl.Series([None] * companies.len(), dtype=pl.Float64)
    )
    return told.with_columns(measured.alias("betweenness"))


def _betweenness(companies: pl.Series, ties: pl.DataFrame) -> pl.Series:
    graph: rustworkx.PyGraph[int, None] = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(companies.len()))
    ends = [ties[name].replace_strict(companies, pl.int_range(companies.len(), eager=True)) for name in ("_one", "_other")]
    graph.add_edges_from_no_data(list(zip(*(each.to_list() for each in ends), strict=True)))
    measured = rustworkx.betweenness_centrality(graph)
    return pl.Series([measured[at] for at in range(companies.len())], dtype=pl.Float64)
