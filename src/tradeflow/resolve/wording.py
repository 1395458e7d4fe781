"""Why two parties were linked, or not, in words and figures."""

from __future__ import annotations

import polars as pl

_RULES = {
    "same_number": "same number in one country",
    "same_name_and_address": "names alike at one address",
    "same_name": "one name in one country, where it stands under one number at most",
    "similar_name": "names one or two slips apart in one country, where they stand under one number at most",
    "name_and_number_abroad": "one number and names alike, in two countries or without a country",
    "name_and_address_abroad": "one rare name at one address, in two countries",
    "name_without_country": "one rare name, one side without a country",
    "match_weight": "likely by the weights that Splink learned",
    "decision": "decided by a person",
}
NOT_MERGED = "alike, but under two numbers of one country: a person should look"


def word_links() -> pl.Expr:
    """Return `link_reason`: the rule, then what agrees and what does not."""
    rule = pl.col("link_rule").replace_strict(_RULES, default=NOT_MERGED, return_dtype=pl.String)
    both_numbers = pl.col("_number_l").is_not_null() & pl.col("_number_r").is_not_null()
    number = (
        pl.when(pl.col("_number_l") == pl.col("_number_r")).then(pl.format("both have number {}", "_number_l"))
        .when(both_numbers).then(pl.format("numbers {} and {}", "_number_l", "_number_r"))
        .otherwise(pl.lit("not both with a number"))
    )  # fmt: skip
    names = pl.format("names {} alike, their telling parts {}", _two_places("name_similarity"), _two_places("core_similarity"))
    address = (
        pl.when(pl.col("address_similarity").is_null()).then(pl.lit("not both with an address"))
        .when(pl.col("has_same_address").is_null()).then(pl.lit("an address of many companies, which says nothing"))
        .otherwise(pl.format("addresses {} alike", _two_places("address_similarity")))
    )  # fmt: skip
    return pl.concat_str(rule, number, names, address, separator="; ").alias("link_reason")


def _two_places(name: str) -> pl.Expr:
    return pl.col(name).round(2).cast(pl.String)
