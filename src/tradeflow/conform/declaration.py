"""Declared items of any source's layout in, `customs_declaration` out; and which of all that was ever sent is to be believed."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from tradeflow.conform.layout import map_columns
from tradeflow.contract import Contract, load_codelist

DECLARATION = ["source", "reporter_code", "declaration_id"]
"""What names a declaration: numbers are one customs administration's own."""


def conform_customs_declaration(
    rows: pl.DataFrame, layout: Contract, *, source: str | pl.Expr, snapshot_id: str | pl.Expr, retrieved_at: datetime | pl.Expr
) -> pl.DataFrame:
    """Return the rows, which keep `layout`, as `customs_declaration`; one row out for each row in, in the same order.

    hs6_code is the first six digits of the national code, hs_revision the edition in force on the day where the source states none
    (editions come into force on 1 January; a country that adopted one late is not known). A missing net weight is taken from a quantity
    in a unit of mass; CIF and FOB values from a price in USD on that basis.
    """
    mapped = map_columns(rows, layout, "customs_declaration", source=source, snapshot_id=snapshot_id, retrieved_at=retrieved_at)
    coded = mapped.with_columns(pl.coalesce("hs6_code", pl.col("national_code").str.head(6)))
    stated = coded.with_columns(
        pl.col("hs6_code").str.head(2).alias("commodity_chapter"),
        pl.coalesce("hs_revision", _edition_in_force()).alias("hs_revision"),
        pl.when(~((pl.col("net_weight_kg") == 0) & (pl.col("item_price") > 0)).fill_null(value=False)).then("net_weight_kg"),
        *(_value_on_basis(basis) for basis in ("cif", "fob")),
    )
    weight = pl.col("quantity") * _kg_per_unit()
    is_from_quantity = pl.col("net_weight_kg").is_null() & (weight > 0).fill_null(value=False)
    return stated.with_columns(
        pl.when(is_from_quantity).then(weight).otherwise("net_weight_kg").alias("net_weight_kg"),
        is_from_quantity.alias("is_net_weight_from_quantity"),
    )


def select_known_declarations(declared: pl.LazyFrame, snapshots: pl.DataFrame, as_of: datetime | None = None) -> pl.LazyFrame:
    """Return the rows of `customs_declaration` that were the newest known at `as_of` (None: now).

    snapshots: snapshot_id, source, query_key, retrieved_at. A declaration that was sent again speaks in its newest form alone, items
    that it had before and has no more are gone; of answers of the same time one speaks for each item.
    """
    known = snapshots if as_of is None else snapshots.filter(pl.col("retrieved_at") <= as_of)
    newest_answers = known.sort("retrieved_at", "snapshot_id").group_by("source", "query_key", maintain_order=True).last()
    rows = declared.join(newest_answers.lazy().select("snapshot_id"), on="snapshot_id", how="semi")
    if newest_answers.height <= 1:
        return rows
    marked = rows.with_columns(pl.struct(DECLARATION).hash().alias("_mark"))
    contested = _find_contested(marked, newest_answers["snapshot_id"]).lazy()
    settled = _settle(marked.join(contested, on="_mark", how="semi"))
    return pl.concat([marked.join(contested, on="_mark", how="anti"), settled]).drop("_mark")


def _find_contested(marked: pl.LazyFrame, answers: pl.Series) -> pl.DataFrame:
    """Return _mark of the declarations that stand in several answers: few of many, so that the others need no comparison.

    Another declaration of the same hash is compared in vain, and harms nothing.
    """
    answer = pl.col("snapshot_id").replace_strict(answers, pl.int_range(answers.len(), dtype=pl.UInt32, eager=True)).alias("_answer")
    spread = marked.select("_mark", answer).group_by("_mark").agg(pl.col("_answer").min(), pl.col("_answer").max().alias("_last"))
    return spread.filter(pl.col("_answer") != pl.col("_last")).select("_mark").collect(engine="streaming")


def _settle(rows: pl.LazyFrame) -> pl.LazyFrame:
    newest = rows.group_by(DECLARATION).agg(pl.col("retrieved_at").max().alias("_newest"))
    current = rows.join(newest, on=DECLARATION, nulls_equal=True).filter(pl.col("retrieved_at") == pl.col("_newest")).drop("_newest")
    item = [*DECLARATION, "item_number"]
    speaker = current.group_by(item).agg(pl.col("snapshot_id").max().alias("_speaker"))
    return current.join(speaker, on=item, nulls_equal=True).filter(pl.col("snapshot_id") == pl.col("_speaker")).drop("_speaker")


def _edition_in_force() -> pl.Expr:
    editions = load_codelist("hs_revision").with_columns(pl.col("valid_from_year").cast(pl.Int32)).sort("valid_from_year")
    year = pl.col("declaration_date").dt.year()
    newest_first = editions.reverse().iter_rows(named=True)
    return pl.coalesce([pl.when(year >= row["valid_from_year"]).then(pl.lit(row["hs_revision"])) for row in newest_first])


def _kg_per_unit() -> pl.Expr:
    masses = load_codelist("quantity_unit").filter(pl.col("dimension") == "mass")
    return pl.col("quantity_unit_code").replace_strict(masses["quantity_unit_code"], masses["kg_per_unit"], default=None)


def _value_on_basis(basis: str) -> pl.Expr:
    stated = (pl.col("currency_code") == "USD") & (pl.col("value_basis") == basis.upper())
    return pl.coalesce(f"{basis}_value_usd", pl.when(stated).then("item_price"))
