"""The language that is told in: English as it stands in the code, or another through a translator that the application sets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

Translator = Callable[[str], str]
_translator: ContextVar[Translator] = ContextVar("translator", default=str)


def t(text: str, /, **values: object) -> str:
    """Return the text in the language of the moment, with the values in its braces."""
    told = _translator.get()(text)
    return told.format(**values) if values else told


@contextlib.contextmanager
def tell_in(translator: Translator) -> Iterator[None]:
    """Tell everything within by this translator."""
    before = _translator.set(translator)
    try:
        yield
    finally:
        _translator.reset(before)
