"""What a missing mirror means: not released, never reported, code withheld, too small, recorded in a nearby month, or not recorded."""

from __future__ import annotations

from typing import Literal

import polars as pl

from tradeflow.reconcile.pairs import ROUTE_NUMBER, exact_sum

LAG_PERIODS = 2
"""Periods within which the other side may record the same trade."""
PRIOR_MISSES = 3
"""Misses that the broader rate counts for when a narrower one is shrunk to it."""
SMALLEST_MISS = 0.002
"""No reporter is credited with missing fewer of its partners' trades than two in a thousand."""


TELLING_PARTNERS = 3
"""Partners reporting a code from which a reporter without any row of it is taken to have withheld it: suppressed or not compiled."""


def explain_missing_sides(
    pairs: pl.DataFrame, coverage: pl.DataFrame, commodity_coverage: pl.DataFrame, threshold_usd: float
) -> pl.DataFrame:
    """Add mirror_status, mirror_reason and partner_report_probability.

    The probability is that of the silent side reporting such a trade: how often it did when the other side reported one of that size, by
    reporter and role, then by corridor, then by corridor and commodity, each shrunk to the broader one; only periods that the silent
    side has published and trades above the threshold count. A mirror that stands in a nearby period is no miss.
    """
    x, m = pl.col("export_value_usd"), pl.col("import_value_usd")
    status = (
        pl.when(x.is_not_null() & m.is_not_null()).then(pl.lit("both"))
        .when(x.is_not_null()).then(pl.lit("exporter_only"))
        .otherwise(pl.lit("importer_only"))
    )  # fmt: skip
    told = pairs.with_columns(status.alias("mirror_status")).with_row_index("_row")
    seen = _find_shifted_mirrors(_join_availability(told, coverage, commodity_coverage, threshold_usd))
    for side, one_sided, published in (
        ("importer_code", "exporter_only", "_importer_published"),
        ("exporter_code", "importer_only", "_exporter_published"),
    ):
        misses = _miss_rates(seen, side, one_sided, published, threshold_usd).rename({"_miss": f"_{one_sided}_miss"})
        seen = seen.join(misses, on="_row", how="left", maintain_order="left")
    missed = (
        pl.when(pl.col("mirror_status") == "exporter_only").then(pl.col("_exporter_only_miss"))
        .when(pl.col("mirror_status") == "importer_only").then(pl.col("_importer_only_miss"))
    )  # fmt: skip
    explained = seen.with_columns(_reason(threshold_usd).alias("mirror_reason"), (1 - missed).alias("partner_report_probability"))
    return explained.select(*pairs.columns, "mirror_status", "mirror_reason", "partner_report_probability")


