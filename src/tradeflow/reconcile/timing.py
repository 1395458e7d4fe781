"""Brings the importer's months to the exporter's: which corridors have a lag, how it scatters, what the importer recorded of each month.

Goods that leave in month t are recorded in t, t+1 and t+2 by the corridor's shares. Where a share comes later, both sides of one month are
no sides of one trade. What is compared is the importer's record of what left in the month, estimated from the months in which
it arrives; how badly these tell it is a variance of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from tradeflow.reconcile.arrival import Departed, find_departed, join_departed
from tradeflow.reconcile.corridor import place_corridors, sum_by
from tradeflow.reconcile.measure import ReconcileOptions, fit_measure
from tradeflow.reconcile.months import Calendar, Surroundings, carried_amounts, gather_arrivals, surround
from tradeflow.reconcile.sides import ALIGNMENTS, AlignedImports, Floats, Ints, Sides
from tradeflow.reconcile.slip import mend_weights, usual_unit_values

LEAST_LATE_SHARE = 0.1
"""Share of the goods recorded after their month from which a corridor has a lag; below, it is within what fitted shares err."""
_SPREADS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 1.0)
_UNRECORDED_RATE = 0.05
_PRIOR_MONTHS = 20
"""Months of the general rate that an importer's own rate of missing records is shrunk by."""
_ROUNDS = 2
_FIRST_VARIANCE = 0.25
"""Of a gap, before anything is known: a factor of 1.6 in half of the cases."""
_LEAST_RATE = 0.002
_FOREIGN_CHANCE = 0.02
_SPREAD_SAMPLE = 20_000
_LARGEST_VARIANCE = 1.5
"""A corridor on which nothing fits must not make the variance of an amount run away."""
_SURE = 0.7
"""Chance of not being recorded from which a month has nothing to compare: two to one."""
_LARGEST_TIMING = 4.0
"""Variance from which what is found of a month is no figure any more."""
_LEAST_REST = 0.1
_BLOCK = 16_384
"""Months solved for at a time: what they need stays near the processor, in half the time."""
ALIGNED, TRUNCATED, NOT_RECORDED, NOT_KNOWN, CARRIED = range(1, len(ALIGNMENTS))


@dataclass(frozen=True)
class _Usual:
    """Of one measure: ln(importer / exporter) that is usual on each corridor, margin and habit in one, and its variance."""

    level: Floats
    variance: Floats


@dataclass(frozen=True)
class Timing:
    """All that alignment needs; corridors by their place in the sorted `corridor_keys`."""

    areas: int
    corridor_keys: Ints
    shares: Floats
    unit_value_log: Floats
    spread: float
    unrecorded_rate: Floats
    """By importer: how often it records nothing of a month's goods."""
    value: _Usual
    weight: _Usual

    @property
    def has_lag(self) -> np.ndarray:
        """Whether a share of a corridor's goods is recorded after their month."""
        lagged: np.ndarray = self.shares[:, 0] < 1 - LEAST_LATE_SHARE
        return lagged

    def place(self, sides: Sides) -> Ints:
        """Return each pair's corridor."""
        return place_corridors(self.corridor_keys, sides.exporter * self.areas + sides.importer)


def fit_timing(
    markets: Sides,
    months: Ints,
    calendar: Calendar,
    corridor_keys: Ints,
    shares: Floats,
    areas: int,
    commodities: int,
    options: ReconcileOptions,
) -> Timing | None:
    """Fit how timing scatters, and how often nothing is recorded, on whole routes; None where no corridor has a lag.

    markets: all pairs of some commodities, months their month numbers. shares: of each corridor key [corridors, lags].
    """
    usual = _Usual(np.zeros(len(corridor_keys)), np.full(len(corridor_keys), _FIRST_VARIANCE))
    first = replace(usual, level=usual.level + math.log1p(options.prior_margin_rate))
    rates = np.full(areas, _UNRECORDED_RATE)
    timing = Timing(areas, corridor_keys, shares, usual_unit_values(markets, commodities), 0.2, rates, first, usual)
    if not timing.has_lag.any():
        return None
    around = surround(markets, months, calendar, timing.place(markets), timing.shares, timing.has_lag)
    for _ in range(_ROUNDS if len(around.rows) else 0):
        timing = _improve(timing, markets, around, options)
    return timing


