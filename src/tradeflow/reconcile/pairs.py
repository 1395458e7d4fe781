"""Puts what the exporter says beside what the importer says; loses no row of either."""

from __future__ import annotations

import math

import polars as pl

PAIR_KEY = ["freq_code", "period", "exporter_code", "importer_code", "commodity_code"]
ROUTE_NUMBER = "_route"
"""One number for freq_code, exporter_code, importer_code, commodity_code: grouping by it costs a third of grouping by the four."""
_FREQUENCIES = pl.Enum(["A", "M"])
_MEASURES = ["primary_value_usd", "_weight", "cif_value_usd", "fob_value_usd", "snapshot_id", "row_number"]

_STEPS = 2.0**32


def pair_mirror_flows(trade_flow: pl.LazyFrame) -> pl.DataFrame:
    """Return one row per exporter, importer, commodity and period with both reports, null where a side is silent; sorted by the key.

    Aggregates (partner World) are no side of a pair. Several rows of one reporter for one pair (two second partners, an edition changed
    within the period) are summed; the evidence then names the largest. A weight that the source estimated is no evidence about weight
    and stays out; one that a part of the sum lacks leaves the whole without weight. freq_code and commodity_code come as Enum.
    """
    rows = _partner_rows(trade_flow)
    sizes = _key_sizes(rows)
    numbered = rows.with_columns(_pack(sizes, list(sizes)).alias("_key"))
    exports = _one_side(numbered.filter(pl.col("flow_code") == "X"), "export")
    imports = _one_side(numbered.filter(pl.col("flow_code") == "M"), "import")
    pairs = exports.join(imports, on="_key", how="full", coalesce=True).sort("_key")
    keyed = pairs.with_columns(_unpack(sizes, {name: rows.schema[name] for name in PAIR_KEY}))
    route = _pack(sizes, [name for name in PAIR_KEY if name != "period"]).alias(ROUTE_NUMBER)
    return keyed.select(*PAIR_KEY, pl.exclude("_key", *PAIR_KEY)).with_columns(route)


def _partner_rows(trade_flow: pl.LazyFrame) -> pl.DataFrame:
    is_export = pl.col("flow_code") == "X"
    is_evidence = ~pl.col("is_net_weight_estimated").fill_null(value=False) & (pl.col("net_weight_kg") > 0)
    rows = (
        trade_flow.filter((pl.col("partner_code") != 0) & pl.col("flow_code").is_in(["X", "M"]))
        .select(
            "freq_code",
            "period",
            pl.when(is_export).then("reporter_code").otherwise("partner_code").alias("exporter_code"),
            pl.when(is_export).then("partner_code").otherwise("reporter_code").alias("importer_code"),
            "commodity_code",
            "flow_code",
            *["primary_value_usd", "cif_value_usd", "fob_value_usd", "snapshot_id", "row_number"],
            pl.when(is_evidence).then("net_weight_kg").alias("_weight"),
        )
        .collect()
    )
    commodities = pl.Enum(rows["commodity_code"].unique().sort())
    return rows.with_columns(pl.col("freq_code").cast(_FREQUENCIES), pl.col("commodity_code").cast(commodities))


def _key_sizes(rows: pl.DataFrame) -> dict[str, int]:
    """How many values each part of the key has room for; one whole number then holds the whole key and sorts as the parts do."""
    largest = rows.select(pl.col(PAIR_KEY).to_physical().max().fill_null(0)).row(0)
    sizes = {name: int(value) + 1 for name, value in zip(PAIR_KEY, largest, strict=True)}
    if math.prod(sizes.values()) >= 2**63:
        raise OverflowError(f"the keys of the pairs do not fit into one whole number: {sizes}; area codes above 9999 are the likely cause")
    return sizes


def _pack(sizes: dict[str, int], names: list[str]) -> pl.Expr:
    packed = pl.lit(0, dtype=pl.Int64)
    for name in names:
        packed = packed * sizes[name] + pl.col(name).to_physical().cast(pl.Int64)
    return packed


def _unpack(sizes: dict[str, int], types: dict[str, pl.DataType]) -> list[pl.Expr]:
    parts, left = [], pl.col("_key")
    for name in reversed(sizes):
        part, dtype = left % sizes[name], types[name]
        # polars keeps an Enum's numbers as UInt8, 16 or 32, as its categories need
        restored = part.cast(_physical(dtype)).cat.to(dtype) if isinstance(dtype, pl.Enum) else part.cast(dtype)
        parts.append(restored.alias(name))
        left = left // sizes[name]
    return parts


def _physical(dtype: pl.DataType) -> pl.DataType:
    return pl.Series([], dtype=dtype).to_physical().dtype


def _one_side(rows: pl.DataFrame, side: str) -> pl.DataFrame:
    """Return one row per key; only the rows that share theirs with another are summed, for that costs five times as much."""
    names = {
        "primary_value_usd": f"{side}_value_usd",
        "_weight": f"{side}_net_weight_kg",
        "cif_value_usd": f"_{side}_cif_usd",
        "fob_value_usd": f"_{side}_fob_usd",
        "snapshot_id": f"{side}_snapshot_id",
        "row_number": f"{side}_row_number",
    }
    kept = rows.select("_key", *_MEASURES)
    is_shared = kept["_key"].is_duplicated()
    shared = kept.filter(is_shared).sort("_key", "primary_value_usd", "snapshot_id", "row_number", descending=[False, True, False, False])
    summed = shared.group_by("_key", maintain_order=True).agg(
        pl.col("primary_value_usd").sum(),
        *[_whole_sum(column) for column in ("_weight", "cif_value_usd", "fob_value_usd")],
        pl.col("snapshot_id", "row_number").first(),
    )
    return pl.concat([kept.filter(~is_shared), summed.select(kept.columns)]).rename(names)


def exact_sum(column: str) -> pl.Expr:
    """Sum of small numbers in steps of 2^-32: whole numbers add up to the same total in whatever order threads take them."""
    return (pl.col(column) * _STEPS).round().cast(pl.Int64).sum() / _STEPS


def _whole_sum(column: str) -> pl.Expr:
    return pl.when(~pl.col(column).is_null().any()).then(pl.col(column).sum()).alias(column)
