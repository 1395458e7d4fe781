"""The companies that control records name: licences, notifications and incidents in, their parties out, as declarations name theirs."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.resolve.company_item import link_party, name_entities
from tradeflow.resolve.party import PARTY

_PLACE = ["record_table", "snapshot_id", "row_number"]
_NOBODY = pl.lit(None, pl.String)


def list_record_parties(records: dict[str, pl.DataFrame], areas: pl.DataFrame) -> pl.DataFrame:
    """Return _PLACE, party_role and PARTY of everybody that the records name, by table; `areas`: area_code, iso3."""
    iso3 = dict(areas.select("area_code", "iso3").drop_nulls().iter_rows())
    parts = [
        records[table].select(
            pl.lit(table).alias("record_table"), *_PLACE[1:], pl.lit(role).alias("party_role"),
            *(told.cast(pl.String).alias(name) for name, told in zip(PARTY, party, strict=True)),
        )
        for table, role, party in _named(iso3)
    ]  # fmt: skip
    return pl.concat(parts).drop_nulls("party_name")


def _named(iso3: dict[int, str]) -> list[tuple[str, str, list[pl.Expr]]]:
    """Return table, role and PARTY. Where an incident happened is not where the company is that it names."""

    def area_of(side: str) -> pl.Expr:
        return pl.col(f"{side}ing_area_code").replace_strict(iso3, default=None, return_dtype=pl.String)

    notified = [
        ("pre_export_notification", role, [pl.col(f"{role}_name"), area_of(side), pl.col(f"{role}_number"), _NOBODY])
        for role, side in (("exporter", "export"), ("importer", "import"))
    ]
    licensee = [pl.col(name) for name in ("operator_name", "operator_country", "tax_number", "party_address")]
    incident = [pl.col("party_name"), _NOBODY, _NOBODY, _NOBODY]
    return [("licensed_operator", "licensee", licensee), *notified, ("precursor_incident", "named", incident)]


def count_record_parties(parties: pl.DataFrame) -> pl.DataFrame:
    """Return the parties of `list_record_parties` as appearances: PARTY, party_role and mention_count."""
    counted = parties.group_by(*PARTY, "party_role").agg(pl.len().cast(pl.Int64).alias("mention_count"))
    return counted.with_columns(pl.col("party_role").replace("named", None)).sort(PARTY)


def link_record_parties(parties: pl.DataFrame, entity_name: pl.DataFrame) -> pl.DataFrame:
    """Return `record_party`: the company of each party of `list_record_parties`."""
    found = link_party({name: pl.col(name) for name in PARTY}, name_entities(entity_name)).alias("entity_id")
    return (
        parties.with_columns(found).drop_nulls("entity_id").select(load_contract("record_party").column_names).sort(*_PLACE, "party_role")
    )
