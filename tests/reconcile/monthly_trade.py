"""Monthly pairs whose goods arrive later, with what has been published of them."""

from typing import Any

import numpy as np
import polars as pl

from tests.reconcile.trade_rows import flow, trade_flow
from tradeflow.contract import load_contract
from tradeflow.reconcile.pairs import pair_mirror_flows

NO_DISTANCES = pl.DataFrame(schema={"exporter_code": pl.Int32, "importer_code": pl.Int32, "distance_km": pl.Float64})


def period_of(month: int) -> int:
    """Months counted from January 2020 as YYYYMM."""
    return (2020 + month // 12) * 100 + month % 12 + 1


def distances(*corridors: tuple[int, int, float]) -> pl.DataFrame:
    return pl.DataFrame(corridors, schema=NO_DISTANCES.schema, orient="row")


def exports(exporter: int, importer: int, usd: list[float], first: int = 0, **other: Any) -> list[dict[str, Any]]:
    """An export a month; 0 means no row."""
    return [flow(exporter, "X", importer, each, each, period=period_of(first + at), **other) for at, each in enumerate(usd) if each]


def imports(exporter: int, importer: int, usd: list[float], first: int = 0, **other: Any) -> list[dict[str, Any]]:
    return [flow(importer, "M", exporter, each, each, period=period_of(first + at), **other) for at, each in enumerate(usd) if each]


def pairs_of(*rows: dict[str, Any]) -> pl.DataFrame:
    return pair_mirror_flows(trade_flow(*rows).lazy()).with_columns(
        pl.col("import_value_usd").alias("import_fob_value_usd"),
        is_export_weight_out_of_scale=pl.lit(value=False), is_import_weight_out_of_scale=pl.lit(value=False),
    )  # fmt: skip


def published(pairs: pl.DataFrame, months: range, unpublished: tuple[tuple[int, str, int], ...] = ()) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (coverage, commodity_coverage): all have published these months but for the `unpublished` (reporter, flow, month)."""
    late = {(reporter, flow_code, period_of(month)) for reporter, flow_code, month in unpublished}
    periods = [period_of(month) for month in months]
    sides = [("X", each) for each in pairs["exporter_code"].unique()] + [("M", each) for each in pairs["importer_code"].unique()]
    status = {True: "not_reported_yet", False: "reported"}
    rows = [
        {"freq_code": "M", "period": period, "reporter_code": reporter, "flow_code": flow_code,
         "coverage_status": status[(reporter, flow_code, period) in late], "row_count": 1, "retrieved_at": None}
        for flow_code, reporter in sides for period in periods
    ]  # fmt: skip
    cells = [
        {"freq_code": "M", "flow_code": flow_code, "commodity_code": str(code), "period": period}
        for flow_code in ("M", "X") for code in pairs["commodity_code"].unique() for period in periods
    ]  # fmt: skip
    coverage, commodity = load_contract("coverage"), load_contract("commodity_coverage")
    return (
        pl.DataFrame(rows, schema=coverage.schema).select(coverage.column_names),
        pl.DataFrame(cells, schema=commodity.schema).select(commodity.column_names),
    )


def lagged_trade(
    random: np.random.Generator, exporter: int, importer: int, shares: tuple[float, ...], *, months: int = 72, codes: int = 4, noise: float
) -> list[dict[str, Any]]:
    """Lumpy trade in some codes, recorded with log errors of `noise` on both sides, arriving by `shares`."""
    rows = []
    for code in range(codes):
        sent = np.exp(random.normal(10, 1, months + 2)) * (random.random(months + 2) > 0.3)
        arrived = sum(share * sent[2 - lag : months + 2 - lag] for lag, share in enumerate(shares))
        out, into = (amount * np.exp(random.normal(0, noise, months)) for amount in (sent[2:], arrived))
        kind = {"commodity_code": f"29141{code}"}
        rows += exports(exporter, importer, list(out), **kind) + imports(exporter, importer, list(1.3 * into), **kind)
    return rows