def _find_shifted_mirrors(pairs: pl.DataFrame) -> pl.DataFrame:
    """Add _shifted: a one-sided report whose mirror stands alone up to `LAG_PERIODS` later (exports) or earlier (imports).

    Goods that leave in March may be recorded in May; each side of such a pair looks like a missing mirror of the other.
    """
    month = pl.col("period").cast(pl.Int64)
    index = pl.when(month > 9999).then(month // 100 * 12 + month % 100).otherwise(month)
    indexed = pairs.with_columns(index.alias("_index"))
    keys = [ROUTE_NUMBER, "_index"]
    exports = indexed.filter(pl.col("mirror_status") == "exporter_only").select(keys).sort("_index")
    imports = indexed.filter(pl.col("mirror_status") == "importer_only").select(keys).sort("_index")
    later = _near(exports, imports, "forward").with_columns(pl.lit("recorded_later").alias("_shifted"))
    earlier = _near(imports, exports, "backward").with_columns(pl.lit("recorded_earlier").alias("_shifted"))
    return indexed.join(pl.concat([later, earlier]), on=keys, how="left", maintain_order="left").drop("_index")


def _near(left: pl.DataFrame, right: pl.DataFrame, strategy: Literal["forward", "backward"]) -> pl.DataFrame:
    marked = right.with_columns(pl.col("_index").alias("_other"))
    joined = left.join_asof(marked, on="_index", by=ROUTE_NUMBER, strategy=strategy, tolerance=LAG_PERIODS, check_sortedness=False)
    return joined.filter(pl.col("_other").is_not_null()).select(left.columns)


def _join_availability(pairs: pl.DataFrame, coverage: pl.DataFrame, commodity_coverage: pl.DataFrame, threshold_usd: float) -> pl.DataFrame:
    """Add for each side whether it has ever published, whether it has published this code for this period, or withheld it."""
    frequency, commodity = (pl.col(name).cast(pairs.schema[name], strict=False) for name in ("freq_code", "commodity_code"))
    coverage = coverage.with_columns(frequency)
    commodity_coverage = commodity_coverage.with_columns(frequency, commodity)
    for side, flow_code in (("importer", "M"), ("exporter", "X")):
        published = coverage.filter(pl.col("flow_code") == flow_code).select(
            "freq_code", "period", pl.col("reporter_code").alias(f"{side}_code"),
            (pl.col("coverage_status") == "reported").alias(f"_{side}_published"),
        )  # fmt: skip
        ever = published.select("freq_code", f"{side}_code").unique().with_columns(pl.lit(value=True).alias(f"_{side}_ever"))
        pairs = pairs.join(published, on=["freq_code", "period", f"{side}_code"], how="left", maintain_order="left")
        pairs = pairs.join(ever, on=["freq_code", f"{side}_code"], how="left", maintain_order="left")
        pulled = (
            commodity_coverage.filter(pl.col("flow_code") == flow_code).drop("flow_code").with_columns(pl.lit(value=True).alias("_pulled"))
        )
        pairs = pairs.join(pulled, on=["freq_code", "commodity_code", "period"], how="left", maintain_order="left").with_columns(
            pl.col(f"_{side}_published") & pl.col("_pulled").fill_null(value=False)
        )
        withheld = _withheld_codes(pairs, side, threshold_usd)
        pairs = pairs.drop("_pulled").join(
            withheld, on=["freq_code", "period", f"{side}_code", "commodity_code"], how="left", maintain_order="left"
        )
        is_withheld = pl.col(f"_{side}_published") & pl.col("_withheld").fill_null(value=False)
        pairs = pairs.with_columns(is_withheld.alias(f"_{side}_withheld")).drop("_withheld")
        pairs = pairs.with_columns(pl.col(f"_{side}_published") & ~pl.col(f"_{side}_withheld"))
    flags = [f"_{side}_{flag}" for side in ("importer", "exporter") for flag in ("published", "ever", "withheld")]
    return pairs.with_columns(pl.col(flags).fill_null(value=False))


def _withheld_codes(pairs: pl.DataFrame, side: str, threshold_usd: float) -> pl.DataFrame:
    """Return the codes and periods of which a reporter has no row at all while several partners report such trade with it."""
    own = "import_value_usd" if side == "importer" else "export_value_usd"
    counted = pairs.group_by("freq_code", "period", f"{side}_code", "commodity_code").agg(
        pl.col(own).count().alias("_own"), (pl.col(_value_of_other(f"{side}_code")) >= threshold_usd).sum().alias("_others")
    )
    withheld = counted.filter((pl.col("_own") == 0) & (pl.col("_others") >= TELLING_PARTNERS))
    return withheld.drop("_own", "_others").with_columns(pl.lit(value=True).alias("_withheld"))


def _miss_rates(seen: pl.DataFrame, side: str, one_sided: str, published: str, threshold_usd: float) -> pl.DataFrame:
    """Return _miss per trade that this side might have reported: the share of such trades that it does not.

    A size's general rate times the reporter's relative rate, times the corridor's, times the route's; each relative rate is observed over
    expected misses, both raised by `PRIOR_MISSES` (the posterior mean of a gamma-Poisson rate with mean 1). A route that falls silent must
    not make its own silence look usual: it stays out of its reporter's and its corridor's rate, and its own counts earlier periods only.
    """
    size = pl.col(_value_of_other(side)).log10().floor().alias("_size")
    told = seen.filter(pl.col("mirror_status").is_in(["both", one_sided]) & pl.col(published))
    told = told.filter(pl.col(_value_of_other(side)) >= threshold_usd).select(
        "_row", "exporter_code", "importer_code", ROUTE_NUMBER,
        size, ((pl.col("mirror_status") == one_sided) & pl.col("_shifted").is_null()).cast(pl.Float64).alias("_is_missed"),
    )  # fmt: skip
    told = told.with_columns(pl.col("_is_missed").mean().over("_size").alias("_miss"))
    for level in ([side], ["exporter_code", "importer_code"]):
        told = _raise_by_others(told, level)
    return _raise_by_past(told).select("_row", "_miss")


def _raise_by_others(told: pl.DataFrame, level: list[str]) -> pl.DataFrame:
    counted = [pl.col("_is_missed").sum().alias("_missed"), exact_sum("_miss").alias("_expected")]
    routes = told.group_by(*dict.fromkeys([ROUTE_NUMBER, *level])).agg(counted)
    wholes = routes.group_by(level).agg(pl.col("_missed").sum().alias("_all_missed"), exact_sum("_expected").alias("_all_expected"))
    others = routes.join(wholes, on=level).select(
        ROUTE_NUMBER,
        _relative_rate(pl.col("_all_missed") - pl.col("_missed"), pl.col("_all_expected") - pl.col("_expected")).alias("_relative"),
    )
    joined = told.join(others, on=ROUTE_NUMBER, how="left", maintain_order="left")
    return joined.with_columns(_raised(pl.col("_relative"))).drop("_relative")


def _raise_by_past(told: pl.DataFrame) -> pl.DataFrame:
    """Rows are in the order of their periods, for pairs are sorted by their key."""
    missed, expected = pl.col("_is_missed"), pl.col("_miss")
    has_past = told[ROUTE_NUMBER].is_duplicated()
    past = _relative_rate(missed.cum_sum() - missed, expected.cum_sum() - expected).over(ROUTE_NUMBER)
    return pl.concat([told.filter(~has_past), told.filter(has_past).with_columns(_raised(past))])


def _relative_rate(missed: pl.Expr, expected: pl.Expr) -> pl.Expr:
    return (missed + PRIOR_MISSES) / (expected + PRIOR_MISSES)


def _raised(relative: pl.Expr) -> pl.Expr:
    return (pl.col("_miss") * relative).clip(SMALLEST_MISS, 1.0).alias("_miss")


def _value_of_other(side: str) -> str:
    return "export_value_usd" if side == "importer_code" else "import_value_usd"


def _reason(threshold_usd: float) -> pl.Expr:
    silent_importer = pl.col("mirror_status") == "exporter_only"
    ever, published, withheld = (
        pl.when(silent_importer).then(f"_importer_{flag}").otherwise(f"_exporter_{flag}") for flag in ("ever", "published", "withheld")
    )
    value = pl.when(silent_importer).then(pl.col("export_value_usd")).otherwise(pl.col("import_value_usd"))
    return (
        pl.when(pl.col("mirror_status") == "both").then(None)
        .when(~ever).then(pl.lit("partner_never_reports"))
        .when(withheld).then(pl.lit("no_record_of_code"))
        .when(~published).then(pl.lit("not_reported_yet"))
        .when(value < threshold_usd).then(pl.lit("below_threshold"))
        .when(pl.col("_shifted").is_not_null()).then(pl.col("_shifted"))
        .otherwise(pl.lit("not_recorded"))
    )  # fmt: skip
