"""Sentences that a release holds in English, told in another language: each is known by its pattern, its values are told one by one."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

import yaml

from tradeflow.serve.translations.texts import LANGUAGES, load_texts

LONGEST = 4_000
_BRACKET = re.compile(r"\[(.*?)\]")
_VALUE = re.compile(r"\{([a-z]+)(\d*)\}")
_AMOUNT = r"[-+\d.,e]+"
_WEIGHT = rf"an unstated weight|–|{_AMOUNT} (?:kg|t)"
_USD = rf"USD \?|–|USD {_AMOUNT}(?: million)?"
_PERIOD = r"(?:[A-Z][a-z]+ )?\d{4}"
_WITHIN = r"(?:(?!\. ).)+?"
_SHAPES = {
    "weight": _WEIGHT,
    "usd": _USD,
    "amount": rf"{_WEIGHT}|(?:{_USD}) worth",
    "number": rf"{_AMOUNT}|nan",
    "count": r"none|[\d,]+",
    "share": r"[\d,]+%|–",
    "code": r"[\d.]+",
    "day": r"\d{4}-\d\d-\d\d",
    "year": r"\d{4}",
    "month": r"[A-Z][a-z]+",
    "period": _PERIOD,
    "span": rf"(?:the [a-z]+ (?:months|years) to )?{_PERIOD}",
    "area": _WITHIN,
    "goods": _WITHIN,
    "text": ".*?",
    "name": ".+",
}
"""How a value looks, by its kind; any other may be any text. A company's name goes on to the last place where it can end: it may hold any
words, and what follows it are ours."""


@dataclass(frozen=True)
class Pattern:
    """An English sentence with values in braces, its translation, and a piece of it that any such sentence holds."""

    shape: re.Pattern[str]
    translation: str
    mark: str


def retell(sentence: str, language: str, kind: str = "sentences") -> str | None:
    """Return English sentences in a language; None where one of them has no pattern, so that the reader gets all of it in English.

    `kind` is a part of the file of patterns: `sentences` of leads; `comparison`; `link` (parts joined by "; ").
    """
    if language == LANGUAGES[0] or len(sentence) > LONGEST:
        return None
    return _retell_all(sentence, language) if kind == "sentences" else _retell_parts(sentence, language, kind)


@functools.lru_cache(maxsize=4_096)
def _retell_all(text: str, language: str) -> str | None:
    told: list[str] = []
    while text:
        matched = next(_matches(text, language, "sentences", at_start=True), None)
        if matched is None:
            return None
        pattern, values = matched
        told.append(_fill(pattern, values, language))
        text = text[values.end() :].lstrip()
    return " ".join(told)


def _retell_parts(text: str, language: str, kind: str) -> str | None:
    parts = [_retell_value(part, language, kind) for part in text.split("; ")]
    return None if None in parts else "; ".join(part for part in parts if part is not None)


def _matches(text: str, language: str, kind: str, *, at_start: bool = False) -> Iterator[tuple[Pattern, re.Match[str]]]:
    for pattern in load_patterns(language).get(kind, ()):
        if pattern.mark in text and (found := pattern.shape.match(text) if at_start else pattern.shape.fullmatch(text)):
            yield pattern, found


def _fill(pattern: Pattern, found: re.Match[str], language: str) -> str:
    values = {name: _tell_value(value, language, name.rstrip("0123456789")) for name, value in found.groupdict().items()}
    return pattern.translation.format(**values)


def _tell_value(value: str, language: str, kind: str) -> str:
    return _retell_value(value, language, kind) or load_texts(language).get(value, value)


def _retell_value(value: str, language: str, kind: str) -> str | None:
    matched = next(_matches(value, language, kind), None)
    return _fill(*matched, language) if matched else None


@functools.cache
def load_patterns(language: str) -> dict[str, tuple[Pattern, ...]]:
    """Return the patterns by kind, the longest first: what is short may be the beginning of what is long."""
    written: dict[str, dict[str, str]] = yaml.safe_load((files(__package__) / f"{language}_sentences.yaml").read_text(encoding="utf-8"))
    return {kind: tuple(_make(kind, known)) for kind, known in written.items()}


def _make(kind: str, known: dict[str, str]) -> Iterator[Pattern]:
    pairs = [pair for english, told in known.items() for pair in _expand(english, told)]
    ending = r"(?= |$)" if kind == "sentences" else ""
    for english, told in sorted(pairs, key=lambda pair: -len(_VALUE.sub("", pair[0]))):
        pieces = _VALUE.split(english)
        yield Pattern(re.compile(_shape(pieces) + ending, re.DOTALL), told, max(pieces[::3], key=len))


def _expand(english: str, told: str) -> Iterator[tuple[str, str]]:
    """Yield the pair with and without each part in brackets."""
    if "[" not in english:
        yield english, told
        return
    for kept in (r"\1", ""):
        yield from _expand(_BRACKET.sub(kept, english, count=1), _BRACKET.sub(kept, told, count=1))


def _shape(pieces: list[str]) -> str:
    """Take literal text, kind, number, literal text, kind, number ...; return the expression."""
    values = zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True)
    rest = "".join(f"(?P<{kind}{number}>{_SHAPES.get(kind, '.+?')}){re.escape(text)}" for kind, number, text in values)
    return re.escape(pieces[0]) + rest
