"""What was reported about a lead's trade, period by period, beside what was expected: the figures of its charts and its table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from tradeflow.summing import sum_known
from tradeflow.telling.tables import ReleaseTables

PERIODS_SHOWN = 72
CHANGE_WINDOW = 6
"""Months that a row of `series_change` judges together, its period the last of them."""
_SIDES = ["import_net_weight_kg", "export_net_weight_kg"]
_PAIRED = [
    "mirror_status", "mirror_reason", "export_value_usd", "import_value_usd", "import_fob_value_usd", "z_kg", "z_value",
    "balanced_net_weight_kg", "balanced_net_weight_log_variance", "export_weight_share",
    "valuation_basis", "cif_fob_margin_rate", "corridor_gap_log", "route_gap_log", "route_change_log", "route_past_periods",
    "gap_log_variance", "shortfall_p_value", "export_weight_label", "import_weight_label", "gap_explanation",
    "alignment_label", "import_aligned_net_weight_kg", "import_aligned_value_usd",
]  # fmt: skip
_CORRECTED = [
    "export_nes_kg", "import_nes_kg", "export_converted_kg", "import_converted_kg",
]  # fmt: skip
_90_PERCENT = 1.645
"""Standard deviations to each side that hold 90% of a normal distribution."""
_KEYS = ["importer_code", "exporter_code", "commodity_code"]


def lead_months(signal: dict[str, Any], tables: ReleaseTables) -> pl.DataFrame:
    """Take a signal and the release's tables; return one row per period, without holes, up to the newest that anything is known of.

    `observed_state` keeps apart what an empty weight can mean: `reported`, `none` (the reporter published and had no such trade),
    `weight_missing` (a value without a weight), `not_reported`. `import_net_weight_kg` and `export_net_weight_kg` are 0 where that
    side published and had none, empty where it has said nothing. `balanced_lower_kg` and `balanced_upper_kg` hold the true weight with
    90%, as far as both sides' usual scatter tells.
    """
    history, reporting_flow = _reported_history(signal, tables.trade_history)
    expected = _expected(signal, tables.baseline)
    mirror = _mirror_sides(signal, tables)
    coverage = tables.coverage.filter(pl.col("freq_code") == signal["freq_code"])
    span = _span(signal, [history, expected, mirror, _published(coverage, signal["importer_code"], "M", "status")])
    reporter = signal["importer_code"] if reporting_flow == "M" else signal["exporter_code"]
    is_route = signal["exporter_code"] != 0
    return (
        span.join(history, on="period", how="left")
        .join(expected, on="period", how="left")
        .join(mirror, on="period", how="left")
        .join(_published(coverage, reporter, reporting_flow, "observed_status"), on="period", how="left")
        .join(_published(coverage, signal["importer_code"], "M", "import_status"), on="period", how="left")
        .join(_published(coverage, signal["exporter_code"], "X", "export_status"), on="period", how="left")
        .with_columns(observed_kg=pl.coalesce("observed_kg", "net_weight_kg"))
        .with_columns(
            observed_state=_observed_state(),
            import_net_weight_kg=_side_weight("import", _is_alone("exporter_only") if is_route else pl.col("primary_value_usd").is_null()),
            export_net_weight_kg=_side_weight("export", _is_alone("importer_only")),
            is_lead_period=pl.col("period").is_in(lead_periods(signal)),
            balanced_lower_kg=_balanced_end(-_90_PERCENT),
            balanced_upper_kg=_balanced_end(_90_PERCENT),
        )
        .sort("period")
    )


@dataclass(frozen=True)
class Change:
    """What the months around a lead show together: a kind of change and the period in which it began."""

    kind: str
    period: int
    six_month_score: float


def read_change(signal: dict[str, Any], series_change: pl.DataFrame) -> Change | None:
    """Return the change of the lead's series for which a half year with the lead's own periods speaks most; None where none is named."""
    if signal["freq_code"] != "M":
        return None
    first, last = lead_periods(signal)[0], lead_periods(signal)[-1]
    latest = _period_of(_step_of(last, is_monthly=True) + CHANGE_WINDOW - 1, is_monthly=True)
    is_near = pl.col("period").is_between(first, latest) & (pl.col("change_period") <= last)
    told = _of_level(signal, series_change).filter(is_near & (pl.col("change_kind") != "none")).sort("six_month_score", "period")
    columns = ("change_kind", "change_period", "six_month_score")
    return Change(*told.select(columns).row(-1)) if told.height else None


def lead_periods(signal: dict[str, Any]) -> list[int]:
    """Return the periods that the lead's figures are summed over; mostly one."""
    is_monthly = signal["freq_code"] == "M"
    last = _step_of(signal["period"], is_monthly)
    return [_period_of(step, is_monthly) for step in range(last - signal["window_periods"] + 1, last + 1)]


def reporting_side(signal: dict[str, Any], tables: ReleaseTables) -> str:
    """Say whose reports the history shows: the importer's (M), or the exporter's (X) where they make the lead or stand alone."""
    return _reported_history(signal, tables.trade_history)[1]


def periods_back_to_lead(months: pl.DataFrame) -> int:
    """Return how many of the newest periods it takes to reach the first of the lead's own."""
    return months.height - (months["is_lead_period"].arg_max() or 0)


def share_with_trade(months: pl.DataFrame) -> float:
    """Return the share of the reported periods that had trade: where it is small, a line between points would be a fiction."""
    known = months.filter(pl.col("observed_state") != "not_reported")
    return known.filter(pl.col("observed_state") == "reported").height / max(known.height, 1)


