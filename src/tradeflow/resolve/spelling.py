"""One plain spelling for a company's name and address, whatever script, legal form, punctuation and word order it was written in."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from tradeflow.folding import spell_latin, transliterate

_HAN_OR_KANA = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]"
_LEGAL_FORMS_IN_A_NAME = 2
_SHORTEST_ABBREVIATION = 2


@dataclass(frozen=True)
class NameLists:
    """Code lists `legal_form`, `name_word` and `address_word`."""

    legal_form: pl.DataFrame
    name_word: pl.DataFrame
    address_word: pl.DataFrame


def spell_names(names: pl.Series, lists: NameLists) -> pl.DataFrame:
    """Return one row per name: _full, _core, _sorted_core, _generic, _digits, _form.

    `_full`: all words, written out, in order of letters. `_core`: what tells the company from others, joined in the order of the name;
    `_sorted_core`: the same in order of letters. `_generic`: the words that many names share. `_digits`: its numbers.
    `_form`: kind of legal form, empty where the name states none.
    """
    plain = _write_in_latin(names, lists)
    forms = _spell_forms(lists.legal_form)
    stripped = _strip_forms(plain.to_frame("_name"), forms)
    words = _write_out(pl.col("_name").str.split(" "), lists.name_word.select("word", "written_as"))
    generic = lists.name_word.filter("is_generic").select(pl.concat_list("word", "written_as").explode()).to_series().drop_nulls().unique()
    telling = words.list.eval(pl.element().filter(~pl.element().is_in(generic.implode())))
    core = pl.when(telling.list.len() > 0).then(telling).otherwise(words)
    return stripped.select(
        words.list.sort().list.join(" ").alias("_full"),
        core.list.join("").alias("_core"),
        core.list.sort().list.join("").alias("_sorted_core"),
        words.list.eval(pl.element().filter(pl.element().is_in(generic.implode()))).list.sort().list.join(" ").alias("_generic"),
        words.list.eval(pl.element().filter(pl.element().str.contains(r"^\d+$"))).list.sort().list.join(" ").alias("_digits"),
        pl.col("_form"),
    )


def spell_addresses(addresses: pl.Series, lists: NameLists) -> pl.Series:
    """Return the words of each address, shortened as is usual, in order of letters; null where there is none."""
    latin = spell_latin(transliterate(addresses.str.normalize("NFKC").str.to_lowercase()))
    words = _write_out(pl.col("_address").str.split(" "), lists.address_word)
    spelled = latin.to_frame("_address").select(words.list.unique().list.sort().list.join(" "))
    return spelled.select(pl.when(pl.col("_address") != "").then(pl.col("_address"))).to_series()


def _write_in_latin(names: pl.Series, lists: NameLists) -> pl.Series:
    """Replace what East Asian scripts write in words of their own, then transliterate letter by letter."""
    forms = lists.legal_form.select(
        pl.col("legal_form_spelling").alias("word"), pl.col("legal_form").replace(_FORM_WORDS).alias("written_as")
    )
    foreign = pl.concat([forms, lists.name_word.select("word", "written_as")]).filter(pl.col("word").str.contains(_HAN_OR_KANA))
    longest = (
        foreign.with_columns(pl.col("word").str.normalize("NFKC")).unique("word").sort(pl.col("word").str.len_chars(), descending=True)
    )
    written = longest.select(pl.format(" {} ", "written_as")).to_series().to_list()
    lower = names.str.normalize("NFKC").str.to_lowercase()
    replaced = (
        lower.to_frame("_name").select(pl.col("_name").str.replace_many(longest["word"].to_list(), written, leftmost=True)).to_series()
    )
    return spell_latin(transliterate(replaced))


_FORM_WORDS = {"limited": "ltd", "joint_stock": "jsc"}


def _spell_forms(legal_form: pl.DataFrame) -> pl.DataFrame:
    """Spell the legal forms as names are spelt, with points left out and with points as blanks (s a de c v); the longest first."""
    spelling = legal_form["legal_form_spelling"].str.normalize("NFKC")
    variants = [spelling, spelling.str.replace_all(r"[./]", " "), spelling.str.replace_all("/", "")]
    spelled = [
        pl.DataFrame({"legal_form": legal_form["legal_form"], "_spelt": spell_latin(transliterate(each.str.to_lowercase()))})
        for each in variants
    ]
    known = pl.concat(spelled).filter(pl.col("_spelt").str.len_chars() >= _SHORTEST_ABBREVIATION).unique("_spelt", maintain_order=True)
    return known.sort(pl.col("_spelt").str.len_chars(), "_spelt", descending=True)


def _strip_forms(names: pl.DataFrame, forms: pl.DataFrame) -> pl.DataFrame:
    """Take legal forms off both ends of a name; a name that is nothing else keeps its words. `_form` is the first kind that was found."""
    spelt = "|".join(re.escape(each) for each in forms["_spelt"])
    kind = dict(forms.select("_spelt", "legal_form").iter_rows())
    named = names.with_columns(pl.lit(None, pl.String).alias("_form"))
    for pattern in [f" ({spelt})$"] * _LEGAL_FORMS_IN_A_NAME + [f"^({spelt}) "]:
        found = pl.col("_name").str.extract(pattern).replace_strict(kind, default=None, return_dtype=pl.String)
        named = named.with_columns(pl.col("_name").str.replace(pattern, ""), pl.coalesce("_form", found).alias("_form"))
    return named


def _write_out(words: pl.Expr, written: pl.DataFrame) -> pl.Expr:
    """Replace each word by how it is written out; a word that is written as nothing is left out."""
    table = written.unique("word").with_columns(pl.col("written_as").fill_null(""))
    replaced = words.list.eval(pl.element().replace(table["word"], table["written_as"]))
    return replaced.list.join(" ").str.replace_all(" +", " ").str.strip_chars(" ").str.split(" ")
