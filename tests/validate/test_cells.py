"""The line for each cell that cannot be used."""

import polars as pl
import pytest

from tests.control_tables import INCIDENT, LICENCE, NOTIFICATION
from tradeflow.contract import load_contract
from tradeflow.validate.cells import tell_cells
from tradeflow.validate.gate import hold_to_contract


def told(name: str, *rows: dict[str, object], shown: int = 20) -> list[str]:
    contract = load_contract(f"source_{name}")
    texts = pl.DataFrame([{column: str(value) for column, value in row.items()} for row in rows])
    return tell_cells(hold_to_contract(texts.with_row_index("row_number", 1), contract).broken, contract, shown)


@pytest.mark.parametrize(
    ("name", "row", "line"),
    [
        ("licensed_operator", LICENCE | {"operator_name": ""}, "row 1: operator_name is empty; it must be filled in"),
        ("licensed_operator", LICENCE | {"operator_name": "=A1"}, "row 1: operator_name holds a formula; write its value"),
        ("licensed_operator", LICENCE | {"operator_country": "Atlantis"},
         "row 1: operator_country: found 'Atlantis'; expected a code or name of the code list area"),
        ("licensed_operator", LICENCE | {"licence_kind": "permit"},
         "row 1: licence_kind: found 'permit'; expected one of import, export, trade, end_use_declaration, white_list"),
        ("licensed_operator", LICENCE | {"annual_limit_kg": "1.250,5"}, "row 1: annual_limit_kg: found '1.250,5'; expected a number"),
        ("licensed_operator", LICENCE | {"valid_to": "2022-12-31"},
         "row 1: breaks valid_in_order: A permission does not end before it begins."),
        ("pre_export_notification", NOTIFICATION | {"notified_on": "31/01/2024"},
         "row 1: notified_on: found '31/01/2024'; expected a day as 2026-01-31"),
        ("pre_export_notification", NOTIFICATION | {"notified_kg": -1}, "row 1: notified_kg: found '-1'; expected at least 0"),
        ("precursor_incident", INCIDENT | {"substance_code": "water"},
         "row 1: substance_code: found 'water'; expected a code or name of the code list substance"),
    ],
)  # fmt: skip
def test_each_kind_of_fault_has_its_words(name: str, row: dict[str, object], line: str) -> None:
    assert told(name, row) == [line]


def test_rows_of_one_key_that_contradict_each_other_are_told_both() -> None:
    lines = told("pre_export_notification", NOTIFICATION, NOTIFICATION | {"notified_kg": 5})
    words = "another row has the same notification_number, substance_code and says something else; keep the right one"
    assert lines == [f"row 1: {words}", f"row 2: {words}"]


def test_a_repeated_row_is_no_fault() -> None:
    assert told("precursor_incident", INCIDENT, INCIDENT) == []


def test_several_faults_of_a_row_are_several_lines_and_the_list_ends() -> None:
    broken = INCIDENT | {"quantity_kg": "much", "incident_kind": ""}
    assert len(told("precursor_incident", broken)) == 2
    assert told("precursor_incident", *[broken] * 30, shown=3)[3:] == ["and 27 rows more"]


def test_lines_for_all_do_not_say_what_was_found() -> None:
    contract = load_contract("source_licensed_operator")
    shifted = pl.DataFrame([{"row_number": 1} | {name: str(value) for name, value in LICENCE.items()} | {"operator_country": "Velutra"}])
    (line,) = tell_cells(hold_to_contract(shifted, contract).broken, contract, is_for_all=True)
    assert line == "row 1: operator_country: expected a code or name of the code list area"
