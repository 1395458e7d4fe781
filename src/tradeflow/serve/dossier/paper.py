"""A dossier on paper: Typst sets it from data alone, so that no name or text can be read as markup (docs/decisions)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from importlib.resources import files
from typing import Any

import typst

from tradeflow.amounts import say_count, say_period, say_share, say_value, say_weight
from tradeflow.serve.dossier.shape import Dossier, Section
from tradeflow.telling.language import t

_SAID: dict[str, Callable[[Any], str]] = {"kg": say_weight, "usd": say_value, "count": say_count, "share": say_share, "period": say_period}


def write_pdf(dossier: Dossier, language: str) -> bytes:
    """Return the dossier as PDF."""
    sections = [_section(section) for section in dossier.sections]
    content = {
        "language": language,
        "title": dossier.title,
        "kind": t("Dossier on a company"),
        "facts": dossier.facts,
        "reading_note": dossier.reading_note,
        "sections": sections,
        "page": t("page"),
        "of": t("of"),
        "contents": t("Contents"),
    }
    source = (files("tradeflow.serve.dossier") / "dossier.typ").read_bytes()
    return bytes(typst.compile(source, sys_inputs={"content": json.dumps(content, ensure_ascii=False)}, format="pdf"))


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
