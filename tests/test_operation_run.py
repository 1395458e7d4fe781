"""A whole run of a watch operation: it looks at its substances, areas and months, says so, and leaves what others work with."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.small_world import FinishedRun, run_command
from tradeflow.lake import Lake, read_table
from tradeflow.publish.release import current_release

AREAS = (484, 76, 170, 156)
CODES = {"acetone": "291411", "acetic_anhydride": "291524", "methyl_ethyl_ketone": "291412"}


@pytest.fixture(scope="module")
def months(finished: FinishedRun) -> tuple[int, int]:
    """Six months that end a year before the newest: what comes later must not be seen."""
    newest = read_table(finished.lake, "trade_flow").filter(freq_code="M").select(pl.col("period").max()).collect().item()
    year, month = divmod(newest - 100, 100)
    return (year * 100 + month - 5 if month > 5 else (year - 1) * 100 + month + 7), newest - 100


@pytest.fixture(scope="module")
def operation(finished: FinishedRun, answers: Path, months: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    folder = tmp_path_factory.mktemp("operation")
    shutil.copytree(finished.lake.root, folder / "lake")
    (folder / "settings.toml").write_text(
        f'[[operations]]\nname = "Quiet harbour"\nsubstances = {json.dumps(list(CODES))}\nareas = {list(AREAS)}\n'
        f"first_period = {months[0]}\nlast_period = {months[1]}\n"
    )
    return run_command(answers, folder / "lake", "--config", str(folder / "settings.toml"), "--operation", "quiet harbour")


def release_of(run: FinishedRun) -> Path:
    return Path(run.stdout.splitlines()[-1].removeprefix("Report: ")).parent


def test_the_run_is_titled_by_the_operation(operation: FinishedRun) -> None:
    assert operation.exit_code == 0, operation.stderr
    title = operation.stdout.splitlines()[0]
    assert title.startswith("Quiet harbour: Acetone, Acetic anhydride, ")
    assert "; Mexico, Brazil, Colombia, China; " in title
    report = (release_of(operation) / "report.html").read_text()
    assert f"Looked at: <b>{title.removeprefix('Quiet harbour: ')}</b>" in report
    assert "<title>Quiet harbour: release" in report
    assert "<h1>Quiet harbour: leads in licit chemical trade</h1>" in report
    book = pl.read_excel(release_of(operation) / "signal.xlsx", sheet_name="Read me", has_header=False, infer_schema_length=0)
    assert book.item(0, 0) == "Quiet harbour: leads in licit chemical trade"
    assert ("Looked at", title.removeprefix("Quiet harbour: ")) in book.select(pl.nth(0, 1)).rows()


def test_nothing_else_is_looked_at(operation: FinishedRun, months: tuple[int, int]) -> None:
    leads = pl.read_parquet(release_of(operation) / "signal.parquet")
    assert leads.height > 0
    assert set(leads["commodity_code"]) <= set(CODES.values())
    assert leads.filter(~pl.col("importer_code").is_in(AREAS) & ~pl.col("exporter_code").is_in(AREAS)).is_empty()
    assert leads["period"].is_between(*months).all()
    assert read_table(operation.lake, "mirror_pair").select(pl.col("period").max()).collect().item() == months[1]


def test_the_current_release_stays(operation: FinishedRun, finished: FinishedRun) -> None:
    before, now = current_release(finished.lake), current_release(Lake(operation.lake.root))
    assert before is not None
    assert now is not None
    assert now.name == before.name != release_of(operation).name


def test_an_operation_that_is_not_there_is_one_line(answers: Path, tmp_path: Path) -> None:
    run = run_command(answers, tmp_path / "lake", "--operation", "Nothing")
    assert run.exit_code == 2
    assert run.stderr == "tradeflow: there is no operation 'Nothing'; the settings have none; add one as [[operations]]\n"
    assert not (tmp_path / "lake").exists()
