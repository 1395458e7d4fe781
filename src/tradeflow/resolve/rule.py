"""When two parties are one company: a short list of rules, each with the score of what it links."""

from __future__ import annotations

import polars as pl

_ALIKE = 0.85
_ONE_SLIP_LETTERS, _TWO_SLIPS_LETTERS = 10, 16
_SHORTEST_NAME = 4
SCORES = {
    "same_number": 0.99,
    "same_name_and_address": 0.96,
    "same_name": 0.93,
    "similar_name": 0.9,
    "name_and_number_abroad": 0.92,
    "name_and_address_abroad": 0.88,
    "name_without_country": 0.86,
}
"""How sure a link is, from the strongest rule that it fulfils: an order in which links are made, no measured probability."""


def judge_pairs(measured: pl.DataFrame) -> pl.DataFrame:
    """Add `link_rule`, null where no rule links the pair, `link_score`, and `_is_proposed`: alike, but its numbers differ.

    Two numbers of one country are never linked by a rule. Names alone never link across countries.
    """
    is_abroad = (pl.col("_country_l") != pl.col("_country_r")) & ~_lacks_country()
    is_home = ~is_abroad & ~_lacks_country()
    differs = (~pl.col("has_same_number")).fill_null(value=False)
    number, address = (pl.col(name).fill_null(value=False) for name in ("has_same_number", "has_same_address"))
    is_alike = ~pl.col("_has_other_digits") & (pl.col("name_similarity") >= _ALIKE) & _is_core_alike()
    is_same = is_alike & (pl.col("name_similarity") == 1) & ~pl.col("_has_other_form") & (_letters() >= _SHORTEST_NAME)
    is_alone = pl.max_horizontal("_namesakes_l", "_namesakes_r") <= 1
    is_rare = pl.max_horizontal("_countries_l", "_countries_r") <= 2
    rules = {
        "same_number": number & is_home,
        "same_name_and_address": ~is_abroad & is_alike & address,
        "same_name": is_home & is_same & is_alone,
        "similar_name": is_home & is_alike & is_alone & ~pl.col("_has_other_form") & _is_within_slips(),
        "name_and_number_abroad": ~is_home & number & is_alike,
        "name_and_address_abroad": is_abroad & is_same & is_rare & address,
        "name_without_country": _lacks_country() & is_same & is_rare & is_alone,
    }
    first = pl.coalesce(*(pl.when(holds & ~differs).then(pl.lit(name)) for name, holds in rules.items()))
    judged = measured.with_columns(first.alias("link_rule"), (differs & is_alike & address).alias("_is_proposed"))
    return judged.with_columns(pl.col("link_rule").replace_strict(SCORES, default=None, return_dtype=pl.Float64).alias("link_score"))


def is_possible() -> pl.Expr:
    """Whatever links a pair: not two numbers of one country, not other digits in the name, and abroad more than a name."""
    number, address = (pl.col(name).fill_null(value=False) for name in ("has_same_number", "has_same_address"))
    is_home = (pl.col("_country_l") == pl.col("_country_r")) | _lacks_country()
    return pl.col("has_same_number").fill_null(value=True) & (number | ~pl.col("_has_other_digits")) & (is_home | number | address)


def _lacks_country() -> pl.Expr:
    return (pl.col("_country_l") == "") | (pl.col("_country_r") == "")


def _letters() -> pl.Expr:
    return pl.min_horizontal(pl.col("_core_l", "_core_r").str.len_chars())


def _is_core_alike() -> pl.Expr:
    """The telling parts agree but for a slip; or one holds the other, where a slip hides a common word (chemcal)."""
    left, right = pl.col("_core_l"), pl.col("_core_r")
    holds = left.str.contains(right, literal=True) | right.str.contains(left, literal=True)
    is_nearly_whole = (pl.col("name_similarity") >= 0.9) & holds & (_letters() >= _SHORTEST_NAME)
    return (pl.col("core_similarity") >= 0.8) | is_nearly_whole


def _is_within_slips() -> pl.Expr:
    """One slip in ten letters of the telling part, two in sixteen."""
    longer = pl.max_horizontal(pl.col("_full_l", "_full_r").str.len_chars())
    slips = ((1 - pl.col("name_similarity")) * longer).round()
    letters = _letters()
    return ((slips <= 1) & (letters >= _ONE_SLIP_LETTERS)) | ((slips <= 2) & (letters >= _TWO_SLIPS_LETTERS))
