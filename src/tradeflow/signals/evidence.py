"""From a signal back to the source rows, and to the features that drove it."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract

_ROWS_PER_SIGNAL = 50
"""Source rows kept per signal, and as many of its other legs: an importer's total may rest on hundreds; the largest carry it."""


def collect_evidence(signals: pl.DataFrame, trade_flow: pl.LazyFrame) -> pl.DataFrame:
    """Return `signal_evidence`: both sides' source rows of each signal's legs over the periods of its window, the subject's first, by size.

    `observed` rows are the importer's, except where the lead starts from the exporter's report; `related` rows are those of another leg. A
    missing mirror rests on the rows that stand alone: periods that both sides report, or only the other one, are left out.
    """
    wanted = _each_period(_each_leg(signals)).lazy()
    imports = _rows_of(trade_flow, wanted, "M", importer="reporter_code", exporter="partner_code")
    exports = _rows_of(trade_flow, wanted, "X", importer="partner_code", exporter="reporter_code")
    found = _drop_answered(pl.concat([imports, exports]).collect())
    role = (
        pl.when("_is_related").then(pl.lit("related"))
        .when(_tells_the_lead()).then(pl.lit("observed"))
        .otherwise(pl.lit("mirror"))
    )  # fmt: skip
    ordered = found.with_columns(role.alias("evidence_role")).sort(
        "signal_id", "_is_related", "primary_value_usd", "snapshot_id", "row_number",
        descending=[False, False, True, False, False], nulls_last=True,
    )  # fmt: skip
    once = ordered.unique(["signal_id", "snapshot_id", "row_number"], keep="first", maintain_order=True)
    told = once.filter(pl.int_range(pl.len()).over("signal_id", "_is_related") < _ROWS_PER_SIGNAL)
    return told.select([pl.col(column.name).cast(column.dtype) for column in load_contract("signal_evidence").columns])


def _each_leg(signals: pl.DataFrame) -> pl.DataFrame:
    """Return one row per signal and leg: its own, and those that the trade seems to have come from or through (_is_related)."""
    area, code = pl.col("related_area_code"), pl.col("related_commodity_code")
    legs = [
        signals.with_columns(pl.lit(value=False).alias("_is_related")),
        _related(signals, "displacement", importer_code=area),
        _related(signals, "hub_detour", exporter_code=area, importer_code=pl.col("exporter_code")),
        _related(signals, "hub_detour", exporter_code=area),
        _related(signals, "substitution", commodity_code=code),
        _related(signals, "excess_family", commodity_code=code),
    ]
    return pl.concat(legs)


def _related(signals: pl.DataFrame, rule: str, **leg: pl.Expr) -> pl.DataFrame:
    return signals.filter(pl.col("rule") == rule).with_columns(**leg, _is_related=pl.lit(value=True))