def align_sides(sides: Sides, months: Ints, calendar: Calendar, timing: Timing) -> Sides:
    """Return the same pairs with what the importer recorded of each month's goods beside what it recorded in the month."""
    place = timing.place(sides)
    return _align(sides, surround(sides, months, calendar, place, timing.shares, timing.has_lag), timing)


@dataclass(frozen=True)
class _Amounts:
    """Both sides of every pair: 0 where a side reports no trade, NaN where it reports one without the amount."""

    export: Floats
    imported: Floats


def _values(sides: Sides) -> _Amounts:
    return _Amounts(np.nan_to_num(sides.export_usd), np.nan_to_num(sides.import_usd))


def _weights(sides: Sides, timing: Timing) -> _Amounts:
    mended = mend_weights(sides, timing.unit_value_log)
    none_sent, none_recorded = np.isnan(sides.export_usd), np.isnan(sides.import_usd)
    return _Amounts(
        np.where(none_sent & np.isnan(mended.export_kg), 0.0, mended.export_kg),
        np.where(none_recorded & np.isnan(mended.import_kg), 0.0, mended.import_kg),
    )


def _depart(amounts: _Amounts, around: Surroundings, usual: _Usual, timing: Timing, importer: Ints, spread: float) -> Departed:
    """Find what left in each of the months that the exporter reports; ln of it over what is usual."""
    level, variance = usual.level[around.corridor], np.minimum(usual.variance[around.corridor], _LARGEST_VARIANCE)
    rate, found = timing.unrecorded_rate[importer], []
    for start in range(0, max(len(around.rows), 1), _BLOCK):
        rows = slice(start, start + _BLOCK)
        part = around.take(rows)
        arrivals = gather_arrivals(amounts.export, amounts.imported, part, variance[rows], rate[rows])
        on_one_level = replace(arrivals, recorded=arrivals.recorded * np.exp(-level[rows])[:, None])
        found.append(find_departed(on_one_level, part.shares, spread, variance[rows], rate[rows]))
    return join_departed(found)


def _improve(timing: Timing, markets: Sides, around: Surroundings, options: ReconcileOptions) -> Timing:
    """Take one step: the likeliest spread, each importer's rate of missing records, and what is usual of what is found with them."""
    around = around.take(np.isfinite(markets.export_usd[around.rows]))
    own = markets.take(around.rows)
    amounts = {"value": _values(markets), "weight": _weights(markets, timing)}
    spread = _likeliest_spread(amounts["value"], around, timing, own.importer)
    of_value = _depart(amounts["value"], around, timing.value, timing, own.importer, spread)
    unrecorded = of_value.unrecorded_chance
    missing, all_months = sum_by(own.importer, unrecorded, timing.areas), sum_by(own.importer, np.ones(own.size), timing.areas)
    general = float(unrecorded.mean())
    rates = np.maximum((missing + _PRIOR_MONTHS * general) / (all_months + _PRIOR_MONTHS), _LEAST_RATE)
    found = {"value": of_value, "weight": _depart(amounts["weight"], around, timing.weight, timing, own.importer, spread)}
    usual = {
        measure: _learn_usual(own, departed, unrecorded, getattr(timing, measure), around, timing, options)
        for measure, departed in found.items()
    }
    return replace(timing, spread=spread, unrecorded_rate=rates, value=usual["value"], weight=usual["weight"])


def _likeliest_spread(amounts: _Amounts, around: Surroundings, timing: Timing, importer: Ints) -> float:
    """Try each spread on an even sample of the months; goods that the exporter does not report at all must not decide it."""
    every = len(around.rows) // _SPREAD_SAMPLE + 1
    sample = np.arange(len(around.rows)) % every == 0
    part, importers = around.take(sample), importer[sample]
    foreign = np.log(_FOREIGN_CHANCE)
    tried = [_depart(amounts, part, timing.value, timing, importers, spread).log_likelihood for spread in _SPREADS]
    return _SPREADS[int(np.argmax([np.logaddexp(each, foreign).sum() for each in tried]))]


