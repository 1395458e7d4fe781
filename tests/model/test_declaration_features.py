"""What a declaration is described by: only days before its own speak, and only history does."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.declaration_world import declarations
from tradeflow.model.declaration import days_of, describe_when_known, outcome_of
from tradeflow.model.declaration_features import PRIOR_OUTCOMES, describe_declarations, role_combinations

ROWS = declarations(120, days=12)
OUTCOME, days = outcome_of(ROWS), days_of(ROWS)
EVERYTHING = np.ones(ROWS.height, dtype=bool)


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, ROWS.height - 1), min_size=1))
def test_outcomes_at_or_after_a_rows_day_change_nothing_of_it(changed: set[int]) -> None:
    others = OUTCOME.copy()
    others[sorted(changed)] = 1 - others[sorted(changed)]
    before, after = (describe_declarations(ROWS, outcome, EVERYTHING).inputs for outcome in (OUTCOME, others))
    is_earlier = days <= min(days[sorted(changed)])
    np.testing.assert_array_equal(after[is_earlier], before[is_earlier])


def test_an_outcome_changes_later_rows_of_its_like() -> None:
    others = OUTCOME.copy()
    others[0] = 1 - others[0]
    before, after = (describe_declarations(ROWS, outcome, EVERYTHING) for outcome in (OUTCOME, others))
    its = (ROWS["importer_id"] == ROWS["importer_id"][0]).to_numpy() & (days > days[0])
    place = before.place("record", ("importer_id",))
    assert its.any()
    assert (after.inputs[its, place] != before.inputs[its, place]).all()


def test_rows_outside_the_history_teach_nothing() -> None:
    is_history = days < days.max() - 3
    changed = ROWS.with_columns(item_price=pl.when(pl.Series(is_history)).then("item_price").otherwise(pl.col("item_price") * 9))
    flipped = np.where(is_history, OUTCOME, 1 - OUTCOME)
    before, after = describe_declarations(ROWS, OUTCOME, is_history), describe_declarations(changed, flipped, is_history)
    others = [at for at, each in enumerate(before.features) if each.kind in ("record", "inspected")]
    np.testing.assert_array_equal(after.inputs[:, others], before.inputs[:, others])
    np.testing.assert_array_equal(after.inputs[is_history], before.inputs[is_history])


def test_a_record_is_the_smoothed_rate_of_the_inspected_before() -> None:
    outcome = OUTCOME.copy()
    outcome[::3] = np.nan
    described = describe_declarations(ROWS, outcome, EVERYTHING)
    row = ROWS.height - 1
    its = (ROWS["origin"] == ROWS["origin"][row]).to_numpy() & (days < days[row]) & ~np.isnan(outcome)
    expected = (outcome[its].sum() + PRIOR_OUTCOMES * described.average_rate[row]) / (its.sum() + PRIOR_OUTCOMES)
    assert described.inputs[row, described.place("inspected", ("origin",))] == its.sum() > 5
    assert described.inputs[row, described.place("record", ("origin",))] == pytest.approx(expected)


def test_a_distance_is_from_the_mean_of_the_code_before() -> None:
    described = describe_declarations(ROWS, OUTCOME, EVERYTHING)
    row = ROWS.height - 1
    its = (ROWS["hs6_code"] == ROWS["hs6_code"][row]).to_numpy() & (days < days[row])
    logs = np.log(ROWS["item_price"].to_numpy())
    spread = np.sqrt((((logs[its] - logs[its].mean()) ** 2).sum() + 4) / (its.sum() + 4))
    at = next(at for at, each in enumerate(described.features) if (each.measure, each.columns) == ("log_price", ("hs6_code",)))
    assert described.inputs[row, at] == pytest.approx((logs[row] - logs[its].mean()) / spread, rel=1e-4)


def test_a_trial_sees_uninspected_rows_up_to_its_last_known_day_only() -> None:
    is_known = days < 5 + days.min()
    changed = ROWS.with_columns(is_fraud=pl.when(pl.Series(is_known)).then("is_fraud").otherwise(~pl.col("is_fraud")))
    before, after = describe_when_known(ROWS, is_known), describe_when_known(changed, is_known)
    others = [at for at, each in enumerate(before.features) if each.kind in ("record", "inspected")]
    np.testing.assert_array_equal(after.inputs[:, others], before.inputs[:, others])


def test_a_table_of_few_columns_is_described_by_those() -> None:
    few = ROWS.select("declaration_date", "importer_id", "net_weight_kg")
    described = describe_declarations(few, OUTCOME, EVERYTHING)
    assert {column for each in described.features for column in each.columns} == {"importer_id"}
    assert np.isnan(described.inputs[:, 0]).all()  # no price, so no unit value


def test_only_what_makes_a_consignment_is_combined_beyond_pairs() -> None:
    combined = role_combinations(["office", "importer_id", "hs6_code", "departure", "origin"])
    assert [each for each in combined if len(each) > 2] == [("hs6_code", "departure", "origin")]
    assert len([each for each in combined if len(each) == 2]) == 10
