"""Parties: the different spellings, with country, number and address, under which companies appear in declarations."""

from __future__ import annotations

import hashlib

import polars as pl

from tradeflow.resolve.number import plain_number
from tradeflow.resolve.spelling import NameLists, spell_addresses, spell_names

PARTY = ["party_name", "party_country", "tax_number", "party_address"]
ROLES = ["importer", "exporter", "broker", "consignee", "notify_party", "licensee"]
ROLE_COUNTS = [f"{role}_count" for role in ROLES]
_NAME = ["_country", "_sorted_core"]
_SPELT_AT_ONCE = 100_000
_STRANGERS = 3
"""Names unlike one another under one number from which on the number is a broker's."""
_LEAST_SHARE = 0.1
"""Share of a name's numbers from which on a number is another company's and no slip."""
_CROWD = 10
"""Different companies at one address from which on the address is an agent's or a free zone's, and says nothing."""


def list_parties(appearances: pl.DataFrame) -> pl.DataFrame:
    """Return each different party once: party_id, PARTY, mention_count and one count per role, sorted by party_id.

    `appearances` holds PARTY and `party_role` (any of ROLES or null), a row per appearance or, with `mention_count`, per several. A party
    without a name is left out. The id is made of what the party says about itself, so that it is the same in every run.
    """
    named = appearances.with_columns(pl.col(PARTY).str.strip_chars()).with_columns(pl.col(PARTY).replace("", None))
    times = pl.col("mention_count") if "mention_count" in appearances.columns else pl.lit(1, pl.Int64)
    of_role = [
        pl.when(pl.col("party_role") == role).then(times).otherwise(0).alias(count) for role, count in zip(ROLES, ROLE_COUNTS, strict=True)
    ]
    counted = named.drop_nulls("party_name").with_columns(times.alias("mention_count"), *of_role)
    grouped = counted.group_by(PARTY).agg(pl.col("mention_count", *ROLE_COUNTS).sum().cast(pl.Int64))
    return grouped.with_columns(_identify(grouped)).select("party_id", *PARTY, "mention_count", *ROLE_COUNTS).sort("party_id")


def identify_parties(appearances: pl.DataFrame) -> pl.Series:
    """Return the party_id of each row; null where it names nobody."""
    plain = appearances.select(pl.col(PARTY).str.strip_chars()).with_columns(pl.col(PARTY).replace("", None))
    known = plain.drop_nulls("party_name").unique()
    return plain.join(known.with_columns(_identify(known)), on=PARTY, how="left", nulls_equal=True, maintain_order="left")["party_id"]


def _identify(parties: pl.DataFrame) -> pl.Series:
    told = parties.select(pl.concat_str([pl.col(name).fill_null("") for name in PARTY], separator="\x1f")).to_series()
    digests = (hashlib.blake2b(each.encode(), digest_size=8).hexdigest() for each in told)
    return pl.Series("party_id", [f"P{digest}" for digest in digests], pl.String)


def _spell_in_parts(parties: pl.DataFrame, lists: NameLists) -> pl.DataFrame:
    """Spell names and addresses some at a time: their words take many times the memory of the text."""
    parts = [parties.slice(start, _SPELT_AT_ONCE) for start in range(0, max(parties.height, 1), _SPELT_AT_ONCE)]
    addresses = [spell_addresses(part["party_address"], lists).to_frame("_address") for part in parts]
    return pl.concat([pl.concat([spell_names(part["party_name"], lists) for part in parts]), pl.concat(addresses)], how="horizontal")


def describe_parties(parties: pl.DataFrame, lists: NameLists, placeholders: pl.Series) -> pl.DataFrame:
    """Add what parties are compared by: _p (their place), plain spellings of name and address, _number, and what is known of each.

    `_namesakes`: different numbers under the name in its country, slips left out.
    `_is_crowded`: the address is that of many. A number that mostly stands
    under names unlike one another is a broker's or a clerk's, and is dropped.
    """
    spelled = pl.concat(
        [
            parties.with_row_index("_p").with_columns(_number=plain_number(pl.col("tax_number"), placeholders)),
            _spell_in_parts(parties, lists),
        ],
        how="horizontal",
    ).with_columns(
        # Where no row of a table states a country, all are taken to be of one.
        pl.col("party_country").str.to_uppercase().fill_null("" if parties["party_country"].count() else "?").alias("_country")
    )
    told = spelled.with_columns(pl.when(~_is_of_many("_number", _STRANGERS)).then("_number").alias("_number"))
    bearers, numbered = (pl.col("_number").count().over(*key) for key in ((*_NAME, "_number"), _NAME))
    main = pl.when(bearers >= _LEAST_SHARE * numbered).then("_number")
    return told.with_columns(
        main.drop_nulls().n_unique().over(_NAME).alias("_namesakes"),
        _is_of_many("_address", _CROWD).alias("_is_crowded"),
        pl.col("_country").n_unique().over("_sorted_core").alias("_countries"),
    )


def _is_of_many(name: str, most: int) -> pl.Expr:
    """More than `most` beginnings of names stand under one number or address, and none of them under half of its spellings.

    Beginnings, and the share, because a large company is misspelt in many ways.
    """
    key, start = ["_country", name], pl.col("_sorted_core").str.slice(0, 3)
    largest = pl.len().over(*key, start).max().over(key)
    return pl.col(name).is_not_null() & (start.n_unique().over(key) > most) & (largest * 2 < pl.len().over(key))
