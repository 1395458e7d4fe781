"""The rules on more than history explains: of one code by a route, an importer or the world, and of several goods of a family together."""

from __future__ import annotations

import polars as pl

from tradeflow.signals.rule_tables import PAIR_KEY, Evidence
from tradeflow.signals.spell import (
    INTERVAL,
    SUMMED,
    best_window,
    count_derived_weights,
    interval_of_sum,
    log_spread_parts,
    weight_basis_of_sum,
)
from tradeflow.signals.unit_value import ROUTE, usual_unit_values, weight_in_scale

_FAMILY = ["freq_code", "importer_code", "family"]
_USUALLY_RECORDED = 0.8
"""Chance that the importer would have recorded a trade from which on it denies by recording none: that is `missing_mirror`."""


def excess_import(tables: Evidence) -> pl.DataFrame:
    """More arrived than the importer's own history, season and trend explain, by weight and by value alike."""
    level = pl.when(pl.col("series_level") == "flow").then(pl.lit("route")).otherwise("series_level")
    summed = best_window(_monthly_excess(tables), ["series_level", *ROUTE], [*SUMMED, "mirror_net_weight_kg"])
    return _with_excess(summed).with_columns(pl.concat_str(level, pl.lit(" series of HS "), "commodity_code").alias("comparable_group"))


def excess_export(tables: Evidence) -> pl.DataFrame:
    """The exporter reports that more left for the importer than its own earlier reports of the route explain.

    It needs no report of the importer, whose figures may come later or never. Where the importer usually records this trade, has
    published the month and has none of it, that is `missing_mirror`.
    """
    sides = tables.mirror_pair.select(
        *PAIR_KEY,
        "mirror_reason",
        "partner_report_probability",
        pl.col("export_value_usd").alias("observed_value_usd"),
        weight_in_scale("import").alias("mirror_net_weight_kg"),
    )
    is_denied = (pl.col("mirror_reason") == "not_recorded") & (pl.col("partner_report_probability") >= _USUALLY_RECORDED)
    told = _with_trade(tables).filter(pl.col("series_level") == "export").join(sides, on=PAIR_KEY).filter(~is_denied.fill_null(value=False))
    monthly = _score_excess(told.join(usual_unit_values(tables.mirror_pair, "export"), on=ROUTE, how="left"))
    summed = best_window(monthly, ROUTE, [*SUMMED, "mirror_net_weight_kg"])
    return _with_excess(summed).with_columns(
        pl.lit("flow").alias("subject"), pl.concat_str(pl.lit("export series of HS "), "commodity_code").alias("comparable_group")
    )


def excess_family(tables: Evidence) -> pl.DataFrame:
    """An importer took more of several goods of one family at once than the history of each explains, the strangest of them left out.

    What one of the goods tells alone is `excess_import`.
    """
    goods = _monthly_excess(tables).filter(pl.col("series_level") == "importer").join(tables.family, on="commodity_code")
    # Each of the goods counts alike, whatever it weighs: tonnes of a solvent would hide kilograms of what it goes with.
    monthly = goods.sort(*_FAMILY, "period", "score", descending=[False, False, False, False, True]).group_by(
        *_FAMILY, "period", maintain_order=True
    ).agg(
        (pl.col("score").slice(1).sum() / (pl.len() - 1).sqrt()).alias("score"),
        pl.col("commodity_code").first(),
        pl.col("commodity_code").get(1, null_on_oob=True).alias("related_commodity_code"),
        *(pl.col(name).sum() for name in SUMMED),
    )  # fmt: skip
    summed = best_window(monthly.drop_nulls("related_commodity_code"), _FAMILY, SUMMED)
    told = _with_excess(summed).with_columns(
        pl.lit("family").alias("subject"),
        pl.lit(0, pl.Int32).alias("exporter_code"),
        pl.lit("baskets of one family").alias("comparable_group"),
    )
    # Solvents belong to several families: what they lead is told once.
    return told.sort("score", "family", descending=[True, False]).unique(PAIR_KEY, keep="first", maintain_order=True)


def _monthly_excess(tables: Evidence) -> pl.DataFrame:
    """Return the months with trade of every series of imports, with their score, value, and what the exporters say of the route."""
    judged = _with_trade(tables).filter(pl.col("series_level") != "export")
    values, usual = _import_values(tables.mirror_pair), usual_unit_values(tables.mirror_pair)
    mirror = tables.mirror_pair.select(*PAIR_KEY, weight_in_scale("export").alias("mirror_net_weight_kg"))
    valued = judged.join(values, on=PAIR_KEY, how="left").join(usual, on=ROUTE, how="left").join(mirror, on=PAIR_KEY, how="left")
    return _score_excess(valued).with_columns(pl.col("series_level").alias("subject"))


def _with_trade(tables: Evidence) -> pl.DataFrame:
    return tables.baseline.filter(pl.col("z_seasonal").is_not_null() & (pl.col("observed_kg") > 0))


def _score_excess(valued: pl.DataFrame) -> pl.DataFrame:
    """Add score and the parts of the interval; valued: `baseline` with observed_value_usd and _usual_usd_per_kg."""
    log_excess = (pl.col("observed_kg") / pl.col("expected_kg")).log()
    # What the value alone says about the weight: a weight mis-keyed a thousandfold leaves the value where it was.
    implied_log_excess = (pl.col("observed_value_usd") / pl.col("_usual_usd_per_kg") / pl.col("expected_kg")).log()
    implied = pl.when(log_excess > 0).then(pl.col("z_seasonal") * implied_log_excess / log_excess)
    return valued.with_columns(
        pl.min_horizontal("z_seasonal", implied).alias("score"),
        *log_spread_parts(*INTERVAL),
        *count_derived_weights(pl.col("weight_basis")),
    )


def _with_excess(summed: pl.DataFrame) -> pl.DataFrame:
    return summed.with_columns(
        *interval_of_sum(*INTERVAL),
        weight_basis_of_sum(),
        (pl.col("observed_kg") - pl.col("expected_kg")).alias("excess_kg"),
        (pl.col("observed_value_usd") / pl.col("observed_kg")).alias("unit_value_usd_per_kg"),
    )


def _import_values(mirror_pair: pl.DataFrame) -> pl.DataFrame:
    """Import values by route and, under exporter 0, summed over all of the importer's partners."""
    value = pl.col("import_value_usd").alias("observed_value_usd")
    routes = mirror_pair.filter(pl.col("import_value_usd").is_not_null()).select(*PAIR_KEY, value)
    importer = (
        routes.sort(PAIR_KEY)
        .with_columns(pl.lit(0, dtype=pl.Int32).alias("exporter_code"))
        .group_by(PAIR_KEY, maintain_order=True)
        .agg(pl.col("observed_value_usd").sum())
    )
    return pl.concat([routes, importer.select(routes.columns)])
