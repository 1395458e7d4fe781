from __future__ import annotations

import math
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from tests.telling.test_lead_months import CHINA, INDIA, MEXICO
from tradeflow.contract import load_contract
from tradeflow.publish.corridors import summarise_corridors


def pairs(*rows: dict[str, Any]) -> pl.LazyFrame:
    usual = {"exporter_code": CHINA, "importer_code": MEXICO, "mirror_status": "both", "export_net_weight_kg": 100.0,
             "import_net_weight_kg": 100.0, "is_export_weight_out_of_scale": False, "is_import_weight_out_of_scale": False}  # fmt: skip
    return pl.DataFrame([usual | row for row in rows], schema=load_contract("mirror_pair").schema, orient="row").lazy()


def alone(status: str, reason: str | None) -> dict[str, Any]:
    silent = "import" if status == "exporter_only" else "export"
    return {"mirror_status": status, "mirror_reason": reason, f"{silent}_net_weight_kg": None}


def test_a_corridor_is_summed_over_its_flows() -> None:
    found = summarise_corridors(
        pairs(
            {"import_net_weight_kg": 100.0},
            {"import_net_weight_kg": 200.0},
            {"import_net_weight_kg": 400.0},
            {"import_net_weight_kg": 100_000.0, "is_import_weight_out_of_scale": True},
            alone("exporter_only", "not_recorded"),
            alone("exporter_only", "not_reported_yet"),
            alone("importer_only", "partner_never_reports"),
            alone("importer_only", "recorded_later"),
            {"exporter_code": INDIA, "export_net_weight_kg": None},
        )
    )
    assert found.rows(named=True) == [
        {"exporter_code": CHINA, "importer_code": MEXICO, "two_sided_count": 4, "exporter_orphan_count": 1, "importer_orphan_count": 1,
         "export_slip_count": 0, "import_slip_count": 1, "gap_log_median": math.log(2), "gap_log_sigma": 1.4826 * math.log(2)},
        {"exporter_code": INDIA, "importer_code": MEXICO, "two_sided_count": 1, "exporter_orphan_count": 0, "importer_orphan_count": 0,
         "export_slip_count": 0, "import_slip_count": 0, "gap_log_median": None, "gap_log_sigma": None},
    ]  # fmt: skip


def test_no_pair_no_corridor() -> None:
    assert_frame_equal(summarise_corridors(pairs()), load_contract("corridor").empty_frame())


def test_the_order_of_the_pairs_does_not_matter() -> None:
    rows = pairs(*({"import_net_weight_kg": float(kg)} for kg in range(1, 30))).collect()
    assert_frame_equal(summarise_corridors(rows.lazy()), summarise_corridors(rows.sample(fraction=1, shuffle=True, seed=1).lazy()))
