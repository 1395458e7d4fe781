"""The cards of a run's own models: each figure is that of the run's own rows."""

import polars as pl
import pytest

from tests.model.trade_world import many_routes
from tradeflow.contract import load_contract
from tradeflow.model.baseline import fit_seasonal_baseline
from tradeflow.model.isolation import score_flows
from tradeflow.model.model_card import cards_markdown
from tradeflow.model.pipeline_card import BASELINE, FOREST, describe_pipeline_models

EMPTY = {name: load_contract(name).empty_frame() for name in ("mirror_pair", "baseline", "flow_score")}


@pytest.fixture(scope="module")
def modelled() -> tuple[pl.DataFrame, pl.DataFrame]:
    imports, coverage = many_routes(51)
    baseline = fit_seasonal_baseline(imports, coverage, scored_periods=6, calibration_periods=12, min_history_periods=18)
    return baseline, score_flows(imports, EMPTY["mirror_pair"], baseline, trees=20, seed=1)[0]


@pytest.fixture(scope="module")
def cards(modelled: tuple[pl.DataFrame, pl.DataFrame]) -> pl.DataFrame:
    return describe_pipeline_models(*modelled, trees=20, seed=1)


def figure(cards: pl.DataFrame, model: str, item: str) -> float:
    return cards.filter(model_name=model, card_item=item)["card_figure"].item()


def test_the_cards_keep_their_contract(cards: pl.DataFrame) -> None:
    contract = load_contract("model_card")
    assert cards.schema == contract.schema
    assert cards.select(contract.unique_keys[0]).is_unique().all()
    assert cards.group_by("model_name").agg(pl.col("card_section").n_unique())["card_section"].to_list() == [6, 6]


def test_figures_are_those_of_the_rows(cards: pl.DataFrame, modelled: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    baseline, flows = modelled
    scored = baseline.filter(pl.col("is_scored"), pl.col("z_seasonal").is_not_null())
    within = scored.filter(pl.col("observed_kg").is_between("lower_kg", "upper_kg")).height / scored.height
    assert figure(cards, BASELINE, "scored periods: rows") == scored.height > 50
    assert figure(cards, BASELINE, "scored periods: share within the 90% interval") == pytest.approx(within)
    high = flows.filter("is_scored", pl.col("isolation_percentile") >= 99).height
    usable = flows.filter("is_scored", pl.col("isolation_score").is_not_null()).height
    assert figure(cards, FOREST, "scored periods: share at percentile 99 and above") == pytest.approx(high / usable)
    assert figure(cards, FOREST, "flows without one, not scored") == flows["isolation_score"].null_count()


def test_a_run_without_rows_still_has_cards() -> None:
    cards = describe_pipeline_models(EMPTY["baseline"], EMPTY["flow_score"], trees=20, seed=1)
    assert set(cards["model_name"]) == {BASELINE, FOREST}
    assert "| scored periods | 0.000" in cards_markdown(cards)
