"""Small tables as authorities keep them, as CSV and as a workbook; every company in them is made up."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter

LICENCE = {
    "operator_name": "Qarona Handels GmbH", "operator_country": "Germany", "tax_number": "0412345678", "licence_number": "L-1",
    "licence_kind": "import", "substance_code": "acetic_anhydride", "valid_from": "2023-01-01", "valid_to": "2025-12-31",
    "annual_limit_kg": 5000,
}  # fmt: skip
NOTIFICATION = {
    "notification_number": "N-1", "notified_on": "2024-02-01", "exporting_area_code": "DEU", "importing_area_code": "Mexico",
    "exporter_name": "Qarona Handels GmbH", "importer_name": "Velutra S.A.", "substance_code": "108-24-7", "notified_kg": 1200.5,
    "expected_on": "2024-02-20", "notification_status": "not_objected",
}  # fmt: skip
INCIDENT = {
    "incident_number": "I-1", "incident_date": "2024-03-03", "area_code": "484", "incident_kind": "seizure",
    "substance_code": "anhídrido acético", "quantity_kg": 800,
}  # fmt: skip
REQUIREMENT = {
    "importer_code": "Mexico", "required_substance_code": "acetic_anhydride", "requirement_year": 2024, "requirement_kg": 250_000,
    "requirement_source": "as stated",
}  # fmt: skip
RECORDS = {"licensed_operator": LICENCE, "pre_export_notification": NOTIFICATION, "precursor_incident": INCIDENT}


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write rows as the ending of `path` says; in a workbook days and numbers are such, and text that begins with "=" is a formula."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".xlsx":
        with xlsxwriter.Workbook(str(path)) as book:
            _fill_sheet(book, book.add_worksheet("table"), names, rows)
    else:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(text.getvalue(), encoding="utf-8")
    return path


def _fill_sheet(book: Any, sheet: Any, names: list[str], rows: Sequence[dict[str, Any]]) -> None:
    day_format = book.add_format({"num_format": "yyyy-mm-dd"})
    for at, name in enumerate(names):
        sheet.write_string(0, at, name)
        for place, row in enumerate(rows, start=1):
            value = row.get(name, "")
            if (day := _read_day(value)) is not None:
                sheet.write_datetime(place, at, day, day_format)
            elif isinstance(value, str) and not value.startswith("="):
                sheet.write_string(place, at, value)
            else:
                sheet.write(place, at, value)


def _read_day(value: Any) -> datetime | None:
    try:
        return datetime.strptime(value, "%Y-%m-%d")
    except (TypeError, ValueError):
        return None
