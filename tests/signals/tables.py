"""Small tables of the earlier stages for the tests of the rules: every value stands in the call or is ordinary."""

from typing import Any

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.signals import Evidence, Window

MEXICO, CHINA, INDIA, USA = 484, 156, 699, 842
ACETONE, EPHEDRINE = "291411", "293941"
KEY = {"freq_code": "M", "period": 202401, "exporter_code": CHINA, "importer_code": MEXICO, "commodity_code": ACETONE}


def months(count: int, last: int = 202401) -> list[int]:
    """The `count` months up to and with `last`."""
    index = last // 100 * 12 + last % 100 - 1
    return [(index - back) // 12 * 100 + (index - back) % 12 + 1 for back in reversed(range(count))]


def table(name: str, *rows: dict[str, Any]) -> pl.DataFrame:
    schema = load_contract(name).schema
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema, orient="row")


def pair(export_kg: float | None = 1000.0, import_kg: float | None = 1000.0, **other: Any) -> dict[str, Any]:
    """A trade at 2 dollars a kilogram on both sides; None makes a side silent."""
    status = "both" if export_kg and import_kg else "exporter_only" if export_kg else "importer_only"
    return KEY | {
        "export_net_weight_kg": export_kg, "import_net_weight_kg": import_kg, "mirror_status": status,
        "valuation_basis": "margin_estimated", "route_gap_log": 0.0, "gap_log_variance": 0.04,
        "export_value_usd": None if export_kg is None else 2 * export_kg, "import_value_usd": None if import_kg is None else 2 * import_kg,
        "balanced_value_usd": 2 * (export_kg or import_kg or 0),
        "is_export_weight_out_of_scale": False, "is_import_weight_out_of_scale": False,
        "z_kg": 0.0 if status == "both" else None, "z_value": 0.0 if status == "both" else None,
        "shortfall_p_value": 0.5 if status == "both" else None,
    } | other  # fmt: skip


def expectation(observed_kg: float, z: float, **other: Any) -> dict[str, Any]:
    """A month of a route's series that is expected to bring a tonne, 0.5 to 2 t."""
    return KEY | {"series_level": "flow", "observed_kg": observed_kg, "expected_kg": 1000.0, "lower_kg": 500.0, "upper_kg": 2000.0,
                  "z_seasonal": z, "history_periods": 36, "is_scored": True, "trade_probability": 1.0} | other  # fmt: skip


def flow_score(**other: Any) -> dict[str, Any]:
    return KEY | {
        "log_kg": 6.9, "unit_value_usd_per_kg": 2.0, "unit_value_ratio": 0.0, "months_since_last_trade": 1, "comparable_group": "29/291411",
        "isolation_score": 0.4, "isolation_percentile": 0.5, "is_scored": True,
    } | other  # fmt: skip


def shift(shift_kind: str, **other: Any) -> dict[str, Any]:
    """Five tonnes that seem to have moved to a route that carried one, over six months."""
    return KEY | {
        "shift_kind": shift_kind, "window_periods": 6, "observed_kg": 6000.0, "expected_kg": 1000.0, "related_observed_kg": 2000.0,
        "related_expected_kg": 7000.0, "moved_kg": 5000.0, "shift_p_value": 1e-3,
    } | other  # fmt: skip


def coverage(count: int = 60, reporter: int = MEXICO, flow_code: str = "M") -> list[dict[str, Any]]:
    return [{"freq_code": "M", "period": period, "reporter_code": reporter, "flow_code": flow_code, "coverage_status": "reported",
             "row_count": 5} for period in months(count)]  # fmt: skip


def evidence(
    pairs: list[dict[str, Any]] | None = None,
    baseline: list[dict[str, Any]] | None = None,
    scores: list[dict[str, Any]] | None = None,
    covered: list[dict[str, Any]] | None = None,
    shifts: list[dict[str, Any]] | None = None,
) -> Evidence:
    """The rules' tables; a year is scored, two years before it calibrate."""
    starts = pl.DataFrame(
        [("M", code, months(36)[0], months(12)[0], 202401) for code in (ACETONE, EPHEDRINE)],
        schema={"freq_code": pl.String, "commodity_code": pl.String}
        | dict.fromkeys(["_calibration_start", "_scored_start", "_newest"], pl.Int32),
        orient="row",
    )  # fmt: skip
    return Evidence(
        table("mirror_pair", *(pairs or [])), table("baseline", *(baseline or [])), table("flow_score", *(scores or [])),
        table("share_shift", *(shifts or [])),
        table("coverage", *(coverage() if covered is None else covered)), Window(starts, min_history_months=18),
    )  # fmt: skip


def candidate(**other: Any) -> dict[str, Any]:
    """A calibrated candidate, as `rank_leads` takes it."""
    return KEY | {
        "rule": "excess_import", "subject": "flow", "window_periods": 1, "score": 5.0, "comparable_group": "route series of HS 291411",
        "is_scored": True, "observed_kg": 5000.0, "expected_kg": 1000.0, "lower_kg": 500.0, "upper_kg": 2000.0, "excess_kg": 4000.0,
        "observed_value_usd": 10_000.0, "unit_value_usd_per_kg": 2.0,
        "family": "amphetamine_type",
        "related_area_code": USA, "related_commodity_code": EPHEDRINE, "related_observed_kg": 500.0, "related_expected_kg": 4500.0,
        "requirement_kg": 1000.0, "year_kg": 6000.0, "passing_date": None,
        "p_value": 1e-4, "q_value": 0.02, "comparison": "5,000 earlier route series",
    } | other  # fmt: skip


def candidates(*rows: dict[str, Any]) -> pl.DataFrame:
    schema = load_contract("candidate").schema | {"p_value": pl.Float64(), "q_value": pl.Float64(), "comparison": pl.String()}
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema, orient="row")
