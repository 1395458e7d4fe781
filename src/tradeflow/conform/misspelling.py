"""Words of goods descriptions that are a watched name spelt wrong."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

SHORTEST_WORD = 6
_SHORTEST_PART = 4
"""A word of so many letters is corrected only for the sake of a name of several words."""
_LONG_WORD = 9
"""From so many letters on two slips are forgiven instead of one."""
_FIRST_LETTER_WORD = 8
"""A shorter word must begin with the right letter: there are too many other words one letter away from it."""
_WORDS_AT_ONCE = 50_000


def correct_words(words: pl.Series, name_words: pl.Series) -> pl.DataFrame:
    """Return word, correct_word for those of the words, none of them spelt right, that are a name's word with a slip.

    One slip is forgiven, two in a long word or where the same letters stand in another order: a letter changed, left out, put in, or two
    letters turned round (optimal string alignment distance). All words of names that are equally near are returned. A word that only has
    letters before or after is none (dimethylamine is no methylamine).
    """
    targets = name_words.filter(name_words.str.contains(f"^[a-z]{{{_SHORTEST_PART},}}$"))
    digits = words.str.count_matches("[0-9]")
    is_word = words.str.contains(f"^[a-z0-9]{{{_SHORTEST_PART - 1},}}$") & (
        (digits <= 1) | ((digits == 2) & (words.str.len_chars() >= _LONG_WORD))
    )
    checked = words.filter(is_word).unique().sort()
    found = [_nearest(checked.slice(start, _WORDS_AT_ONCE), targets) for start in range(0, len(checked), _WORDS_AT_ONCE)]
    empty = pl.DataFrame(schema={"word": pl.String, "correct_word": pl.String})
    return pl.concat([empty, *found]).filter(~_is_only_longer_or_shorter())


def _nearest(unknown: pl.Series, targets: pl.Series) -> pl.DataFrame:
    distance: NDArray[np.uint8] = cdist(
        unknown.to_list(), targets.to_list(), scorer=OSA.distance, score_cutoff=2, dtype=np.uint8, workers=-1
    )
    at, near = np.nonzero(distance <= 2)
    pairs = pl.DataFrame({"word": unknown.gather(at), "correct_word": targets.gather(near), "_slips": distance[at, near]})
    return pairs.filter(_is_forgiven()).filter(pl.col("_slips") == pl.col("_slips").min().over("word")).select("word", "correct_word")


def _is_forgiven() -> pl.Expr:
    word, correct = pl.col("word"), pl.col("correct_word")
    length = correct.str.len_chars()
    same_letters = word.str.split("").list.sort().list.join("") == correct.str.split("").list.sort().list.join("")
    is_near = (pl.col("_slips") <= 1) | (length >= _LONG_WORD) | (same_letters & (length >= SHORTEST_WORD))
    same_start = word.str.slice(0, 1) == correct.str.slice(0, 1)
    return is_near & (same_start | (length >= _FIRST_LETTER_WORD))


def _is_only_longer_or_shorter() -> pl.Expr:
    word, correct = pl.col("word"), pl.col("correct_word")
    is_plural = word == correct + "s"
    contains = word.str.contains(correct, literal=True) | correct.str.starts_with(word) | correct.str.ends_with(word)
    return contains & ~is_plural & (word.str.len_chars().cast(pl.Int32) - correct.str.len_chars().cast(pl.Int32)).abs().ge(2)
