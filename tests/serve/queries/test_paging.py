from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tradeflow.exceptions import QuestionError
from tradeflow.serve.queries.paging import Order, read_cursor, write_cursor


@given(st.integers() | st.floats(allow_nan=False), st.integers() | st.text())
def test_a_cursor_holds_its_place(figure: float, key: int | str) -> None:
    assert read_cursor(write_cursor(figure, key)) == (figure, key)


@pytest.mark.parametrize("written", [None, 5, "a", [], [1], [1, 2, 3], ["a", 1], [True, 1], [1, None], {"a": 1, "b": 2}])
def test_a_cursor_that_we_did_not_write_is_refused(written: Any) -> None:
    with pytest.raises(QuestionError):
        read_cursor(base64.urlsafe_b64encode(json.dumps(written).encode()).decode())


@given(st.text())
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        read_cursor(text)
    except QuestionError:
        return


@pytest.mark.parametrize("key", ["text", True])
def test_a_place_of_another_kind_than_the_key_is_refused(key: Any) -> None:
    order = Order(sa.column("lead_score", sa.Float), sa.column("lead_rank", sa.Integer))
    with pytest.raises(QuestionError):
        order.behind(write_cursor(1.5, key))
