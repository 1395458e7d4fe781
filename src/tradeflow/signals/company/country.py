"""From a lead on a country to the declarations that make it up."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.signals.company.tables import month_number

_ROWS_PER_SIGNAL = 200
"""Items kept per signal; the heaviest carry it."""


def link_declarations(signal: pl.DataFrame, items: pl.LazyFrame) -> pl.DataFrame:
    """Return `signal_declaration`: the items of the importing or exporting area's own declarations behind each monthly signal.

    items: source, snapshot_id, row_number, reporter_code, flow_code, declaration_id, item_number, declaration_date, hs6_code,
    importer_entity_id, exporter_entity_id, net_weight_kg and partner_code, the area on the other side where it is stated: an item that does
    not state it belongs to no route, and counts under a lead on all of them.
    """
    monthly = signal.filter(pl.col("freq_code") == "M").select(
        "signal_id", "importer_code", "exporter_code", pl.col("commodity_code").alias("hs6_code"), month_number().alias("_last"),
        "window_periods",
    )  # fmt: skip
    imports = monthly.rename({"importer_code": "reporter_code", "exporter_code": "_other"}).with_columns(pl.lit("M").alias("flow_code"))
    exports = monthly.rename({"exporter_code": "reporter_code", "importer_code": "_other"}).with_columns(pl.lit("X").alias("flow_code"))
    wanted = pl.concat([imports, exports], how="diagonal_relaxed").lazy()
    day = pl.col("declaration_date")
    month = day.dt.year().cast(pl.Int64) * 12 + day.dt.month() - 1
    joined = items.join(wanted, on=["reporter_code", "flow_code", "hs6_code"]).filter(
        (month <= pl.col("_last"))
        & (month > pl.col("_last") - pl.col("window_periods"))
        & ((pl.col("_other") == 0) | (pl.col("_other") == pl.col("partner_code")).fill_null(value=False))
    )
    contract = load_contract("signal_declaration")
    found = joined.select(contract.column_names).collect(engine="streaming").unique(contract.unique_keys[0])
    ordered = found.sort("signal_id", "net_weight_kg", "snapshot_id", "row_number", descending=[False, True, False, False], nulls_last=True)
    kept = ordered.filter(pl.int_range(pl.len()).over("signal_id") < _ROWS_PER_SIGNAL)
    return kept.select([pl.col(name).cast(dtype) for name, dtype in contract.schema.items()])
