"""Rows in another edition: every dollar and kilogram of a row is in its parts, and a code that nobody knows stays and says so."""

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conform.test_edition_weights import trade
from tests.conform.test_editions import ROW_SCHEMA, concordance, rows_of
from tradeflow.conform import convert_editions, fit_edition_weights
from tradeflow.contract import load_codelist

NOBODY = trade()
STEPS = concordance(
    "H4 290001 H5 290001 1:1", "H5 290001 H6 290001 1:n", "H5 290001 H6 290002 1:n",
    "H6 290001 H5 290001 n:1", "H6 290002 H5 290001 n:1", "H5 290001 H4 290001 1:1",
)  # fmt: skip


def convert(steps: pl.DataFrame, to_edition: str, *rows: tuple[str | None, str], known: pl.LazyFrame = NOBODY) -> pl.DataFrame:
    return convert_editions(rows_of(*rows).collect(), fit_edition_weights(known, steps), to_edition)


def told(converted: pl.DataFrame) -> list[tuple[Any, ...]]:
    return converted.select("hs_revision", "commodity_code", "conversion_weight", "conversion_label").rows()


def test_a_split_code_becomes_two_parts_by_weight() -> None:
    world = trade((1, 2017, "H5", "290001", 5), (1, 2022, "H6", "290001", 30), (1, 2022, "H6", "290002", 10))
    found = convert(STEPS, "H6", ("H4", "290001"), ("H4", "290001"), known=world)

    assert told(found)[2:] == [("H6", "290001", 0.75, "world_share"), ("H6", "290002", 0.25, "world_share")]
    assert found["primary_value_usd"].to_list() == [0, 0, 0.75, 0.25]
    assert found["net_weight_kg"].to_list() == [0, 0, 0.375, 0.125]
    assert found["conversion_weight_variance"].to_list() == pytest.approx([0.1875] * 4)


def test_codes_that_merge_are_whole_and_sure() -> None:
    found = convert(STEPS, "H4", ("H6", "290001"), ("H6", "290002"))

    assert told(found) == [("H4", "290001", 1.0, "whole")] * 2
    assert found["conversion_weight_variance"].to_list() == [0, 0]


def test_what_parts_and_meets_again_is_whole_again() -> None:
    steps = concordance("H4 290001 H5 290001 1:n", "H4 290001 H5 290002 1:n", "H5 290001 H6 290009 n:1", "H5 290002 H6 290009 n:1")
    found = convert(steps, "H6", ("H4", "290001"))

    assert told(found) == [("H6", "290009", 1.0, "equal_share")]
    assert found["conversion_weight_variance"].item() == 0


def test_a_code_that_cannot_go_stays_and_says_why() -> None:
    found = convert(STEPS, "H6", (None, "290001"), ("H4", "2900"), ("H4", "290099"), ("H6", "290002"), ("H1", "290001"))

    assert told(found) == [
        (None, "290001", 1.0, "edition_unknown"), ("H4", "2900", 1.0, "not_a_subheading"), ("H4", "290099", 1.0, "code_unknown"),
        ("H6", "290002", 1.0, "same_edition"), ("H1", "290001", 1.0, "code_unknown"),
    ]  # fmt: skip


def test_a_way_that_breaks_off_leaves_its_part_where_it_got_to() -> None:
    steps = concordance("H4 290001 H5 290001 1:n", "H4 290001 H5 310002 1:n", "H5 290001 H6 290001 1:1")
    found = convert(steps, "H6", ("H4", "290001"))

    assert told(found) == [("H5", "310002", 0.5, "code_unknown"), ("H6", "290001", 0.5, "equal_share")]
    assert found["commodity_chapter"].to_list() == ["31", "29"]


def test_the_real_list_carries_a_precursor_to_where_it_was_born_and_back() -> None:
    real = load_codelist("hs_concordance")

    forth = convert(real, "H6", ("H4", "292690"))
    assert {"292640", "292690"} == set(forth["commodity_code"])
    assert forth["primary_value_usd"].sum() == 0
    back = convert(real, "H4", ("H6", "292640"))
    assert told(back) == [("H4", "292690", 1.0, "whole")]


_codes = st.sampled_from(["290001", "290002", "290003"])
_ways = st.sets(st.tuples(st.sampled_from(["H4 {} H5 {}", "H5 {} H6 {}"]), _codes, _codes), min_size=1, max_size=10)
_amounts = st.one_of(st.none(), st.floats(0, 1e15), st.sampled_from([0.1, 1 / 3, 5e-324, 1e300]))
_rows = st.lists(st.tuples(st.sampled_from(["H4", "H5", "H6", "H0", None]), _codes, _amounts, _amounts), max_size=8)
_trade = st.lists(
    st.tuples(st.integers(1, 3), st.integers(2016, 2023), st.sampled_from(["H4", "H5", "H6"]), _codes, st.floats(0, 1e9)), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(_rows, _ways, _trade, st.sampled_from(["H4", "H5", "H6"]))
def test_every_row_is_the_sum_of_its_parts_to_the_last_digit(
    rows: list[Any], ways: set[tuple[str, str, str]], known: list[Any], to_edition: str
) -> None:
    steps = concordance(*(f"{form.format(old, new)} n:n" for form, old, new in sorted(ways)))
    filled = [("M", 202401, place, edition, code, code[:2], usd, kg) for place, (edition, code, usd, kg) in enumerate(rows)]
    given_rows = pl.DataFrame(filled, schema=ROW_SCHEMA, orient="row")
    found = convert_editions(given_rows, fit_edition_weights(trade(*known), steps), to_edition)

    assert found["conversion_label"].null_count() == 0
    for place, (_, _, *amounts) in enumerate(rows):
        parts = found.filter(pl.col("reporter_code") == place)
        assert parts["conversion_weight"].sum() == pytest.approx(1)
        for name, amount in zip(("primary_value_usd", "net_weight_kg"), amounts, strict=True):
            assert parts.height >= 1
            if amount is None:
                assert parts[name].null_count() == parts.height
            else:
                assert sum(parts[name]) == sum(reversed(parts[name].to_list())) == math.fsum(parts[name]) == amount
                assert parts[name].min() >= 0  # type: ignore[operator]
