"""Which watched substances a goods description names, whatever code stands beside it."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from tradeflow.conform.goods_text import GAP, find_cas_numbers, spell_plainly
from tradeflow.conform.misspelling import SHORTEST_WORD, correct_words
from tradeflow.conform.substance_names import NameList, join_look_alikes, longest_first

_RESULT = ["description", "substance_code", "matched_name", "match_kind"]


def find_named_substances(descriptions: pl.Series, names: NameList) -> pl.DataFrame:
    """Return one row per different description and substance that it names: description, substance_code, matched_name, match_kind.

    match_kind: cas_number (with a right check digit), name, or misspelling. A name beside a word that makes it another product ("toluene
    diisocyanate") or says that it is absent ("acetone-free") is none. A description that names nothing has no row.
    """
    texts = pl.DataFrame({"description": descriptions.drop_nulls().unique(maintain_order=True)})
    plain = texts.with_columns(_plain(names).alias("_plain"))
    exact = _find_phrases(plain, names).with_columns(pl.lit("name").alias("match_kind"))
    corrected = _find_misspelt(plain, names).with_columns(pl.lit("misspelling").alias("match_kind"))
    every = pl.concat([_find_cas(texts, names), exact, corrected]).select(_RESULT)
    return every.unique(["description", "substance_code"], keep="first", maintain_order=True)


def _plain(names: NameList) -> pl.Expr:
    """The plain spelling, Chinese words freed of what is written together with them."""
    plain = spell_plainly(pl.col("description"))
    freed = plain.str.replace_many(names.chinese["old"].to_list(), names.chinese["new"].to_list(), leftmost=True)
    tidy = pl.format(" {} ", freed.str.replace_all(r"\s+", GAP).str.strip_chars(" "))
    return pl.when(plain.str.contains(r"\p{Han}")).then(tidy).otherwise(plain)


def _find_phrases(plain: pl.DataFrame, names: NameList) -> pl.DataFrame:
    """Find names first; then, where a name stands, whether it is part of something longer."""
    candidates = _extract(plain, longest_first(names.phrases["phrase"]))
    longer = join_look_alikes(candidates["phrase"].unique(), names)
    near_them = plain.join(candidates, on="description", how="semi", maintain_order="left")
    kept = candidates.select("phrase").unique().join(names.kept.alias("_after").to_frame(), how="cross")
    kept = kept.select(pl.col("phrase").alias("_name"), pl.format("{}{}", "phrase", "_after").alias("phrase"))
    found = _extract(near_them, longest_first(pl.concat([names.phrases["phrase"], longer, kept["phrase"]])))
    settled = found.join(kept, on="phrase", how="left", maintain_order="left").with_columns(pl.coalesce("_name", "phrase").alias("phrase"))
    named = settled.join(names.phrases, on="phrase", maintain_order="left")
    return named.select("description", "substance_code", pl.col("name").alias("matched_name"))


def _extract(plain: pl.DataFrame, phrases: list[str]) -> pl.DataFrame:
    found = pl.col("_plain").str.extract_many(pl.lit(pl.Series([phrases])), leftmost=True)
    return plain.select("description", found.alias("phrase")).filter(pl.col("phrase").list.len() > 0).explode("phrase")


def _find_misspelt(plain: pl.DataFrame, names: NameList) -> pl.DataFrame:
    """One language at a time: a word cut short may be two languages' (permanganat), a whole name is one's.

    A short word may have been corrected too (acid): alone it names nothing here.
    """
    words = plain["_plain"].str.strip_chars(" ").str.split(GAP).explode().unique().drop_nulls()
    slips = correct_words(words.filter(~words.is_in(names.right_words.implode())), names.words["word"].unique())
    is_long = pl.col("phrase").str.len_chars() >= SHORTEST_WORD + 2
    telling = names.phrases.filter(is_long | pl.col("phrase").str.contains(GAP, literal=True))
    found = []
    for (language,), own in names.words.group_by("language", maintain_order=True):
        single = slips.filter(pl.col("correct_word").is_in(own["word"].implode())).filter(~pl.col("word").is_duplicated())
        phrases = telling.filter(pl.col("language") == language)
        found.append(_find_phrases(_correct(plain, single), replace(names, phrases=phrases)))
    return pl.concat(found)


def _correct(plain: pl.DataFrame, slips: pl.DataFrame) -> pl.DataFrame:
    """Return only the descriptions in which a word was corrected."""
    if slips.is_empty():
        return plain.clear()
    wrong, right = (slips.select(pl.format(" {} ", column)).to_series().to_list() for column in ("word", "correct_word"))
    changed = plain.with_columns(pl.col("_plain").str.replace_many(wrong, right).alias("_changed"))
    return changed.filter(pl.col("_changed") != pl.col("_plain")).select("description", pl.col("_changed").alias("_plain"))


def _find_cas(texts: pl.DataFrame, names: NameList) -> pl.DataFrame:
    with_number = texts.filter(pl.col("description").str.contains(r"\d\d\s?\p{Pd}\s?\d\d\s?\p{Pd}\s?\d"))
    found = with_number.with_columns(find_cas_numbers(pl.col("description")).alias("cas_number")).explode("cas_number").drop_nulls()
    named = found.join(names.cas_numbers, on="cas_number")
    return named.select(
        "description", "substance_code", pl.col("cas_number").alias("matched_name"), pl.lit("cas_number").alias("match_kind")
    )
