"""Declared items in; out, the watched substances that their descriptions name, and whether the declared code is one of theirs."""

from __future__ import annotations

import polars as pl

from tradeflow.conform.named_substance import find_named_substances
from tradeflow.conform.substance_names import build_name_list
from tradeflow.contract import load_codelist, load_contract

_CODES = ["commodity_code_hs2012", "commodity_code_hs2017", "commodity_code_hs2022"]
_DESCRIPTIONS_AT_ONCE = 250_000


def name_substances(descriptions: pl.Series) -> pl.DataFrame:
    """Return `named_substance` of goods descriptions, with the names and words of the code lists."""
    names = build_name_list(load_codelist("substance_name"), load_codelist("near_name"), load_codelist("substance"))
    different = descriptions.unique(maintain_order=True).to_frame()
    parts = [find_named_substances(part.to_series(), names) for part in different.iter_slices(_DESCRIPTIONS_AT_ONCE)]
    return pl.concat([load_contract("named_substance").empty_frame(), *parts], how="diagonal")


def link_declared_items(declared: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Return `declared_substance`: a row per item and substance that its description names."""
    linked = declared.join(named, on="description")
    fitted = linked.join(substance_codes(), on="substance_code", how="left").with_columns(is_code_of_substance("hs6_code"))
    return fitted.select(load_contract("declared_substance").column_names).sort("snapshot_id", "row_number", "substance_code")


def substance_codes() -> pl.DataFrame:
    """Return substance_code, substance_name and _codes, its HS subheadings in the three editions that the code list states."""
    listed = pl.concat_list(_CODES).list.drop_nulls().list.unique(maintain_order=True).alias("_codes")
    return load_codelist("substance").select("substance_code", "substance_name", listed)


def is_code_of_substance(hs6_code: str) -> pl.Expr:
    """Tell whether a subheading is among _codes, in whatever edition: a new edition is not adopted everywhere on the same day."""
    is_known = pl.col(hs6_code).is_not_null() & (pl.col("_codes").list.len() > 0)
    return pl.when(is_known).then(pl.col("_codes").list.contains(pl.col(hs6_code))).alias("is_code_of_substance")
