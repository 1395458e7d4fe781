from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest

from tests.release_world import Made
from tests.telling.test_lead_months import CHINA, INDIA, MEXICO
from tradeflow.contract import load_contract
from tradeflow.telling.reporters import ReporterRow, reporter_rows


def reliability(*rows: tuple[int, str, str, float]) -> pl.DataFrame:
    known = [
        {"reporter_code": code, "flow_code": flow, "measure": measure.partition(":")[0],
         "product_group": measure.partition(":")[2] or "all",
         "log_error_sigma": sigma, "log_error_sigma_se": 0.01, "pair_count": 2, "observation_count": 30}
        for code, flow, measure, sigma in rows
    ]  # fmt: skip
    return pl.DataFrame(known, schema=load_contract("reporter_reliability").schema)


def corridors(*rows: tuple[int, int, int, int, int, float | None]) -> pl.DataFrame:
    names = ("exporter_code", "importer_code", "two_sided_count", "exporter_orphan_count", "importer_orphan_count", "gap_log_sigma")
    known: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) | {"export_slip_count": 3, "import_slip_count": 1} for row in rows]
    return pl.DataFrame(known, schema=load_contract("corridor").schema)


def test_a_row_says_how_steady_a_reporter_is_and_what_is_behind() -> None:
    known = reliability(
        (CHINA, "X", "net_weight", 0.1), (CHINA, "X", "value", 0.2), (CHINA, "X", "net_weight:29", 0.7), (MEXICO, "M", "value", 0.3)
    )
    behind = corridors((CHINA, MEXICO, 30, 10, 20, 0.5), (CHINA, INDIA, 10, 0, 0, math.log(4)), (CHINA, 76, 9, 0, 0, 2.0))
    assert reporter_rows(known, behind) == [
        ReporterRow("China", "X", 1, 0.1, "9% to 12%", 0.2, "20% to 24%", 2, 30, pytest.approx(10 / 59), pytest.approx(20 / 69), 9,
                    ["India ×4.0", "Mexico ×1.6"], ["29 ×2.0"]),
        ReporterRow("Mexico", "M", None, None, "", 0.3, "33% to 37%", 2, 30, pytest.approx(0.4), pytest.approx(0.25), 1,
                    ["China ×1.6"], []),
    ]  # fmt: skip


def test_exports_come_before_imports_and_the_steadiest_first() -> None:
    known = reliability(
        (CHINA, "M", "net_weight", 0.1), (CHINA, "X", "net_weight", 0.4), (INDIA, "X", "net_weight", 0.2), (MEXICO, "X", "value", 0.1)
    )
    rows = reporter_rows(known, corridors())
    assert [(row.reporter, row.flow_code, row.place) for row in rows] == [
        ("India", "X", 1), ("China", "X", 2), ("Mexico", "X", None), ("China", "M", 1),
    ]  # fmt: skip
    assert rows[0].unconfirmed_share is None


def test_every_reporter_and_role_has_one_row(made: Made) -> None:
    tables, _ = made
    rows = reporter_rows(tables.reporter_reliability, tables.corridor)
    assert len(rows) == tables.reporter_reliability.select("reporter_code", "flow_code").n_unique()
    assert all(len(row.widest) <= 3 for row in rows)
