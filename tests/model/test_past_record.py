"""Sums over the past: against a slow count, and nothing of the day itself or after it."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tradeflow.model.past_record import PastRecord, cross_groups, number_values

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 1)), max_size=40)


@given(ROWS)
def test_sums_equal_the_slow_count(rows: list[tuple[int, int, int]]) -> None:
    groups, days, amounts = (
        (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)) if rows else (np.zeros(0, np.int64),) * 3
    )
    found = PastRecord(groups, days).sum_before(amounts.astype(float))
    slow = [sum(amount for group, day, amount in rows if group == own and day < when) for own, when, _ in rows]
    np.testing.assert_array_equal(found, np.array(slow, dtype=float))


@given(ROWS.filter(bool), st.data())
def test_an_amount_at_or_after_a_day_changes_no_earlier_sum(rows: list[tuple[int, int, int]], data: st.DataObject) -> None:
    changed = data.draw(st.integers(0, len(rows) - 1))
    groups, days, amounts = (np.array(column) for column in zip(*rows, strict=True))
    past = PastRecord(groups, days)
    before = past.sum_before(amounts.astype(float))
    amounts[changed] += 10
    after = past.sum_before(amounts.astype(float))
    is_untouched = days <= days[changed]
    np.testing.assert_array_equal(after[is_untouched], before[is_untouched])


def test_groups_are_equal_where_all_columns_are_and_an_empty_cell_is_one_of_its_own() -> None:
    first, second = pl.Series(["a", "a", None, None, "b"]), pl.Series([1.5, 1.5, 1.5, None, 1.5])
    crossed = cross_groups([number_values(first), number_values(second)])
    assert (crossed[:, None] == crossed).sum(axis=1).tolist() == [2, 2, 1, 1, 1]


def test_so_many_columns_that_their_product_is_no_number_are_still_told_apart() -> None:
    wide = [np.array([0, 2**21 - 1, 0, 2**21 - 1]), np.array([0, 2**21 - 1, 0, 0]), np.array([0, 2**21 - 1, 0, 5]), np.array([7, 7, 7, 7])]
    crossed = cross_groups(wide)
    assert (crossed[:, None] == crossed).sum(axis=1).tolist() == [2, 1, 2, 1]
