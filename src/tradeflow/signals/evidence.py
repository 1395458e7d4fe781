"""From a signal back to the source rows, and to the features that drove it."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract

_ROWS_PER_SIGNAL = 50
"""Source rows kept per signal: an importer's total of a month may rest on hundreds; the largest carry it."""
_EXPORT_LED = ["mirror_gap", "missing_mirror"]


def collect_evidence(signals: pl.DataFrame, trade_flow: pl.LazyFrame) -> pl.DataFrame:
    """Return `signal_evidence`: both sides' source rows of each signal's subject and period, largest first.

    `observed` rows are the importer's, except where the lead starts from the exporter's report.
    """
    wanted = signals.select("signal_id", "rule", "freq_code", "period", "importer_code", "exporter_code", "commodity_code").lazy()
    imports = _rows_of(trade_flow, wanted, "M", importer="reporter_code", exporter="partner_code")
    exports = _rows_of(trade_flow, wanted, "X", importer="partner_code", exporter="reporter_code")
    found = pl.concat([imports, exports]).collect()
    ordered = found.sort(
        "signal_id", "primary_value_usd", "snapshot_id", "row_number", descending=[False, True, False, False], nulls_last=True
    )
    kept = ordered.filter(pl.int_range(pl.len()).over("signal_id") < _ROWS_PER_SIGNAL)
    return kept.select([pl.col(column.name).cast(column.dtype) for column in load_contract("signal_evidence").columns])


def _rows_of(trade_flow: pl.LazyFrame, wanted: pl.LazyFrame, flow_code: str, *, importer: str, exporter: str) -> pl.LazyFrame:
    rows = trade_flow.filter((pl.col("flow_code") == flow_code) & (pl.col("partner_code") != 0))
    month = ["freq_code", "period", "commodity_code"]
    joined = wanted.join(rows, left_on=[*month, "importer_code"], right_on=[*month, importer], how="inner")
    route = joined.filter((pl.col("exporter_code") == 0) | (pl.col("exporter_code") == pl.col(exporter)))
    leads_with_export = pl.col("rule").is_in(_EXPORT_LED)
    is_observed = leads_with_export if flow_code == "X" else ~leads_with_export
    return route.select(
        "signal_id",
        pl.when(is_observed).then(pl.lit("observed")).otherwise(pl.lit("mirror")).alias("evidence_role"),
        "snapshot_id",
        "row_number",
        (pl.col("importer_code") if flow_code == "M" else pl.col(exporter)).alias("reporter_code"),
        (pl.col(exporter) if flow_code == "M" else pl.col("importer_code")).alias("partner_code"),
        pl.lit(flow_code).alias("flow_code"),
        *month,
        "net_weight_kg",
        "primary_value_usd",
    )


def collect_features(signals: pl.DataFrame, flow_score_feature: pl.DataFrame) -> pl.DataFrame:
    """Return `signal_feature`: the isolation forest's shares where the flow has them, else the rule's own figure alone."""
    key = ["freq_code", "period", "exporter_code", "importer_code", "commodity_code"]
    forest = signals.filter(pl.col("rule") == "isolated_flow").select("signal_id", *key).join(flow_score_feature, on=key)
    own = signals.filter(pl.col("rule") != "isolated_flow").select(
        "signal_id",
        pl.col("rule").replace_strict(_LEADING_FEATURE).alias("feature"),
        pl.when(pl.col("rule") == "unit_value_outlier")
        .then("unit_value_usd_per_kg")
        .when(pl.col("rule").is_in(["excess_import", "mirror_gap"]))
        .then("excess_ratio")
        .otherwise("observed_kg")
        .alias("feature_value"),
        pl.lit(1.0).alias("feature_share"),
    )
    columns = load_contract("signal_feature").columns
    both = pl.concat([forest.select(own.columns), own])
    return both.select([pl.col(column.name).cast(column.dtype) for column in columns]).sort("signal_id", "feature")


_LEADING_FEATURE = {
    "excess_import": "excess_ratio",
    "mirror_gap": "excess_ratio",
    "missing_mirror": "observed_kg",
    "new_route": "observed_kg",
    "unit_value_outlier": "unit_value_usd_per_kg",
}
