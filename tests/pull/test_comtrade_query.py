"""How a query is cut, and which periods it may name: the parts that need no server."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pull.comtrade_server import make_release
from tradeflow.contract import codes_of, load_contract, source_layouts
from tradeflow.pull.comtrade_plan import requested_periods
from tradeflow.pull.comtrade_query import Query, data_url, shorten_query, split_query
from tradeflow.settings import ComtradeSource

PARTNERS = tuple(sorted(codes_of("area.area_code").to_list()))
MONTHS = tuple(range(202301, 202313))
CODES = tuple(str(code) for code in range(291401, 291441))


def cells(query: Query) -> list[tuple[int, str, str, int]]:
    return list(itertools.product(query.periods, query.commodities, query.flows, query.partners or PARTNERS))


queries = st.builds(
    Query,
    st.just(276),
    st.lists(st.sampled_from(MONTHS), min_size=1, max_size=12, unique=True).map(tuple),
    st.lists(st.sampled_from(CODES), min_size=1, max_size=5, unique=True).map(tuple),
    st.lists(st.sampled_from(["M", "X", "RM", "RX"]), min_size=1, unique=True).map(tuple),
    st.one_of(st.just(()), st.lists(st.sampled_from(PARTNERS), min_size=1, max_size=9, unique=True).map(tuple)),
)


@given(query=queries, pieces=st.integers(min_value=2, max_value=50))
def test_the_pieces_of_a_query_ask_for_each_of_its_cells_once(query: Query, pieces: int) -> None:
    split = split_query(query, pieces)
    assert split == [] or sorted(cell for piece in split for cell in cells(piece)) == sorted(cells(query))
    assert (split == []) == (len(cells(query)) == 1)
    assert len(split) != 1


@given(query=queries)
def test_a_shortened_query_asks_for_each_of_its_cells_once_in_shorter_urls(query: Query) -> None:
    source = ComtradeSource(kind="comtrade")
    short = shorten_query(query)
    assert short == [] or sorted(cell for piece in short for cell in cells(piece)) == sorted(cells(query))
    assert all(len(data_url(source, True, piece)) < len(data_url(source, True, query)) for piece in short)


@given(query=queries)
def test_a_query_can_be_shortened_until_nothing_is_left_to_leave_out(query: Query) -> None:
    waiting, ends = [query], []
    while waiting:
        each = waiting.pop()
        waiting.extend(shorten_query(each)) if shorten_query(each) else ends.append(each)
    assert all(len(end.periods) == len(end.commodities) == len(end.flows) == 1 and len(end.partners) <= 1 for end in ends)


@pytest.mark.parametrize(
    ("settings", "periods"),
    [
        ({"frequency": "M", "first_period": 202311, "last_period": 202402}, [202311, 202312, 202401, 202402]),
        ({"frequency": "M", "first_period": 202406}, [202406, 202407]),
        ({"frequency": "A", "first_period": 2022}, [2022, 2023, 2024]),
    ],
)
def test_the_periods_of_the_settings_run_to_the_current_one(settings: dict[str, object], periods: list[int]) -> None:
    source = ComtradeSource.model_validate({"kind": "comtrade"} | settings)
    assert requested_periods(source, datetime(2024, 7, 1, tzinfo=UTC)) == periods


def test_the_availability_contract_declares_the_fields_of_the_answer_and_is_no_layout_of_trade() -> None:
    contract = load_contract("source_comtrade_availability")
    assert contract.column_names == list(make_release(276, 202401))
    assert contract not in source_layouts()
