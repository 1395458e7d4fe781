"""What decisions on leads teach: only what holds later, only from the past, and nothing from few."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tests.model.decided_leads import START, decided_leads
from tradeflow.contract import load_contract
from tradeflow.model.lead_decision_card import describe_decisions
from tradeflow.model.lead_outcome import LearnedLeads, compare_rankings, estimate_confirmed, find_verdicts, learn_lead_outcomes


def learn(rows: int, seed: int, habit: float = 2.0) -> LearnedLeads:
    return learn_lead_outcomes(find_verdicts(decided_leads(rows, seed=seed, habit=habit), "country"), seed=1)


def test_a_habit_of_deciding_is_learned_and_orders_new_leads() -> None:
    learned = learn(600, seed=3)
    assert learned.is_better
    assert learned.learned_auc > 0.75
    fresh = decided_leads(400, seed=4)
    said = estimate_confirmed(learned, fresh.drop("entity_id", "substance_code", "lead_decision"))
    assert said["lead_id"].equals(fresh["lead_id"])
    assert said["confirmed_probability"].is_between(0, 1).all()
    assert roc_auc_score(fresh["lead_decision"] == "confirmed", said["confirmed_probability"]) > 0.75


def test_leads_on_companies_are_learned_under_what_they_have() -> None:
    about = {"entity_id": pl.col("importer_code").cast(pl.String), "signal_kind": pl.lit("company"), "substance_code": pl.lit("acetone")}
    areas = ("importer_code", "exporter_code", "commodity_code")
    decisions = decided_leads(600, seed=3).with_columns(**about)
    decisions = decisions.with_columns(pl.when(pl.lit(value=False)).then(pl.col(name)).alias(name) for name in areas)
    learned = learn_lead_outcomes(find_verdicts(decisions, "company"), seed=1)
    assert learned.subjects == ["rule", "substance_code", "entity_id"]
    heads = decisions.select("lead_id", "lead_score", "rule", "substance_code", "entity_id")
    assert set(heads.columns) <= set(load_contract("company_signal").column_names)
    said = estimate_confirmed(learned, heads)["confirmed_probability"]
    assert roc_auc_score(decisions["lead_decision"] == "confirmed", said) > 0.75


def test_decisions_without_a_habit_seldom_change_the_order() -> None:
    assert sum(learn(300, seed=seed, habit=0.0).is_better for seed in range(6)) <= 3  # one in six by chance


def test_few_decisions_teach_nothing() -> None:
    for rows in (0, 1, 60):
        with pytest.raises(ValueError, match="at least 50 of each"):
            learn(rows, seed=5)


def test_decisions_of_one_day_teach_nothing() -> None:
    verdicts = find_verdicts(decided_leads(300), "country").with_columns(decided_at=pl.lit(START).dt.cast_time_unit("us"))
    with pytest.raises(ValueError, match="longer time"):
        learn_lead_outcomes(verdicts, seed=1)


def test_what_is_no_verdict_and_what_is_of_the_other_kind_is_left_out() -> None:
    rows = decided_leads(4).with_columns(
        lead_decision=pl.Series(["confirmed", "passed_on", "reopened", "dismissed"]),
        signal_kind=pl.Series(["country", "country", "country", "company"]),
    )
    assert find_verdicts(rows, "country")["signal_id"].to_list() == [rows["signal_id"][0]]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(5, 60))
def test_a_record_holds_only_earlier_days(seed: int, first_changed: int) -> None:
    """Other decisions from a day on change no input of a lead before that day."""
    from tradeflow.model.lead_outcome import _days, _describe

    decided = decided_leads(80, seed=seed)
    days, outcome = _days(decided["decided_at"]), (decided["lead_decision"] == "confirmed").cast(pl.Float64).to_numpy()
    rows = decided.select("lead_score", "rule", "importer_code")
    other = np.where(days >= days[first_changed], 1 - outcome, outcome)
    known = np.ones(80, dtype=bool)
    is_before = days <= days[first_changed]
    assert np.array_equal(_describe(rows, outcome, days, known)[is_before], _describe(rows, other, days, known)[is_before])


def test_the_error_of_a_difference_is_that_of_drawing_again() -> None:
    chance = np.random.default_rng(7)
    outcome = chance.random(400) < 0.4
    one, other = outcome + chance.normal(0, 1.0, 400), outcome + chance.normal(0, 1.5, 400)
    first, second, error = compare_rankings(outcome, one, other)
    assert (first, second) == pytest.approx((roc_auc_score(outcome, one), roc_auc_score(outcome, other)))
    drawn = [chance.integers(0, 400, 400) for _ in range(200)]
    again = [roc_auc_score(outcome[rows], one[rows]) - roc_auc_score(outcome[rows], other[rows]) for rows in drawn]
    assert error == pytest.approx(np.std(again), rel=0.2)


def test_the_card_counts_what_was_decided_and_says_what_it_changed() -> None:
    decisions = decided_leads(600, seed=3)
    learned = learn(600, seed=3)
    card = describe_decisions(decisions, {"country": learned, "company": "too few"})
    assert card.schema == load_contract("decision_model_card").schema
    told = {(row["model_name"], row["card_item"]): (row["card_figure"], row["card_text"]) for row in card.to_dicts()}
    country, company = "decisions on leads about countries", "decisions on leads about companies"
    assert told[country, "signals decided on"][0] == 600
    assert told[country, "of them confirmed"][0] == (decisions["lead_decision"] == "confirmed").sum()
    assert told[country, "decided"][1] == f"{START:%Y-%m-%d} to {START + timedelta(hours=4 * 599):%Y-%m-%d}"
    assert str(told[country, "which order is used"][1]).startswith("leads are ordered by the learner")
    assert told[company, "signals decided on"][0] == 0
    assert "too few" in str(told[company, "leads are ordered by their scores alone"][1])
