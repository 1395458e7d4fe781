"""The rules: each one says what is strange in one way. Its docstring's first sentence is published as the rule's meaning.

A rule takes the stages' tables and returns candidates: every flow it can judge, in the scored window and in the calibration periods before
it, with a score that is higher the stranger the flow is. No threshold is applied here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from tradeflow.contract import load_contract

PAIR_KEY = ["freq_code", "period", "exporter_code", "importer_code", "commodity_code"]
_ROUTE = ["freq_code", "exporter_code", "importer_code", "commodity_code"]
_NORMAL_90 = 1.645
_NORMAL_MAD = 1.4826
_SILENT_PERIODS = 24
"""Periods without trade after which a route counts as new again."""
_ROUTE_HABIT_PERIODS = 6
"""Earlier periods from which a route has an ordinary unit value of its own."""


@dataclass(frozen=True)
class Window:
    """First period of the calibration and of the scored window, per frequency; and the shortest history that is judged."""

    calibration_start: dict[str, int]
    scored_start: dict[str, int]
    min_history_periods: int


@dataclass(frozen=True)
class Evidence:
    """The tables that rules read."""

    mirror_pair: pl.DataFrame
    baseline: pl.DataFrame
    flow_score: pl.DataFrame
    coverage: pl.DataFrame
    window: Window


Rule = Callable[[Evidence], pl.DataFrame]


def excess_import(tables: Evidence) -> pl.DataFrame:
    """More arrived than the importer's own history, season and trend explain."""
    judged = tables.baseline.filter(pl.col("z_seasonal").is_not_null() & (pl.col("observed_kg") > 0))
    values = _import_values(tables.mirror_pair)
    return judged.join(values, on=PAIR_KEY, how="left").with_columns(
        pl.col("series_level").alias("subject"),
        pl.col("z_seasonal").alias("score"),
        (pl.col("observed_kg") - pl.col("expected_kg")).alias("excess_kg"),
        pl.concat_str(pl.col("series_level"), pl.lit(" series of HS "), "commodity_code").alias("comparable_group"),
    )


def mirror_gap(tables: Evidence) -> pl.DataFrame:
    """The exporter reports that more left than the importer reports as arrived, beyond what these two reporters usually differ by."""
    pairs = _in_window(tables.mirror_pair, tables.window).filter(
        (pl.col("mirror_status") == "both") & pl.col("z_kg").is_not_null() & pl.col("z_value").is_not_null()
    )
    spread = pl.col("gap_log_variance").sqrt() * _NORMAL_90
    expected = pl.col("export_net_weight_kg") * pl.col("corridor_gap_log").exp()
    return pairs.with_columns(
        # A slip of the unit moves the weight and leaves the value; goods that never arrived are missing from both.
        pl.min_horizontal("z_kg", "z_value").alias("score"),
        pl.lit("flow").alias("subject"),
        pl.concat_str(pl.lit("pairs of HS "), "commodity_code").alias("comparable_group"),
        pl.col("import_net_weight_kg").alias("observed_kg"),
        expected.alias("expected_kg"),
        (expected * (-spread).exp()).alias("lower_kg"),
        (expected * spread.exp()).alias("upper_kg"),
        (expected - pl.col("import_net_weight_kg")).alias("excess_kg"),
        pl.col("import_value_usd").alias("observed_value_usd"),
        (pl.col("import_value_usd") / pl.col("import_net_weight_kg")).alias("unit_value_usd_per_kg"),
        pl.col("export_net_weight_kg").alias("mirror_net_weight_kg"),
        pl.col("export_value_usd").alias("mirror_value_usd"),
    )


def missing_mirror(tables: Evidence) -> pl.DataFrame:
    """One side reports the trade and the other, which had published the period and usually records this trade, reports none."""
    pairs = _in_window(tables.mirror_pair, tables.window).filter(pl.col("mirror_reason") == "not_recorded")
    is_export = pl.col("mirror_status") == "exporter_only"
    kg = pl.when(is_export).then(pl.col("export_net_weight_kg")).otherwise(pl.col("import_net_weight_kg"))
    usd = pl.when(is_export).then(pl.col("export_value_usd")).otherwise(pl.col("import_value_usd"))
    usual = _usual_two_sided_value(tables.mirror_pair)
    surprise = -(1 - pl.col("partner_report_probability")).log()
    # A remnant much smaller than the route's usual trade is mostly a shipment booked in the neighbouring month.
    size = (usd / pl.col("_usual_usd").fill_null(usd)).clip(0.01, 1).log()
    return pairs.join(usual, on=_ROUTE, how="left").with_columns(
        (surprise + size).alias("score"),
        pl.lit("flow").alias("subject"),
        pl.concat_str("mirror_status", pl.lit(" trade of HS "), "commodity_code").alias("comparable_group"),
        kg.alias("observed_kg"),
        kg.alias("excess_kg"),
        usd.alias("observed_value_usd"),
        (usd / kg).alias("unit_value_usd_per_kg"),
    )


def new_route(tables: Evidence) -> pl.DataFrame:
    """A route that never carried the commodity, or not for two years, opens with more than such first shipments usually weigh."""
    known_for = tables.coverage.filter((pl.col("flow_code") == "M") & (pl.col("coverage_status") == "reported")).select(
        "freq_code",
        "period",
        pl.col("reporter_code").alias("importer_code"),
        pl.col("period").rank("ordinal").over("freq_code", "reporter_code").alias("_known_periods"),
    )
    flows = tables.flow_score.join(known_for, on=["freq_code", "period", "importer_code"], how="left")
    since = pl.col("months_since_last_trade")
    opened = flows.filter(
        (since.is_null() | (since > _SILENT_PERIODS))
        & (pl.col("_known_periods") > tables.window.min_history_periods)
        & pl.col("log_kg").is_not_null()
    )
    return _with_flow_figures(opened, tables).with_columns(
        pl.col("log_kg").alias("score"),
        pl.col("observed_kg").alias("excess_kg"),
        pl.concat_str(pl.lit("first shipments of HS "), "commodity_code").alias("comparable_group"),
    )


