"""The companies that declarations name, in their roles."""

from __future__ import annotations

import polars as pl

from tradeflow.resolve.party import PARTY


def list_appearances(declarations: pl.LazyFrame, areas: pl.DataFrame) -> pl.DataFrame:
    """Return PARTY, party_role and mention_count of the importers, exporters and brokers of `customs_declaration`.

    `areas`: area_code, iso3. Importer and broker of an import are in the declaring country and the exporter in the one that the goods were
    consigned from or left; of an export, exporter and broker are. A company of which only an id is declared goes by that.
    """
    is_import = pl.col("flow_code").is_in(["M", "RM"]).fill_null(value=True)
    here, there = pl.col("reporter_code"), pl.coalesce("consignment_code", "departure_code")
    parts = [
        ("importer", "importer", pl.when(is_import).then(here)),
        ("exporter", "exporter", pl.when(is_import).then(there).otherwise(here)),
        ("broker", "declarant", here),
    ]
    named = [
        declarations.select(
            pl.coalesce(f"{column}_name", f"{column}_id").alias("party_name"),
            pl.col(f"{column}_id").alias("tax_number"),
            area.alias("area_code"),
            pl.lit(role).alias("party_role"),
        )
        for role, column, area in parts
    ]
    key = ["party_name", "tax_number", "area_code", "party_role"]
    counted = pl.concat(named).drop_nulls("party_name").group_by(key).agg(pl.len().cast(pl.Int64).alias("mention_count"))
    placed = counted.join(areas.lazy().select("area_code", pl.col("iso3").alias("party_country")), on="area_code", how="left")
    return placed.select(
        *(pl.lit(None, pl.String).alias(name) if name == "party_address" else name for name in PARTY), "party_role", "mention_count"
    ).collect()
