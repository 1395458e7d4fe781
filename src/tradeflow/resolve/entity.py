"""Companies resolved: appearances in; entities, their names and the reason of every link out."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from tradeflow.resolve.candidate import propose_pairs
from tradeflow.resolve.cluster import group_parties
from tradeflow.resolve.decision import Decisions, place_decisions
from tradeflow.resolve.evidence import measure_pairs
from tradeflow.resolve.identity import identify_groups, list_merged
from tradeflow.resolve.party import PARTY, ROLE_COUNTS, describe_parties, list_parties
from tradeflow.resolve.rule import is_possible, judge_pairs
from tradeflow.resolve.spelling import NameLists
from tradeflow.resolve.wording import word_links

_PAIR = ["_left", "_right"]
_SIMILARITIES = ["name_similarity", "core_similarity", "address_similarity"]
_JUDGED = [*_PAIR, "link_rule", "link_score", "_is_proposed", *_SIMILARITIES, "has_same_address", "_number_l", "_number_r"]
Linker = Callable[[pl.DataFrame], pl.DataFrame]
"""Parties in; _left, _right and link_score of the pairs that are one company out."""


@dataclass(frozen=True)
class Known:
    """What the run before knew: entity_name, entity and the decisions of people."""

    entity_name: pl.DataFrame
    entity: pl.DataFrame
    entity_decision: pl.DataFrame


@dataclass(frozen=True)
class Resolved:
    """The tables of the stage, as their contracts say, and one line for each thing that a reader should know."""

    entity: pl.DataFrame
    entity_name: pl.DataFrame
    entity_link: pl.DataFrame
    notes: tuple[str, ...]


def resolve_parties(
    appearances: pl.DataFrame,
    lists: NameLists,
    placeholders: pl.Series,
    known: Known,
    *,
    today: datetime.date,
    linker: Linker | None = None,
) -> Resolved:
    """Resolve `appearances` (see `list_parties`) by rules or, where one is given, by another linker.

    The names of earlier runs take part in linking, so that a new spelling finds them. Two numbers of one country stay two entities
    whatever the linker says, unless a person decides otherwise.
    """
    parties = describe_parties(_with_known(list_parties(appearances), known.entity_name), lists, placeholders)
    decisions = place_decisions(known.entity_decision, parties)
    judged = _judge(propose_pairs(parties), parties) if linker is None else _take_over(linker(parties), parties)
    links = _add_decisions(judged, decisions, parties)
    groups = pl.Series("_group", group_parties(parties, links.drop_nulls("link_rule"), decisions.apart))
    grouped = parties.with_columns(groups)
    ids = identify_groups(grouped.select("party_id", "_group"), known.entity_name, known.entity, today)
    named = grouped.join(ids, on="_group", how="left", maintain_order="left")
    merged = list_merged(ids, grouped.select("party_id", "_group"), known.entity_name, known.entity)
    entity = _tell_entities(named, merged)
    return Resolved(entity, _tell_names(named, entity), _tell_links(links, named), (*decisions.notes, *_broken(decisions, named)))


def _with_known(parties: pl.DataFrame, entity_name: pl.DataFrame) -> pl.DataFrame:
    """Add the parties of earlier runs that this one does not name, with no mention."""
    absent = entity_name.select("party_id", *PARTY).join(parties, on="party_id", how="anti")
    return pl.concat([parties, absent], how="diagonal").with_columns(pl.col("mention_count", *ROLE_COUNTS).fill_null(0)).sort("party_id")


def _judge(pairs: pl.DataFrame, parties: pl.DataFrame) -> pl.DataFrame:
    parts = (judge_pairs(measured) for measured in measure_pairs(pairs, parties))
    wanted = pl.col("link_rule").is_not_null() | pl.col("_is_proposed")
    return pl.concat([part.filter(wanted).select(_JUDGED) for part in parts]).with_columns(link_source=pl.lit("rule"))


def _take_over(linked: pl.DataFrame, parties: pl.DataFrame) -> pl.DataFrame:
    """Put another linker's score in the place of the rules' one; the figures beside it are measured all the same."""
    measured = pl.concat(measure_pairs(linked.select(_PAIR), parties)).join(linked, on=_PAIR)
    told = measured.with_columns(link_rule=pl.lit("match_weight"), _is_proposed=pl.lit(False), link_source=pl.lit("splink"))
    return told.filter(is_possible()).select(*_JUDGED, "link_source")


def _add_decisions(judged: pl.DataFrame, decisions: Decisions, parties: pl.DataFrame) -> pl.DataFrame:
    """Put a person's links before all others; a rule's link on a pair that a person decided is dropped."""
    decided = pl.concat([decisions.same, decisions.apart])
    others = judged.join(decided, on=_PAIR, how="anti").join(decided.select(_left="_right", _right="_left"), on=_PAIR, how="anti")
    rest = others.with_columns(_is_decided=pl.lit(False))
    if decisions.same.is_empty():
        return rest
    same = decisions.same.with_columns(link_score=1 + 1 / pl.int_range(1, pl.len() + 1))
    measured = pl.concat(measure_pairs(same.select(_PAIR), parties))
    told = same.join(measured, on=_PAIR, how="left").with_columns(
        link_rule=pl.lit("decision"), link_source=pl.lit("person"), _is_proposed=pl.lit(False), _is_decided=pl.lit(True)
    )
    return pl.concat([told.select(rest.columns), rest])


def _tell_entities(named: pl.DataFrame, merged: pl.DataFrame) -> pl.DataFrame:
    """One row per entity under its most common spelling, then those that were merged into another."""
    ordered = named.sort("mention_count", "_p", descending=[True, False])
    usual = ordered.group_by("entity_id", maintain_order=True).agg(
        pl.col("party_name").first().alias("entity_name"),
        pl.col("party_country").drop_nulls().first(),
        pl.col("_number").drop_nulls().first().alias("entity_number"),
        pl.len().cast(pl.Int64).alias("name_count"),
        pl.col("mention_count").sum(),
        pl.col("first_seen_on").first(),
    )
    gone = merged.with_columns(name_count=pl.lit(0, pl.Int64), mention_count=pl.lit(0, pl.Int64))
    return pl.concat([usual, gone], how="diagonal").sort("entity_id").select(_ENTITY)


_ENTITY = [
    "entity_id", "entity_name", "party_country", "entity_number", "name_count", "mention_count", "first_seen_on", "merged_into_id",
]  # fmt: skip


def _tell_names(named: pl.DataFrame, entity: pl.DataFrame) -> pl.DataFrame:
    told = named.join(entity.select("entity_id", "entity_name"), on="entity_id", how="left", maintain_order="left")
    return told.select("party_id", "entity_id", "entity_name", *PARTY, "mention_count", *ROLE_COUNTS)


def _tell_links(links: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """One row per link that holds, and one for the likest pair of two entities that only their numbers keep apart."""
    told = named.select("party_id", "party_name", "entity_id")
    left = told[links["_left"]].rename({"party_id": "left_party_id", "party_name": "left_name", "entity_id": "left_entity_id"})
    right = told[links["_right"]].rename({"party_id": "right_party_id", "party_name": "right_name", "entity_id": "right_entity_id"})
    both = pl.concat([links, left, right], how="horizontal").with_columns(
        is_merged=(pl.col("left_entity_id") == pl.col("right_entity_id")) & pl.col("link_rule").is_not_null()
    )
    ends = [pl.min_horizontal(_ENDS).alias("_low"), pl.max_horizontal(_ENDS).alias("_high")]
    doubts = both.filter(pl.col("link_rule").is_null() & (pl.col("left_entity_id") != pl.col("right_entity_id")))
    ordered = doubts.sort("name_similarity", "_left", "_right", descending=[True, False, False]).with_columns(ends)
    likest = ordered.unique(["_low", "_high"], keep="first", maintain_order=True).select(both.columns)
    listed = pl.concat([both.filter("is_merged"), likest]).with_columns(word_links()).sort("left_party_id", "right_party_id")
    return listed.with_columns(pl.col("link_score").clip(0, 1)).select(_LINK)


_ENDS = ("left_entity_id", "right_entity_id")
_LINK = [
    "left_party_id", "right_party_id", "left_name", "right_name", "left_entity_id", "right_entity_id", "is_merged", "link_source",
    "link_rule", "link_score", *_SIMILARITIES, "link_reason",
]  # fmt: skip


def _broken(decisions: Decisions, named: pl.DataFrame) -> list[str]:
    """Say which decisions that two parties are the same another decision keeps from being followed."""
    group = named["_group"]
    unfollowed = int((group[decisions.same["_left"]] != group[decisions.same["_right"]]).sum()) if decisions.same.height else 0
    return [f"{unfollowed:,} decisions that two names are one company contradict decisions that they are not"] if unfollowed else []
