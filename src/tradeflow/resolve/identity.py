"""Ids that hold over runs: a group keeps the id of the entity that most of its names had; the older of two survives a merge."""

from __future__ import annotations

import datetime
import hashlib

import polars as pl


def identify_groups(grouped: pl.DataFrame, known_name: pl.DataFrame, known_entity: pl.DataFrame, today: datetime.date) -> pl.DataFrame:
    """Return one row per group: _group, entity_id, first_seen_on.

    `grouped`: party_id, _group. `known_name`: party_id, entity_id of the run before; `known_entity`: entity_id, first_seen_on. An old id
    goes to the group that holds most of its parties; of several old ids in one group the oldest survives.
    """
    dated = known_name.select("party_id", "entity_id").join(known_entity.select("entity_id", "first_seen_on"), on="entity_id", how="left")
    held = (
        grouped.join(dated, on="party_id")
        .group_by("entity_id", "_group", "first_seen_on")
        .agg(pl.len().alias("_held"), pl.col("party_id").min())
    )
    largest = held.sort("_held", "party_id", descending=[True, False]).unique("entity_id", keep="first", maintain_order=True)
    kept = largest.sort("first_seen_on", "entity_id").unique("_group", keep="first", maintain_order=True)
    fresh = grouped.join(kept, on="_group", how="anti").group_by("_group").agg(pl.col("party_id").min()).sort("party_id")
    made = fresh.select("_group", _new_ids(fresh["party_id"], set(kept["entity_id"])), pl.lit(today, pl.Date).alias("first_seen_on"))
    return pl.concat([kept.select("_group", "entity_id", "first_seen_on"), made])


def list_merged(ids: pl.DataFrame, grouped: pl.DataFrame, known_name: pl.DataFrame, known_entity: pl.DataFrame) -> pl.DataFrame:
    """Return the entities of earlier runs that are another's now: entity_id, first_seen_on, merged_into_id, as it is called today."""
    living = ids["entity_id"]
    gone = known_entity.filter(~pl.col("entity_id").is_in(living.implode()))
    of_party = grouped.join(ids, on="_group").select("party_id", pl.col("entity_id").alias("_now"))
    moved = (
        known_name.select("party_id", "entity_id").join(of_party, on="party_id").group_by("entity_id", "_now").agg(pl.len().alias("_held"))
    )
    heir = moved.sort("_held", "_now", descending=[True, False]).unique("entity_id", keep="first", maintain_order=True)
    earlier = gone.join(heir, on="entity_id", how="left").join(
        heir.select(pl.col("entity_id").alias("merged_into_id"), pl.col("_now").alias("_heir")), on="merged_into_id", how="left"
    )
    into = pl.coalesce("_now", "_heir", "merged_into_id").alias("merged_into_id")
    return earlier.select("entity_id", "first_seen_on", into)


def _new_ids(founders: pl.Series, taken: set[str]) -> pl.Series:
    """Make an id of the party that founds the entity; another of the same party where an entity that it left still has the first."""
    ids = [f"E{founder[1:]}" for founder in founders]
    return pl.Series("entity_id", [_other_id(each, taken) if each in taken else each for each in ids], pl.String)


def _other_id(taken_id: str, taken: set[str]) -> str:
    while taken_id in taken:
        taken_id = f"E{hashlib.blake2b(taken_id.encode(), digest_size=8).hexdigest()}"
    return taken_id
