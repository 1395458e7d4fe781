"""What two parties have in common, in figures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from rapidfuzz import process
from rapidfuzz.distance import OSA

_BATCH_PAIRS = 1_000_000
_TOLD = [
    "_country",
    "_number",
    "_full",
    "_core",
    "_sorted_core",
    "_generic",
    "_digits",
    "_form",
    "_address",
    "_is_crowded",
    "_namesakes",
    "_countries",
]
_LEAST_SIMILARITY = 0.5
_SAME_ADDRESS = 0.8


def measure_pairs(pairs: pl.DataFrame, parties: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield pairs, part by part, with what speaks for and against them; those that share neither number nor half a name are left out.

    core_similarity and name_similarity: 1 - edits / letters of the longer one (optimal string alignment) of the telling part and of the
    whole name; address_similarity: null where one has no address. has_same_number and has_same_address are null where they cannot be told.
    """
    # A part without pairs is a part too: it has the columns.
    for start in range(0, max(pairs.height, 1), _BATCH_PAIRS):
        both = _tell_both(pairs.slice(start, _BATCH_PAIRS), parties)
        both = both.with_columns(_core_similarity(both))
        near = both.filter((pl.col("core_similarity") >= _LEAST_SIMILARITY) | _has_same_number().fill_null(value=False))
        near = near.with_columns(_name_similarity(near), _alike(near, "_address", "address_similarity"))
        yield near.with_columns(_has_same_number(), _has_same_address(), _has_other_form(), _has_other_digits())


def _tell_both(pairs: pl.DataFrame, parties: pl.DataFrame) -> pl.DataFrame:
    told = parties.select(_TOLD)
    left = told[pairs["_left"]].rename(lambda name: f"{name}_l")
    right = told[pairs["_right"]].rename(lambda name: f"{name}_r")
    return pl.concat([pairs, left, right], how="horizontal")


def _alike(both: pl.DataFrame, name: str, alias: str) -> pl.Series:
    left, right = both[f"{name}_l"].to_list(), both[f"{name}_r"].to_list()
    found = process.cpdist(left, right, scorer=OSA.normalized_similarity, dtype=np.float64)
    is_told = both[f"{name}_l"].is_not_null() & both[f"{name}_r"].is_not_null()
    return pl.DataFrame({alias: found, "_is_told": is_told}).select(pl.when("_is_told").then(alias).alias(alias)).to_series()


def _core_similarity(both: pl.DataFrame) -> pl.Series:
    alike = pl.DataFrame([_alike(both, "_core", "_in_order"), _alike(both, "_sorted_core", "_sorted")])
    return alike.select(pl.max_horizontal("_in_order", "_sorted").alias("core_similarity")).to_series()


def _name_similarity(both: pl.DataFrame) -> pl.Series:
    """The whole name; where the words that many names share are the same, as alike as the telling part."""
    alike = both.with_columns(_alike(both, "_full", "_whole"))
    has_same_words = pl.col("_generic_l") == pl.col("_generic_r")
    return alike.select(pl.max_horizontal("_whole", pl.when(has_same_words).then("core_similarity")).alias("name_similarity")).to_series()


def _has_same_number() -> pl.Expr:
    """Numbers of two countries may differ for one company: there only the same number says something."""
    is_same, is_abroad = pl.col("_number_l") == pl.col("_number_r"), pl.col("_country_l") != pl.col("_country_r")
    return pl.when(is_same | ~is_abroad | _is_country_missing()).then(is_same).alias("has_same_number")


def _is_country_missing() -> pl.Expr:
    return (pl.col("_country_l") == "") | (pl.col("_country_r") == "")


def _has_same_address() -> pl.Expr:
    """An address of many companies says nothing; two that share no house number are two."""
    left, right = (pl.col(f"_address_{side}").str.extract_all(r"\d+") for side in "lr")
    shares_number = (left.list.set_intersection(right).list.len() > 0) | (left.list.len() == 0) | (right.list.len() == 0)
    is_telling = ~(pl.col("_is_crowded_l") | pl.col("_is_crowded_r"))
    return pl.when(is_telling).then((pl.col("address_similarity") >= _SAME_ADDRESS) & shares_number).alias("has_same_address")


def _has_other_form() -> pl.Expr:
    return (pl.col("_form_l") != pl.col("_form_r")).fill_null(value=False).alias("_has_other_form")


def _has_other_digits() -> pl.Expr:
    return (pl.col("_digits_l") != pl.col("_digits_r")).alias("_has_other_digits")
