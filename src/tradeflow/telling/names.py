"""The names that stand for codes; a code that no list knows stands for itself."""

from __future__ import annotations

import functools
from typing import Any

import polars as pl

from tradeflow import amounts as say
from tradeflow.contract import load_codelist
from tradeflow.exceptions import ContractError
from tradeflow.telling.language import t

ALL_EXPORTERS = "all exporters"
ALL_IMPORTERS = "all importers"
_AREA_COLUMNS = ("exporter_code", "reporter_code", "partner_code")


@functools.cache
def area_names() -> dict[int, str]:
    """Return the name of each area; 0 as an exporter stands for all of them together."""
    return _names_of("area") | {0: ALL_EXPORTERS}


@functools.cache
def commodity_names() -> dict[str, str]:
    """Return the short text of each HS code that is known."""
    return _names_of("commodity")


@functools.cache
def substance_names() -> dict[str, str]:
    """Return the name of each watched substance."""
    return _names_of("substance")


def name_area(code: int) -> str:
    """Return an area's name, or its code as text."""
    return t(area_names().get(code, str(code)))


def name_importer(code: int) -> str:
    """Return an importing area's name; 0 stands for all of them together."""
    return t(ALL_IMPORTERS) if code == 0 else name_area(code)


def name_commodity(code: str) -> str:
    """Return an HS code's short text, or the code."""
    return t(commodity_names().get(code, code))


def spell_code(code: str) -> str:
    """Write an HS code as people do, with its name where it is known: "Acetone (HS 2914.11)"."""
    spelled = t("HS {code}", code=f"{code[:4]}.{code[4:]}" if len(code) == 6 else code)
    name = commodity_names().get(code)
    return f"{t(name)} ({spelled})" if name else spelled


def name_substance(code: str | None) -> str | None:
    """Return a substance's name, or its code; None where the signal names none."""
    return None if code is None else t(substance_names().get(code, code))


def name_month(period: int) -> str:
    """Write 202403 as March 2024 in the language of the moment, and leave 2024 as it is."""
    month, _, year = say.name_period(period).partition(" ")
    return f"{t(month)} {year}".strip()


def add_names(frame: pl.DataFrame) -> pl.DataFrame:
    """Put the name beside each code of the frame: `importer_name` after `importer_code`, and so on."""
    named: list[pl.Expr] = []
    for column in frame.columns:
        named.append(pl.col(column))
        names = _names_for(column)
        if names is not None:
            text = pl.col(column).cast(pl.String)
            spelled = text.replace({str(code): name for code, name in names.items()})
            named.append(spelled.alias(column.removesuffix("_code") + "_name"))
    return frame.select(named)


def _names_for(column: str) -> dict[int, str] | dict[str, str] | None:
    if column == "importer_code":
        return area_names() | {0: ALL_IMPORTERS}
    if column in _AREA_COLUMNS:
        return area_names()
    return {"commodity_code": commodity_names, "substance_code": substance_names}.get(column, lambda: None)()


def _names_of(thing: str) -> dict[Any, str]:
    try:
        known = load_codelist(thing)
    except ContractError:
        return {}
    return dict(known.select(f"{thing}_code", f"{thing}_name").drop_nulls().iter_rows())
