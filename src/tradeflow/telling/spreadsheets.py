"""Tables for people who open them in a spreadsheet: names beside codes, and no cell that it would run."""

from __future__ import annotations

import polars as pl

from tradeflow.telling.names import add_names

_FORMULA = r"[=+\-@＝＋－＠]"
"""What begins a formula, in the wide form of East Asian keyboards too."""
_FORMULA_STARTS = rf"^(?:[\t\r\n]|\s*{_FORMULA})"
_FORMULA_BEHIND_SEPARATOR = rf"([;\t]\s*)({_FORMULA})"
"""Where a comma is the decimal mark, a spreadsheet splits lines at semicolons: what stands behind one becomes the start of a cell."""


def for_people(frame: pl.DataFrame) -> pl.DataFrame:
    """Put names beside codes and take from text its power to be a formula."""
    return neutralise_formulas(add_names(frame))


def neutralise_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before what a spreadsheet would take for a formula, also within a text that it may split (OWASP, CSV injection)."""
    text = pl.col(pl.String)
    begun = pl.when(text.str.contains(_FORMULA_STARTS)).then(pl.lit("'") + text).otherwise(text)
    return frame.with_columns(begun.str.replace_all(_FORMULA_BEHIND_SEPARATOR, "${1}'${2}").name.keep())
