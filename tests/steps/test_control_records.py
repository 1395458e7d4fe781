"""Licences, notifications and incidents in a folder or named in the settings: each trouble has its line and its row."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.control_tables import INCIDENT, LICENCE, NOTIFICATION, RECORDS, write_rows
from tradeflow.exceptions import SettingsError
from tradeflow.lake import Lake, list_snapshots, read_table, table_version
from tradeflow.settings import Companies, Settings, load_settings, read_only_input
from tradeflow.steps.control_records import known_records
from tradeflow.steps.handles import Conformed
from tradeflow.steps.ingest import conform_snapshots, pull_sources
from tradeflow.steps.known import know_figures

NOW = datetime(2026, 2, 1, 6, tzinfo=UTC)
Row = dict[str, Any]


def ingest(settings: Settings, lake: Lake, now: datetime = NOW) -> Conformed:
    pull_sources(settings, lake, now)
    return conform_snapshots(lake)


@dataclass(frozen=True)
class Trouble:
    """A table's rows, one of them bad; the rule that it breaks and the words of its line, in a CSV file and in a workbook."""

    rows: list[Row]
    csv: tuple[str, str]
    xlsx: tuple[str, str]
    refused: int = 1


def alike(rows: list[Row], rule: str, words: str, refused: int = 1) -> Trouble:
    return Trouble(rows, (rule, words), (rule, words), refused)


TROUBLES = {
    "licensed_operator": {
        "impossible country": alike(
            [LICENCE, LICENCE | {"operator_country": "Atlantis"}],
            "operator_country:known_code", "row 2: operator_country: expected a code or name of the code list area",
        ),
        "impossible kind": alike(
            [LICENCE | {"licence_kind": "permit"}, LICENCE],
            "licence_kind:valid_values", "row 1: licence_kind: expected one of",
        ),
        "end before beginning": alike(
            [LICENCE, LICENCE | {"valid_to": "2022-12-31", "licence_number": "L-2"}], "valid_in_order", "row 2: breaks valid_in_order"
        ),
        "formula in text": Trouble(
            [LICENCE, LICENCE | {"operator_name": '=HYPERLINK("http://x","y")'}],
            ("operator_name:formula", "row 2: operator_name holds a formula; write its value"),
            ("unreadable: a formula in column operator_name", "cell A3 (operator_name) holds a formula"),
        ),
        "formula in a number": Trouble(
            [LICENCE | {"annual_limit_kg": "=2*2500"}, LICENCE],
            ("annual_limit_kg:type", "row 1: annual_limit_kg: expected a number"),
            ("unreadable: a formula in column annual_limit_kg", "cell I2 (annual_limit_kg) holds a formula; write its value"),
        ),
    },
    "pre_export_notification": {
        "wrong day": alike(
            [NOTIFICATION, NOTIFICATION | {"notified_on": "13/02/2024", "notification_number": "N-2"}],
            "notified_on:type", "row 2: notified_on: expected a day as 2026-01-31",
        ),
        "day to come": alike(
            [NOTIFICATION, NOTIFICATION | {"notified_on": "2062-02-01", "notification_number": "N-2"}],
            "day_is_plausible", "row 2: breaks day_is_plausible",
        ),
        "number twice": alike(
            [NOTIFICATION, NOTIFICATION | {"notified_kg": 9}, NOTIFICATION | {"notification_number": "N-2"}],
            "key_is_unique", "row 1: another row has the same notification_number", refused=2,
        ),
        "unknown substance": alike(
            [NOTIFICATION, NOTIFICATION | {"substance_code": "water", "notification_number": "N-2"}],
            "substance_code:known_code", "row 2: substance_code: expected a code or name of the code list substance",
        ),
        "one area": alike(
            [NOTIFICATION, NOTIFICATION | {"importing_area_code": "DE", "notification_number": "N-2"}],
            "areas_differ", "row 2: breaks areas_differ",
        ),
    },
    "precursor_incident": {
        "negative weight": alike(
            [INCIDENT | {"quantity_kg": -5}, INCIDENT], "quantity_kg:minimum", "row 1: quantity_kg: expected at least 0"
        ),
        "no number": alike(
            [INCIDENT, INCIDENT | {"incident_number": ""}],
            "incident_number:required", "row 2: incident_number is empty; it must be filled in",
        ),
    },
}  # fmt: skip
CASES = [(table, name) for table, cases in TROUBLES.items() for name in cases]


@dataclass(frozen=True)
class Ingested:
    """What became of all troubles, each a file named by its place."""

    lake: Lake
    lines: dict[str, str]
    ids: dict[str, str]


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    folder = tmp_path_factory.mktemp("control-records")
    (folder / "given").mkdir()
    for place, (table, name) in enumerate(CASES):
        for form in ("csv", "xlsx"):
            write_rows(folder / "given" / f"{place}.{form}", TROUBLES[table][name].rows)
    lake = Lake(folder / "lake")
    problems = ingest(read_only_input(load_settings(None), folder / "given"), lake).problems
    ids = dict(read_table(lake, "snapshot").select("query_key", "snapshot_id").collect().iter_rows())
    return Ingested(lake, {line.partition(": ")[0]: line for line in problems}, ids)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize(("table", "name"), CASES)