def unit_value_outlier(tables: Evidence) -> pl.DataFrame:
    """The value per kilogram is far from what the commodity costs elsewhere and from what this route usually pays."""
    ratio = pl.col("unit_value_ratio")
    judged = tables.flow_score.filter(ratio.is_not_null()).sort(PAIR_KEY)
    spread = (ratio - ratio.median()).abs().median().over("freq_code", "commodity_code") * _NORMAL_MAD
    earlier = ratio.count().over(_ROUTE, order_by="period")
    habit = pl.when(earlier > _ROUTE_HABIT_PERIODS).then(ratio.median().over(_ROUTE)).otherwise(0.0)
    deviation = pl.min_horizontal(ratio.abs(), (ratio - habit).abs())
    scored = judged.with_columns(spread.clip(lower_bound=0.05).alias("_spread"), deviation.alias("_deviation"))
    figures = _with_flow_figures(scored, tables)
    other_side = ((pl.col("mirror_value_usd") / pl.col("mirror_net_weight_kg")).log() - pl.col("_typical_log")).abs()
    typical = pl.col("unit_value_usd_per_kg").log() - ratio
    return figures.with_columns(typical.alias("_typical_log")).with_columns(
        # A weight mis-keyed by one side shows an ordinary price on the other: then nothing is odd about the price.
        (pl.min_horizontal("_deviation", other_side) / pl.col("_spread")).alias("score"),
        (pl.col("observed_value_usd") / pl.col("_typical_log").exp()).alias("expected_kg"),
        pl.concat_str(pl.lit("unit values of HS "), "commodity_code").alias("comparable_group"),
    )


def isolated_flow(tables: Evidence) -> pl.DataFrame:
    """Strange in no single way, but alone in the crowd of comparable flows (isolation forest)."""
    alone = tables.flow_score.filter(pl.col("isolation_score").is_not_null())
    return _with_flow_figures(alone, tables).with_columns(
        pl.col("isolation_score").alias("score"), pl.concat_str(pl.lit("flows of "), "comparable_group").alias("comparable_group")
    )


RULES: dict[str, Rule] = {
    rule.__name__: rule for rule in (excess_import, mirror_gap, missing_mirror, new_route, unit_value_outlier, isolated_flow)
}


def rule_meanings() -> dict[str, str]:
    """Return each rule's published meaning: the first sentence of its docstring."""
    return {name: (rule.__doc__ or "").strip().splitlines()[0] for name, rule in RULES.items()}


def propose_candidates(tables: Evidence, rules: list[str]) -> pl.DataFrame:
    """Return the candidates of the named rules, in the contract `candidate`, sorted by rule and key."""
    proposed = [_as_candidates(RULES[name](tables), name, tables.window) for name in rules]
    return pl.concat(proposed).sort("rule", "subject", *PAIR_KEY)


def _as_candidates(rows: pl.DataFrame, rule: str, window: Window) -> pl.DataFrame:
    contract = load_contract("candidate")
    given = _in_window(rows.with_columns(pl.lit(rule).alias("rule")), window).with_columns(_is_scored(window))
    columns = [
        (pl.col(column.name) if column.name in given.columns else pl.lit(None)).cast(column.dtype).alias(column.name)
        for column in contract.columns
    ]
    return given.select(columns).filter(pl.col("score").is_finite())


def _in_window(rows: pl.DataFrame, window: Window) -> pl.DataFrame:
    return rows.filter(pl.col("period") >= pl.col("freq_code").replace_strict(window.calibration_start, default=0, return_dtype=pl.Int32))


def _is_scored(window: Window) -> pl.Expr:
    start = pl.col("freq_code").replace_strict(window.scored_start, default=0, return_dtype=pl.Int32)
    return (pl.col("period") >= start).alias("is_scored")


def _import_values(mirror_pair: pl.DataFrame) -> pl.DataFrame:
    """Import values by route and, under exporter 0, summed over all of the importer's partners."""
    value = pl.col("import_value_usd").alias("observed_value_usd")
    routes = mirror_pair.filter(pl.col("import_value_usd").is_not_null()).select(*PAIR_KEY, value)
    importer = (
        routes.with_columns(pl.lit(0, dtype=pl.Int32).alias("exporter_code")).group_by(PAIR_KEY).agg(pl.col("observed_value_usd").sum())
    )
    return pl.concat([routes, importer.select(routes.columns)])


def _usual_two_sided_value(mirror_pair: pl.DataFrame) -> pl.DataFrame:
    both = mirror_pair.filter(pl.col("mirror_status") == "both")
    return both.group_by(_ROUTE).agg(pl.col("balanced_value_usd").median().alias("_usual_usd"))


def _with_flow_figures(flows: pl.DataFrame, tables: Evidence) -> pl.DataFrame:
    sides = tables.mirror_pair.select(
        *PAIR_KEY,
        pl.col("import_net_weight_kg").alias("observed_kg"),
        pl.col("import_value_usd").alias("observed_value_usd"),
        pl.col("export_net_weight_kg").alias("mirror_net_weight_kg"),
        pl.col("export_value_usd").alias("mirror_value_usd"),
        "mirror_status",
    )
    return flows.join(sides, on=PAIR_KEY, how="left").with_columns(pl.lit("flow").alias("subject"))
