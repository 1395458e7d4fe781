"""Text of any script folded into plain small Latin letters, so that spellings can be compared."""

from __future__ import annotations

import polars as pl
from anyascii import anyascii


def fold_text(text: pl.Series) -> pl.Series:
    """Return each text in small ASCII letters, digits and single blanks."""
    return spell_latin(transliterate(text.str.normalize("NFKC").str.to_lowercase()))


def transliterate(text: pl.Series) -> pl.Series:
    """Write every letter of another script in ASCII; anyascii looks at one letter at a time, so each is asked for once."""
    foreign = text.drop_nulls().str.replace_all(r"[\x00-\x7f]+", "").str.split("").explode().unique().drop_nulls()
    letters = sorted(letter for letter in foreign.to_list() if letter)
    if not letters:
        return text
    written = [anyascii(letter).lower() for letter in letters]
    return text.to_frame("_text").select(pl.col("_text").str.replace_many(letters, written)).to_series()


def spell_latin(text: pl.Series) -> pl.Series:
    """Keep small letters, digits and single blanks; "&" and "+" become "and", points and apostrophes vanish."""
    return (
        text.str.to_lowercase()
        .str.replace_all("[.'`´]", "")
        .str.replace_all("[&+]", " and ")
        .str.replace_all("[^a-z0-9]+", " ")
        .str.strip_chars(" ")
    )