def test_each_trouble_has_its_line_and_its_row_in_quarantine(ingested: Ingested, table: str, name: str, form: str) -> None:
    trouble = TROUBLES[table][name]
    file = f"{CASES.index((table, name))}.{form}"
    rule, words = trouble.csv if form == "csv" else trouble.xlsx

    assert words in ingested.lines[file]
    refused, kept = (read_table(ingested.lake, each).filter(snapshot_id=ingested.ids[file]).collect() for each in ("quarantine", table))
    assert refused["rule"].to_list() == [rule] * trouble.refused
    assert kept.height == len(trouble.rows) - trouble.refused


SHIFTED = "operator_name,operator_country,licence_kind,valid_from\nQarona,,DEU,import,2024-01-01\nVelutra,MEX,import,2024-01-01\n"
BYTES = {
    "columns shifted": (SHIFTED.encode(), "5 cells, where the header has 4", 1),
    "another encoding": (SHIFTED.replace(",,", ",").replace("Velutra", "Médano").encode("cp1252"), "they were read as cp1252", 0),
    "no encoding": (
        SHIFTED.replace(",,", ",").encode().replace(b"Velutra", b"Vel\x81tra"),
        "bytes that the declared encodings cannot read", 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words", "refused"), BYTES.values(), ids=BYTES)
def test_bytes_that_do_not_fit_are_told_and_cost_their_row_only(tmp_path: Path, content: bytes, words: str, refused: int) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "licences.csv").write_bytes(content)
    lake = Lake(tmp_path / "lake")

    conformed = ingest(read_only_input(load_settings(None), tmp_path / "given"), lake)

    assert words in conformed.problems[0]
    assert read_table(lake, "quarantine").collect().height == refused
    assert read_table(lake, "licensed_operator").collect().height == 2 - refused


@pytest.fixture
def named(tmp_path: Path) -> Callable[..., Settings]:
    def write(**files: list[Row]) -> Settings:
        paths = {f"{table}s": write_rows(tmp_path / f"{table}.xlsx", rows) for table, rows in files.items()}
        return Settings(companies=Companies(**paths))

    return write


def test_tables_are_found_by_the_settings_too_and_a_mended_one_replaces(named: Callable[..., Settings], tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    wrong = [INCIDENT | {"quantity_kg": "much"}, INCIDENT | {"incident_number": "I-2"}]
    first = ingest(named(**{table: [row] for table, row in RECORDS.items()} | {"precursor_incident": wrong}), lake)
    settings = named(precursor_incident=[INCIDENT, INCIDENT | {"incident_number": "I-2"}])
    second = ingest(settings, lake, NOW + timedelta(days=1))

    assert len(first.problems) == 1
    assert second.problems == ()
    known = know_figures(settings, lake, None, second)
    assert {table: known_records(lake, known, table).height for table in RECORDS} == dict.fromkeys(RECORDS, 1) | {"precursor_incident": 2}
    earlier = know_figures(settings, lake, NOW.date(), second)
    assert known_records(lake, earlier, "precursor_incident")["incident_number"].to_list() == ["I-2"]


def test_a_second_pull_of_the_same_tables_changes_nothing(named: Callable[..., Settings], tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    settings = named(**{table: [row] for table, row in RECORDS.items()})
    ingest(settings, lake)
    before = {table: table_version(lake, table) for table in ("snapshot", *RECORDS)}

    ingest(settings, lake, NOW + timedelta(days=1))

    assert {table: table_version(lake, table) for table in before} == before
    assert len(list_snapshots(lake)) == 3


def test_a_table_of_another_kind_is_told(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "licences.xlsx", [LICENCE])
    settings = Settings(companies=Companies(pre_export_notifications=path, licensed_operators=path))
    pulled = pull_sources(settings, Lake(tmp_path / "lake"), NOW)
    assert len(pulled.problems) == 1
    assert "the nearest is source_pre_export_notification, of which it lacks notification_number" in pulled.problems[0]


def test_a_path_that_leads_nowhere_stops_the_run(tmp_path: Path) -> None:
    settings = Settings(companies=Companies(licensed_operators=tmp_path / "none.csv"))
    with pytest.raises(SettingsError, match="companies.licensed_operators: there is no file"):
        pull_sources(settings, Lake(tmp_path / "lake"), NOW)


def test_without_any_table_there_are_no_records(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("declaration_id,declaration_date,national_code\nA1,2024-03-05,38140000\n")
    lake = Lake(tmp_path / "lake")
    settings = read_only_input(load_settings(None), tmp_path / "own.csv")
    known = know_figures(settings, lake, None, ingest(settings, lake))
    assert known_records(lake, known, "licensed_operator").is_empty()
    assert table_version(lake, "licensed_operator") is None


def test_a_new_licence_makes_no_trade_figure_anew(named: Callable[..., Settings], tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    settings = named(licensed_operator=[LICENCE])
    before = know_figures(settings, lake, None, ingest(settings, lake))
    settings = named(licensed_operator=[LICENCE, LICENCE | {"licence_number": "L-2"}])
    after = know_figures(settings, lake, None, ingest(settings, lake, NOW + timedelta(days=1)))
    assert after.trade_key == before.trade_key
    assert after.key != before.key
    watched = settings.model_copy(update={"watch": settings.watch.model_copy(update={"reporters": (484,)})})
    assert know_figures(watched, lake, None, conform_snapshots(lake)).trade_key != after.trade_key
