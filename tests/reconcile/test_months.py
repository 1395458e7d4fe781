"""A month among its neighbours."""

import numpy as np
import polars as pl

from tests.reconcile.arrays import sides_of
from tests.reconcile.monthly_trade import exports, imports, pairs_of, published
from tests.reconcile.trade_rows import CHINA, MEXICO
from tradeflow.reconcile.arrival import NEIGHBOURS
from tradeflow.reconcile.months import Calendar, Surroundings, carried_amounts, gather_arrivals, read_calendar, surround

SHARES = np.array([[0.3, 0.7, 0.0]])


def calendar(months: int, *, imported: int | None = None) -> Calendar:
    known = np.ones((2, months), dtype=bool)
    imports = np.arange(months) < (months if imported is None else imported)
    return Calendar(0, known, known & imports, known, known)


def one_route(months: list[int], known: Calendar) -> Surroundings:
    count = len(months)
    zero = np.zeros(count, np.intp)
    sides = sides_of(np.ones(count), np.ones(count), zero, zero + 1, zero)
    return surround(sides, np.array(months), known, zero, SHARES, np.array([True]))


def test_the_neighbours_of_a_month_are_the_rows_of_its_route_and_no_others() -> None:
    around = one_route([4, 0, 1, 3], calendar(8))
    assert around.places.tolist() == [[-1, 3, 0, -1, -1], [-1, -1, 1, 2, -1], [-1, 1, 2, -1, 3], [2, -1, 3, 0, -1]]


def test_a_year_and_a_corridor_without_lag_have_no_surroundings() -> None:
    assert len(one_route([-1, 3], calendar(8)).rows) == 1
    zero = np.zeros(1, np.intp)
    sides = sides_of(np.ones(1), np.ones(1), zero, zero + 1, zero)
    assert not len(surround(sides, zero + 3, calendar(8), zero, SHARES, np.array([False])).rows)


def test_an_arrival_month_is_known_with_every_month_whose_goods_arrive_in_it() -> None:
    around = one_route([0, 3, 6], calendar(8, imported=7))
    assert around.is_known.tolist() == [[False, True, True], [True, True, True], [True, False, False]]


def test_amounts_are_told_in_parts_of_the_months_own() -> None:
    around = one_route([2, 3, 4], calendar(8))
    export, imported = np.array([10.0, 20.0, 40.0]), np.array([5.0, 10.0, 30.0])
    arrivals = gather_arrivals(export, imported, around, np.zeros(3), np.full(3, 0.1))
    assert arrivals.recorded[0].tolist() == [0.5, 1.0, 3.0]
    assert arrivals.mean[1].tolist() == [0.0, 0.9 * 0.5, 0.9 * 2.0, 0.0]
    assert arrivals.mean.shape == (3, len(NEIGHBOURS))


def test_what_arrives_of_the_months_before_is_carried() -> None:
    around = one_route([2, 3, 4], calendar(8))
    assert carried_amounts(np.array([10.0, 20.0, 40.0]), around).tolist() == [0.0, 7.0, 14.0]


def test_the_calendar_is_read_from_the_coverage() -> None:
    pairs = pairs_of(*exports(CHINA, MEXICO, [1.0] * 4), *imports(CHINA, MEXICO, [1.0] * 4))
    areas, codes = pl.Series([CHINA, MEXICO], dtype=pl.Int32).sort(), pairs["commodity_code"].unique().sort()
    known = read_calendar(*published(pairs, range(4), ((MEXICO, "M", 2),)), areas, codes)
    china, mexico, month = np.zeros(6, np.intp), np.ones(6, np.intp), known.first + np.arange(-1, 5)
    assert known.knows_exports(china, china, month).tolist() == [False, True, True, True, True, False]
    assert known.knows_imports(mexico, china, month).tolist() == [False, True, True, False, True, False]