def _each_period(legs: pl.DataFrame) -> pl.DataFrame:
    """Return one row per signal, leg and period of its window, the signal's own period beside it."""
    key = ["signal_id", "rule", "_is_related", "freq_code", "importer_code", "exporter_code", "commodity_code"]
    spread = legs.select(
        *key, pl.col("period").alias("_last_period"), pl.int_ranges(0, pl.col("window_periods").cast(pl.Int64)).alias("_back")
    ).explode("_back")
    last, back = pl.col("_last_period").cast(pl.Int64), pl.col("_back")
    months = last // 100 * 12 + last % 100 - 1 - back
    period = pl.when(last > 9999).then(months // 12 * 100 + months % 12 + 1).otherwise(last - back)
    return spread.with_columns(period.cast(pl.Int32).alias("period")).drop("_back")


def _rows_of(trade_flow: pl.LazyFrame, wanted: pl.LazyFrame, flow_code: str, *, importer: str, exporter: str) -> pl.LazyFrame:
    rows = trade_flow.filter((pl.col("flow_code") == flow_code) & (pl.col("partner_code") != 0))
    month = ["freq_code", "period", "commodity_code"]
    named = rows.with_columns(pl.col(importer).alias("_importer"), pl.col(importer).alias("_told_of"))
    # What the world takes (0) is told by what importers report alone.
    told = pl.concat([named, named.with_columns(pl.lit(0, pl.Int32).alias("_told_of"))]) if flow_code == "M" else named
    joined = wanted.join(told, left_on=[*month, "importer_code"], right_on=[*month, "_told_of"], how="inner")
    route = joined.filter((pl.col("exporter_code") == 0) | (pl.col("exporter_code") == pl.col(exporter)))
    return route.select(
        "signal_id",
        "rule",
        "_is_related",
        "_last_period",
        "snapshot_id",
        "row_number",
        (pl.col("_importer") if flow_code == "M" else pl.col(exporter)).alias("reporter_code"),
        (pl.col(exporter) if flow_code == "M" else pl.col("_importer")).alias("partner_code"),
        pl.lit(flow_code).alias("flow_code"),
        *month,
        "net_weight_kg",
        "primary_value_usd",
    )


def _drop_answered(found: pl.DataFrame) -> pl.DataFrame:
    """Keep of a missing mirror's rows those of the side that tells it, in the periods in which the other side is silent."""
    is_missing = pl.col("rule") == "missing_mirror"
    teller = found.filter(is_missing & (pl.col("period") == pl.col("_last_period"))).group_by("signal_id").agg(
        pl.col("flow_code").first().alias("_teller")
    )  # fmt: skip
    stands_alone = pl.col("flow_code").n_unique().over("signal_id", "period") == 1
    joined = found.join(teller, on="signal_id", how="left")
    return joined.filter(~is_missing | (stands_alone & (pl.col("flow_code") == pl.col("_teller")))).drop("_teller")


def _tells_the_lead() -> pl.Expr:
    told_by_exporter = pl.col("rule").is_in(["mirror_gap", "excess_export"])
    stands_alone = (pl.col("rule") == "new_route") & (pl.col("flow_code").n_unique().over("signal_id", "period", "_is_related") == 1)
    return (pl.col("rule") == "missing_mirror") | stands_alone | ((pl.col("flow_code") == "X") == told_by_exporter)


def collect_features(signals: pl.DataFrame, flow_score_feature: pl.DataFrame) -> pl.DataFrame:
    """Return `signal_feature`: the isolation forest's shares where the flow has them, else the rule's own figure alone."""
    key = ["freq_code", "period", "exporter_code", "importer_code", "commodity_code"]
    forest = signals.filter(pl.col("rule") == "isolated_flow").select("signal_id", *key).join(flow_score_feature, on=key)
    own = signals.filter(pl.col("rule") != "isolated_flow").select(
        "signal_id",
        pl.col("rule").replace_strict(_LEADING_FEATURE).alias("feature"),
        pl.when(pl.col("rule") == "unit_value_outlier")
        .then("unit_value_usd_per_kg")
        .when(pl.col("rule").is_in(["excess_import", "excess_export", "excess_family", "mirror_gap"]))
        .then("excess_ratio")
        .when(pl.col("rule").is_in(["hub_detour", "displacement", "substitution", "above_requirement"]))
        .then("excess_kg")
        .otherwise("observed_kg")
        .alias("feature_value"),
        pl.lit(1.0).alias("feature_share"),
    )
    columns = load_contract("signal_feature").columns
    both = pl.concat([forest.select(own.columns), own])
    return both.select([pl.col(column.name).cast(column.dtype) for column in columns]).sort("signal_id", "feature")


_LEADING_FEATURE = {
    "excess_import": "excess_ratio",
    "excess_export": "excess_ratio",
    "excess_family": "excess_ratio",
    "mirror_gap": "excess_ratio",
    "missing_mirror": "observed_kg",
    "new_route": "observed_kg",
    "unit_value_outlier": "unit_value_usd_per_kg",
    "hub_detour": "excess_kg",
    "displacement": "excess_kg",
    "substitution": "excess_kg",
    "above_requirement": "excess_kg",
}
