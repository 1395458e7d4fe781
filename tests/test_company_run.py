"""A whole run over a folder with declarations and the small tables beside them, names in which somebody hopes for a spreadsheet."""

import csv
import re
import zipfile
from pathlib import Path

import polars as pl
import pytest

from tests.control_tables import INCIDENT, LICENCE, NOTIFICATION, REQUIREMENT, write_rows
from tests.small_world import FinishedRun, run_command
from tradeflow.lake import read_table, table_version

EVIL = '=HYPERLINK("http://example.invalid","Borlan") Trading'
IMPORTERS = ("Qarona Quimica SA", "Velutra Pinturas SA", "Tesmir Resinas SA", "Olandu Adhesivos SA")
MONTHS = [f"{year}-{month:02d}" for year in (2022, 2023) for month in range(1, 13)]


def declared(number: int, month: str, importer: str, kg: float) -> dict[str, object]:
    return {
        "reporter_code": 484, "flow_code": "M", "declaration_id": f"D{number:05d}", "declaration_date": f"{month}-15",
        "importer_id": f"TX{importer[:6].upper()}", "importer_name": importer, "importer_address": "Av. Lunar 7",
        "exporter_name": "Hartung Lindqvist GmbH", "declarant_name": "Morvena Agencia", "consignee_name": importer, "origin_code": "DEU",
        "consignment_code": "DEU", "national_code": "29152400", "description": "anhidrido acetico", "net_weight_kg": kg,
        "cif_value_usd": kg * 1.5,
    }  # fmt: skip


def declarations() -> list[dict[str, object]]:
    usual = [declared(10 * at + who, month, name, 900 + 25 * who) for at, month in enumerate(MONTHS) for who, name in enumerate(IMPORTERS)]
    return [*usual, declared(90_000, "2023-10", EVIL, 6000), declared(90_001, "2023-11", EVIL, 7000)]


def licences() -> list[dict[str, object]]:
    of_mexico = {"operator_country": "MEX", "valid_from": "2021-01-01", "annual_limit_kg": "", "tax_number": ""}
    good = [LICENCE | of_mexico | {"operator_name": name, "licence_number": f"L-{place}"} for place, name in enumerate(IMPORTERS)]
    return [*good, LICENCE | {"licence_number": "L-9", "annual_limit_kg": "=SUM(A1:A2)"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = tmp_path_factory.mktemp("companies") / "given"
    given.mkdir()
    write_rows(given / "declarations.csv", declarations())
    write_rows(given / "licences.xlsx", licences())
    write_rows(given / "notified.csv", [NOTIFICATION, NOTIFICATION | {"notification_number": "N-2", "notified_on": "31.12.2023"}])
    write_rows(given / "incidents.xlsx", [INCIDENT, INCIDENT | {"incident_number": "I-2", "substance_code": "water"}])
    write_rows(given / "needs.xlsx", [REQUIREMENT])
    return given


@pytest.fixture(scope="module")
def run(folder: Path) -> FinishedRun:
    return run_command(folder, folder.parent / "lake")


def release_of(run: FinishedRun) -> Path:
    return Path(run.stdout.splitlines()[-1].removeprefix("Report: ")).parent


def test_every_table_is_found_by_its_columns(run: FinishedRun) -> None:
    assert run.exit_code == 0, run.stderr
    tables = ("licensed_operator", "pre_export_notification", "precursor_incident", "annual_requirement")
    rows = {name: read_table(run.lake, name).collect().height for name in tables}
    assert rows == {"licensed_operator": 4, "pre_export_notification": 1, "precursor_incident": 1, "annual_requirement": 1}
    assert read_table(run.lake, "customs_declaration").collect().height == len(declarations())


def test_each_broken_cell_has_its_line_and_its_row_in_quarantine(run: FinishedRun) -> None:
    for words in (
        "note: licences.xlsx: cell I6 (annual_limit_kg) holds a formula; write its value",
        "row 2: notified_on: expected a day as 2026-01-31",
        "row 2: substance_code: expected a code or name of the code list substance",
    ):
        assert words in run.stderr
    refused = read_table(run.lake, "quarantine").select("rule").collect()["rule"].to_list()
    assert sorted(refused) == ["notified_on:type", "substance_code:known_code", "unreadable: a formula in column annual_limit_kg"]


def test_a_buyer_without_a_licence_on_record_is_a_lead(run: FinishedRun) -> None:
    leads = pl.read_parquet(release_of(run) / "company_signal.parquet").filter(rule="unlicensed_importer")
    assert set(leads["entity_name"]) == {EVIL}


def test_no_file_for_people_holds_a_formula(run: FinishedRun) -> None:
    folder = release_of(run)
    named = 0
    for path in folder.glob("*.csv"):
        for row in csv.reader(path.read_text(encoding="utf-8").splitlines()):
            named += any("HYPERLINK" in cell for cell in row)
            assert not any(re.match(r"\s*[=@]", cell) for cell in row), path.name
    assert named > 0
    for path in folder.glob("*.xlsx"):
        with zipfile.ZipFile(path) as book:
            sheets = [book.read(name) for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
        assert not any(b"<f>" in sheet or b"<hyperlink" in sheet for sheet in sheets)
    assert EVIL not in (folder / "report.html").read_text(encoding="utf-8")


def test_a_second_run_changes_nothing(run: FinishedRun, folder: Path) -> None:
    tables = ("licensed_operator", "pre_export_notification", "quarantine", "entity", "company_item", "company_signal")
    before = [table_version(run.lake, table) for table in tables]
    again = run_command(folder, run.lake.root)
    assert "Nothing has changed since this release was made." in again.stdout
    assert [table_version(run.lake, table) for table in tables] == before
