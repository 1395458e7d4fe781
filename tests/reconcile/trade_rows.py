"""Rows of `trade_flow` and coverage for the tests of reconciliation, as few words as a person reads."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile import ReconcileOptions, reconcile_trade_flow

MEXICO, CHINA, INDIA, USA, GERMANY = 484, 156, 699, 842, 276
ACETONE = "291411"
NO_FOB_REPORTERS = pl.Series("area_code", [], dtype=pl.Int32)


def flow(reporter: int, flow_code: str, partner: int, usd: float, kg: float | None = None, **other: Any) -> dict[str, Any]:
    """One report; `other` overwrites any column."""
    return {
        "source": "test", "snapshot_id": "0123456789abcdef", "retrieved_at": datetime(2024, 6, 1, tzinfo=UTC), "freq_code": "M",
        "period": 202401, "reporter_code": reporter, "flow_code": flow_code, "partner_code": partner, "second_partner_code": 0,
        "commodity_code": ACETONE, "commodity_level": 6, "commodity_chapter": "29", "primary_value_usd": float(usd), "net_weight_kg": kg,
    } | other  # fmt: skip


def trade_flow(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows in the contract, each with a place of its own unless it names one."""
    placed = [{"row_number": place} | row for place, row in enumerate(rows, 1)]
    schema = load_contract("trade_flow").schema
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in placed], schema=schema, orient="row")


def coverage_of(rows: pl.DataFrame, *late: tuple[int, str, int]) -> pl.DataFrame:
    """Everyone who reports at all has published all periods, but for the `late` (reporter, flow_code, period)."""
    reporters = rows.select("freq_code", "reporter_code", "flow_code").unique()
    grid = reporters.join(rows.select("freq_code", "period").unique(), on="freq_code")
    is_late = pl.concat_str("reporter_code", "flow_code", "period", separator=" ").is_in([" ".join(map(str, each)) for each in late])
    status = pl.when(is_late).then(pl.lit("not_reported_yet")).otherwise(pl.lit("reported"))
    given = grid.with_columns(coverage_status=status, row_count=pl.lit(1, pl.Int64), retrieved_at=pl.lit(None, pl.Datetime("us", "UTC")))
    return given.select(load_contract("coverage").column_names)


def commodity_coverage_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Every commodity was pulled for both directions and all periods."""
    cells = rows.select("freq_code", "commodity_code").unique().join(rows.select("freq_code", "period").unique(), on="freq_code")
    both = pl.concat([cells.with_columns(flow_code=pl.lit(code)) for code in ("M", "X")])
    return both.select(load_contract("commodity_coverage").column_names)


def reconcile(
    rows: pl.DataFrame, *, fob_reporters: pl.Series = NO_FOB_REPORTERS, coverage: pl.DataFrame | None = None, **options: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    known = coverage_of(rows) if coverage is None else coverage
    pairs, reliability, _ = reconcile_trade_flow(
        rows.lazy(), known, commodity_coverage_of(rows), fob_reporters, ReconcileOptions(**options)
    )
    return pairs, reliability


def two_sided_world(seed: int = 1, countries: int = 8, codes: int = 40, *, silent_share: float = 0.1, cif: float = 0.06) -> pl.DataFrame:
    """A year of trade seen from both sides with some silence; area 1, 2, ... each as careful as its `care_of`."""
    random = np.random.default_rng(seed)
    places = [(e, i, k) for e in range(1, countries + 1) for i in range(1, countries + 1) if e != i for k in range(codes)]
    e, i, k = (np.array(column) for column in zip(*places, strict=True))
    kg = np.exp(random.normal(8, 1.5, len(e)))
    out_error, in_error = (
        np.exp(random.normal(0, 1, len(e)) * np.array([care_of(c, role) for c in side])) for side, role in ((e, 0), (i, 1))
    )
    frames = []
    for flow_code, reporter, partner, error, mark_up in (("X", e, i, out_error, 1.0), ("M", i, e, in_error, 1 + cif)):
        seen = random.random(len(e)) >= silent_share
        frames.append(pl.DataFrame({
            "reporter_code": reporter[seen], "flow_code": flow_code, "partner_code": partner[seen],
            "commodity_code": [f"29{c:04d}" for c in k[seen]],
            "net_weight_kg": (kg * error)[seen], "primary_value_usd": (3 * kg * error * mark_up)[seen],
        }))  # fmt: skip
    rows = pl.concat(frames).with_columns(freq_code=pl.lit("A"), period=pl.lit(2022), snapshot_id=pl.lit("0123456789abcdef"))
    return trade_flow(*rows.to_dicts())


def care_of(country: int, role: int) -> float:
    """Standard deviation of the log error of a country as exporter (role 0) or importer (role 1)."""
    return [0.06, 0.2, 0.45, 0.8][(country * (3 if role else 1) + role) % 4]
