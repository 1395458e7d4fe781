"""Texts in other languages, by the English text as it stands in code and templates."""

from __future__ import annotations

import functools
from importlib.resources import files

import polars as pl
import yaml

from tradeflow.contract import load_codelist
from tradeflow.telling.names import area_names, substance_names

LANGUAGES = ("en", "es")


@functools.cache
def load_texts(language: str) -> dict[str, str]:
    """Return each English text with its translation: the pages' own, and the names of substances and areas from the code lists."""
    if language == LANGUAGES[0]:
        return {}
    written: list[dict[str, str]] = [
        yaml.safe_load((files(__package__) / f"{language}{part}.yaml").read_text(encoding="utf-8")) for part in ("_areas", "_goods", "")
    ]
    named = _names("substance", substance_names(), language) | _names("area", area_names(), language)
    return functools.reduce(dict.__or__, written, named)


def _names(thing: str, english: dict[str, str] | dict[int, str], language: str) -> dict[str, str]:
    """Return the first name of each thing in a language, by its English one."""
    named = load_codelist(f"{thing}_name").filter(pl.col("language") == language).unique(f"{thing}_code", keep="first", maintain_order=True)
    spelled: dict[object, str] = dict(named.select(f"{thing}_code", "name").iter_rows())
    return {name: spelled[code][:1].upper() + spelled[code][1:] for code, name in english.items() if code in spelled}
