"""Both sides summed over the last months: a comparison that needs no lag but for what is in transit at either end."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile.lag import SHARES
from tradeflow.reconcile.pairs import ROUTE_NUMBER
from tradeflow.reconcile.published import month_number, published_months

_CORRIDOR = ["exporter_code", "importer_code"]
_COLUMNS = {
    "value_usd": ("export_value_usd", "import_fob_value_usd"),
    "net_weight_kg": ("export_net_weight_kg", "import_net_weight_kg"),
}


def sum_windows(
    pairs: pl.DataFrame, shares: pl.DataFrame, coverage: pl.DataFrame, commodity_coverage: pl.DataFrame, window_months: int
) -> pl.DataFrame:
    """Return `mirror_window`: for each monthly pair both sides' sums over the `window_months` that end with its period, sorted by the key.

    in_transit_end is what left within the window and arrives after it by the corridor's shares, in_transit_start what left before it and
    arrives within: over a year to December that is the carry over the year's end. A weight that a report lacks or that is of the wrong
    order of magnitude is not in the sums. shares: `corridor_lag`.
    """
    weights = [pl.when(~pl.col(f"is_{side}_weight_out_of_scale")).then(pl.col(f"{side}_net_weight_kg")) for side in ("export", "import")]
    monthly = pairs.filter(pl.col("freq_code") == "M").with_columns(
        month_number(pl.col("period")).alias("_month"),
        *[each.alias(name) for each, name in zip(weights, _COLUMNS["net_weight_kg"], strict=True)],
    )
    summed = _rolling_sums(monthly.sort(ROUTE_NUMBER, "_month"), window_months)
    carried = summed.join(shares.select(*_CORRIDOR, *SHARES), on=_CORRIDOR, how="left")
    for name, months in (("start", window_months), ("end", 0)):
        carried = _in_transit(carried, monthly, months, name)
    for side, flow_code in (("exporter_code", "X"), ("importer_code", "M")):
        published = published_months(coverage, commodity_coverage, flow_code, pairs.schema["commodity_code"])
        carried = _count_published(carried, published.reporter.rename({"reporter_code": side}), side, window_months, f"_{flow_code}")
        carried = _count_published(carried, published.commodity, "commodity_code", window_months, f"_{flow_code}_code")
    contract = load_contract("mirror_window")
    labelled = carried.with_columns(_label(window_months), pl.lit(window_months, dtype=pl.Int32).alias("window_months"))
    return labelled.select(pl.col(column.name).cast(column.dtype) for column in contract.columns).sort(contract.unique_keys[0])


def _rolling_sums(monthly: pl.DataFrame, window_months: int) -> pl.DataFrame:
    sums = [
        pl.col(column).sum().alias(f"window_{side}_{measure}")
        for measure, columns in _COLUMNS.items()
        for side, column in zip(("export", "import"), columns, strict=True)
    ]
    last = pl.col("freq_code", "period", *_CORRIDOR, "commodity_code").last()
    return monthly.rolling("_month", period=f"{window_months}i", group_by=ROUTE_NUMBER).agg(last, *sums)


def _in_transit(windows: pl.DataFrame, monthly: pl.DataFrame, months: int, name: str) -> pl.DataFrame:
    """Add what of the month so many months back and of the one before it arrives later than that month."""
    _, next_month, second_month = (pl.col(share) for share in SHARES)
    for back in (months, months + 1):
        sent = monthly.select(
            ROUTE_NUMBER,
            pl.col("_month") + back,
            *[pl.col(columns[0]).alias(f"_{measure}_{back}") for measure, columns in _COLUMNS.items()],
        )
        windows = windows.join(sent, on=[ROUTE_NUMBER, "_month"], how="left")
    amounts = [
        (pl.col(f"_{measure}_{months}").fill_null(0) * (next_month + second_month)
         + pl.col(f"_{measure}_{months + 1}").fill_null(0) * second_month).alias(f"in_transit_{name}_{measure}")
        for measure in _COLUMNS
    ]  # fmt: skip
    return windows.with_columns(amounts).drop(f"_{measure}_{back}" for measure in _COLUMNS for back in (months, months + 1))


def _count_published(windows: pl.DataFrame, months: pl.DataFrame, key: str, window_months: int, name: str) -> pl.DataFrame:
    counted = months.sort(key, "_month").rolling("_month", period=f"{window_months}i", group_by=key).agg(pl.len().alias(name))
    return windows.join(counted, on=[key, "_month"], how="left").with_columns(pl.col(name).fill_null(0))


def _label(window_months: int) -> pl.Expr:
    lacks_exports, lacks_imports = (pl.min_horizontal(f"_{flow}", f"_{flow}_code") < window_months for flow in ("X", "M"))
    return (
        pl.when(lacks_exports & lacks_imports).then(pl.lit("both_lack_months"))
        .when(lacks_exports).then(pl.lit("exports_lack_months"))
        .when(lacks_imports).then(pl.lit("imports_lack_months"))
        .otherwise(pl.lit("whole"))
        .alias("window_label")
    )  # fmt: skip
