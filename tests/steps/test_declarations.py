"""A folder in which trade figures and declarations lie together: each goes its own way, every row is accounted for."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.declaration_files import DUA_ITEM, dbf_table, din_text, zipped
from tradeflow.broken_rows import tell_quarantine
from tradeflow.lake import Lake, list_snapshots, read_table, table_version
from tradeflow.settings import Settings, load_settings, read_only_input
from tradeflow.steps.declarations import has_declarations, known_declarations, name_declared_substances
from tradeflow.steps.handles import Known
from tradeflow.steps.ingest import conform_snapshots, pull_sources
from tradeflow.steps.known import know_figures
from tradeflow.telling.spreadsheets import for_people

NOW = datetime(2026, 2, 1, 6, tzinfo=UTC)
TRADE = (
    "period,trade_flow_code,trade_flow,reporter,partner,commodity_code,commodity,net_weight_kg,trade_value_usd\n"
    "201501,1,Imports,Germany,Chile,282760,Iodides,5400,151000\n"
)
OWN = "declaration_id,declaration_date,national_code,description\nA1,2024-03-05,38140000,=acetone\nA2,2024-13-05,29141100,acetone\n"
LABELLED = Path(__file__).parents[2].parent / "shared" / "data" / "customs_declarations_labelled"


@pytest.fixture
def given(tmp_path: Path) -> Path:
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "trade.csv").write_text(TRADE)
    (folder / "din.txt").write_bytes(din_text({}, {"NUMITEM": "2", "PA_ORIG": "345678"}))
    (folder / "ma.zip").write_bytes(zipped("ma.dbf", dbf_table([DUA_ITEM, DUA_ITEM | {"NUME_SERIE": 2}], deleted=[2])))
    (folder / "own.csv").write_text(OWN)
    return folder


def ingest(given: Path, lake: Lake, now: datetime = NOW) -> tuple[Settings, Known]:
    settings = read_only_input(load_settings(None), given)
    pull_sources(settings, lake, now)
    return settings, know_figures(settings, lake, None, conform_snapshots(lake))


def counts(lake: Lake) -> dict[str, tuple[int, int, int]]:
    rows = read_table(lake, "snapshot").select("query_key", "row_count", "conformed_count", "quarantined_count").collect().rows()
    return {name: (came, conformed, refused) for name, came, conformed, refused in rows}


def test_a_mixed_folder_goes_two_ways_and_every_row_is_accounted_for(given: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")

    ingest(given, lake)

    assert counts(lake) == {"trade.csv": (1, 1, 0), "din.txt": (2, 1, 1), "ma.zip": (2, 1, 1), "own.csv": (2, 1, 1)}
    assert read_table(lake, "trade_flow").select("commodity_code").collect()["commodity_code"].to_list() == ["282760"]
    declared = read_table(lake, "customs_declaration").sort("declaration_id").collect()
    assert declared["declaration_id"].to_list() == ["118-2024-001234", "70012345", "A1"]
    refused = read_table(lake, "quarantine").select("contract", "rule").collect().rows()
    assert sorted(refused) == [
        ("source_chile_din", "PA_ORIG:known_code"),
        ("source_customs_declaration", "declaration_date:type"),
        ("source_peru_dua", "unreadable: the source marked this record as deleted"),
    ]


def test_each_row_in_quarantine_is_told_also_one_that_could_not_be_read(given: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    ingest(given, lake)

    told = "\n".join(tell_quarantine(read_table(lake, "quarantine").collect(), shown=1))

    assert 'PA_ORIG = "345678" in {' in told
    assert "unreadable: the source marked this record as deleted: 1 row\n    row 2 of snapshot" in told


def test_what_is_written_for_people_runs_no_formula(given: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    ingest(given, lake)

    written = for_people(read_table(lake, "customs_declaration").collect()).write_csv()

    assert "'=acetone" in {row["description"] for row in csv.DictReader(written.splitlines())}


def test_substances_are_named_beside_the_code_and_a_second_run_changes_nothing(given: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    _, known = ingest(given, lake)

    made, again = name_declared_substances(lake, known), name_declared_substances(lake, known)

    linked = read_table(lake, "declared_substance").collect()
    found = sorted(linked.select("declaration_id", "matched_name", "is_code_of_substance").rows())
    assert found == [("70012345", "acetona", True), ("A1", "acetone", False)]
    assert (made.is_new, again.is_new, again.tables) == (True, False, made.tables)
    assert read_table(lake, "named_substance").select(pl.len()).collect().item() == 2


def test_a_declaration_that_is_stated_again_replaces_and_the_earlier_form_stays_readable(given: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    ingest(given, lake)
    (given / "own.csv").write_text(OWN.replace("=acetone", "solvent"))

    _, known = ingest(given, lake, NOW + timedelta(days=1))

    def descriptions(moment: datetime | None) -> list[str]:
        rows = known_declarations(lake, Known(known.key, moment, known.tables)).filter(pl.col("declaration_id") == "A1")
        return rows.collect()["description"].to_list()

    assert (descriptions(None), descriptions(NOW)) == (["solvent"], ["=acetone"])


def test_who_has_no_declarations_has_no_such_tables(given: Path, tmp_path: Path) -> None:
    for name in ("din.txt", "ma.zip", "own.csv"):
        (given / name).unlink()
    lake = Lake(tmp_path / "lake")

    _, known = ingest(given, lake)

    assert not has_declarations(known)
    assert [table_version(lake, table) for table in ("customs_declaration", "declared_substance")] == [None, None]


def test_the_labelled_set_comes_through_whole(tmp_path: Path) -> None:
    if not LABELLED.is_dir():
        pytest.skip("the labelled declarations are not here")
    lake = Lake(tmp_path / "lake")

    ingest(LABELLED, lake)

    snapshots = read_table(lake, "snapshot").collect()
    accounted = snapshots["conformed_count"] + snapshots["quarantined_count"] + snapshots["set_aside_count"]
    assert len(list_snapshots(lake)) == 2
    assert accounted.equals(snapshots["row_count"], check_names=False)
    assert table_version(lake, "customs_declaration").rows == snapshots["conformed_count"].sum()  # type: ignore[union-attr]
    assert snapshots["quarantined_count"].sum() == 0
