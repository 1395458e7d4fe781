"""Words of goods descriptions that are a watched name spelt wrong."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

_SHORTEST_WORD = 6
_LONG_WORD = 9
"""From so many letters on two slips are forgiven instead of one."""
_FIRST_LETTER_WORD = 8
"""A shorter word must begin with the right letter: there are too many other words one letter away from it."""
_WORDS_AT_ONCE = 50_000


def correct_words(words: pl.Series, name_words: pl.Series) -> pl.DataFrame:
    """Return word, correct_word for those of the words, none of them spelt right, that are a name's word with a slip.

    One slip is forgiven, two in a long word: a letter changed, left out, put in, or two letters turned round (optimal string alignment
    distance). A word that two names' words are equally near to is left alone, and so is one that only has letters before or after
    (dimethylamine is no methylamine).
    """
    targets = name_words.filter(name_words.str.contains(f"^[a-z]{{{_SHORTEST_WORD},}}$"))
    is_word = words.str.contains(f"^[a-z0-9]{{{_SHORTEST_WORD - 1},}}$") & (words.str.count_matches("[0-9]") <= 1)
    checked = words.filter(is_word).unique().sort()
    found = [_nearest(checked.slice(start, _WORDS_AT_ONCE), targets) for start in range(0, len(checked), _WORDS_AT_ONCE)]
    empty = pl.DataFrame(schema={"word": pl.String, "correct_word": pl.String})
    return pl.concat([empty, *found]).filter(~_is_only_longer_or_shorter())


def _nearest(unknown: pl.Series, targets: pl.Series) -> pl.DataFrame:
    words, correct = unknown.to_list(), targets.to_list()
    distance: NDArray[np.uint8] = cdist(words, correct, scorer=OSA.distance, score_cutoff=2, dtype=np.uint8, workers=-1)
    lengths = targets.str.len_chars().to_numpy()
    limit = np.where(lengths >= _LONG_WORD, 2, 1)
    usable = np.where(distance <= limit, distance, 9)
    best = usable.argmin(axis=1)
    nearest = usable[np.arange(len(unknown)), best]
    is_single = (usable == nearest[:, None]).sum(axis=1) == 1
    pairs = pl.DataFrame({"word": unknown, "correct_word": targets.gather(best)}).filter(pl.Series((nearest < 9) & is_single))
    same_start = pl.col("word").str.slice(0, 1) == pl.col("correct_word").str.slice(0, 1)
    return pairs.filter(same_start | (pl.col("correct_word").str.len_chars() >= _FIRST_LETTER_WORD))


def _is_only_longer_or_shorter() -> pl.Expr:
    word, correct = pl.col("word"), pl.col("correct_word")
    is_plural = word == correct + "s"
    contains = word.str.contains(correct, literal=True) | correct.str.starts_with(word) | correct.str.ends_with(word)
    return contains & ~is_plural & (word.str.len_chars().cast(pl.Int32) - correct.str.len_chars().cast(pl.Int32)).abs().ge(2)
