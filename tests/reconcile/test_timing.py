"""Alignment of whole routes: what timing is learnt to be, and what each month is taken for."""

from dataclasses import replace

import numpy as np
import pytest

from tests.reconcile.arrays import sides_of
from tradeflow.reconcile.measure import ReconcileOptions
from tradeflow.reconcile.months import Calendar
from tradeflow.reconcile.sides import ALIGNMENTS, Floats, Ints, Sides
from tradeflow.reconcile.timing import Timing, align_sides, fit_timing

AREAS, CODES, MONTHS = 6, 12, 30
UNRECORDED = 0.15
KEYS = np.array([e * AREAS + i for e in range(AREAS) for i in range(AREAS) if e != i])
CALENDAR = Calendar(0, *(np.ones((rows, MONTHS), dtype=bool) for rows in (AREAS, AREAS, CODES, CODES)))


def late_trade(*, spread: bool) -> tuple[Sides, Ints, Floats]:
    """Three in ten parts arrive in the month, the rest in the next; with `spread` each cargo as a whole. Return sides, months, recorded."""
    random = np.random.default_rng(11)
    e, i, k = (axis.ravel() for axis in np.meshgrid(np.arange(AREAS), np.arange(AREAS), np.arange(CODES), indexing="ij"))
    e, i, k = e[e != i], i[e != i], k[e != i]
    sent = np.exp(random.normal(12, 1, (len(e), MONTHS))) * (random.random((len(e), MONTHS)) < 0.6)
    recorded = sent * np.exp(random.normal(0, 0.15, sent.shape)) * (random.random(sent.shape) > UNRECORDED)
    share = (random.random(sent.shape) < 0.3).astype(float) if spread else np.full(sent.shape, 0.3)
    arrived = recorded * share
    arrived[:, 1:] += (recorded * (1 - share))[:, :-1]
    route, month = np.nonzero((sent > 0) | (arrived > 0))
    x, m = (np.where(amounts[route, month] > 0, amounts[route, month], np.nan) for amounts in (sent, arrived))
    sides = sides_of(x, m, e[route], i[route], k[route])
    return replace(sides, market=k[route] * MONTHS + month), month, recorded[route, month]


def fitted(sides: Sides, months: Ints, first_share: float) -> Timing | None:
    shares = np.tile([first_share, 1 - first_share, 0.0], (len(KEYS), 1))
    return fit_timing(sides, months, CALENDAR, KEYS, shares, AREAS, CODES, ReconcileOptions())


def test_goods_are_found_again_where_their_shares_hold() -> None:
    sides, months, recorded = late_trade(spread=False)
    timing = fitted(sides, months, 0.3)
    assert timing is not None
    assert timing.spread <= 0.05
    assert timing.unrecorded_rate == pytest.approx(np.full(AREAS, UNRECORDED), abs=0.08)
    aligned = align_sides(sides, months, CALENDAR, timing).aligned
    assert aligned is not None
    told = (aligned.label == ALIGNMENTS.index("aligned")) & (recorded > 0)
    off = np.abs(np.log(aligned.usd[told] / recorded[told]))
    assert told.sum() > 3000
    assert np.median(off) < np.nanmedian(np.abs(np.log(sides.import_usd[told] / recorded[told]))) / 4
    assert aligned.kg[told] == pytest.approx(aligned.usd[told] / 2, rel=0.2)


def test_months_without_a_record_are_seen_for_what_they_are() -> None:
    sides, months, recorded = late_trade(spread=False)
    timing = fitted(sides, months, 0.3)
    assert timing is not None
    aligned = align_sides(sides, months, CALENDAR, timing).aligned
    assert aligned is not None
    is_sent, is_inside = np.isfinite(sides.export_usd), months < MONTHS - 1
    called = aligned.label == ALIGNMENTS.index("not_recorded")
    assert called[is_sent & is_inside & (recorded == 0)].mean() > 0.7
    assert called[is_sent & is_inside & (recorded > 0)].mean() < 0.05


def test_cargoes_that_arrive_as_a_whole_are_learnt_to_scatter_and_are_told_less_surely() -> None:
    punctual, scattered = (fitted(*late_trade(spread=spread)[:2], 0.3) for spread in (False, True))
    assert punctual is not None
    assert scattered is not None
    assert scattered.spread >= 0.6
    sides, months, _ = late_trade(spread=True)
    variances = []
    for timing in (punctual, scattered):
        aligned = align_sides(sides, months, CALENDAR, timing).aligned
        assert aligned is not None
        variances.append(float(np.median(aligned.usd_variance[aligned.label == ALIGNMENTS.index("aligned")])))
    assert variances[1] > variances[0]


def test_without_a_late_share_nothing_is_fitted() -> None:
    sides, months, _ = late_trade(spread=False)
    assert fitted(sides, months, 0.95) is None
