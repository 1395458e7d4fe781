"""The rules: each one says what is strange in one way. Its docstring's first sentence is published as the rule's meaning.

A rule takes the stages' tables and returns candidates: every flow it can judge, in the scored window and in the calibration periods before
it, with a score that is higher the stranger the flow is. No threshold is applied here.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from scipy.special import ndtri

from tradeflow.contract import load_contract
from tradeflow.signals.excess_rules import excess_export, excess_family, excess_import
from tradeflow.signals.requirement_rule import above_requirement
from tradeflow.signals.route_rule import new_route
from tradeflow.signals.rule_tables import PAIR_KEY, Evidence, Window
from tradeflow.signals.shift_rules import displacement, hub_detour, substitution
from tradeflow.signals.spell import (
    INTERVAL,
    SUMMED,
    best_window,
    count_derived_weights,
    interval_of_sum,
    log_spread_parts,
    weight_basis_of_sum,
)
from tradeflow.signals.unit_value import ROUTE, ROUTE_HABIT_PERIODS, usual_unit_values, weight_in_scale, weight_or_derived
from tradeflow.signals.unrecorded import rate_unrecorded

_CODE = ["freq_code", "commodity_code"]
_NORMAL_90 = 1.645
_NORMAL_MAD = 1.4826
_LEAST_P = 1e-300

Rule = Callable[[Evidence], pl.DataFrame]


def mirror_gap(tables: Evidence) -> pl.DataFrame:
    """The exporter reports that more left than the importer reports as arrived, beyond what these two reporters usually differ by."""
    both = rate_unrecorded(tables.mirror_pair.filter(pl.col("mirror_status") == "both"))
    is_judged = pl.col("shortfall_p_value").is_not_null() | pl.col("_is_unrecorded")
    pairs = both.filter(is_judged).join(usual_unit_values(tables.mirror_pair), on=ROUTE, how="left")
    spread = pl.col("gap_log_variance").sqrt() * _NORMAL_90
    habit = pl.coalesce("route_gap_log", pl.col("route_gap_log").mean().over(ROUTE)).fill_null(0)
    expected = weight_or_derived("export") * habit.exp()
    monthly = pairs.with_columns(
        # The chance of both measures together: a slip of the unit moves the weight alone, goods that never arrived are missing from both.
        _normal_score(pl.when("_is_unrecorded").then("_unrecorded_rate").otherwise("shortfall_p_value")).alias("score"),
        pl.lit("flow").alias("subject"),
        weight_or_derived("import").alias("observed_kg"),
        expected.alias("expected_kg"),
        (expected * (-spread).exp()).alias("lower_kg"),
        (expected * spread.exp()).alias("upper_kg"),
        pl.col("import_value_usd").alias("observed_value_usd"),
        weight_or_derived("export").alias("mirror_net_weight_kg"),
        pl.col("export_value_usd").alias("mirror_value_usd"),
    )
    # Over several periods what only arrived later cancels out; what never arrived adds up.
    is_derived = weight_in_scale("import").is_null() | weight_in_scale("export").is_null()
    basis = pl.when(is_derived).then(pl.lit("value_over_unit_value"))
    spread_out = monthly.with_columns(*log_spread_parts(*INTERVAL), *count_derived_weights(basis))
    summed = best_window(spread_out, ROUTE, [*SUMMED, "mirror_net_weight_kg", "mirror_value_usd"])
    return summed.with_columns(
        *interval_of_sum(*INTERVAL),
        weight_basis_of_sum(),
        # Never more than the exporter says has left, even where the importer is used to record more than that.
        (pl.min_horizontal("expected_kg", "mirror_net_weight_kg") - pl.col("observed_kg")).alias("excess_kg"),
        (pl.col("observed_value_usd") / pl.col("observed_kg")).alias("unit_value_usd_per_kg"),
        pl.concat_str(pl.lit("pairs of HS "), "commodity_code").alias("comparable_group"),
    )


def _normal_score(p_value: pl.Expr) -> pl.Expr:
    """Return the standard normal deviate that is exceeded with this chance."""
    return p_value.map_batches(lambda p: pl.Series(-ndtri(p.clip(_LEAST_P, 1 - 1e-15).to_numpy())), return_dtype=pl.Float64)


def missing_mirror(tables: Evidence) -> pl.DataFrame:
    """One side reports the trade and the other, which had published the period and usually records this trade, reports none."""
    pairs = tables.mirror_pair.filter(pl.col("mirror_reason") == "not_recorded")
    is_export = pl.col("mirror_status") == "exporter_only"
    kg = pl.when(is_export).then(weight_in_scale("export")).otherwise(weight_in_scale("import"))
    usd = pl.when(is_export).then(pl.col("export_value_usd")).otherwise(pl.col("import_value_usd"))
    usual = _usual_two_sided_value(tables.mirror_pair)
    surprise = -(1 - pl.col("partner_report_probability")).log()
    # A remnant much smaller than the route's usual trade is mostly a shipment booked in the neighbouring month.
    size = (usd / pl.col("_usual_usd").fill_null(usd)).clip(0.01, 1).log()
    monthly = pairs.join(usual, on=ROUTE, how="left").with_columns(
        (surprise + size).alias("score"),
        pl.lit("flow").alias("subject"),
        kg.alias("observed_kg"),
        kg.alias("excess_kg"),
        usd.alias("observed_value_usd"),
    )
    summed = best_window(monthly, [*ROUTE, "mirror_status"], ["observed_kg", "excess_kg", "observed_value_usd"])
    return summed.with_columns(
        (pl.col("observed_value_usd") / pl.col("observed_kg")).alias("unit_value_usd_per_kg"),
        pl.concat_str(pl.lit("one-sided "), _reported_side(), pl.lit(" of HS "), "commodity_code").alias("comparable_group"),
    )


def _reported_side() -> pl.Expr:
    return pl.when(pl.col("mirror_status") == "exporter_only").then(pl.lit("exports")).otherwise(pl.lit("imports"))


def unit_value_outlier(tables: Evidence) -> pl.DataFrame:
    """The value per kilogram is far from what the commodity costs elsewhere and from what this route usually pays."""
    judged = tables.flow_score.filter(pl.col("unit_value_ratio").is_not_null())
    deviation = _with_flow_figures(deviation_from_usual_price(judged), tables)
    typical_log = pl.col("unit_value_usd_per_kg").log() - pl.col("unit_value_ratio")
    mirror_ratio = (pl.col("mirror_value_usd") / pl.col("mirror_net_weight_kg")).log() - pl.col("_typical_log")
    other_side = (mirror_ratio - pl.col("_habit")).abs() / pl.col("_spread")
    return deviation.with_columns(typical_log.alias("_typical_log")).with_columns(
        # A weight mis-keyed by one side shows an ordinary price on the other: then nothing is odd about the price.
        pl.min_horizontal("_deviation", other_side).alias("score"),
        (pl.col("observed_value_usd") / pl.col("_typical_log").exp()).alias("expected_kg"),
        # A price that both sides report is seldom odd by a slip; one that stands alone often is.
        pl.concat_str(
            pl.when(other_side.is_not_null())
            .then(pl.lit("mirrored unit values of HS "))
            .otherwise(pl.lit("unmirrored unit values of HS ")),
            "commodity_code",
        ).alias("comparable_group"),
    )


def deviation_from_usual_price(flows: pl.DataFrame) -> pl.DataFrame:
    """Add _habit, _spread, _deviation: ln unit value against the route's own habit, drawn towards the code's the less it is known."""
    ratio = pl.col("unit_value_ratio")
    code = flows.group_by(_CODE).agg(((ratio - ratio.median()).abs().median() * _NORMAL_MAD).clip(0.1).alias("_code_spread"))
    route = flows.group_by(ROUTE).agg(
        ratio.median().alias("_route_median"),
        ((ratio - ratio.median()).abs().median() * _NORMAL_MAD).alias("_route_spread"),
        pl.len().alias("_count"),
    )
    own = pl.col("_count") / (pl.col("_count") + ROUTE_HABIT_PERIODS)
    variance = own * pl.col("_route_spread") ** 2 + (1 - own) * pl.col("_code_spread") ** 2
    joined = flows.join(code, on=_CODE).join(route, on=ROUTE)
    judged = joined.with_columns((own * pl.col("_route_median")).alias("_habit"), variance.sqrt().alias("_spread"))
    return judged.with_columns(((ratio - pl.col("_habit")).abs() / pl.col("_spread")).alias("_deviation"))


def isolated_flow(tables: Evidence) -> pl.DataFrame:
    """Strange in no single way, but alone in the crowd of comparable flows (isolation forest)."""
    alone = tables.flow_score.filter(pl.col("isolation_score").is_not_null())
    # A weight of the wrong order of magnitude stands alone in every crowd: the rule for unit values tells it.
    in_scale = _with_flow_figures(alone, tables).filter(~pl.col("is_import_weight_out_of_scale"))
    return in_scale.with_columns(
        pl.col("isolation_score").alias("score"), pl.concat_str(pl.lit("flows of "), "comparable_group").alias("comparable_group")
    )


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        *(excess_import, excess_export, excess_family, mirror_gap, missing_mirror, new_route, unit_value_outlier, isolated_flow),
        *(hub_detour, displacement, substitution, above_requirement),
    )
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
    named = rows.with_columns(pl.lit(rule).alias("rule"))
    if "window_periods" not in named.columns:
        named = named.with_columns(pl.lit(1).alias("window_periods"))
    given = _in_window(named, window)
    columns = [
        (pl.col(column.name) if column.name in given.columns else pl.lit(None)).cast(column.dtype).alias(column.name)
        for column in contract.columns
    ]
    return given.select(columns).filter(pl.col("score").is_finite())


def _in_window(rows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Keep the calibration and scored periods and say which is which in is_scored."""
    placed = rows.drop("is_scored", strict=False).join(window.starts, on=_CODE)
    period = pl.col("period")
    kept = placed.filter(period.is_between(pl.col("_calibration_start"), pl.col("_newest")))
    return kept.with_columns((period >= pl.col("_scored_start")).alias("is_scored"))


def _usual_two_sided_value(mirror_pair: pl.DataFrame) -> pl.DataFrame:
    both = mirror_pair.filter(pl.col("mirror_status") == "both")
    return both.group_by(ROUTE).agg(pl.col("balanced_value_usd").median().alias("_usual_usd"))


def _with_flow_figures(flows: pl.DataFrame, tables: Evidence) -> pl.DataFrame:
    sides = tables.mirror_pair.select(
        *PAIR_KEY,
        pl.col("import_net_weight_kg").alias("observed_kg"),
        pl.col("import_value_usd").alias("observed_value_usd"),
        pl.col("export_net_weight_kg").alias("mirror_net_weight_kg"),
        pl.col("export_value_usd").alias("mirror_value_usd"),
        "mirror_status",
        "is_import_weight_out_of_scale",
    )
    return flows.join(sides, on=PAIR_KEY, how="left").with_columns(pl.lit("flow").alias("subject"))
