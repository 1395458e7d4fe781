"""A dossier as a spreadsheet: one sheet for each section, numbers as numbers, text never as a formula."""

from __future__ import annotations

import io
import re
from typing import Any

import xlsxwriter

from tradeflow.amounts import say_period
from tradeflow.serve.dossier.shape import Dossier, Section
from tradeflow.telling.language import t

_FORMATS = {"kg": "#,##0", "usd": "#,##0", "count": "#,##0", "share": "0%", "date": "yyyy-mm-dd"}
_WIDTHS = {"long": 42, "text": 20, "code": 22}
_AS_TEXT = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "in_memory": True,
}
_LONGEST_CELL = 32_767


def write_xlsx(dossier: Dossier) -> bytes:
    """Return the dossier as an XLSX file."""
    written = io.BytesIO()
    with xlsxwriter.Workbook(written, _AS_TEXT) as book:
        formats = {kind: book.add_format({"num_format": form, "valign": "top"}) for kind, form in _FORMATS.items()}
        formats |= {"bold": book.add_format({"bold": True}), "wrap": book.add_format({"text_wrap": True, "valign": "top"})}
        _write_front(book, dossier, formats)
        for section in dossier.sections:
            _write_section(book, section, formats)
    return written.getvalue()


def _write_front(book: Any, dossier: Dossier, formats: dict[str, Any]) -> None:
    sheet = book.add_worksheet(t("Company"))
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 90)
    sheet.write_string(0, 0, dossier.title, formats["bold"])
    sheet.write_string(1, 1, dossier.reading_note, formats["wrap"])
    for at, (fact, text) in enumerate(dossier.facts, 3):
        sheet.write_string(at, 0, fact)
        sheet.write_string(at, 1, text)


def _write_section(book: Any, section: Section, formats: dict[str, Any]) -> None:
    sheet = book.add_worksheet(re.sub(r"[\[\]:*?/\\]", " ", section.title)[:31])
    sheet.freeze_panes(1, 0)
    for at, column in enumerate(section.columns):
        sheet.set_column(at, at, _WIDTHS.get(column.kind, 14))
        sheet.write_string(0, at, column.heading, formats["bold"])
    for row_at, row in enumerate(section.rows, 1):
        for at, (cell, column) in enumerate(zip(row, section.columns, strict=True)):
            _write_cell(sheet, row_at, at, cell, column.kind, formats)
    if not section.rows:
        sheet.write_string(1, 0, section.none)


def _write_cell(sheet: Any, row: int, column: int, cell: Any, kind: str, formats: dict[str, Any]) -> None:
    if cell is None:
        return
    if kind == "date":
        sheet.write_datetime(row, column, cell, formats["date"])
    elif isinstance(cell, int | float) and kind != "period":
        sheet.write_number(row, column, cell, formats.get(kind))
    else:
        sheet.write_string(row, column, (say_period(cell) if kind == "period" else str(cell))[:_LONGEST_CELL], formats["wrap"])
