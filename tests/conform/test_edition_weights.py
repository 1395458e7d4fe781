"""Weights between editions: found again from reporters who changed, taken from the world where too few did, and always a whole."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conform.test_editions import concordance
from tradeflow.conform import fit_edition_weights
from tradeflow.contract import load_codelist

TRADE_SCHEMA = {
    "freq_code": pl.String, "period": pl.Int32, "reporter_code": pl.Int32, "flow_code": pl.String, "hs_revision": pl.String,
    "commodity_code": pl.String, "primary_value_usd": pl.Float64,
}  # fmt: skip
SPLIT = concordance("H5 290001 H6 290001 1:n", "H5 290001 H6 290002 1:n", "H5 290005 H6 290005 1:1", "H6 290002 H5 290001 n:1")
CROSSED = concordance(
    "H5 290001 H6 290001 n:n", "H5 290001 H6 290002 n:n", "H5 290003 H6 290002 n:n", "H5 290003 H6 290004 n:n"
)  # fmt: skip


def trade(*rows: tuple[int, int, str, str, float]) -> pl.LazyFrame:
    """Imports as (reporter, year, edition, code, USD)."""
    filled = [("A", year, reporter, "M", edition, code, usd) for reporter, year, edition, code, usd in rows]
    return pl.LazyFrame(filled, schema=TRADE_SCHEMA, orient="row")


def fit(rows: pl.LazyFrame, steps: pl.DataFrame) -> dict[tuple[str, str], tuple[float, float, str]]:
    """Return (weight, variance, label) of each step by its two codes, of the steps forward."""
    fitted = fit_edition_weights(rows, steps).filter(pl.col("from_revision") < pl.col("to_revision"))
    return {(r["from_code"], r["to_code"]): (r["weight"], r["weight_variance"], r["weight_label"]) for r in fitted.to_dicts()}


def switchers(count: int, before: dict[str, float], weights: dict[tuple[str, str], float], spread: float = 0.0) -> pl.LazyFrame:
    """Reporters in H5 in 2021 and in H6 in 2022, each with a mix of its own and weights about the common ones."""
    random = np.random.default_rng(3)
    rows = []
    for reporter in range(1, count + 1):
        mix = {code: usd * random.uniform(0.1, 3) for code, usd in before.items()}
        rows += [(reporter, 2021, "H5", code, usd) for code, usd in mix.items()]
        own = {way: max(0.0, weight + random.normal(0, spread)) for way, weight in weights.items()}
        sums = {code: sum(weight for (old, _), weight in own.items() if old == code) for code in before}
        rows += [(reporter, 2022, "H6", new, 1.2 * mix[old] * weight / sums[old]) for (old, new), weight in own.items()]
    return trade(*rows)


def test_reporters_who_changed_show_a_simple_split() -> None:
    rows = switchers(40, {"290001": 100}, {("290001", "290001"): 0.8, ("290001", "290002"): 0.2}, spread=0.1)
    weight, variance, label = fit(rows, SPLIT)["290001", "290002"]

    assert (weight, label) == (pytest.approx(0.2, abs=0.05), "fitted_on_reporters")
    assert variance == pytest.approx(0.01, rel=0.6)


def test_crossing_codes_are_told_apart_by_the_reporters_mixes() -> None:
    true = {("290001", "290001"): 0.7, ("290001", "290002"): 0.3, ("290003", "290002"): 0.1, ("290003", "290004"): 0.9}
    found = fit(switchers(40, {"290001": 100, "290003": 80}, true, spread=0.03), CROSSED)

    for way, weight in true.items():
        assert found[way][0] == pytest.approx(weight, abs=0.05), way


def test_where_too_few_changed_the_worlds_shares_stand_in_and_say_so() -> None:
    few = trade((1, 2021, "H5", "290001", 50), (1, 2022, "H6", "290001", 30), (2, 2022, "H6", "290002", 10))

    assert fit(few, SPLIT)["290001", "290002"] == (0.25, pytest.approx(0.25 * 0.75), "world_share")


def test_where_a_code_of_the_group_was_perhaps_never_pulled_nothing_is_read_from_the_others() -> None:
    partly = switchers(40, {"290001": 100}, {("290001", "290001"): 1.0})

    assert fit(partly, SPLIT)["290001", "290001"] == (0.5, 0.25, "equal_share")


def test_a_reporter_that_was_silent_for_years_or_used_one_edition_is_no_witness() -> None:
    late = [(r, y, e, c, 1.0) for r in range(20) for y, e, c in ((2015, "H5", "290001"), (2022, "H6", "290002"))]
    weight, _, label = fit(trade(*late, (99, 2022, "H6", "290001", 20.0)), SPLIT)["290001", "290001"]

    assert (weight, label) == (0.5, "world_share")


def test_without_any_trade_a_split_is_even_and_says_so() -> None:
    assert fit(trade(), SPLIT)["290001", "290001"] == (0.5, 0.25, "equal_share")
    assert fit(trade(), SPLIT)["290005", "290005"] == (1.0, 0.0, "whole")


def test_the_real_list_has_a_weight_for_every_step() -> None:
    real = load_codelist("hs_concordance")
    fitted = fit_edition_weights(trade((1, 2022, "H6", "292640", 3.0), (1, 2022, "H6", "292690", 9.0)), real)

    assert fitted.drop("weight", "weight_variance", "weight_label").equals(real.drop("weight"))
    assert fitted["weight"].null_count() == 0
    assert (fitted.filter(real["weight"] == 1.0)["weight_label"] == "whole").all()


_codes = st.sampled_from(["290001", "290002", "290003"])
_rows = st.tuples(st.integers(1, 9), st.integers(2020, 2023), st.sampled_from(["H5", "H6"]), _codes, st.integers(0, 99).map(float))


@settings(max_examples=40, deadline=None)
@given(st.lists(_rows, max_size=40), st.sets(st.tuples(_codes, _codes), min_size=1, max_size=9), st.randoms())
def test_the_weights_of_a_code_are_a_whole_in_any_order(rows: list[Any], ways: set[tuple[str, str]], random: Any) -> None:
    steps = concordance(*(f"H5 {old} H6 {new} n:n" for old, new in sorted(ways)))
    fitted = fit_edition_weights(trade(*rows), steps)
    shuffled = [*rows]
    random.shuffle(shuffled)

    sums = fitted.group_by("from_code").agg(pl.col("weight").sum())["weight"]
    assert ((sums - 1).abs() < 1e-9).all()
    assert fitted["weight"].min() >= 0  # type: ignore[operator]
    assert (fitted["weight_variance"] <= fitted["weight"] * (1 - fitted["weight"]) + 1e-12).all()
    again = fit_edition_weights(trade(*shuffled), steps)
    assert (again["weight"] - fitted["weight"]).abs().max() < 1e-6  # type: ignore[operator]
    assert again["weight_label"].equals(fitted["weight_label"])
