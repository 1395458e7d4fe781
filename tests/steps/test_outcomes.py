"""Declarations that were inspected, from file to report: figures by outcome of a later time than what was learned from."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from tests.model.declaration_world import declarations
from tradeflow.lake import Lake, read_table, table_version
from tradeflow.pipeline import RunResult, run_pipeline
from tradeflow.settings import load_settings, read_only_input
from tradeflow.steps.ingest import conform_snapshots, pull_sources
from tradeflow.steps.known import know_figures
from tradeflow.steps.outcomes import OUTCOMES, learn_from_outcomes

NOW = datetime(2026, 2, 1, 6, tzinfo=UTC)


def write(folder: Path, rows: int) -> Path:
    folder.mkdir()
    made = declarations(rows).drop("origin").rename({"hs6_code": "national_code"})
    made.with_columns(pl.lit("DE").alias("origin_code"), pl.lit("declared").alias("description")).write_csv(folder / "declared.csv")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, RunResult]:
    folder = tmp_path_factory.mktemp("outcomes")
    lake = Lake(folder / "lake")
    return lake, run_pipeline(read_only_input(load_settings(None), write(folder / "given", 1_500)), lake)


def test_the_run_tells_what_the_top_of_the_list_would_have_found(run: tuple[Lake, RunResult]) -> None:
    lake, result = run
    figures = json.loads((result.release_folder / "manifest.json").read_text())["outcome_figures"]
    ranked = pl.read_csv(result.release_folder / "ranked_declaration.csv")
    assert [row["ranking"] for row in figures] == ["learner"] * 4 + ["isolation_forest"] * 4 + ["audit_sample"]
    top = ranked.sort("declaration_rank").head(figures[3]["inspected_count"])
    assert top["is_fraud"].sum() == figures[3]["found_count"]
    assert ranked["declaration_date"].min() == figures[0]["judged_first_date"] > figures[0]["learned_last_date"]
    assert read_table(lake, "ranked_declaration").collect().height == ranked.height == figures[0]["judged_count"]


def test_the_report_shows_the_figures_and_the_model_card(run: tuple[Lake, RunResult]) -> None:
    report = (run[1].release_folder / "report.html").read_text()
    assert "Drawn by chance: the honest sample" in report
    assert "gradient-boosted trees on inspection outcomes" in report


def test_a_second_run_learns_nothing_anew(run: tuple[Lake, RunResult]) -> None:
    lake, _ = run
    settings = load_settings(None)
    known = know_figures(settings, lake, None, conform_snapshots(lake))
    assert not learn_from_outcomes(settings.declarations, lake, known).is_new
    assert learn_from_outcomes(settings.declarations.model_copy(update={"judged_months": 1}), lake, known).is_new


def test_too_few_outcomes_are_said_and_stop_nothing(tmp_path: Path) -> None:
    lake, settings = Lake(tmp_path / "lake"), read_only_input(load_settings(None), write(tmp_path / "given", 60))
    pull_sources(settings, lake, NOW)
    made = learn_from_outcomes(settings.declarations, lake, know_figures(settings, lake, None, conform_snapshots(lake)))
    assert [version.rows for version in made.tables] == [0, 0, 1]
    assert "at least 50 of each" in read_table(lake, "outcome_model_card").collect()["card_text"][0]


def test_declarations_that_nobody_inspected_make_no_table(tmp_path: Path) -> None:
    lake, settings = Lake(tmp_path / "lake"), read_only_input(load_settings(None), write(tmp_path / "given", 20))
    given = tmp_path / "given" / "declared.csv"
    pl.read_csv(given).drop("is_fraud").write_csv(given)
    pull_sources(settings, lake, NOW)
    made = learn_from_outcomes(settings.declarations, lake, know_figures(settings, lake, None, conform_snapshots(lake)))
    assert made.tables == ()
    assert all(table_version(lake, name) is None for name in OUTCOMES)
