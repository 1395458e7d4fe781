"""Who stands on a declared item of a watched substance, and what names the substance."""

from datetime import date

import polars as pl
import pytest

from tradeflow.contract import load_codelist, load_contract
from tradeflow.resolve.company_item import list_company_items
from tradeflow.resolve.declared import list_appearances
from tradeflow.resolve.entity import Known, resolve_parties
from tradeflow.resolve.spelling import NameLists

PLACE = {"source": "files", "snapshot_id": "0123456789abcdef"}
ITEM = {
    "reporter_code": 484, "flow_code": "M", "declaration_date": date(2024, 3, 5), "item_number": 1, "departure_code": 276,
    "hs6_code": "291411", "commodity_chapter": "29", "net_weight_kg": 2000.0, "fob_value_usd": 1800.0, "importer_id": "QAR010203AB1",
    "importer_name": "Qarona Quimica S.A. de C.V.", "exporter_name": "Belqisu GmbH", "declarant_id": "AGE990101XX1",
}  # fmt: skip


def declare(*rows: dict[str, object]) -> pl.LazyFrame:
    numbered = [PLACE | {"row_number": at, "declaration_id": f"A{at}"} | ITEM | row for at, row in enumerate(rows, 1)]
    return pl.DataFrame(numbered, schema=load_contract("customs_declaration").schema).lazy()


def name(*places: tuple[int, str, bool | None]) -> pl.DataFrame:
    worded = [PLACE | {"row_number": row, "substance_code": code, "is_code_of_substance": fits} for row, code, fits in places]
    return pl.DataFrame([*worded], schema=load_contract("declared_substance").schema)


def list_items(declarations: pl.LazyFrame, worded: pl.DataFrame) -> pl.DataFrame:
    lists = NameLists(*(load_codelist(each) for each in ("legal_form", "name_word", "address_word")))
    known = Known(*(load_contract(each).empty_frame() for each in ("entity_name", "entity", "entity_decision")))
    areas = load_codelist("area")
    resolved = resolve_parties(
        list_appearances(declarations, areas),
        lists,
        load_codelist("number_placeholder")["placeholder_number"],
        known,
        today=date(2026, 1, 1),
    )
    items = list_company_items(
        declarations,
        worded,
        resolved.entity_name,
        areas=areas,
        commodities=load_codelist("commodity"),
        substances=load_codelist("substance"),
    )
    assert items.schema == load_contract("company_item").schema
    return items


@pytest.mark.parametrize(
    ("code", "worded", "told"),
    [
        ("291411", [], [("acetone", "code", True)]),
        ("291411", [(1, "acetone", True)], [("acetone", "both", True)]),
        ("230910", [(1, "acetone", False)], [("acetone", "words", False)]),
        (None, [(1, "acetone", None)], [("acetone", "words", None)]),
        ("291411", [(1, "toluene", False)], [("acetone", "code", True), ("toluene", "words", False)]),
        # A code that several goods share names none of them.
        ("293339", [], []),
        ("230910", [], []),
    ],
)
def test_a_substance_is_named_by_its_own_code_or_by_words(
    code: str | None, worded: list[tuple[int, str, bool | None]], told: list[tuple[str, str, bool | None]]
) -> None:
    items = list_items(declare({"hs6_code": code}), name(*worded))

    assert items.select("substance_code", "named_by", "is_code_of_substance").rows() == told


def test_an_item_carries_its_companies_in_their_roles_under_one_id_per_company() -> None:
    given = declare({}, {"importer_name": "QARONA QUIM.", "cif_value_usd": 2400.0}, {"flow_code": "RX", "departure_code": None})
    first, second, third = list_items(given, name()).rows(named=True)

    assert first["importer_entity_id"] is not None
    assert first["importer_entity_id"] == second["importer_entity_id"]
    assert len({first["importer_entity_id"], first["exporter_entity_id"], first["broker_entity_id"]}) == 3
    assert first["consignee_entity_id"] is None
    assert (first["value_usd"], second["value_usd"], second["unit_value_usd_per_kg"]) == (1800.0, 2400.0, 1.2)
    assert (first["flow_code"], third["flow_code"], first["period"], first["family"]) == ("M", "X", 202403, "cocaine;heroin")


def test_a_company_that_nobody_named_and_a_weight_of_zero_stay_empty() -> None:
    given = declare({"importer_id": None, "importer_name": "  ", "declarant_id": None, "net_weight_kg": 0.0})
    item = list_items(given, name()).row(0, named=True)

    assert item["importer_entity_id"] is None
    assert item["broker_entity_id"] is None
    assert item["unit_value_usd_per_kg"] is None
    assert item["exporter_entity_id"] is not None