def _learn_usual(
    own: Sides, departed: Departed, unrecorded: Floats, before: _Usual, around: Surroundings, timing: Timing, options: ReconcileOptions
) -> _Usual:
    gap, variance = _told(departed, unrecorded)
    gap = gap + before.level[around.corridor]
    nothing = np.zeros(len(timing.corridor_keys))
    fitted = fit_measure(own, gap, timing.corridor_keys, timing.areas, options, nothing, variance)
    return _Usual(fitted.habit, fitted.variance)


def _told(departed: Departed, unrecorded: Floats) -> tuple[Floats, Floats]:
    """Return the gap as far as the goods are likely to be recorded at all, and what that and timing add to its variance; NaN if not."""
    is_told = (unrecorded < _SURE) & np.isfinite(departed.timing_variance) & (departed.timing_variance < _LARGEST_TIMING)
    gap = (1 - unrecorded) * departed.gap_log
    variance = departed.timing_variance + unrecorded * (1 - unrecorded) * departed.gap_log**2
    return np.where(is_told, gap, np.nan), np.where(is_told, variance, 0.0)


def _align(sides: Sides, around: Surroundings, timing: Timing) -> Sides:
    is_sent = np.isfinite(sides.export_usd[around.rows])
    sent, silent = around.take(is_sent), around.take(~is_sent)
    importer = sides.importer[sent.rows]
    values, weights = _values(sides), _weights(sides, timing)
    of_value = _depart(values, sent, timing.value, timing, importer, timing.spread)
    of_weight = _depart(weights, sent, timing.weight, timing, importer, timing.spread)
    label = np.zeros(sides.size, np.uint8)
    label[sent.rows] = _label_sent(of_value, sent)
    carried = carried_amounts(values.export, silent) * np.exp(timing.value.level[silent.corridor])
    label[silent.rows[carried > values.imported[silent.rows] / 2]] = CARRIED
    aligned, timing_variance = [], []
    for amounts, usual, departed in ((values, timing.value, of_value), (weights, timing.weight, of_weight)):
        gap, variance = _told(departed, of_value.unrecorded_chance)
        found, added = np.where(amounts.imported > 0, amounts.imported, np.nan), _variance_of_carried(amounts, silent, usual, sides.size)
        found[sent.rows] = amounts.export[sent.rows] * np.exp(usual.level[sent.corridor] + gap)
        added[sent.rows] = variance
        aligned.append(found)
        timing_variance.append(added)
    return replace(sides, aligned=AlignedImports(aligned[0], aligned[1], timing_variance[0], timing_variance[1], label))


def _variance_of_carried(amounts: _Amounts, silent: Surroundings, usual: _Usual, size: int) -> Floats:
    """Return what the importer's report alone is worth less as the month's own where goods of the months before explain half of it."""
    carried = carried_amounts(amounts.export, silent) * np.exp(usual.level[silent.corridor])
    imported = amounts.imported[silent.rows]
    part = np.divide(carried, imported, out=np.zeros_like(carried), where=imported > 0)
    variance = np.zeros(size)
    variance[silent.rows] = np.where(part > 1 / 2, np.log(np.maximum(1 - part, _LEAST_REST)) ** 2, 0.0)
    return variance


def _label_sent(departed: Departed, sent: Surroundings) -> np.ndarray:
    expected = sent.shares >= LEAST_LATE_SHARE / 2
    told, _ = _told(departed, departed.unrecorded_chance)
    label: np.ndarray = np.where((sent.is_known | ~expected).all(axis=1), ALIGNED, TRUNCATED)
    label = np.where(departed.unrecorded_chance >= _SURE, NOT_RECORDED, label)
    return np.where(np.isnan(told) & (label != NOT_RECORDED), NOT_KNOWN, label)
