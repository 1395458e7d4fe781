"""From each source's own layout to `customs_declaration`: what is restated, what breaks, and which form of a declaration counts."""

import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.declaration_files import DUA_ITEM, dbf_table, din_text
from tradeflow.conform import conform_customs_declaration, link_declared_items, name_substances, select_known_declarations
from tradeflow.contract import load_contract
from tradeflow.pull.answers import read_answer
from tradeflow.validate.gate import Verdict, hold_to_contract

LEARNED = datetime(2026, 1, 5, 6, tzinfo=UTC)
OWN = {"declaration_id": "A1", "declaration_date": "2024-03-05", "national_code": "29141100"}


def conform(layout: str, content: bytes) -> tuple[pl.DataFrame, Verdict]:
    """Return what the source's rows become, and the gate's verdict on them as they came."""
    contract = load_contract(layout)
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        arrived = read_answer(Path(file.name), contract).frame
    verdict = hold_to_contract(arrived, contract)
    made = conform_customs_declaration(verdict.kept, contract, source="files", snapshot_id="0" * 16, retrieved_at=LEARNED)
    final = hold_to_contract(made, load_contract("customs_declaration"))
    return final.kept, Verdict(final.kept, verdict.broken, verdict.counts | final.counts)


def own_table(*rows: dict[str, Any]) -> bytes:
    return pl.DataFrame([OWN | row for row in rows], infer_schema_length=None).write_csv().encode()


def own(**cells: Any) -> dict[str, Any]:
    kept, verdict = conform("source_customs_declaration", own_table(cells))
    assert verdict.counts == {}
    return kept.row(0, named=True)


def test_chiles_din() -> None:
    kept, _ = conform("source_chile_din", din_text({}, {"NUMITEM": "2", "ARANC-NAC": "4022110", "MEDIDA": "10", "FECACEP": "5032024"}))

    first, second = kept.to_dicts()
    expected = {
        "reporter_code": 152, "declaration_id": "70012345", "declaration_date": date(2024, 3, 5), "importer_id": "4711",
        "origin_code": 156, "consignment_code": 842, "national_code": "29141100", "hs6_code": "291411", "hs_revision": "H6",
        "commodity_chapter": "29", "description": "ACETONA INDUSTRIAL MARCA ÑANDÚ", "net_weight_kg": 1250.5, "item_price": 2501.75,
        "is_net_weight_from_quantity": True, "currency_code": "USD", "value_basis": "CIF", "cif_value_usd": 2501.75, "fob_value_usd": None,
    }  # fmt: skip
    assert {name: first[name] for name in expected} == expected
    assert (second["national_code"], second["declaration_date"]) == ("04022110", date(2024, 3, 5))
    assert (second["net_weight_kg"], second["quantity"], second["quantity_unit_code"]) == (None, 1250.5, 5)


def test_perus_dua() -> None:
    kept, _ = conform("source_peru_dua", dbf_table([DUA_ITEM, DUA_ITEM | {"NUME_SERIE": 2, "ANO_PRESE": "98", "FECH_INGSI": 19980305}]))

    first, second = kept.to_dicts()
    expected = {
        "reporter_code": 604, "declaration_id": "118-2024-001234", "importer_id": "20999999991", "importer_name": "QUÍMICA LUNAR S.A.C.",
        "origin_code": 156, "national_code": "0402210000", "hs6_code": "040221", "description": "LECHE EN POLVO ENTERA",
        "net_weight_kg": 250.5, "is_net_weight_from_quantity": False, "fob_value_usd": 1000.0, "cif_value_usd": 1110.0,
    }  # fmt: skip
    assert {name: first[name] for name in expected} == expected
    assert (second["declaration_id"], second["hs_revision"]) == ("118-1998-001234", "H1")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2914.11.00", "29141100"),
        ("4022100", "04022100"),
        ("291411", "291411"),
        ("0402 10 00 10", "0402100010"),
        ("402100010", "0402100010"),
    ],
)
def test_a_code_is_freed_of_dots_and_gets_its_lost_zero_back(written: str, read: str) -> None:
    assert (own(national_code=written)["national_code"], own(national_code=written)["hs6_code"]) == (read, read[:6])


def test_weight_is_restated_in_kg_and_nothing_is_not_zero() -> None:
    assert own(quantity=2, quantity_unit_code=21)["net_weight_kg"] == 2000
    assert own(quantity=2, quantity_unit_code=7)["net_weight_kg"] is None
    assert own(net_weight_kg=0, item_price=10)["net_weight_kg"] is None
    assert own(net_weight_kg=0, item_price=10, quantity=3, quantity_unit_code=8)["net_weight_kg"] == 3


def test_a_price_counts_as_cif_or_fob_only_where_currency_and_basis_say_so() -> None:
    said = own(item_price=10, currency_code="USD", value_basis="FOB")
    other = own(item_price=10, currency_code="EUR", value_basis="FOB")

    assert (said["fob_value_usd"], said["cif_value_usd"], other["fob_value_usd"]) == (10, None, None)


