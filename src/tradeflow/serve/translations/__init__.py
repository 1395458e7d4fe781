"""The languages that pages are written in: English as it stands in code and templates, others looked up text by text."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.resources import files

import polars as pl
import yaml

from tradeflow.contract import load_codelist
from tradeflow.telling.names import area_names, substance_names

LANGUAGES = ("en", "es")


def translator(language: str) -> Callable[[str], str]:
    """Return what puts an English text into a language; a text that is not there stays English."""
    known = load_texts(language)
    return lambda text: known.get(text, text)


@functools.cache
def load_texts(language: str) -> dict[str, str]:
    """Return each English text with its translation: the pages' own, and the names of substances and areas from the code lists."""
    if language == LANGUAGES[0]:
        return {}
    written: dict[str, str] = yaml.safe_load((files(__name__) / f"{language}.yaml").read_text(encoding="utf-8"))
    return _names("substance", substance_names(), language) | _names("area", area_names(), language) | written


def _names(thing: str, english: dict[str, str] | dict[int, str], language: str) -> dict[str, str]:
    """Return the first name of each thing in a language, by its English one."""
    named = load_codelist(f"{thing}_name").filter(pl.col("language") == language).unique(f"{thing}_code", keep="first", maintain_order=True)
    spelled: dict[object, str] = dict(named.select(f"{thing}_code", "name").iter_rows())
    return {name: spelled[code][:1].upper() + spelled[code][1:] for code, name in english.items() if code in spelled}
