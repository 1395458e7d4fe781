"""Small tables of companies for the tests of the rules: every value stands in the call or is ordinary."""

from datetime import date, timedelta
from itertools import count
from typing import Any

import polars as pl

from tests.signals.tables import table
from tradeflow.signals.company import CompanyTables, JudgedMonths, Tolerances

MEXICO, CHINA = 484, 156
ACETONE, ANHYDRIDE, PERMANGANATE = "acetone", "acetic_anhydride", "potassium_permanganate"
SUBSTANCES = pl.DataFrame(
    {
        "substance_code": [ACETONE, ANHYDRIDE, PERMANGANATE, "urea"],
        "substance_name": ["Acetone", "Acetic anhydride", "Potassium permanganate", "Urea"],
        "un_1988_table": ["II", "I", "I", None],
        "family": ["cocaine;heroin", "heroin", "cocaine", None],
        "_codes": [["291411"], ["291524"], ["284161"], ["310210"]],
    }
)
MONTHS = JudgedMonths(202201, 202401, 202412)
_ROWS = count(1)


def item(importer: str = "IMP", on: str = "2024-06-15", kg: float | None = 1000.0, **other: Any) -> dict[str, Any]:
    """A tonne of acetone at 2 dollars a kilogram, declared on its way into Mexico under its own code."""
    day, number = date.fromisoformat(on), next(_ROWS)
    row = {
        "source": "files", "snapshot_id": "0" * 16, "row_number": number, "reporter_code": MEXICO, "flow_code": "M",
        "declaration_id": f"D{number}", "item_number": 1, "declaration_date": day, "period": day.year * 100 + day.month,
        "importer_entity_id": importer, "exporter_entity_id": "EXP", "broker_entity_id": "BRO", "substance_code": ACETONE,
        "family": "cocaine;heroin", "hs6_code": "291411", "named_by": "both", "is_code_of_substance": True, "net_weight_kg": kg,
        "value_usd": None if kg is None else 2 * kg, "unit_value_usd_per_kg": 2.0, "description": "acetone in drums",
    } | other  # fmt: skip
    if "value_usd" in other and kg:
        row["unit_value_usd_per_kg"] = other["value_usd"] / kg
    return row


def export(exporter: str = "EXP", on: str = "2024-06-15", kg: float | None = 1000.0, **other: Any) -> dict[str, Any]:
    return item("ABROAD", on, kg, **({"flow_code": "X", "exporter_entity_id": exporter, "reporter_code": CHINA} | other))


def licence(holder: str = "IMP", since: str = "2023-01-01", until: str | None = "2025-12-31", **other: Any) -> dict[str, Any]:
    return {
        "source": "files", "snapshot_id": "1" * 16, "row_number": next(_ROWS), "operator_name": holder, "operator_country": "MEX",
        "entity_id": holder, "area_code": MEXICO, "licence_kind": "import", "substance_code": ACETONE,
        "valid_from": date.fromisoformat(since), "valid_to": None if until is None else date.fromisoformat(until),
    } | other  # fmt: skip


def notification(exporter: str = "EXP", due: str | None = "2024-06-15", kg: float = 1000.0, **other: Any) -> dict[str, Any]:
    """Notice of a tonne of acetone from China, three weeks ahead."""
    on = date.fromisoformat(due or "2024-06-15")
    return {
        "source": "files", "snapshot_id": "2" * 16, "row_number": next(_ROWS), "notification_number": f"N{next(_ROWS)}",
        "notified_on": on - timedelta(days=21), "exporting_area_code": CHINA, "importing_area_code": MEXICO, "exporter_name": exporter,
        "exporter_entity_id": exporter, "importer_name": "ABROAD", "substance_code": ACETONE, "notified_kg": kg,
        "expected_on": on if due else None, "notification_status": "not_objected",
    } | other  # fmt: skip


def month(company: str = "IMP", period: int = 202406, kg: float = 1000.0, **other: Any) -> dict[str, Any]:
    """A month as its company's past led to expect it."""
    return {
        "entity_id": company, "party_role": "importer", "substance_code": ACETONE, "period": period, "declaration_count": 1,
        "net_weight_kg": kg, "value_usd": 2 * kg, "partner_count": 1, "expected_kg": 1000.0, "lower_kg": 500.0, "upper_kg": 2000.0,
        "z_company": 0.0, "history_month_count": 12, "months_since_last_trade": 1, "is_first_trade": False, "past_item_count": 100,
        "past_chapter_share_ratio": 0.5,
    } | other  # fmt: skip


def company_tables(
    items: list[dict[str, Any]] | None = None,
    *,
    words: list[dict[str, Any]] | None = None,
    months: list[dict[str, Any]] | None = None,
    profiles: list[dict[str, Any]] | None = None,
    shares: list[dict[str, Any]] | None = None,
    licences: list[dict[str, Any]] | None = None,
    notifications: list[dict[str, Any]] | None = None,
    isolation: list[dict[str, Any]] | None = None,
    tolerances: Tolerances | None = None,
) -> CompanyTables:
    """The rules' tables; the year 2024 is scored, the two before it calibrate. A month without an item gets one."""
    behind = [] if items is not None else [_item_behind(each) for each in months or []]
    return CompanyTables(
        company_item=table("company_item", *(items or behind)),
        declared_substance=table("declared_substance", *(words or [])),
        company_month=table("company_month", *(months or [])),
        company_profile=table("company_profile", *(profiles or [])),
        broker_share=table("broker_share", *(shares or [])),
        licensed_operator=widened("licensed_operator", licences or [], entity_id=pl.String(), area_code=pl.Int32()),
        pre_export_notification=widened("pre_export_notification", notifications or [], exporter_entity_id=pl.String()),
        isolation=pl.DataFrame(
            isolation or [],
            schema={"snapshot_id": pl.String, "row_number": pl.Int64, "substance_code": pl.String}
            | {"isolation_score": pl.Float64, "comparable_group": pl.String},
            orient="row",
        ),
        substances=SUBSTANCES,
        months=MONTHS,
        tolerances=tolerances or Tolerances(),
    )


def _item_behind(month: dict[str, Any]) -> dict[str, Any]:
    on = f"{month['period'] // 100}-{month['period'] % 100:02d}-15"
    declare = export if month["party_role"] == "exporter" else item
    return declare(month["entity_id"], on, month["net_weight_kg"], substance_code=month["substance_code"])


def widened(name: str, rows: list[dict[str, Any]], **more: pl.DataType) -> pl.DataFrame:
    """A table with the columns that the step adds to it."""
    added = pl.DataFrame([{column: row.get(column) for column in more} for row in rows], schema=more, orient="row")
    return table(name, *rows).hstack(added)
