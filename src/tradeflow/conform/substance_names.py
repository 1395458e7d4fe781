"""What is looked for in a goods description: the names of watched substances, and what only looks like one."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tradeflow.conform.goods_text import GAP, spell_plainly

_GROUPS = (
    "phenyl|fenil|methyl|metil|ethyl|etil|propyl|propil|isopropyl|isopropil|butyl|butil|isobutyl|isobutil|benzyl|bencil|benzil|acetyl|acetil"
    "|nitro|amino|mono|butyro|butiro|butane|butano"
)
"""Groups that people write apart from the rest of the word (phenyl acetic acid)."""
_SHORT_FORMS = {
    "acido": ["ac"], "acide": ["ac"], "anhidrido": ["anh", "anhid"], "anidrido": ["anid"], "anhydride": ["anh", "anhyd"],
    "potassium": ["pot", "potass"], "potasio": ["pot"], "potassio": ["pot"], "sodium": ["sod"], "sodio": ["sod"],
    "permanganate": ["permang", "permanganat"], "permanganato": ["permang"], "alcohol": ["alc"], "alcool": ["alc"],
    "isopropyl": ["isoprop"],
    "isopropilico": ["isoprop"], "hydrochloric": ["hydrochl"], "sulphuric": ["sulph"], "sulfuric": ["sulf"],
}  # fmt: skip
"""How words of a name of several words are cut short on papers."""
_SALTS = ("盐酸", "硫酸", "酒石酸", "马来酸", "磷酸", "草酸")
"""Acids whose name stands before that of the base in a Chinese salt."""
_SHORTEST_COMPACT = 12
"""Letters of a name of several words from which on it is also looked for written as one word (methylethylketone)."""


@dataclass(frozen=True)
class NameList:
    """What `build_name_list` made ready.

    phrases: phrase, substance_code, name, language. look_alikes: _near, near_kind. kept: words after a name that leave it what it is,
    although they begin like one of those. words: language, word of the names in letters. right_words: every word that is spelt right.
    chinese: old, new of what is taken off a Chinese word. cas_numbers: as in `substance`.
    """

    phrases: pl.DataFrame
    look_alikes: pl.DataFrame
    kept: pl.Series
    words: pl.DataFrame
    right_words: pl.Series
    chinese: pl.DataFrame
    cas_numbers: pl.DataFrame


def build_name_list(substance_name: pl.DataFrame, near_name: pl.DataFrame, substance: pl.DataFrame) -> NameList:
    """Make ready the code lists `substance_name`, `near_name` and `substance`."""
    names = substance_name.with_columns(spell_plainly(pl.col("name")).alias("phrase"))
    near = near_name.with_columns(spell_plainly(pl.col("near_name")).alias("_near"))
    is_chinese, is_qualifier = pl.col("language") == "zh", pl.col("near_kind") == "qualifier"
    in_letters = names.filter(~is_chinese)
    variants = [_compact(in_letters), _apart(in_letters), _cut_short(in_letters), _as_salts(names.filter(is_chinese))]
    phrases = pl.concat([names, *variants]).unique("phrase", keep="first", maintain_order=True)
    words = _with_words(in_letters, "phrase").select("language", "word").unique(maintain_order=True)
    other_words = _with_words(near.filter(~is_qualifier), "_near")["word"]
    return NameList(
        phrases=phrases.select("phrase", "substance_code", "name", "language"),
        look_alikes=near.filter(pl.col("near_kind").is_in(["after_name", "before_name"])).select("_near", "near_kind"),
        kept=near.filter(pl.col("near_kind") == "kept_after_name")["_near"],
        words=words,
        right_words=pl.concat([words["word"], other_words]).unique().sort(),
        chinese=_replacements(names.filter(is_chinese), near.filter(is_qualifier)),
        cas_numbers=substance.select("substance_code", "cas_number").drop_nulls(),
    )


def join_look_alikes(phrases: pl.Series, names: NameList) -> pl.Series:
    """Return each phrase with each word that makes it another product: longer than the name, so it is found in its place."""
    joined = pl.DataFrame({"phrase": phrases}).join(names.look_alikes, how="cross")
    is_after = pl.col("near_kind") == "after_name"
    both = pl.when(is_after).then(pl.format("{}{}", "phrase", "_near")).otherwise(pl.format("{}{}", "_near", "phrase"))
    return joined.select(both.alias("phrase")).to_series()


def longest_first(phrases: pl.Series) -> list[str]:
    """Return the phrases in the order in which a leftmost search prefers the longest."""
    return pl.DataFrame({"phrase": phrases}).unique().sort(pl.col("phrase").str.len_chars(), "phrase", descending=True)["phrase"].to_list()


def _compact(names: pl.DataFrame) -> pl.DataFrame:
    squeezed = pl.format(" {} ", pl.col("phrase").str.replace_all(" ", ""))
    is_long_words = pl.col("phrase").str.contains(r"^( [a-z]+ ){2,}$") & (squeezed.str.len_chars() >= _SHORTEST_COMPACT)
    return names.filter(is_long_words).with_columns(squeezed.alias("phrase"))


def _apart(names: pl.DataFrame) -> pl.DataFrame:
    """Write groups apart from the rest of their word; twice, for a word of three."""
    spelt = pl.col("phrase")
    for _ in range(2):
        spelt = spelt.str.replace_all(rf" ({_GROUPS})([a-z]{{4,}}) ", f" $1{GAP}$2 ")
    return names.with_columns(spelt)


def _cut_short(names: pl.DataFrame) -> pl.DataFrame:
    has_words = names.filter(pl.col("phrase").str.contains(GAP, literal=True))
    variants = [
        has_words.with_columns(pl.col("phrase").str.replace_all(f" {word} ", f" {short} ", literal=True))
        for word, shorts in _SHORT_FORMS.items()
        for short in shorts
    ]
    return pl.concat(variants)


def _as_salts(names: pl.DataFrame) -> pl.DataFrame:
    """Write Chinese names of bases as their salts, which are one word there (盐酸麻黄碱)."""
    bases = names.filter(pl.col("phrase").str.contains(r"^ \p{Han}*[碱素胺] $"))
    bare = pl.col("phrase").str.strip_chars_start(" ")
    return pl.concat([bases.with_columns(pl.format(" {}{}", pl.lit(acid), bare).alias("phrase")) for acid in _SALTS])


def _replacements(names: pl.DataFrame, qualifiers: pl.DataFrame) -> pl.DataFrame:
    """Return old, new: a qualifier becomes a gap, a name stays (it may hold a qualifier's character), the longest first."""
    bare = pl.col("phrase").str.split(GAP).list.last().str.strip_chars(" ")
    kept = names.select(bare.alias("old")).with_columns(pl.col("old").alias("new"))
    gone = qualifiers.select(pl.col("_near").str.strip_chars(" ").alias("old"), pl.lit(GAP).alias("new"))
    every = pl.concat([kept, gone]).filter(pl.col("old") != "").unique("old", keep="first", maintain_order=True)
    return every.sort(pl.col("old").str.len_chars(), "old", descending=True)


def _with_words(phrases: pl.DataFrame, column: str) -> pl.DataFrame:
    return phrases.with_columns(pl.col(column).str.strip_chars(" ").str.split(GAP).alias("word")).explode("word").drop_nulls("word")
