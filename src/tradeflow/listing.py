"""The table of leads as a terminal shows it."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import click
import polars as pl

from tradeflow.amounts import say_period, say_probability, say_weight
from tradeflow.contract import load_codelist
from tradeflow.telling.names import name_area, name_commodity, name_substance
from tradeflow.telling.wording import COMPANY_RULE_WORDS, RULE_WORDS, say_family

_COLUMNS = ("#", "score", "what", "importer < exporter", "HS", "commodity", "period", "observed", "expected", "q", "id")
_NARROW_COLUMNS = ("#", "score", "what", "route", "HS", "period", "observed", "expected", "id")
_COMPANY_COLUMNS = ("#", "score", "what", "company", "role", "goods", "period", "observed", "expected", "q", "id")
_SHORTEST_COMPANY = 20
_NUMBERS = frozenset({"#", "score", "observed", "expected", "q"})
_SHORTEST_COMMODITY = 16


def print_signals(rows: pl.DataFrame) -> None:
    """Print one line a signal, fitted to the terminal: commodities are cut first, then names give way to codes."""
    width = shutil.get_terminal_size().columns if _is_terminal() else None
    lines = [_tell_signal(row) for row in rows.iter_rows(named=True)]
    widths = _measure(lines, _COLUMNS)
    if width is not None and (too_long := sum(widths.values()) + len(widths) - 1 - width) > 0:
        widths["commodity"] -= too_long
        if widths["commodity"] < _SHORTEST_COMMODITY:
            widths = _measure(lines, _NARROW_COLUMNS)
            widths["what"] = max(len("what"), min(widths["what"], widths["what"] + width - sum(widths.values()) - len(widths) + 1))
    click.secho(_align({title: title for title in widths}, widths), bold=True)
    for line in lines:
        click.echo(_align(line, widths))


def print_company_signals(rows: pl.DataFrame) -> None:
    """Print one line a signal on a company, fitted to the terminal: names are cut first, then goods."""
    lines = [_tell_company_signal(row) for row in rows.iter_rows(named=True)]
    widths = _measure(lines, _COMPANY_COLUMNS)
    if _is_terminal():
        for title, shortest in (("company", _SHORTEST_COMPANY), ("goods", _SHORTEST_COMMODITY)):
            too_long = sum(widths.values()) + len(widths) - 1 - shutil.get_terminal_size().columns
            widths[title] = max(min(widths[title], shortest), widths[title] - max(0, too_long))
    click.secho(_align({title: title for title in widths}, widths), bold=True)
    for line in lines:
        click.echo(_align(line, widths))


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _measure(lines: list[dict[str, str]], titles: tuple[str, ...]) -> dict[str, int]:
    return {title: max(len(title), *(len(line[title]) for line in lines)) for title in titles}


def _align(line: dict[str, str], widths: dict[str, int]) -> str:
    cut = {title: line[title] if len(line[title]) <= width else f"{line[title][: width - 1]}…" for title, width in widths.items()}
    cells = [cut[title].rjust(width) if title in _NUMBERS else cut[title].ljust(width) for title, width in widths.items()]
    return " ".join(cells).rstrip()


def _tell_signal(row: dict[str, Any]) -> dict[str, str]:
    sides = [code for code in (row["importer_code"], row["exporter_code"]) if code]
    code, commodity = row["commodity_code"], name_commodity(row["commodity_code"])
    return {
        "#": str(row["lead_rank"]),
        "score": f"{row['lead_score']:.0f}",
        "what": RULE_WORDS.get(row["rule"], row["rule"]),
        "importer < exporter": " < ".join(map(name_area, sides)),
        "route": " < ".join(map(_iso_code, sides)),
        "HS": f"{code[:4]}.{code[4:]}" if len(code) == 6 else code,
        "commodity": commodity if commodity != code else "",
        "period": say_period(row["period"]),
        "observed": say_weight(row["observed_kg"]),
        "expected": say_weight(row["expected_kg"]),
        "q": say_probability(row["q_value"]),
        "id": row["signal_id"][:8],
    }


def _tell_company_signal(row: dict[str, Any]) -> dict[str, str]:
    return {
        "#": str(row["lead_rank"]),
        "score": f"{row['lead_score']:.0f}",
        "what": COMPANY_RULE_WORDS.get(row["rule"], row["rule"]),
        "company": row["entity_name"] or row["entity_id"],
        "role": row["party_role"],
        "goods": name_substance(row["substance_code"]) or say_family(row["family"]),
        "period": say_period(row["period"]),
        "observed": say_weight(row["observed_kg"]),
        "expected": say_weight(row["expected_kg"]),
        "q": say_probability(row["q_value"]),
        "id": row["signal_id"][:8],
    }


def _iso_code(area_code: int) -> str:
    areas = load_codelist("area")
    known = dict(areas.select("area_code", "iso3").drop_nulls().iter_rows())
    return str(known.get(area_code, area_code))
