"""What the gate promises for every contract that there is, and for any frame."""

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.contract_strategies import breakable_rules, broken_frames, valid_frames
from tradeflow.contract import contract_names, load_contract
from tradeflow.validate.gate import hold_to_contract, kept_schema

every_contract = pytest.mark.parametrize("name", contract_names())
few_examples = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@every_contract
@few_examples
@given(data=st.data())
def test_a_valid_frame_is_kept_whole(name: str, data: st.DataObject) -> None:
    contract = load_contract(name)
    frame = data.draw(valid_frames(contract))

    verdict = hold_to_contract(frame, contract)

    assert verdict.counts == {}
    assert verdict.broken.height == 0
    assert verdict.kept.schema == kept_schema(contract)
    unspelled = [each for each in contract.column_names if kept_schema(contract)[each] == contract.schema[each]]
    assert_frame_equal(verdict.kept.select(unspelled), frame.select(unspelled))


@every_contract
@few_examples
@given(data=st.data())
def test_a_deliberate_breach_is_named_and_no_row_is_lost(name: str, data: st.DataObject) -> None:
    contract = load_contract(name)
    breach = data.draw(broken_frames(contract))
    frame = breach.frame.with_columns(place=pl.int_range(breach.frame.height))

    verdict = hold_to_contract(frame, contract)

    assert verdict.counts == {breach.rule: len(breach.places)}
    assert verdict.broken["place"].to_list() == list(breach.places)
    assert verdict.broken["rule"].unique().to_list() == [breach.rule]
    assert verdict.kept["place"].to_list() == [at for at in range(frame.height) if at not in breach.places]


@every_contract
@few_examples
@given(data=st.data())
def test_shuffling_rows_changes_nothing_but_their_order(name: str, data: st.DataObject) -> None:
    contract = load_contract(name)
    frame = data.draw(broken_frames(contract)).frame
    order = data.draw(st.permutations(range(frame.height)))

    verdict = hold_to_contract(frame, contract)
    shuffled = hold_to_contract(frame[order], contract)

    assert shuffled.counts == verdict.counts
    assert_frame_equal(shuffled.kept, verdict.kept, check_row_order=False)


@every_contract
def test_every_rule_of_a_contract_can_be_broken_alone(name: str) -> None:
    contract = load_contract(name)

    assert {rule.name for rule in contract.rules} <= breakable_rules(contract)
