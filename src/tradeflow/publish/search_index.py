"""What the search box finds: each name and number of companies, substances, commodities and areas, indexed by pieces of three letters."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa

from tradeflow.contract import load_codelist, load_contract
from tradeflow.folding import fold_text
from tradeflow.telling.tables import ReleaseTables

_ROWS_AT_ONCE = 50_000
_MAKE_INDEX = {
    "sqlite": (
        "CREATE VIRTUAL TABLE search_index USING fts5(search_text, content='search_entry', content_rowid='search_number', "
        "tokenize='trigram')",
        "INSERT INTO search_index(search_index) VALUES ('rebuild')",
    ),
    "postgresql": (
        "CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public",  # not in the release's own schema, which goes away
        "CREATE INDEX ix_search_entry_pieces ON search_entry USING gin (search_text gin_trgm_ops)",
    ),
}


def list_search_entries(tables: ReleaseTables) -> pl.DataFrame:
    """Take a release's tables; return one row per name or number and what it stands for."""
    found = pl.concat([_companies(tables), _substances(), _commodities(), _areas()], how="diagonal_relaxed")
    named = found.drop_nulls(["search_target", "search_label"])
    folded = named.with_columns(search_text=fold_text(named["search_label"]))
    kept = folded.filter(pl.col("search_text") != "").sort("mention_count", descending=True, nulls_last=True, maintain_order=True)
    unique = kept.unique(["search_kind", "search_target", "search_text"], keep="first", maintain_order=True)
    numbered = unique.with_row_index("search_number", offset=1)
    return numbered.select(pl.col(name).cast(dtype) for name, dtype in load_contract("search_entry").schema.items())


def count_pieces(entries: pl.DataFrame) -> pl.DataFrame:
    """Return in how many search entries each piece of three letters stands (contract `search_piece`)."""
    counted = [_count_pieces(rows) for rows in entries.select("search_number", "search_text").iter_slices(_ROWS_AT_ONCE)]
    empty = load_contract("search_piece").empty_frame()
    return pl.concat([empty, *counted], how="vertical_relaxed").group_by("piece").agg(pl.col("entry_count").sum()).sort("piece")


def _count_pieces(rows: pl.DataFrame) -> pl.DataFrame:
    last = pl.col("search_text").str.len_chars().cast(pl.Int64) - 2
    placed = rows.filter(last > 0).with_columns(pl.int_ranges(0, last).alias("place")).explode("place")
    pieces = placed.select("search_number", pl.col("search_text").str.slice(pl.col("place"), 3).alias("piece")).unique()
    return pieces.group_by("piece").agg(pl.len().alias("entry_count"))


def index_pieces(connection: sa.Connection) -> None:
    """Index the names and numbers that went in by their pieces of three letters."""
    for statement in _MAKE_INDEX[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def _companies(tables: ReleaseTables) -> pl.DataFrame:
    names = tables.entity_name.select(
        pl.lit("company").alias("search_kind"), pl.col("entity_id").alias("search_target"), "entity_name", "party_name", "tax_number",
        "party_country", "mention_count",
    )  # fmt: skip
    spellings = names.with_columns(search_label="party_name", search_detail="party_country")
    numbers = names.drop_nulls("tax_number").with_columns(search_label="tax_number", search_detail="entity_name")
    wanted = ["search_kind", "search_target", "search_label", "search_detail", "mention_count"]
    return pl.concat([spellings.select(wanted), numbers.select(wanted)])


def _substances() -> pl.DataFrame:
    listed = load_codelist("substance").select("substance_code", "substance_name", "cas_number")
    named = load_codelist("substance_name").join(listed, on="substance_code")
    labels = pl.concat(
        [
            listed.with_columns(search_label="substance_name"),
            listed.with_columns(search_label="cas_number"),
            named.select("substance_code", "substance_name", "cas_number", search_label="name"),
        ]
    )
    return labels.select(
        pl.lit("substance").alias("search_kind"), pl.col("substance_code").alias("search_target"), "search_label",
        pl.col("cas_number").alias("search_detail"),
    )  # fmt: skip


def _commodities() -> pl.DataFrame:
    listed = load_codelist("commodity").select("commodity_code", "commodity_name")
    code = pl.col("commodity_code")
    dotted = code.str.slice(0, 4) + pl.lit(".") + code.str.slice(4)
    labels = pl.concat([listed.with_columns(search_label=each) for each in (code, dotted, pl.col("commodity_name"))])
    return labels.select(
        pl.lit("commodity").alias("search_kind"), pl.col("commodity_code").alias("search_target"), "search_label",
        pl.when(pl.col("search_label") == pl.col("commodity_name")).then(code).otherwise("commodity_name").alias("search_detail"),
    )  # fmt: skip


def _areas() -> pl.DataFrame:
    areas = load_codelist("area").filter(pl.col("area_class") == "country")
    aliases = load_codelist("area_alias").join(areas, on="area_code").select("area_code", "area_name", search_label="alias")
    labels = pl.concat(
        [areas.select("area_code", "area_name", pl.col(each).alias("search_label")) for each in ("area_name", "iso2", "iso3")]
    )
    return pl.concat([labels, aliases]).select(
        pl.lit("area").alias("search_kind"), pl.col("area_code").cast(pl.String).alias("search_target"), "search_label",
        pl.col("area_name").alias("search_detail"),
    )  # fmt: skip
