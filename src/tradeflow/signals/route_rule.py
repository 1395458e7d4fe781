"""The rule on routes with no trade before, or hardly any: too little for a history of their own, so their ends' habits are read as well."""

from __future__ import annotations

import polars as pl

from tradeflow.signals.earlier import draw_mean, sum_earlier
from tradeflow.signals.rule_tables import PAIR_KEY, Evidence
from tradeflow.signals.spell import period_index
from tradeflow.signals.unit_value import ROUTE, weight_in_scale

FIRST_SHIPMENTS = "first shipments"
FEW_PERIODS = 6
"""Earlier periods of trade from which on a route has a history of its own, which `excess_import` and `excess_export` judge."""
_SILENT_MONTHS = 24
"""Months without trade after which a route counts as new again."""
_MIN_ANNUAL_HISTORY = 3
"""Earlier years that a reporter must have published before one of its routes can be called new."""
_KNOWN_SHIPMENTS = 20
"""Earlier shipments of a code, by anybody, from which on it is known what a usual one weighs."""
_SHRUNK_BY = 1.0
"""Shipments that a level's mean is drawn to the wider one's by: in simulated trade a route's shipments scatter as much as routes differ."""
_CODE = ["freq_code", "commodity_code"]
_LEVELS = {"code": _CODE, "importer": [*_CODE, "importer_code"], "exporter": [*_CODE, "exporter_code"], "route": ROUTE}


def new_route(tables: Evidence) -> pl.DataFrame:
    """A route that never or hardly ever carried the commodity carries more than its two ends, and the few shipments before, lead to expect.

    Told by the importer, or by the exporter alone where the importer is silent. No later period is read.
    """
    shipments = _expect_from_ends(_weigh_shipments(tables.mirror_pair))
    is_new = pl.col("_silent_periods").is_null() | (pl.col("_silent_periods") > _in_periods(_SILENT_MONTHS, _SILENT_MONTHS // 12))
    few = _known_before(shipments, tables).with_columns(pl.when(is_new).then(0).otherwise("_route_count").alias("_count"))
    judged = few.filter((pl.col("_count") < FEW_PERIODS) & (pl.col("_code_count") >= _KNOWN_SHIPMENTS))
    expected = draw_mean(pl.col("_route_sum"), pl.col("_count"), pl.col("_ends_log"), _SHRUNK_BY)
    kind = pl.when(pl.col("_count") == 0).then(pl.lit(FIRST_SHIPMENTS)).otherwise(pl.lit("shipments on hardly used routes"))
    return judged.with_columns(
        # What is known of few shipments is less sure: the variance of a prediction from so many.
        ((pl.col("_log") - expected) / (1 + 1 / (pl.col("_count") + _SHRUNK_BY)).sqrt()).alias("score"),
        expected.exp().alias("expected_kg"),
        (pl.col("observed_kg") - expected.exp()).alias("excess_kg"),
        pl.lit("flow").alias("subject"),
        pl.concat_str(kind, pl.lit(" of HS "), "commodity_code").alias("comparable_group"),
    )


def _weigh_shipments(mirror_pair: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs with a usable weight: the importer's, else the exporter's; with _is_told_by_importer and _silent_periods."""
    own, other = weight_in_scale("import"), weight_in_scale("export")
    weighed = mirror_pair.select(
        *PAIR_KEY,
        "mirror_status",
        pl.coalesce(own, other).alias("observed_kg"),
        pl.coalesce("import_value_usd", "export_value_usd").alias("observed_value_usd"),
        pl.when(own.is_not_null()).then(other).alias("mirror_net_weight_kg"),
        pl.when(own.is_null() & (pl.col("mirror_status") == "both")).then(pl.lit("other_side")).alias("weight_basis"),
        (pl.col("mirror_status") != "exporter_only").alias("_is_told_by_importer"),
    ).filter(pl.col("observed_kg") > 0)
    index = period_index()
    return weighed.sort(*ROUTE, "period").with_columns(
        (index - index.shift(1).over(ROUTE)).alias("_silent_periods"), pl.col("observed_kg").log().alias("_log")
    )


def _known_before(shipments: pl.DataFrame, tables: Evidence) -> pl.DataFrame:
    """Keep what is told by a reporter that had published long enough before to say what is new."""
    is_reported = (pl.col("coverage_status") == "reported") & pl.col("flow_code").is_in(["M", "X"])
    published = tables.coverage.filter(is_reported).select(
        "freq_code",
        "period",
        pl.col("reporter_code").alias("_teller"),
        (pl.col("flow_code") == "M").alias("_is_told_by_importer"),
        pl.col("period").rank("ordinal").over("freq_code", "reporter_code", "flow_code").alias("_known_periods"),
    )
    teller = pl.when("_is_told_by_importer").then("importer_code").otherwise("exporter_code").alias("_teller")
    known = shipments.with_columns(teller).join(published, on=["freq_code", "period", "_teller", "_is_told_by_importer"])
    return known.filter(pl.col("_known_periods") > _in_periods(tables.window.min_history_months, _MIN_ANNUAL_HISTORY))


def _in_periods(months: int, years: int) -> pl.Expr:
    return pl.when(pl.col("freq_code") == "M").then(months).otherwise(years)


def _expect_from_ends(shipments: pl.DataFrame) -> pl.DataFrame:
    """Add _ends_log, the ln kg that the code, importer and exporter lead to expect, and each level's earlier _sum and _count.

    Partial pooling with additive effects of both ends, each mean shrunk by `_SHRUNK_BY` shipments (Efron and Morris 1975).
    """
    summed = shipments
    for level, keys in _LEVELS.items():
        names = [f"_{level}_sum", f"_{level}_count"]
        counted = shipments.select(*keys, "period", pl.col("_log").alias(names[0]), pl.lit(1).cast(pl.Int64).alias(names[1]))
        summed = summed.join(sum_earlier(counted, keys, names), on=[*keys, "period"])
    usual = pl.col("_code_sum") / pl.col("_code_count")
    importer, exporter = (
        draw_mean(pl.col(f"_{end}_sum"), pl.col(f"_{end}_count"), usual, _SHRUNK_BY) - usual for end in ("importer", "exporter")
    )
    return summed.with_columns((usual + importer + exporter).alias("_ends_log"))
