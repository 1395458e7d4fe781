"""The companies that declarations name, in their roles."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from tradeflow.resolve.party import PARTY

DECLARED_AS = {
    "importer": "importer", "exporter": "exporter", "broker": "declarant", "consignee": "consignee", "notify_party": "notify_party",
}  # fmt: skip
"""The role of a company, and how the columns of `customs_declaration` that name it begin."""


def tell_party(role: str, columns: Collection[str], areas: pl.DataFrame) -> dict[str, pl.Expr]:
    """Return PARTY of who stands in a role, over `columns` of `customs_declaration`; `areas`: area_code, iso3.

    Importer, consignee, notify party and broker of an import are in the declaring country and the exporter in the one that the goods were
    consigned from or left; of an export, exporter and broker are. A company of which only an id is declared goes by that.
    """
    start = DECLARED_AS[role]
    name, number, address = (
        pl.col(column) if column in columns else pl.lit(None, pl.String) for column in (f"{start}_name", f"{start}_id", f"{start}_address")
    )
    iso3 = _area_of(role).replace_strict(areas["area_code"], areas["iso3"], default=None, return_dtype=pl.String)
    told = {"party_name": pl.coalesce(name, number), "party_country": iso3, "tax_number": number, "party_address": address}
    return {column: told[column].alias(column) for column in PARTY}


def list_appearances(declarations: pl.LazyFrame, areas: pl.DataFrame) -> pl.DataFrame:
    """Return PARTY, party_role and mention_count of the companies of `customs_declaration` in each role; `areas`: area_code, iso3."""
    columns = declarations.collect_schema().names()
    named = [
        declarations.select(*tell_party(role, columns, areas).values(), pl.lit(role).alias("party_role")).drop_nulls("party_name")
        for role in DECLARED_AS
    ]
    return pl.concat(named).group_by(*PARTY, "party_role").agg(pl.len().cast(pl.Int64).alias("mention_count")).collect(engine="streaming")


def _area_of(role: str) -> pl.Expr:
    is_import = pl.col("flow_code").is_in(["M", "RM"]).fill_null(value=True)
    here, there = pl.col("reporter_code"), pl.coalesce("consignment_code", "departure_code")
    if role == "broker":
        return here
    return pl.when(is_import).then(there).otherwise(here) if role == "exporter" else pl.when(is_import).then(here)
