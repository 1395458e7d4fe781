"""Values as a source writes them in; the same values as the gate reads them out: days as 2026-01-31, numbers with a decimal point."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import Column, Contract

_DAYS = {
    "ddMMyyyy": (r"^(\d?\d)(\d{2})(\d{4})$", (3, 2, 1)),
    "yyyyMMdd": (r"^(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})$", (1, 2, 3)),
    "yyyy-MM-dd": (r"^(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})(?:[T ].*)?$", (1, 2, 3)),
}
_COMMA_NUMBER = r"^[-+]?(\d+|\d{1,3}(\.\d{3})+)(,\d*)?$"


def write_plainly(arrived: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Rewrite text of dates whose contract names their format, and of numbers where it names a decimal comma.

    What does not fit the notation stays as it came, so that it is told as it came. A day may have lost its leading zero.
    """
    written = [_write_column(column) for column in contract.columns if _needs_writing(arrived, column, contract)]
    return arrived.with_columns(written) if written else arrived


def _needs_writing(arrived: pl.DataFrame, column: Column, contract: Contract) -> bool:
    found = arrived.schema[column.name]
    is_comma_number = contract.decimal_mark == "," and column.dtype.is_numeric() and found == pl.String
    return is_comma_number or (column.date_format is not None and (found == pl.String or found.is_integer()))


def _write_column(column: Column) -> pl.Expr:
    text = pl.col(column.name).cast(pl.String).str.strip_chars()
    if column.date_format is None:
        return pl.when(text.str.contains(_COMMA_NUMBER)).then(_with_point(text)).otherwise(pl.col(column.name)).alias(column.name)
    pattern, (year, month, day) = _DAYS[column.date_format]
    # A day that has lost its zero gets it back.
    plain = text.str.replace(pattern, f"${{{year}}}-${{{month}}}-0${{{day}}}").str.replace(r"-0(\d{2})$", "-$1")
    return plain.alias(column.name)


def _with_point(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
