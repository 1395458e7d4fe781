"""Raw spellings in, codes of a code list out: good codes stay, known spellings are fixed, the rest is unknown."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from polars._typing import PolarsDataType

from tradeflow.contract import Column, codes_of, load_codelist
from tradeflow.validate.reading import is_present, read_values

_NAME_COLUMNS = ("iso3", "iso2", "area_name", "name", "substance_name", "cas_number")


@dataclass(frozen=True)
class FixedCodes:
    """A column after its spellings were fixed, and the raw values that could not be."""

    codes: pl.Series
    unreadable: pl.Series
    unknown: pl.Series


def fix_spellings(raw: pl.Series, column: Column) -> FixedCodes:
    """Turn a column's raw values into codes of its code list; only its distinct values are looked at one by one.

    A value that cannot even be read as the code's type is unreadable where the contract declares no other spellings,
    else unknown.
    """
    assert column.codelist is not None
    known = codes_of(column.codelist)
    dtype = known.dtype if column.dtype == pl.String else column.dtype
    every = raw.unique()
    distinct = every.filter(is_present(every, column.dtype))  # NA is a country in text, a missing number in numbers
    read = read_values(distinct, dtype)
    fixed = read.set(~read.is_in(known.cast(dtype).implode()).fill_null(False), None)
    if column.alias is not None:
        fixed = fixed.zip_with(fixed.is_not_null(), _look_up(distinct, column.codelist, column.alias, dtype))
    no_code = fixed.is_null()
    unreadable = no_code & read.is_null() & (column.alias is None)
    unknown = no_code & ~unreadable
    return FixedCodes(_replace(raw, every, distinct, fixed), distinct.filter(unreadable), distinct.filter(unknown))


def normalise_spelling(text: pl.Expr) -> pl.Expr:
    """Reduce a name to lower-case letters and digits without accents, one space between words."""
    plain = text.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    return plain.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()


def known_spellings(codelist: str, alias: str) -> pl.DataFrame:
    """Return (spelling, code): the alias list first, then the code itself as text, then the list's own names.

    `alias` names a code list whose column `alias` holds the spellings, or "list.column". A name that several codes of a list claim, and
    that the alias list does not decide, stands for none of them.
    """
    list_name, _, code = codelist.partition(".")
    listed = load_codelist(list_name)
    names = [name for name in _NAME_COLUMNS if name in listed.columns]
    named_by = [code, *names] if listed[code].dtype == pl.String else names
    alias_list, _, spelling = alias.partition(".")
    sources = [load_codelist(alias_list).select(spelling=spelling or "alias", code=code)]
    sources += [listed.select(spelling=name, code=code) for name in named_by]
    ranked = [source.drop_nulls().with_columns(rank=pl.lit(rank)) for rank, source in enumerate(sources)]
    spelled = pl.concat(ranked).with_columns(normalise_spelling(pl.col("spelling")))
    best = spelled.filter(pl.col("rank") == pl.col("rank").min().over("spelling")).unique(["spelling", "code"])
    return best.filter(pl.len().over("spelling") == 1).select("spelling", "code")


def _look_up(distinct: pl.Series, codelist: str, alias: str, dtype: PolarsDataType) -> pl.Series:
    spelled = pl.DataFrame({"spelling": distinct.cast(pl.String)}).with_columns(normalise_spelling(pl.col("spelling")))
    looked_up = spelled.join(known_spellings(codelist, alias), on="spelling", how="left", maintain_order="left")
    return looked_up["code"].cast(dtype)


def _replace(raw: pl.Series, every: pl.Series, distinct: pl.Series, fixed: pl.Series) -> pl.Series:
    has_only_codes = raw.dtype == fixed.dtype and distinct.equals(fixed, check_names=False)
    if has_only_codes and len(distinct) == len(every.drop_nulls()):
        return raw
    return raw.replace_strict(distinct, fixed, default=None, return_dtype=fixed.dtype)