def _reported_history(signal: dict[str, Any], trade_history: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    rows = _of_series(signal, trade_history)
    imports = rows.filter(pl.col("flow_code") == "M")
    is_all_exporters = signal["exporter_code"] == 0
    flow_code = "M" if is_all_exporters or (imports.height and not _is_told_by_exporter(signal)) else "X"
    if rows.filter(pl.col("flow_code") == flow_code).is_empty():
        flow_code = "M"
    weight, value = pl.col("net_weight_kg"), pl.col("primary_value_usd")
    summed = rows.filter(pl.col("flow_code") == flow_code).group_by("period").agg(sum_known(weight), sum_known(value))
    return summed, flow_code


def _is_told_by_exporter(signal: dict[str, Any]) -> bool:
    """Tell a lead on what an exporter reports against its own history."""
    return bool(signal["exporter_code"] != 0 and signal["rule"] == "excess_export")


def _expected(signal: dict[str, Any], baseline: pl.DataFrame) -> pl.DataFrame:
    return _of_level(signal, baseline).select("period", "observed_kg", "expected_kg", "lower_kg", "upper_kg")


def _of_level(signal: dict[str, Any], table: pl.DataFrame) -> pl.DataFrame:
    route = "export" if _is_told_by_exporter(signal) else "flow"
    level = "world" if signal["importer_code"] == 0 else "importer" if signal["exporter_code"] == 0 else route
    exact = pl.all_horizontal(pl.col(key) == signal[key] for key in [*_KEYS, "freq_code"])
    return table.filter(exact & (pl.col("series_level") == level))


def _mirror_sides(signal: dict[str, Any], tables: ReleaseTables) -> pl.DataFrame:
    """Return both sides by period: of a route as it was paired, of all exporters together as their sums."""
    pairs = _of_series(signal, tables.mirror_pair)
    if signal["exporter_code"] != 0:
        corrections = _of_series(signal, tables.mirror_correction).select("period", *_CORRECTED)
        return pairs.select("period", *_SIDES, *_PAIRED).join(corrections, on="period", how="left")
    reported = _of_series(signal, tables.trade_history)
    weights = [pl.col("net_weight_kg").filter(pl.col("flow_code") == flow_code) for flow_code in ("M", "X")]
    summed = (
        pairs.group_by("period").agg(sum_known(pl.col(side)) for side in _SIDES)
        if reported.filter(pl.col("flow_code") == "X").is_empty()
        else reported.group_by("period").agg(sum_known(weight).alias(side) for side, weight in zip(_SIDES, weights, strict=True))
    )
    schema = pairs.schema | tables.mirror_correction.schema
    unpaired = [pl.lit(None, schema[column]).alias(column) for column in (*_PAIRED, *_CORRECTED)]
    return summed.with_columns(unpaired).with_columns(mirror_status=pl.lit("both"))


def _of_series(signal: dict[str, Any], frame: pl.DataFrame) -> pl.DataFrame:
    """Keep a route's rows; for all exporters together the sum that the importer gives, else its parts."""
    of_code = [pl.col(key) == signal[key] for key in ("freq_code", "importer_code", "commodity_code")]
    rows = frame.filter(pl.all_horizontal(of_code))
    if signal["exporter_code"] != 0:
        return rows.filter(pl.col("exporter_code") == signal["exporter_code"])
    total = rows.filter(pl.col("exporter_code") == 0)
    return total if total.height else rows


def _published(coverage: pl.DataFrame, reporter: int, flow_code: str, name: str) -> pl.DataFrame:
    rows = coverage.filter((pl.col("reporter_code") == reporter) & (pl.col("flow_code") == flow_code))
    return rows.select("period", pl.col("coverage_status").alias(name))


def _span(signal: dict[str, Any], frames: list[pl.DataFrame]) -> pl.DataFrame:
    known = pl.concat([pl.Series("period", [signal["period"]], pl.Int32), *[frame["period"] for frame in frames]])
    is_monthly = signal["freq_code"] == "M"
    first, last = (_step_of(int(end), is_monthly) for end in (known.min(), known.max()))  # type: ignore[arg-type]
    lead = _step_of(signal["period"], is_monthly)
    first = max(first, min(last - PERIODS_SHOWN + 1, lead - PERIODS_SHOWN // 2))
    steps = range(first, min(last, first + PERIODS_SHOWN * 2) + 1)
    return pl.DataFrame({"period": [_period_of(step, is_monthly) for step in steps]}, schema={"period": pl.Int32})


def _step_of(period: int, is_monthly: bool) -> int:
    return period // 100 * 12 + period % 100 - 1 if is_monthly else period


def _period_of(step: int, is_monthly: bool) -> int:
    return step // 12 * 100 + step % 12 + 1 if is_monthly else step


def _observed_state() -> pl.Expr:
    return (
        pl.when(pl.col("observed_kg") > 0)
        .then(pl.lit("reported"))
        .when(pl.col("observed_kg") == 0)
        .then(pl.lit("none"))
        .when(pl.col("primary_value_usd").is_not_null())
        .then(pl.lit("weight_missing"))
        .when(pl.col("observed_status") == "reported")
        .then(pl.lit("none"))
        .otherwise(pl.lit("not_reported"))
    )


def _balanced_end(deviations: float) -> pl.Expr:
    return pl.col("balanced_net_weight_kg") * (deviations * pl.col("balanced_net_weight_log_variance").sqrt()).exp()


def _side_weight(side: str, is_silent: pl.Expr) -> pl.Expr:
    weight = pl.col(f"{side}_net_weight_kg")
    return pl.when(weight.is_null() & is_silent & (pl.col(f"{side}_status") == "reported")).then(0.0).otherwise(weight)


def _is_alone(mirror_status: str) -> pl.Expr:
    return pl.col("mirror_status") == mirror_status
