"""Raw values in, values of the declared type out: text becomes the number, flag or time that a contract declares.

A value that is there and cannot be read is told apart from one that is missing: blank text, NaN in a column of numbers,
and the words that other programs write for "missing" in a column that is not text.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping

import polars as pl
from polars._typing import PolarsDataType

_MISSING_WORDS = ["", "na", "nan", "null", "none"]
_TRUE_WORDS = ["true", "1", "1.0"]
_FALSE_WORDS = ["false", "0", "0.0"]


def read_as_declared(arrived: pl.DataFrame, declared: Mapping[str, PolarsDataType]) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Return the typed columns, and for each column with unreadable values the mask of their rows.

    Clean columns are read at full speed; only one in which that lost something is read again with more patience.
    """
    typed = arrived.select(_quick_reading(name, arrived.schema[name], dtype) for name, dtype in declared.items())
    lost = [name for name in declared if typed[name].null_count() != arrived[name].null_count()]
    again = lost + _columns_with_blank_edges(arrived.select(name for name in declared if declared[name] == pl.String))
    patient = arrived.select(_patient_reading(name, arrived.schema[name], declared[name]) for name in again)
    typed = typed.with_columns(patient.get_columns())
    unreadable = {name: typed[name].is_null() & is_present(arrived[name], declared[name]) for name in lost}
    return typed, {name: mask for name, mask in unreadable.items() if mask.any()}


def read_values(values: pl.Series, dtype: PolarsDataType) -> pl.Series:
    """Return a few values (distinct ones, say) in the declared type, null where they are missing or cannot be read."""
    return values.to_frame("value").select(_patient_reading("value", values.dtype, dtype)).to_series()


def is_present(values: pl.Series, dtype: PolarsDataType) -> pl.Series:
    """Return whether something stands there at all, be it readable or not."""
    if values.dtype == pl.String:
        text = values.str.strip_chars()
        missing = text.eq("") if dtype == pl.String else text.str.to_lowercase().is_in(_MISSING_WORDS)
        return (~missing).fill_null(False)
    if values.dtype.is_float():
        return values.is_not_nan().fill_null(False)
    return values.is_not_null()


def _columns_with_blank_edges(arrived: pl.DataFrame) -> list[str]:
    text = pl.selectors.string()
    begins_blank_or_is_empty = text < "!"  # the first character that prints
    ends_blank = [text.str.ends_with(blank) for blank in (" ", "\t", "\r", "\n")]
    has_blank = functools.reduce(operator.or_, ends_blank, begins_blank_or_is_empty).any()
    return [column.name for column in arrived.select(has_blank).get_columns() if column.item()]


def _quick_reading(name: str, found: PolarsDataType, declared: PolarsDataType) -> pl.Expr:
    raw = pl.col(name)
    if found != pl.String or declared.is_temporal():
        return _patient_reading(name, found, declared)
    if declared == pl.Boolean:
        return pl.when(raw == "true").then(True).when(raw == "false").then(False).alias(name)
    return _only_finite(raw.cast(declared, strict=False), declared)


def _patient_reading(name: str, found: PolarsDataType, declared: PolarsDataType) -> pl.Expr:
    raw = pl.col(name)
    if found == pl.Null or found == declared == pl.Boolean:
        return raw.cast(declared)
    if found.is_nested() or found in (pl.Object, pl.Binary):
        return _nothing(name, declared)
    if found in (pl.Categorical, pl.Enum):
        return _read_text(raw.cast(pl.String), declared)
    if found == pl.String:
        return _read_text(raw, declared)
    if declared == pl.String:
        return _write_as_text(raw, found)
    if found.is_temporal() or declared.is_temporal():
        return _read_time(name, found, declared)
    if declared == pl.Boolean:
        return raw.replace_strict([0, 1], [False, True], default=None, return_dtype=pl.Boolean)
    if found == pl.Boolean:
        return _nothing(name, declared)
    return _read_number(raw, found, declared)


def _nothing(name: str, declared: PolarsDataType) -> pl.Expr:
    return pl.repeat(None, pl.len(), dtype=declared).alias(name)


def _read_text(raw: pl.Expr, declared: PolarsDataType) -> pl.Expr:
    text = raw.str.strip_chars()
    if declared == pl.String:
        return pl.when(text != "").then(text)
    if declared == pl.Boolean:
        words = _TRUE_WORDS + _FALSE_WORDS
        flags = [True] * len(_TRUE_WORDS) + [False] * len(_FALSE_WORDS)
        return text.str.to_lowercase().replace_strict(words, flags, default=None, return_dtype=pl.Boolean)
    if declared == pl.Date:
        return text.str.to_date("%Y-%m-%d", strict=False)
    if declared.is_temporal():
        return _read_timestamp(text, declared)
    number = _read_number(text.cast(pl.Float64, strict=False), pl.Float64(), declared)
    return number if declared.is_float() else pl.coalesce(text.cast(declared, strict=False), number)


def _read_timestamp(text: pl.Expr, declared: PolarsDataType) -> pl.Expr:
    with_zone = text.str.replace(r"[zZ]$", "+00:00").str.replace(" ", "T", literal=True)
    stated = with_zone.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", strict=False)
    unstated = with_zone.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    return pl.coalesce(stated, unstated.dt.replace_time_zone("UTC")).cast(declared)


def _read_number(raw: pl.Expr, found: PolarsDataType, declared: PolarsDataType) -> pl.Expr:
    if found.is_integer() or declared.is_float():
        return _only_finite(raw.cast(declared, strict=False), declared)
    number = raw.cast(pl.Float64, strict=False)
    return pl.when(number == number.floor()).then(number).cast(declared, strict=False)


def _only_finite(number: pl.Expr, declared: PolarsDataType) -> pl.Expr:
    return pl.when(number.is_finite()).then(number) if declared.is_float() else number


def _write_as_text(raw: pl.Expr, found: PolarsDataType) -> pl.Expr:
    if not found.is_float():
        return raw.cast(pl.String)
    whole = pl.when(raw == raw.floor()).then(raw).cast(pl.Int64, strict=False).cast(pl.String)
    return pl.coalesce(whole, raw.fill_nan(None).cast(pl.String))


def _read_time(name: str, found: PolarsDataType, declared: PolarsDataType) -> pl.Expr:
    raw = pl.col(name)
    if not (found in (pl.Date, pl.Datetime) and declared in (pl.Date, pl.Datetime)):
        return _nothing(name, declared)
    if declared == pl.Date:
        return raw.cast(pl.Date)
    if getattr(found, "time_zone", None) is None:
        return raw.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return raw.dt.convert_time_zone("UTC").cast(declared)
