"""Outcomes of declared items: what is judged is later than what is learned from, and every figure is a plain count."""

import datetime as dt

import polars as pl
import pytest

from tests.model.declaration_world import declarations
from tradeflow.contract import load_contract
from tradeflow.model.declaration import InspectionOptions
from tradeflow.model.declared_outcome import JudgedOutcomes, explain_no_judgement, find_judged_start, judge_outcomes

OPTIONS = InspectionOptions(trees=20, inspected_share=0.2, audit_share=0.2)


def declared(rows: int = 2_000) -> pl.DataFrame:
    """The simulated declarations as the lake has them: countries by code, all columns there."""
    made = declarations(rows).drop("origin")
    given = made.with_columns(
        pl.lit("files").alias("source"),
        pl.lit("0" * 16).alias("snapshot_id"),
        pl.int_range(1, rows + 1, dtype=pl.Int64).alias("row_number"),
        pl.lit(410, pl.Int32).alias("reporter_code"),
        pl.lit(1, pl.Int32).alias("item_number"),
        pl.lit(156, pl.Int32).alias("origin_code"),
    )
    absent = {name: dtype for name, dtype in load_contract("customs_declaration").schema.items() if name not in given.columns}
    return given.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in absent.items())


START = dt.date(2024, 6, 1)


@pytest.fixture(scope="module")
def judged() -> JudgedOutcomes:
    return judge_outcomes(declared(), START, OPTIONS)


def test_the_newest_months_are_judged() -> None:
    days = pl.Series([dt.date(2020, 11, 3), dt.date(2021, 3, 31)])
    assert find_judged_start(days, 3) == dt.date(2021, 1, 1)
    assert find_judged_start(days, 4) == dt.date(2020, 12, 1)
    assert find_judged_start(days, 1) == dt.date(2021, 3, 1)


def test_every_item_of_the_judged_time_is_ranked_once(judged: JudgedOutcomes) -> None:
    expected = declared().filter(pl.col("declaration_date") >= START)
    assert judged.ranked.schema == load_contract("ranked_declaration").schema
    assert sorted(judged.ranked["row_number"]) == sorted(expected["row_number"])
    assert judged.ranked["declaration_rank"].to_list() == list(range(1, expected.height + 1))
    assert judged.ranked["fraud_probability"].is_sorted(descending=True)
    assert judged.ranked["declaration_id"].is_in(expected["declaration_id"].implode()).all()


def test_the_figures_are_counts_of_the_ranked_list(judged: JudgedOutcomes) -> None:
    assert judged.figures.schema == load_contract("outcome_figure").schema
    outcomes = judged.ranked["is_fraud"]
    for row in judged.figures.filter(ranking="learner").iter_rows(named=True):
        top = outcomes.head(row["inspected_count"])
        assert row["found_count"] == top.sum()
        assert row["precision_ratio"] == pytest.approx(top.mean())
        assert row["recall_ratio"] == pytest.approx(top.sum() / outcomes.sum())
        assert (row["judged_first_date"], row["judged_count"]) == (START, outcomes.len())
        assert row["learned_last_date"] < START
    best = judged.figures.filter(ranking="learner")["precision_ratio"][0]
    assert best > 2 * judged.figures["judged_outcome_ratio"][0]


def test_the_audit_sample_is_marked_and_drawn_by_chance(judged: JudgedOutcomes) -> None:
    drawn = judged.ranked.filter(inspection_ground="random")
    row = judged.figures.filter(ranking="audit_sample").row(0, named=True)
    assert (row["inspected_count"], row["found_count"]) == (drawn.height, drawn["is_fraud"].sum())
    assert 0.02 < row["inspected_ratio"] < 0.07


def test_the_outcomes_of_the_judged_time_teach_nothing(judged: JudgedOutcomes) -> None:
    turned = declared().with_columns(
        pl.when(pl.col("declaration_date") >= START).then(~pl.col("is_fraud")).otherwise("is_fraud").alias("is_fraud")
    )
    again = judge_outcomes(turned, START, OPTIONS)
    assert again.ranked["row_number"].to_list() == judged.ranked["row_number"].to_list()


def test_too_few_outcomes_are_told() -> None:
    with pytest.raises(ValueError, match="only on one side of 2030-01-01"):
        judge_outcomes(declared(), dt.date(2030, 1, 1), OPTIONS)
    told = explain_no_judgement("too few")
    assert (told.ranked.height, told.figures.height) == (0, 0)
    assert told.cards["card_text"].to_list() == ["too few"]
