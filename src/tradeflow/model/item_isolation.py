"""How alone a declared item of a watched substance is among earlier ones (isolation forest: Liu, Ting and Zhou 2008)."""

from __future__ import annotations

import polars as pl

from tradeflow.model.declaration_isolation import KNOWN_BEFORE, isolate_declarations

_KEY = ["snapshot_id", "row_number", "substance_code"]
_KNOWN_BEFORE = (*KNOWN_BEFORE, ("office",), ("importer_id", "office"), ("transport_mode",), ("hs6_code", "transport_mode"))
"""What is rare among the days before; where and how goods travel is told in the codes of one administration here."""
_COMPARED_WITHIN = (("hs6_code",),)
"""Whose earlier sizes and prices are usual: not the company's own, which say of a stranger that nothing about it is unusual."""
_LEAST_ROWS = 100
"""Items below which no forest is grown, nor places told among them."""
_FEATURES = {
    "importer_id": "importer_entity_id",
    "seller_id": "exporter_entity_id",
    "declarant_id": "broker_entity_id",
    "departure": "departure_code",
    "origin": "origin_code",
    "item_price": "value_usd",
}
"""What `isolate_declarations` knows each column of `company_item` as."""


def isolate_items(items: pl.DataFrame, scored_start: int, *, trees: int, seed: int) -> pl.DataFrame:
    """Return _KEY, isolation_score and comparable_group of the items that no forest was grown from.

    items: `company_item` with transport_mode. Imports and exports apart. Of the items before `scored_start` (YYYYMM) the earlier half by
    day grows the forests and the later half is there to be compared with: neither forest nor features have seen it, as they have not seen
    the scored months.
    """
    parts = [_isolate(rows, scored_start, trees, seed) for rows in items.partition_by("flow_code", maintain_order=True)]
    schema = {name: items.schema[name] for name in _KEY} | {"isolation_score": pl.Float64, "comparable_group": pl.String}
    return pl.concat([pl.DataFrame(schema=schema), *parts])


def _isolate(items: pl.DataFrame, scored_start: int, trees: int, seed: int) -> pl.DataFrame:
    named = items.select(
        *_KEY, "declaration_date", "period", "hs6_code", "office", "transport_mode", "net_weight_kg",
        *(pl.col(column).cast(pl.Float64 if name == "item_price" else pl.String).alias(name) for name, column in _FEATURES.items()),
    ).sort("declaration_date", *_KEY)  # fmt: skip
    earlier = named.filter(pl.col("period") < scored_start)["declaration_date"]
    is_history = (named["declaration_date"] < earlier.median()).to_numpy() if earlier.len() else named["period"].is_null().to_numpy()
    found = named.filter(~is_history).select(_KEY)
    if is_history.sum() < _LEAST_ROWS:
        return found.clear().with_columns(isolation_score=pl.lit(None, pl.Float64), comparable_group=pl.lit(None, pl.String))
    isolation = isolate_declarations(
        named, is_history, trees=trees, seed=seed, known_before=_KNOWN_BEFORE, compared_within=_COMPARED_WITHIN
    )
    scored = named.select(_KEY).with_columns(isolation_score=pl.Series(isolation.score), comparable_group=isolation.group)
    return scored.filter(~is_history)