def test_a_stated_edition_stands_and_countries_are_read_in_any_spelling() -> None:
    assert own(hs_revision="H5")["hs_revision"] == "H5"
    assert [own(origin_code=name)["origin_code"] for name in ("CN", "CHN", "China", "156")] == [156] * 4


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"declaration_date": "2024-02-31"}, "declaration_date:type"),
        ({"declaration_date": "05/03/2024"}, "declaration_date:type"),
        ({"declaration_date": "2062-01-01"}, "declared_in_its_time"),
        ({"declaration_date": "1024-01-01"}, "declared_in_its_time"),
        ({"national_code": "ACETONE"}, "national_code:pattern"),
        ({"national_code": "77010000"}, "hs6_code:pattern"),
        ({"national_code": "00112233"}, "hs6_code:pattern"),
        ({"net_weight_kg": -5}, "net_weight_kg:minimum"),
        ({"net_weight_kg": "12 kg"}, "net_weight_kg:type"),
        ({"origin_code": "Atlantis"}, "origin_code:known_code"),
        ({"currency_code": "$"}, "currency_code:pattern"),
        ({"declaration_id": ""}, "declaration_id:required"),
        ({"item_number": 0}, "item_number:minimum"),
    ],
)
def test_a_cell_that_cannot_be_goes_to_quarantine_under_its_name(cells: dict[str, Any], rule: str) -> None:
    kept, verdict = conform("source_customs_declaration", own_table(cells, {"declaration_id": "A2"}))

    assert (kept["declaration_id"].to_list(), verdict.counts) == (["A2"], {rule: 1})


def test_one_number_twice_is_set_aside_where_it_says_the_same_and_refused_where_it_does_not() -> None:
    rows = [{"item_price": 1}, {"item_price": 1}, {"declaration_id": "A2", "item_price": 1}, {"declaration_id": "A2", "item_price": 2}]

    kept, verdict = conform("source_customs_declaration", own_table(*rows))

    assert (kept["declaration_id"].to_list(), verdict.counts) == (["A1"], {"key_is_unique": 2, "duplicate_row": 1})


def test_columns_shifted_by_one_are_told_cell_by_cell() -> None:
    lines = own_table({"origin_code": "CN", "net_weight_kg": 5}).decode().splitlines()
    shifted = lines[1].split(",")
    content = "\n".join([*lines, ",".join([*shifted[1:], shifted[0]])])

    kept, verdict = conform("source_customs_declaration", content.encode())

    assert kept.height == 1
    assert set(verdict.broken["rule"][0].split(";")) == {
        "declaration_date:type", "national_code:pattern", "origin_code:known_code", "net_weight_kg:type",
    }  # fmt: skip


def test_a_formula_stays_text() -> None:
    assert own(description="=HYPERLINK(A1)")["description"] == "=HYPERLINK(A1)"


# --- vintages -----------------------------------------------------------------------------------------------------------------


def declared(*rows: tuple[str, str, int, int]) -> pl.DataFrame:
    """snapshot_id, declaration_id, item_number, day on which it was learned."""
    made = [
        {
            "source": "files",
            "snapshot_id": snapshot,
            "declaration_id": number,
            "item_number": item,
            "retrieved_at": LEARNED + timedelta(day),
        }
        for snapshot, number, item, day in rows
    ]
    return pl.DataFrame(made).with_columns(pl.lit(None, pl.Int32).alias("reporter_code"))


def known(rows: pl.DataFrame, query_keys: dict[str, str], as_of: datetime | None = None) -> list[tuple[str, str, int]]:
    snapshots = rows.select("snapshot_id", "source", "retrieved_at").unique()
    keyed = snapshots.with_columns(pl.col("snapshot_id").replace_strict(query_keys, default=pl.col("snapshot_id")).alias("query_key"))
    found = select_known_declarations(rows.lazy(), keyed, as_of).collect()
    return sorted(found.select("snapshot_id", "declaration_id", "item_number").rows())


def test_a_declaration_that_is_sent_again_replaces_all_its_items() -> None:
    rows = declared(("a", "1", 1, 0), ("a", "1", 2, 0), ("a", "2", 1, 0), ("b", "1", 1, 1))

    assert known(rows, {}) == [("a", "2", 1), ("b", "1", 1)]
    assert known(rows, {}, LEARNED) == [("a", "1", 1), ("a", "1", 2), ("a", "2", 1)]


def test_a_newer_answer_to_the_same_query_takes_back_what_it_leaves_out() -> None:
    rows = declared(("a", "1", 1, 0), ("a", "2", 1, 0), ("b", "1", 1, 1))

    assert known(rows, {"a": "march", "b": "march"}) == [("b", "1", 1)]


def test_files_of_the_same_time_are_read_together_and_tell_each_item_once() -> None:
    rows = declared(("a", "1", 1, 0), ("b", "1", 1, 0), ("b", "1", 2, 0))

    assert known(rows, {}) == [("b", "1", 1), ("b", "1", 2)]


# --- text against code --------------------------------------------------------------------------------------------------------


def test_a_named_substance_stands_beside_whether_the_code_is_one_of_its() -> None:
    goods = ("acetone in drums", "29141100"), ("acetona", "38140000"), ("cotton shirts", "61091000"), ("acetone", "")
    content = own_table(
        *({"declaration_id": f"A{place}", "description": text, "national_code": code} for place, (text, code) in enumerate(goods))
    )
    kept, _ = conform("source_customs_declaration", content)

    linked = link_declared_items(kept, name_substances(kept["description"]))

    assert linked.schema == load_contract("declared_substance").schema
    assert linked.select("declaration_id", "substance_code", "is_code_of_substance").rows() == [
        ("A0", "acetone", True), ("A1", "acetone", False), ("A3", "acetone", None),
    ]  # fmt: skip
