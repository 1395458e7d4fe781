"""The step `resolve`: who the declarations of the lake name, under ids that hold when more arrive."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from tradeflow.contract import load_contract
from tradeflow.exceptions import SourceError
from tradeflow.lake import Lake, read_table
from tradeflow.settings import Companies, load_settings, read_only_input
from tradeflow.steps.companies import resolve_companies
from tradeflow.steps.handles import Known
from tradeflow.steps.ingest import conform_snapshots, pull_sources
from tradeflow.steps.known import know_figures

HEAD = (
    "declaration_id,declaration_date,reporter_code,flow_code,national_code,description,"
    "importer_id,importer_name,exporter_name,declarant_id\n"
)
ROWS = (
    'A1,2024-03-05,484,M,29141100,acetone,QAR010203AB1,"Qarona Quimica S.A. de C.V.",Belqisu GmbH,AGE990101XX1\n'
    "A2,2024-03-06,484,M,29141100,acetone,QAR010203AB1,QARONA QUIM.,Belqisu GmbH,AGE990101XX1\n"
)
MORE = "A3,2024-04-06,484,M,29141100,acetone,QAR010203AB1,Qarona Quimicas,,\n"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ingest(folder: Path, lake: Lake) -> Known:
    settings = read_only_input(load_settings(None), folder)
    pull_sources(settings, lake, NOW)
    return know_figures(settings, lake, None, conform_snapshots(lake))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def given(tmp_path: Path) -> Path:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "one.csv").write_text(HEAD + ROWS)
    return tmp_path / "given"


def test_companies_are_resolved_by_role_and_keep_their_ids(given: Path, lake: Lake) -> None:
    known = ingest(given, lake)
    made = resolve_companies(Companies(), lake, known, date(2026, 1, 1))
    assert made.is_new
    assert not resolve_companies(Companies(), lake, known, date(2026, 1, 2)).is_new
    names = read_table(lake, "entity_name").collect()
    assert names.schema == load_contract("entity_name").schema
    importer = names.filter(pl.col("importer_count") > 0)
    assert importer["party_country"].unique().to_list() == ["MEX"]
    assert importer["entity_id"].n_unique() == 1
    assert names.filter(pl.col("broker_count") > 0).select("party_name", "broker_count").rows() == [("AGE990101XX1", 2)]
    assert names["exporter_count"].sum() == 2
    (given / "two.csv").write_text(HEAD + MORE)
    resolve_companies(Companies(), lake, ingest(given, lake), date(2026, 2, 1))
    later = read_table(lake, "entity").collect()
    grown = later.filter(pl.col("entity_id") == importer["entity_id"][0])
    assert grown.select("name_count", "first_seen_on").rows() == [(3, date(2026, 1, 1))]


def test_a_decision_is_followed_and_a_broken_one_is_one_line(given: Path, lake: Lake, tmp_path: Path) -> None:
    known = ingest(given, lake)
    resolve_companies(Companies(), lake, known, date(2026, 1, 1))
    one, other = read_table(lake, "entity_name").filter(pl.col("importer_count") > 0).collect()["party_id"]
    head = ",".join(load_contract("entity_decision").column_names)
    told = tmp_path / "told.csv"
    told.write_text(f"{head}\n{one},{other},different,an analyst,2026-01-02,two firms\n")
    resolve_companies(Companies(decisions=told), lake, known, date(2026, 1, 2))
    names = read_table(lake, "entity_name").filter(pl.col("importer_count") > 0).collect()
    assert names["entity_id"].n_unique() == 2
    told.write_text(f"{head}\n{one},{other},perhaps,an analyst,2026-01-02,two firms\n")
    with pytest.raises(SourceError, match="row 1: decision"):
        resolve_companies(Companies(decisions=told), lake, known, date(2026, 1, 3))
