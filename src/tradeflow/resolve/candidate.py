"""Which parties are worth comparing: neighbours under several keys, so that the cost grows with the parties and not with their square."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

_WINDOW = 2
_REACH_AT_ADDRESS = 3
_SHORTEST_CORE, _LONGEST_CORE = 5, 24
_PARTIES_OF_A_NAME = 4


def propose_pairs(parties: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs to compare: _left, _right (places of parties, left below right), each once.

    Parties meet by number, by the telling part of the name, by address, by names one slip apart (all strings that one deletion makes of
    both, as in SymSpell), and as neighbours when names are sorted from the front and from the back.
    """
    known = parties.select("_p", "_country", "_number", "_full", "_core", "_sorted_core", "_address", "mention_count").with_columns(
        pl.col("_country").rank("dense").cast(pl.UInt32)  # millions of keys carry it: four bytes instead of sixteen
    )
    names = _names(known)
    by_party = [*_by_number(known), *_by_name(known), *_by_address(known)]
    by_name = pl.concat([*_by_slip(names), *_by_neighbour(names)]).unique()
    found = pl.concat([*by_party, _meet_parties(by_name, known)])
    ordered = found.select(pl.min_horizontal("_left", "_right").alias("_left"), pl.max_horizontal("_left", "_right").alias("_right"))
    return ordered.filter(pl.col("_left") != pl.col("_right")).unique()


def _by_number(parties: pl.DataFrame) -> Iterator[pl.DataFrame]:
    numbered = parties.drop_nulls("_number")
    yield _to_first(numbered, ["_country", "_number"])
    yield _to_next(numbered, ["_number"], ["_country", "mention_count"], 1)


def _by_name(parties: pl.DataFrame) -> Iterator[pl.DataFrame]:
    yield _to_first(parties, ["_country", "_sorted_core"])
    yield _to_first(parties, ["_country", "_sorted_core", "_full"])
    yield _to_next(parties, ["_country", "_sorted_core"], ["_address", "_number"], _WINDOW)
    yield _to_next(parties, ["_country", "_core"], ["_address", "_number"], 1)
    yield _to_next(parties, ["_sorted_core"], ["_address", "_country"], _WINDOW)


def _by_address(parties: pl.DataFrame) -> Iterator[pl.DataFrame]:
    placed = parties.drop_nulls("_address")
    for order in ("_core", "_sorted_core"):
        yield _to_next(placed, ["_address"], [order], _REACH_AT_ADDRESS)
    backward = placed.with_columns(pl.col("_core").str.reverse())
    yield _to_next(backward, ["_address"], ["_core"], _REACH_AT_ADDRESS)


def _names(parties: pl.DataFrame) -> pl.DataFrame:
    """Return each name of a country once, under the place `_n` of its first party."""
    return parties.group_by("_country", "_core", "_sorted_core", "_full").agg(pl.col("_p").min())


def _by_slip(names: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Return pairs of names of which one deletion each makes the same string: one letter more, less, other or exchanged."""
    for core in ("_core", "_sorted_core"):
        within = names.filter(pl.col(core).str.len_chars().is_between(_SHORTEST_CORE, _LONGEST_CORE))
        if core == "_sorted_core":
            within = within.filter(pl.col("_core") != pl.col("_sorted_core"))
        without = [_hash_without(within, core, place) for place in range(_LONGEST_CORE)]
        keys = pl.concat([within.select("_p", "_country", pl.col(core).hash().alias("_key")), *without])
        repeated = keys.filter(pl.col("_key").is_duplicated())
        yield _to_next(repeated, ["_key"], ["_country", "_p"], _WINDOW)


def _hash_without(names: pl.DataFrame, core: str, place: int) -> pl.DataFrame:
    is_there = pl.col(core).str.len_chars() > place
    shortened = pl.concat_str(pl.col(core).str.slice(0, place), pl.col(core).str.slice(place + 1))
    return names.filter(is_there).select("_p", "_country", shortened.hash().alias("_key"))


def _by_neighbour(names: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Return neighbours in the order of the names, read from the front and from the back (sorted neighbourhood)."""
    for spelt in (pl.col("_full"), pl.col("_full").str.reverse(), pl.col("_core"), pl.col("_core").str.reverse()):
        yield _to_next(names.with_columns(spelt.alias("_spelt")), ["_country"], ["_spelt"], _WINDOW)


def _meet_parties(pairs: pl.DataFrame, parties: pl.DataFrame) -> pl.DataFrame:
    """Put the parties of two names beside one another; of a name with many parties, those with most mentions."""
    ordered = parties.sort("mention_count", "_p", descending=[True, False])
    name = ["_country", "_core", "_sorted_core", "_full"]
    of_name = ordered.select("_p", pl.col("_p").min().over(name).alias("_n"), pl.int_range(pl.len()).over(name).alias("_rank"))
    few = of_name.filter(pl.col("_rank") < _PARTIES_OF_A_NAME).select("_n", "_p")
    lefts = pairs.join(few.rename({"_n": "_left", "_p": "_l"}), on="_left")
    both = lefts.join(few.rename({"_n": "_right", "_p": "_r"}), on="_right")
    return both.select(pl.col("_l").alias("_left"), pl.col("_r").alias("_right"))


def _to_first(parties: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Return each party with the most mentioned one of its key."""
    ordered = parties.sort("mention_count", "_p", descending=[True, False])
    return ordered.select(pl.col("_p").first().over(key).alias("_left"), pl.col("_p").alias("_right"))


def _to_next(parties: pl.DataFrame, key: list[str], order: list[str], reach: int) -> pl.DataFrame:
    """Return each party with the next ones of its key in an order."""
    ordered = parties.sort(*key, *order, "_p")
    steps = []
    for step in range(1, reach + 1):
        is_same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(step)) for name in key)
        steps.append(ordered.select(pl.col("_p").shift(step).alias("_left"), pl.col("_p").alias("_right"), is_same.alias("_is_same")))
    return pl.concat(steps).filter(pl.col("_is_same")).drop_nulls().select("_left", "_right")
