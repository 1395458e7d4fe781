"""The languages of pages: English as it stands in code, templates and release; others text by text, or by the pattern of a sentence."""

from __future__ import annotations

from collections.abc import Callable

from tradeflow.serve.translations.sentences import retell
from tradeflow.serve.translations.texts import LANGUAGES, load_texts

__all__ = ["LANGUAGES", "load_texts", "retell", "translator"]


def translator(language: str) -> Callable[[str], str]:
    """Return what puts an English text into a language; a text that is not there stays English."""
    known = load_texts(language)
    return lambda text: known.get(text) or retell(text, language, "comparison") or retell(text, language) or text
