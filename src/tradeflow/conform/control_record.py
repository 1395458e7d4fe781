"""Control records: what authorities keep in small tables, in any source's layout; the same under our own names out."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from tradeflow.conform.layout import map_columns
from tradeflow.contract import Contract, load_codelist, load_contract

CONTROL_RECORDS = ("licensed_operator", "pre_export_notification", "precursor_incident", "annual_requirement")
"""The tables of control records."""
_PLACE = ["source", "snapshot_id", "row_number"]


def conform_control_record(
    rows: pl.DataFrame, layout: Contract, *, source: str | pl.Expr, snapshot_id: str | pl.Expr, retrieved_at: datetime | pl.Expr
) -> pl.DataFrame:
    """Return the rows, which keep `layout`, as the table that it conforms to; one row out for each row in, in the same order."""
    table = str(layout.conforms_to)
    mapped = map_columns(rows, layout, table, source=source, snapshot_id=snapshot_id, retrieved_at=retrieved_at)
    return mapped.with_columns(_name_country()) if "operator_country" in mapped.columns else mapped


def select_known_records(records: pl.LazyFrame, table: str, snapshots: pl.DataFrame, as_of: datetime | None = None) -> pl.LazyFrame:
    """Return the rows of one of CONTROL_RECORDS that were the newest known at `as_of` (None: now).

    snapshots: snapshot_id, source, query_key, retrieved_at. A table that was sent again speaks in its newest form alone. What several
    tables tell of one notification, incident or permission is told once, by the newest of them.
    """
    known = snapshots if as_of is None else snapshots.filter(pl.col("retrieved_at") <= as_of)
    newest = known.sort("retrieved_at", "snapshot_id").group_by("source", "query_key", maintain_order=True).last()
    key = list(load_contract(f"source_{table}").unique_keys[0])
    rows = records.join(newest.lazy().select("snapshot_id"), on="snapshot_id", how="semi")
    return rows.sort("retrieved_at", "snapshot_id", "row_number").unique(key, keep="last", maintain_order=True).sort(_PLACE)


def _name_country() -> pl.Expr:
    """The gate has made one of UN Comtrade's codes of any spelling; an area that is no country has no ISO code."""
    areas = load_codelist("area").drop_nulls("iso3")
    return pl.col("operator_country").replace_strict(areas["area_code"].cast(pl.String), areas["iso3"], default=None)
