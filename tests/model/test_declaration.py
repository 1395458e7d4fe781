"""Scored declarations: the contract, the planted reasons, and what a score may not depend on."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.model.declaration_world import declarations, later
from tradeflow.contract import load_contract
from tradeflow.model.declaration import InspectionOptions, ScoredDeclarations, score_declarations
from tradeflow.model.declaration_card import FOREST, LEARNER, describe_models
from tradeflow.model.model_card import cards_frame, cards_markdown
from tradeflow.model.outcome_figures import ranking_figures

SPELLING = {"importer_id": "Importador", "hs6_code": "Código", "is_fraud": "Irregular", "item_price": "Valor", "net_weight_kg": "Peso"}
OPTIONS = InspectionOptions(trees=20)
LEARNT = declarations(1_500)
SCORED = later(400)


@pytest.fixture(scope="module")
def scored() -> ScoredDeclarations:
    return score_declarations(LEARNT, SCORED, SPELLING, OPTIONS)


def test_scores_keep_their_contract(scored: ScoredDeclarations) -> None:
    contract = load_contract("declaration_score")
    assert scored.scores.schema == contract.schema
    assert set(scored.scores["declaration_id"]) == set(SCORED["declaration_id"])
    assert scored.scores["fraud_probability"].is_sorted(descending=True)
    for column in contract.columns:
        found = scored.scores[column.name]
        assert not column.is_required or found.null_count() == 0
        assert column.minimum is None or found.drop_nulls().is_between(column.minimum, column.maximum).all()


def test_the_planted_pairs_come_first_and_are_the_reason(scored: ScoredDeclarations) -> None:
    joined = scored.scores.join(SCORED.select("declaration_id", "is_fraud", "importer_id", "hs6_code"), on="declaration_id")
    figures = ranking_figures(joined["is_fraud"].cast(pl.Float64).to_numpy(), joined["fraud_probability"].to_numpy())
    assert figures["AUC"] > 0.8
    pair = pl.format("Importador {} and Código {}: Irregular in ", "importer_id", "hs6_code")
    told = joined.head(40).filter(pl.col("driver_1").str.starts_with(pair)).row(0, named=True)
    past = LEARNT.filter(importer_id=told["importer_id"], hs6_code=told["hs6_code"])
    assert told["driver_1"].endswith(f": Irregular in {past['is_fraud'].sum()} of {past.height} inspected before")


def test_shares_fall_and_sum_to_no_more_than_one(scored: ScoredDeclarations) -> None:
    shares = scored.scores.select("driver_1_share", "driver_2_share", "driver_3_share").fill_null(0.0)
    assert (shares.sum_horizontal() <= 1 + 1e-9).all()
    assert shares["driver_1_share"].min() > 0
    drivers = [f"driver_{rank}" for rank in (1, 2, 3)]
    for name in drivers:
        assert scored.scores[name].is_null().equals(scored.scores[f"{name}_share"].is_null())


def test_labels_among_the_rows_to_score_change_nothing(scored: ScoredDeclarations) -> None:
    for outcome in (pl.Series([None] * SCORED.height, dtype=pl.Boolean), ~SCORED["is_fraud"]):
        other = score_declarations(LEARNT, SCORED.with_columns(is_fraud=outcome), SPELLING, OPTIONS)
        assert_frame_equal(other.scores, scored.scores)
    assert_frame_equal(score_declarations(LEARNT, SCORED.drop("is_fraud"), SPELLING, OPTIONS).scores, scored.scores)


def test_row_order_changes_nothing(scored: ScoredDeclarations) -> None:
    shuffled = [rows.sample(fraction=1, shuffle=True, seed=3) for rows in (LEARNT, SCORED)]
    assert_frame_equal(score_declarations(*shuffled, SPELLING, OPTIONS).scores, scored.scores)


def test_a_score_does_not_depend_on_what_else_is_scored(scored: ScoredDeclarations) -> None:
    alone = score_declarations(LEARNT, SCORED[:7], SPELLING, OPTIONS).scores.drop("inspection_ground")
    assert_frame_equal(
        alone, scored.scores.drop("inspection_ground").filter(pl.col("declaration_id").is_in(alone["declaration_id"].implode()))
    )


def test_what_was_never_seen_before_is_scored_too() -> None:
    strangers = SCORED[:5].with_columns(
        importer_id=pl.lit("new"), hs6_code=pl.lit("010121"), origin=pl.lit(None, pl.String), item_price=pl.lit(None, pl.Float64)
    )
    scores = score_declarations(LEARNT, strangers, SPELLING, OPTIONS).scores
    assert scores["fraud_probability"].is_between(0, 1).all()
    assert scores["comparable_group"].unique().to_list() == ["declarations of all commodities"]
    assert scores["isolation_percentile"].min() > 75


def test_size_and_price_alone_are_enough() -> None:
    few = ["declaration_id", "declaration_date", "net_weight_kg", "item_price", "is_fraud"]
    scored = score_declarations(LEARNT.select(few), SCORED.select(few), SPELLING, OPTIONS)
    assert scored.scores["driver_1"].drop_nulls().str.contains("Valor|Peso").all()
    assert describe_models(scored, SPELLING, OPTIONS)


def test_a_row_of_the_learning_period_sees_only_what_was_known_on_its_day() -> None:
    early = declarations(1, seed=9).with_columns(declaration_date=pl.lit(dt.date(2023, 12, 31)), importer_id=pl.lit("importer 0"))
    scores = score_declarations(LEARNT, early, SPELLING, OPTIONS)
    inspected = [at for at, each in enumerate(scored_features(scores)) if each == "inspected"]
    assert (scores.described.inputs[0, inspected] == 0).all()
    limits = cards_frame(describe_models(scores, SPELLING, OPTIONS)).filter(card_section="limits")
    assert limits.filter(card_item="scored rows dated within the learning period")["card_figure"].to_list() == [1.0]


def scored_features(scored: ScoredDeclarations) -> list[str]:
    return [each.kind for each in scored.described.features]


def test_one_outcome_only_is_refused() -> None:
    with pytest.raises(ValueError, match="0 of the 1,500 rows of known outcome are 1"):
        score_declarations(LEARNT.with_columns(is_fraud=pl.lit(False)), SCORED, SPELLING, OPTIONS)


def test_the_forest_finds_a_price_that_nobody_pays(scored: ScoredDeclarations) -> None:
    dear = SCORED.with_columns(
        item_price=pl.when(pl.col("declaration_id") == SCORED["declaration_id"][0]).then(1e9).otherwise("item_price")
    )
    scores = score_declarations(LEARNT, dear, SPELLING, OPTIONS).scores
    row = scores.filter(declaration_id=SCORED["declaration_id"][0]).row(0, named=True)
    assert row["isolation_percentile"] > 95
    assert "Valor" in row["isolation_driver"]
    assert scores["isolation_percentile"].mean() == pytest.approx(50, abs=6)
    assert (
        scores.filter(pl.col("isolation_percentile") < 95)["isolation_driver"].null_count()
        == scores.filter(pl.col("isolation_percentile") < 95).height
    )


# --- the cards ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cards(scored: ScoredDeclarations) -> pl.DataFrame:
    return cards_frame(describe_models(scored, SPELLING, OPTIONS))


def figure(cards: pl.DataFrame, item: str, model: str = LEARNER) -> float:
    return cards.filter(model_name=model, card_item=item)["card_figure"].item()


def test_cards_keep_their_contract(cards: pl.DataFrame) -> None:
    contract = load_contract("model_card")
    assert cards.schema == contract.schema
    assert cards.select(contract.unique_keys[0]).is_unique().all()
    assert set(cards["card_section"]) == set(contract.column("card_section").valid_values)
    assert (cards["card_figure"].is_not_null() | cards["card_text"].is_not_null()).all()


def test_a_card_tells_the_runs_own_figures(cards: pl.DataFrame, scored: ScoredDeclarations) -> None:
    joined = scored.scores.join(SCORED.select("declaration_id", "is_fraud"), on="declaration_id")
    own = ranking_figures(joined["is_fraud"].cast(pl.Float64).to_numpy(), joined["fraud_probability"].to_numpy())
    assert figure(cards, "scored rows with an outcome: AUC") == own["AUC"]
    assert figure(cards, "declarations learnt from") == LEARNT.height
    assert figure(cards, "scored rows with an outcome: rows", FOREST) == SCORED.height
    assert figure(cards, "last trial block, single columns only: AUC") < figure(cards, "trial block 2: AUC")


def test_chance_inspections_have_figures_of_their_own() -> None:
    ground = pl.Series(np.where(np.arange(LEARNT.height) % 4 == 0, "random", "ranked"))
    scored = score_declarations(LEARNT.with_columns(inspection_ground=ground), SCORED, SPELLING, OPTIONS)
    cards = cards_frame(describe_models(scored, SPELLING, OPTIONS))
    assert 55 <= figure(cards, "trial blocks, inspections drawn by chance: rows") <= 95


def test_the_page_has_each_item_and_a_table_of_figures(cards: pl.DataFrame) -> None:
    page = cards_markdown(cards)
    assert page.count("\n## Figures\n") == 2
    assert "- columns with a record: Importador, Código, origin\n" in page
    auc = figure(cards, "trial block 1: AUC")
    assert any(line.startswith("| trial block 1 |") and f"| {auc:.3f} |" in line for line in page.splitlines())
