"""What was known before a period: nothing of it or of a later one."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tradeflow.signals.earlier import sum_earlier

ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 6), st.integers(-5, 5)), min_size=1, max_size=20)


@given(ROWS)
def test_only_earlier_periods_of_the_key_count(rows: list[tuple[str, int, int]]) -> None:
    told = pl.DataFrame(rows, schema={"key": pl.String, "period": pl.Int32, "kg": pl.Int64}, orient="row")
    total = {(key, period): kg for key, period, kg in sum_earlier(told, ["key"], ["kg"]).iter_rows()}
    for key, period, _ in rows:
        assert total[key, period] == sum(kg for other, earlier, kg in rows if other == key and earlier < period)
