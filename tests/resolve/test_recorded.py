from datetime import date
from typing import Any

import polars as pl

from tests.signals.tables import table
from tradeflow.contract import load_contract
from tradeflow.resolve.recorded import count_record_parties, link_record_parties, list_record_parties

AREAS = pl.DataFrame({"area_code": [484, 156], "iso3": ["MEX", "CHN"]})
RECORDS = {
    "licensed_operator": table(
        "licensed_operator",
        {"snapshot_id": "a" * 16, "row_number": 1, "operator_name": "Qaro", "operator_country": "MEX", "tax_number": "7"}
    ),
    "pre_export_notification": table(
        "pre_export_notification",
        {"snapshot_id": "b" * 16, "row_number": 1, "exporting_area_code": 156, "importing_area_code": 484, "exporter_name": "Qelis",
         "importer_name": "Qaro", "importer_number": "7", "notified_on": date(2024, 1, 1)},
    ),
    "precursor_incident": table(
        "precursor_incident",
        {"snapshot_id": "c" * 16, "row_number": 1, "area_code": 484, "party_name": "Qaro"},
        {"snapshot_id": "c" * 16, "row_number": 2, "area_code": 484},
    ),
}  # fmt: skip


def test_everybody_on_a_record_is_a_party_as_it_names_itself() -> None:
    parties = list_record_parties(RECORDS, AREAS)
    told = parties.select("record_table", "party_role", "party_name", "party_country", "tax_number").rows()
    assert told == [
        ("licensed_operator", "licensee", "Qaro", "MEX", "7"),
        ("pre_export_notification", "exporter", "Qelis", "CHN", None),
        ("pre_export_notification", "importer", "Qaro", "MEX", "7"),
        ("precursor_incident", "named", "Qaro", None, None),
    ]
    assert count_record_parties(parties)["mention_count"].sum() == 4


def test_each_record_finds_its_company() -> None:
    def name(party: str, country: str | None, number: str | None, entity: str) -> dict[str, Any]:
        return {"party_name": party, "party_country": country, "tax_number": number, "entity_id": entity}

    names = table("entity_name", name("Qaro", "MEX", "7", "E1"), name("Qelis", "CHN", None, "E2"))
    linked = link_record_parties(list_record_parties(RECORDS, AREAS), names)
    assert linked.schema == load_contract("record_party").schema
    assert linked.select("record_table", "party_role", "entity_id").rows() == [
        ("licensed_operator", "licensee", "E1"),
        ("pre_export_notification", "exporter", "E2"),
        ("pre_export_notification", "importer", "E1"),
    ]
