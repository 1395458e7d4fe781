"""The rule on what a declared item costs: its unit value against that of earlier items of like size."""

from __future__ import annotations

import polars as pl

from tradeflow.signals.company.tables import CompanyTables, declaring_party, month_number, name_group, tell_item, usual_before

_HABIT_ITEMS = 6
"""Earlier items of a company at which its own unit values count as much as those of all."""
_LEAST_LIKE = 10
"""Earlier items of the same size from which on these alone are the comparison."""
_SPREAD_ITEMS = 20
"""Items at which the spread of a substance's own unit values counts as much as that of all substances."""
_NORMAL_MAD = 1.4826
_LEAST_SPREAD = 0.1


def unit_value_outlier(tables: CompanyTables) -> pl.DataFrame:
    """A declared unit value that no ordinary buyer of the substance would pay or take, beside earlier items of like size.

    score = |ln(unit value / usual)| over the spread of its like. usual: the median of the twelve months before, of items of the same
    tenfold of weight where there are enough, or the same drawn to what the company itself declared earlier, whichever is nearer.
    """
    priced = pl.col("unit_value_usd_per_kg").is_finite() & (pl.col("unit_value_usd_per_kg") > 0) & (pl.col("net_weight_kg") > 0)
    items = declaring_party(tables.company_item.filter(priced)).with_columns(
        pl.col("unit_value_usd_per_kg").log().alias("_log"),
        pl.col("net_weight_kg").log10().floor().cast(pl.Int32).alias("_tenfold"),
        month_number().alias("_month"),
    )
    own_code = items.filter(pl.col("named_by") != "words")
    wide = usual_before(own_code, "_log", ["substance_code", "party_role"])
    near = usual_before(own_code, "_log", ["substance_code", "party_role", "_tenfold"]).filter(pl.col("_like") >= _LEAST_LIKE)
    beside = items.join(wide, on=["substance_code", "party_role", "_month"], how="inner").join(
        near, on=["substance_code", "party_role", "_tenfold", "_month"], how="left", suffix="_near"
    )
    against = beside.filter(pl.col("_like") >= _LEAST_LIKE).with_columns(
        pl.coalesce("_middle_near", "_middle").alias("_middle"),
        pl.coalesce("_spread_near", "_spread").alias("_spread"),
        pl.coalesce("_like_near", "_like").alias("_of"),
    )
    usual_spread = (pl.col("_spread").median().over("party_role") * _NORMAL_MAD) ** 2
    drawn = ((pl.col("_spread") * _NORMAL_MAD) ** 2 * pl.col("_of") + usual_spread * _SPREAD_ITEMS) / (pl.col("_of") + _SPREAD_ITEMS)
    spread = pl.max_horizontal(drawn.sqrt(), pl.lit(_LEAST_SPREAD))
    gap = pl.col("_log") - pl.col("_middle")
    judged = _with_own_habit(against.with_columns(gap.alias("_gap"), spread.alias("_spread")))
    # What is ordinary for all, or for the company, is ordinary: one odd price of its own makes the next usual one no odd one.
    nearer = pl.when(pl.col("_gap").abs() < (pl.col("_gap") - pl.col("_habit")).abs()).then(0.0).otherwise(pl.col("_habit"))
    usual = (pl.col("_middle") + nearer).exp()
    off = (pl.col("_gap") - nearer).abs() / pl.col("_spread")
    return tell_item(judged).with_columns(
        off.alias("score"), (pl.col("value_usd") / usual).alias("expected_kg"), usual.alias("_usual_usd_per_kg"),
        pl.lit(None, pl.Float64).alias("excess_kg"), name_group("declared items", tables.substances),
    )  # fmt: skip


def _with_own_habit(items: pl.DataFrame) -> pl.DataFrame:
    """Add _habit: the median gap of the company's items of the twelve months before, drawn to none."""
    key = ["entity_id", "party_role", "substance_code"]
    own = usual_before(items, "_gap", key).select(*key, "_month", pl.col("_middle").alias("_own"), pl.col("_like").alias("_own_items"))
    drawn = pl.col("_own") * pl.col("_own_items") / (pl.col("_own_items") + _HABIT_ITEMS)
    return items.join(own, on=[*key, "_month"], how="left").with_columns(drawn.fill_null(0.0).alias("_habit"))
