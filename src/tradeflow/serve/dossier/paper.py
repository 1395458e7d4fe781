"""A dossier on paper: Typst sets it from data alone, so that no name or text can be read as markup (docs/decisions/0018-pages.md).

It is PDF/A-2u (ISO 19005-2), which is made to be kept, and which refuses a letter that no font has: such letters are written in Latin ones
and marked, never printed as boxes.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import date
from importlib.resources import files
from typing import Any

import typst
from anyascii import anyascii

from tradeflow.amounts import say_count, say_period, say_share, say_value, say_weight
from tradeflow.serve.dossier.shape import Dossier, Section
from tradeflow.telling.language import t

_SAID: dict[str, Callable[[Any], str]] = {"kg": say_weight, "usd": say_value, "count": say_count, "share": say_share, "period": say_period}
_LACKING = re.compile(r'the text `"(.+?)"` could not be displayed')
_ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
"""Controls, marks that turn the direction of writing, and what is no letter at all: a name is anyone's text."""


def write_pdf(dossier: Dossier, language: str) -> bytes:
    """Return the dossier as PDF."""
    lacking: set[str] = set()
    while True:
        try:
            return _set_pages(_describe(dossier, language, lacking))
        except typst.TypstError as error:
            found = find_lacking(error.diagnostic)
            if found <= lacking:
                raise
            lacking |= found


def find_lacking(diagnostic: str) -> set[str]:
    """Return the letters that no font has, as Typst tells them."""
    told = "".join(_ESCAPED.sub(lambda escaped: chr(int(escaped[1], 16)), text) for text in _LACKING.findall(diagnostic))
    return {letter for letter in told if not letter.isascii()}


def _set_pages(content: dict[str, Any]) -> bytes:
    source = (files("tradeflow.serve.dossier") / "dossier.typ").read_bytes()
    inputs = {"content": json.dumps(content, ensure_ascii=False)}
    return bytes(typst.compile(source, sys_inputs=inputs, format="pdf", pdf_standards="a-2u", timestamp=int(time.time())))


def _describe(dossier: Dossier, language: str, lacking: set[str]) -> dict[str, Any]:
    note = t("This server has no font for some letters: they are written in Latin ones between ‹ ›. The spreadsheet has them as they are.")
    content: dict[str, Any] = {
        "title": dossier.title,
        "kind": t("Dossier on a company"),
        "facts": dossier.facts,
        "reading_note": dossier.reading_note,
        "spelling_note": note if lacking else "",
        "sections": [_section(section.brief or section) for section in dossier.sections],
        "page": t("page"),
        "of": t("of"),
    }
    return {"language": language} | {name: _respell(told, lacking) for name, told in content.items()}


def _respell(content: Any, lacking: set[str]) -> Any:
    """Take out of every text what cannot be seen, and write what cannot be printed in Latin letters."""
    if isinstance(content, dict):
        return {name: _respell(value, lacking) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_respell(value, lacking) for value in content]
    text = _UNSEEN.sub(" ", content)
    runs = f"[{re.escape(''.join(sorted(lacking)))}]+"
    return re.sub(runs, lambda run: f"‹{anyascii(run[0]).strip() or '?'}›", text) if lacking else text


def _section(section: Section) -> dict[str, Any]:
    shown = section.rows[: section.most_on_paper]
    left_out = len(section.rows) - len(shown)
    more = t("{count} more rows stand in the spreadsheet.", count=left_out) if left_out else ""
    return {
        "title": section.title,
        "intro": section.intro,
        "none": section.none,
        "more": more,
        "columns": [{"heading": column.heading, "kind": column.kind} for column in section.columns],
        "rows": [[_say(cell, column.kind) for cell, column in zip(row, section.columns, strict=True)] for row in shown],
    }


def _say(cell: Any, kind: str) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, date):
        return cell.isoformat()
    return _SAID[kind](cell) if kind in _SAID else str(cell)
