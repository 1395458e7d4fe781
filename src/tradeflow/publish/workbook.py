"""The release as a workbook that explains itself: what to know first, the tables with readable headers, the data dictionary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from tradeflow.amounts import say_period
from tradeflow.contract import Column, Contract, load_contract
from tradeflow.telling.scope import say_scope
from tradeflow.telling.spreadsheets import for_people
from tradeflow.telling.tables import ReleaseTables
from tradeflow.telling.wording import READING_NOTE

_LEADS = 500
"""Leads that the workbook holds, by rank: a workbook is for people. The rest stands in the Parquet and CSV files."""
_SHEETS = {"signal": "signal", "signal_feature": "feature", "signal_evidence": "evidence", "reporter_reliability": "reporter"}
_COMPANY_SHEETS = {"company_signal": "company", "company_signal_evidence": "company evidence", "signal_declaration": "declaration"}
_WIDTHS = {"signal_reason": 90, "comparison": 34, "commodity_name": 34, "feature": 30}
_DICTIONARY_WIDTHS = {"Sheet": 12, "Column": 26, "Meaning": 90, "Unit": 10, "Type": 14, "Always there": 12}


def write_workbook(path: Path, tables: ReleaseTables, manifest: dict[str, Any]) -> None:
    """Write signal.xlsx; text is always a text cell, never a formula or a link."""
    told = [each.select("signal_id", "lead_rank") for each in (tables.signal, tables.company_signal)]
    shown = pl.concat(told).filter(pl.col("lead_rank") <= _LEADS)
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        formats = {
            "header": book.add_format({"bold": True, "bg_color": "#E8ECEF", "bottom": 1, "text_wrap": True, "valign": "top"}),
            "integer": book.add_format({"num_format": "#,##0"}),
            "small": book.add_format({"num_format": "0.0000"}),
            "decimal": book.add_format({"num_format": "#,##0.00"}),
            "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
            "title": book.add_format({"bold": True, "font_size": 16}),
            "note": book.add_format({"text_wrap": True, "italic": True, "valign": "top"}),
        }
        _write_read_me(book, formats, tables, manifest)
        sheets = _SHEETS | (_COMPANY_SHEETS if tables.company_signal.height else {})
        for table, sheet in sheets.items():
            frame: pl.DataFrame = getattr(tables, table)
            of_leads = frame.join(shown, on="signal_id", how="semi") if "signal_id" in frame.columns else frame
            _write_table(book, formats, sheet, of_leads, load_contract(table))
        _write_dictionary(book, formats, sheets)


def _write_read_me(book: Any, formats: dict[str, Any], tables: ReleaseTables, manifest: dict[str, Any]) -> None:
    sheet = book.add_worksheet("Read me")
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 90)
    sheet.write_string(0, 0, f"{_say_title(manifest)}: leads in licit chemical trade", formats["title"])
    sheet.merge_range(1, 0, 1, 1, "", formats["note"])
    sheet.write_string(1, 0, READING_NOTE, formats["note"])
    sheet.set_row(1, 34)
    for row, (fact, text) in enumerate(_main_facts(tables, manifest), start=3):
        sheet.write_string(row, 0, fact, formats["wrap"])
        sheet.write_string(row, 1, text, formats["wrap"])


def _main_facts(tables: ReleaseTables, manifest: dict[str, Any]) -> list[tuple[str, str]]:
    periods = manifest.get("periods") or {}
    facts: list[tuple[str, Any]] = [
        ("Release", manifest.get("release_id")),
        ("Looked at", say_scope(manifest)),
        ("As of", manifest.get("as_of")),
        ("Made at", manifest.get("made_at")),
        ("Code version", manifest.get("code_version")),
        ("Periods", " to ".join(say_period(periods[end]) for end in ("first", "last") if periods.get(end))),
        ("Simulated world", "yes: no real country is meant" if manifest.get("is_simulated") else "no"),
        ("Signals in this release", f"{tables.signal.height:,}"),
        ("Leads in this workbook", _say_leads(tables.signal)),
        ("Leads on companies", _say_leads(tables.company_signal) if tables.company_signal.height else ""),
        ("Flagged", f"{tables.signal['is_flagged'].sum():,}"),
        ("Of these expected to be false", manifest.get("expected_false")),
    ]
    facts += [(f"Count: {name.replace('_', ' ')}", f"{count:,}") for name, count in (manifest.get("counts") or {}).items()]
    facts += [(f"Rule: {rule}", meaning) for rule, meaning in (manifest.get("rules") or {}).items()]
    facts += [("Problem of the run", line) for line in manifest.get("problems") or ()]
    return [(fact, str(text)) for fact, text in facts if text not in (None, "")]


def _say_title(manifest: dict[str, Any]) -> str:
    return str(manifest.get("settings", {}).get("publish", {}).get("title", "tradeflow"))


def _say_leads(signal: pl.DataFrame) -> str:
    leads = signal["lead_id"].n_unique()
    return f"the first {_LEADS:,} of {leads:,}; all stand in signal.parquet and signal.csv" if leads > _LEADS else f"all {leads:,}"


def _write_table(book: Any, formats: dict[str, Any], name: str, frame: pl.DataFrame, contract: Contract) -> None:
    shown = for_people(frame)
    sheet = book.add_worksheet(name)
    for at, column in enumerate(shown.columns):
        _write_header(sheet, formats, at, column, contract)
        sheet.set_column(at, at, _WIDTHS.get(column, 16), _number_format(formats, column, shown.schema[column]))
        write = sheet.write_string if shown.schema[column] == pl.String else sheet.write
        for row, value in enumerate(shown[column], start=1):
            if value is not None:
                write(row, at, value)
    sheet.set_row(0, 32)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, shown.height, shown.width - 1)


def _write_header(sheet: Any, formats: dict[str, Any], at: int, column: str, contract: Contract) -> None:
    declared = next((each for each in contract.columns if each.name == column), None)
    sheet.write_string(0, at, _readable(column, declared), formats["header"])
    meaning = f"{declared.meaning}\nColumn: {column}" if declared else f"Name for the code to the left.\nColumn: {column}"
    sheet.write_comment(0, at, meaning, {"x_scale": 2, "font_size": 9})


def _readable(column: str, declared: Column | None) -> str:
    unit = declared.unit if declared else None
    words = column
    for ending in ("_usd_per_kg", "_usd", "_kg"):
        words = words.removesuffix(ending)
    words = words.removeprefix("is_").replace("_", " ")
    words = words[0].upper() + words[1:]
    return f"{words} ({unit})" if unit and unit != "ratio" else words


def _number_format(formats: dict[str, Any], column: str, dtype: pl.DataType) -> Any:
    if dtype == pl.Float64:
        if column in ("p_value", "q_value", "feature_share", "feature_value"):
            return formats["small"]
        return formats["integer" if column.endswith(("_kg", "_usd")) and "per" not in column else "decimal"]
    return None


def _write_dictionary(book: Any, formats: dict[str, Any], sheets: dict[str, str]) -> None:
    sheet = book.add_worksheet("data dictionary")
    for at, (header, width) in enumerate(_DICTIONARY_WIDTHS.items()):
        sheet.write_string(0, at, header, formats["header"])
        sheet.set_column(at, at, width, formats["wrap"])
    row = 1
    for table, name in sheets.items():
        for column in load_contract(table).columns:
            cells = (name, column.name, column.meaning, column.unit or "", str(column.dtype), "yes" if column.is_required else "no")
            for at, text in enumerate(cells):
                sheet.write_string(row, at, text)
            row += 1
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, row - 1, 5)
