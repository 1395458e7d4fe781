"""Lag shares: found again under errors in both reports, borrowed where a corridor says little, and proof against order and scale."""

from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.reconcile.monthly_trade import NO_DISTANCES, distances, exports, imports, lagged_trade, pairs_of, published
from tests.reconcile.trade_rows import CHINA, GERMANY, INDIA, MEXICO, USA
from tradeflow.contract import load_contract
from tradeflow.reconcile.lag import SHARES, fit_lag_shares

MONTHS = range(72)


def fit(pairs: pl.DataFrame, known: pl.DataFrame = NO_DISTANCES, months: range = MONTHS) -> dict[tuple[int, int], dict[str, Any]]:
    fitted = fit_lag_shares(pairs, *published(pairs, months), known)
    columns = load_contract("corridor_lag").schema
    assert fitted.schema == {name: dtype for name, dtype in columns.items() if name != "share_spread"}
    return {(row["exporter_code"], row["importer_code"]): row for row in fitted.iter_rows(named=True)}


def shares_of(row: dict[str, Any]) -> list[float]:
    return [row[name] for name in SHARES]


@cache
def two_corridors() -> pl.DataFrame:
    random = np.random.default_rng(11)
    near = lagged_trade(random, GERMANY, USA, (1.0, 0.0, 0.0), noise=0.6, codes=8)
    return pairs_of(*near, *lagged_trade(random, CHINA, MEXICO, (0.1, 0.6, 0.3), noise=0.6, codes=8))


def test_shares_are_found_again_though_both_sides_err_by_nearly_half() -> None:
    found = fit(two_corridors(), distances((GERMANY, USA, 300), (CHINA, MEXICO, 12_000)))

    assert shares_of(found[GERMANY, USA]) == pytest.approx([1, 0, 0], abs=0.12)
    assert shares_of(found[CHINA, MEXICO]) == pytest.approx([0.1, 0.6, 0.3], abs=0.1)
    assert {row["lag_label"] for row in found.values()} == {"own_months"}


def test_a_corridor_without_months_of_its_own_borrows_from_its_distance_band() -> None:
    lonely = pairs_of(*exports(INDIA, GERMANY, [5.0]), *exports(INDIA, MEXICO, [5.0]))
    pairs = pl.concat([two_corridors().cast({"commodity_code": pl.String}), lonely.cast({"commodity_code": pl.String})])
    found = fit(pairs, distances((GERMANY, USA, 300), (CHINA, MEXICO, 12_000), (INDIA, GERMANY, 200), (INDIA, MEXICO, 15_000)))

    assert found[INDIA, GERMANY]["lag_label"] == found[INDIA, MEXICO]["lag_label"] == "distance_band"
    assert shares_of(found[INDIA, GERMANY])[0] > 0.75
    assert shares_of(found[INDIA, MEXICO])[1] > 0.4


def test_where_the_distance_is_unknown_it_borrows_from_its_importer() -> None:
    lonely = pairs_of(*exports(INDIA, USA, [5.0]), *exports(INDIA, MEXICO, [5.0]))
    found = fit(pl.concat([two_corridors().cast({"commodity_code": pl.String}), lonely.cast({"commodity_code": pl.String})]))

    assert found[INDIA, USA]["lag_label"] == found[INDIA, MEXICO]["lag_label"] == "importer"
    assert shares_of(found[INDIA, USA])[0] > 0.75
    assert shares_of(found[INDIA, MEXICO])[1] > 0.4


def test_where_nothing_can_be_learnt_goods_arrive_in_the_month_of_departure() -> None:
    found = fit(pairs_of(*exports(CHINA, MEXICO, [5.0, 5.0]), *imports(CHINA, MEXICO, [5.0, 5.0])), months=range(2))

    assert shares_of(found[CHINA, MEXICO]) == [1, 0, 0]
    assert found[CHINA, MEXICO]["lag_observation_count"] == 0


def test_months_that_a_side_has_not_published_say_nothing() -> None:
    sent = [0.0, 0, 9, 0, 0, 7, 0, 0, 8, 0, 0, 9, 0, 0]
    pairs = pairs_of(*exports(CHINA, MEXICO, sent), *imports(CHINA, MEXICO, [0.0, *sent[:-1]]))
    gaps = tuple((CHINA, "X", month) for month in range(1, 14, 2))

    whole, gappy = (
        fit_lag_shares(pairs, *published(pairs, range(14), late), NO_DISTANCES)["lag_observation_count"].item() for late in ((), gaps)
    )

    assert whole == 12  # the first two months have no month before them
    assert gappy == 0  # never three published months in a row


def test_annual_figures_have_no_lag() -> None:
    pairs = pairs_of(*[row | {"freq_code": "A", "period": 2020} for row in exports(CHINA, MEXICO, [5.0])])

    assert fit_lag_shares(pairs, *published(pairs, MONTHS), NO_DISTANCES).is_empty()


_series = st.lists(st.integers(0, 9).map(float), min_size=12, max_size=20)


@settings(max_examples=40, deadline=None)
@given(_series, _series, st.integers(2, 1000), st.integers(2, 1000), st.randoms())
def test_shares_are_shares_whatever_the_scale_and_the_order(out: list[float], into: list[float], up: int, down: int, random: Any) -> None:
    rows = [*exports(CHINA, MEXICO, out), *imports(CHINA, MEXICO, into), *exports(CHINA, USA, into), *imports(CHINA, USA, out)]
    scaled = [row | {"primary_value_usd": row["primary_value_usd"] * (up if row["flow_code"] == "X" else down)} for row in rows]
    random.shuffle(scaled)
    if not rows:
        return
    one, other = pairs_of(*rows), pairs_of(*scaled)
    fitted = fit_lag_shares(one, *published(one, range(20)), NO_DISTANCES)

    total = fitted.select(pl.sum_horizontal(SHARES)).to_series()
    assert ((total - 1).abs() < 1e-9).all()
    assert fitted.select(pl.min_horizontal(SHARES)).to_series().min() >= 0  # type: ignore[operator]
    assert_frame_equal(fitted, fit_lag_shares(other, *published(other, range(20)), NO_DISTANCES), abs_tol=1e-4)
