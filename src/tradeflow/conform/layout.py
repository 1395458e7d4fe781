"""From a source's own layout to `trade_flow` or another table, by what the layout's contract says and nothing else."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from tradeflow.contract import Column, Contract, load_codelist, load_contract


def conform_trade_flow(
    rows: pl.DataFrame, layout: Contract, *, source: str | pl.Expr, snapshot_id: str | pl.Expr, retrieved_at: datetime | pl.Expr
) -> pl.DataFrame:
    """Return the rows, which keep `layout`, as `trade_flow`; one row out for each row in, in the same order.

    `rows` carries `row_number`, the place in the snapshot; rows of several snapshots carry the three others as columns as
    well. Columns that the layout neither maps nor derives are null.
    """
    mapped = map_columns(rows, layout, "trade_flow", source=source, snapshot_id=snapshot_id, retrieved_at=retrieved_at)
    return mapped.with_columns(_commodity_level(), _commodity_chapter())


def map_columns(
    rows: pl.DataFrame,
    layout: Contract,
    table: str,
    *,
    source: str | pl.Expr,
    snapshot_id: str | pl.Expr,
    retrieved_at: datetime | pl.Expr,
) -> pl.DataFrame:
    """Return the rows in the columns of `table`, as the layout maps and derives them."""
    target = load_contract(table)
    given = {
        "source": _as_column(source),
        "snapshot_id": _as_column(snapshot_id),
        "row_number": pl.col("row_number"),
        "retrieved_at": _as_column(retrieved_at).cast(pl.Datetime("us", "UTC")),
    }
    sources = given | _mapped_columns(layout, target) | {name: pl.sql_expr(sql) for name, sql in layout.derive.items()}
    return rows.select([sources.get(column.name, pl.lit(None)).cast(column.dtype).alias(column.name) for column in target.columns])


def _as_column(value: str | datetime | pl.Expr) -> pl.Expr:
    return value if isinstance(value, pl.Expr) else pl.lit(value)


def _mapped_columns(layout: Contract, target: Contract) -> dict[str, pl.Expr]:
    return {column.maps_to: _mapped(column, target.column(column.maps_to)) for column in layout.columns if column.maps_to}


def _mapped(column: Column, target: Column) -> pl.Expr:
    """A source with code lists of its own has our code beside its own there."""
    value = pl.sql_expr(column.transform) if column.transform else pl.col(column.name)
    if column.codelist is None or target.codelist is None or column.codelist == target.codelist:
        return value
    (own_list, _, own), (_, _, ours) = column.codelist.partition("."), target.codelist.partition(".")
    codes = load_codelist(own_list)
    if ours not in codes.columns:
        return value
    return value.replace_strict(codes[own], codes[ours], default=None)


def _commodity_level() -> pl.Expr:
    code = pl.col("commodity_code")
    # 9999AA is Comtrade's "not specified" at subheading level; it has six characters like any other subheading.
    return pl.when(code == "TOTAL").then(0).otherwise(code.str.len_bytes()).cast(pl.Int32).alias("commodity_level")


def _commodity_chapter() -> pl.Expr:
    code = pl.col("commodity_code")
    return pl.when(code == "TOTAL").then(pl.lit("00")).otherwise(code.str.head(2)).alias("commodity_chapter")
