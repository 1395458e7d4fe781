"""`tradeflow export`: the companies of a lake in three forms, and one line where there is nothing to hand out."""

import json
from datetime import date
from pathlib import Path

import networkx
import polars as pl
import pytest
from click.testing import CliRunner

from tests.steps.test_company_trade import HEAD, ROWS, run
from tests.telling.company_records import make_records
from tradeflow.cli import main
from tradeflow.contract import load_contract
from tradeflow.lake import Lake, read_table, write_table


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("export")
    (folder / "given").mkdir()
    (folder / "given" / "one.csv").write_text(HEAD + ROWS)
    made = Lake(folder / "lake")
    run(made, folder / "given", date(2026, 1, 1))
    importer = read_table(made, "company_item").collect()["importer_entity_id"][0]
    leads = make_records().company_signal.filter("is_flagged").with_columns(entity_id=pl.lit(importer))
    write_table(made, "company_signal", leads.select(load_contract("company_signal").column_names), "test")
    return made


def export(lake: Lake, out: Path, *options: str) -> str:
    answer = CliRunner().invoke(main, ["export", *options, "--lake", str(lake.root), str(out)])
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_the_three_forms_hold_the_same_companies(lake: Lake, tmp_path: Path) -> None:
    told = export(lake, tmp_path / "out.json", "--format", "ftm")
    export(lake, tmp_path / "out.graphml", "--format", "graphml")
    export(lake, tmp_path / "out", "--format", "csv")

    entities = [json.loads(line) for line in (tmp_path / "out.json").read_text(encoding="utf-8").splitlines()]
    companies = {each["id"].removeprefix("tradeflow-company-") for each in entities if each["schema"] == "Company"}
    assert companies == set(networkx.read_graphml(tmp_path / "out.graphml").nodes)
    assert companies == set(pl.read_csv(tmp_path / "out" / "nodes.csv")["id"])
    assert told.startswith(f"{len(companies)} companies, 1 of them with flagged leads, and 3 ties, in ")


def test_a_place_that_cannot_be_written_is_one_line(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    answer = CliRunner().invoke(main, ["export", "--format", "ftm", "--lake", str(lake.root), str(tmp_path / "taken")])

    assert answer.exit_code == 2
    assert "taken: cannot be written" in answer.output


def test_a_lake_without_declarations_is_one_line(tmp_path: Path) -> None:
    answer = CliRunner().invoke(main, ["export", "--format", "csv", "--lake", str(tmp_path / "empty"), str(tmp_path / "out")])

    assert answer.exit_code == 2
    assert "holds no companies: run `tradeflow run` on a source with customs declarations first" in answer.output
    assert not (tmp_path / "out").exists()
