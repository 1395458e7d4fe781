"""Both sides summed over months in a row: a comparison that needs no lag but for what is in transit at either end."""

from __future__ import annotations

import polars as pl

from tradeflow.reconcile.lag import SHARES
from tradeflow.reconcile.pairs import ROUTE_NUMBER
from tradeflow.reconcile.published import month_number, published_months

MEASURES = ("value_usd", "net_weight_kg")
_CORRIDOR = ["exporter_code", "importer_code"]
_ROUTE = ["freq_code", *_CORRIDOR, "commodity_code"]
_REPORTED = {"export_value_usd": "export_value_usd", "import_value_usd": "import_fob_value_usd"}


def sum_windows(
    reported: pl.DataFrame, lags: pl.DataFrame, coverage: pl.DataFrame, commodity_coverage: pl.DataFrame, window_months: int
) -> pl.DataFrame:
    """Return both sides' sums per route over windows of `window_months` that follow one another, back from the code's newest month.

    The newest is the last month of which both sides of the code report something; `windows_ago` is 0 for the window that ends with it. A
    route has a row for each window in which either side reports it. in_transit_end is what left within the window and arrives after it by
    the corridor's shares, in_transit_start what left before it and arrives within: over a year to December that is the carry over the
    year's end. `transit_variance_*` is the variance of both together, in squared amounts: shares of a month's goods scatter by
    share_spread s (1 - s) (`arrival`). A weight that a report lacks, or that is of the wrong order of magnitude, is not in the sums, and
    `is_weighed` is false. reported: see `addable_months`. lags: `corridor_lag`.
    """
    placed = _place_months(reported, window_months)
    sums = [pl.col(f"{side}_{measure}").sum().alias(f"window_{side}_{measure}") for side in ("export", "import") for measure in MEASURES]
    both = [f"{name}_{measure}" for name in ("late", "variance") for measure in MEASURES]
    late = placed.join(lags.select(*_CORRIDOR, *SHARES, "share_spread"), on=_CORRIDOR, how="left").with_columns(*_late_amounts())
    carried = [pl.col(f"_{each}").sum() for each in both]
    summed = late.group_by(ROUTE_NUMBER, "windows_ago", maintain_order=True).agg(
        pl.col(*_ROUTE, "_end").first(), *sums, *carried, pl.col("_is_weighed").all().alias("is_weighed")
    )
    before = summed.select(ROUTE_NUMBER, pl.col("windows_ago") - 1, *[pl.col(f"_{each}").alias(f"_before_{each}") for each in both])
    whole = summed.join(before, on=[ROUTE_NUMBER, "windows_ago"], how="left", maintain_order="left").with_columns(
        *[pl.col(f"_before_late_{m}").fill_null(0).alias(f"in_transit_start_{m}") for m in MEASURES],
        *[pl.col(f"_late_{m}").alias(f"in_transit_end_{m}") for m in MEASURES],
        *[(pl.col(f"_variance_{m}") + pl.col(f"_before_variance_{m}").fill_null(0)).alias(f"transit_variance_{m}") for m in MEASURES],
        (pl.col("_end") // 12 * 100 + pl.col("_end") % 12 + 1).cast(pl.Int32).alias("period"),
        pl.lit(window_months, dtype=pl.Int32).alias("window_months"),
    )
    return _label(whole, coverage, commodity_coverage, window_months).select(pl.exclude("^_(late|variance|before|X|M).*$", "_end"))


def addable_months(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return the months of `mirror_pair` with ROUTE_NUMBER: imports FOB, a weight only where it can be added, and whether all can."""
    weights = {}
    for side in ("export", "import"):
        is_corrected = (pl.col(f"{side}_weight_label") == "corrected_by_1000").fill_null(value=False)
        weights[side] = pl.when(~pl.col(f"is_{side}_weight_out_of_scale") & ~is_corrected).then(pl.col(f"{side}_net_weight_kg"))
    lacks_weight = [pl.col(f"{side}_value_usd").is_not_null() & weight.is_null() for side, weight in weights.items()]
    return pairs.filter(pl.col("freq_code") == "M").select(
        ROUTE_NUMBER, *_ROUTE, month_number(pl.col("period")).alias("_month"),
        *[pl.col(column).alias(name) for name, column in _REPORTED.items()],
        *[weight.alias(f"{side}_net_weight_kg") for side, weight in weights.items()],
        (~pl.any_horizontal(lacks_weight)).alias("_is_weighed"),
    ).sort(ROUTE_NUMBER, "_month")  # fmt: skip


def _place_months(months: pl.DataFrame, window_months: int) -> pl.DataFrame:
    """Add windows_ago, _months_left (from the month to its window's end) and _end; months after the newest are left out."""
    both = pl.col("export_value_usd").is_not_null().any() & pl.col("import_value_usd").is_not_null().any()
    newest = months.group_by("commodity_code", "_month").agg(both.alias("_both")).filter("_both")
    newest = newest.group_by("commodity_code").agg(pl.col("_month").max().alias("_newest"))
    age = pl.col("_newest") - pl.col("_month")
    return months.join(newest, on="commodity_code", maintain_order="left").filter(age >= 0).with_columns(
        (age // window_months).alias("windows_ago"),
        (age % window_months).alias("_months_left"),
        (pl.col("_newest") - age // window_months * window_months).alias("_end"),
    )  # fmt: skip


def _late_amounts() -> list[pl.Expr]:
    """Return what of a month's goods arrives after its window's end, and the variance of that."""
    _, next_month, second_month = (pl.col(share) for share in SHARES)
    in_last, in_last_but_one = (pl.col("_months_left") == left for left in (0, 1))
    late = pl.when(in_last).then(next_month + second_month).when(in_last_but_one).then(second_month).otherwise(0.0)
    spread = pl.col("share_spread").fill_null(0) * late * (1 - late)
    amounts = [(pl.col(f"export_{measure}").fill_null(0) * late).alias(f"_late_{measure}") for measure in MEASURES]
    return [*amounts, *[(pl.col(f"export_{measure}").fill_null(0) ** 2 * spread).alias(f"_variance_{measure}") for measure in MEASURES]]


def _label(windows: pl.DataFrame, coverage: pl.DataFrame, commodity_coverage: pl.DataFrame, window_months: int) -> pl.DataFrame:
    """Add window_label: whether each side has published every month of the window."""
    for side, flow_code in (("exporter_code", "X"), ("importer_code", "M")):
        published = published_months(coverage, commodity_coverage, flow_code, windows.schema["commodity_code"])
        windows = _count_published(windows, published.reporter.rename({"reporter_code": side}), side, window_months, f"_{flow_code}")
        windows = _count_published(windows, published.commodity, "commodity_code", window_months, f"_{flow_code}_code")
    lacks_exports, lacks_imports = (pl.min_horizontal(f"_{flow}", f"_{flow}_code") < window_months for flow in ("X", "M"))
    return windows.with_columns(
        pl.when(lacks_exports & lacks_imports).then(pl.lit("both_lack_months"))
        .when(lacks_exports).then(pl.lit("exports_lack_months"))
        .when(lacks_imports).then(pl.lit("imports_lack_months"))
        .otherwise(pl.lit("whole"))
        .alias("window_label")
    )  # fmt: skip


def _count_published(windows: pl.DataFrame, months: pl.DataFrame, key: str, window_months: int, name: str) -> pl.DataFrame:
    counted = months.sort(key, "_month").rolling("_month", period=f"{window_months}i", group_by=key).agg(pl.len().alias(name))
    counted = counted.rename({"_month": "_end"})
    return windows.join(counted, on=[key, "_end"], how="left", maintain_order="left").with_columns(pl.col(name).fill_null(0))
