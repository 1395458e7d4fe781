"""A month of a route among its neighbours: where they stand, and which months are known of whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.reconcile.arrival import NEIGHBOURS, Arrivals
from tradeflow.reconcile.published import LAGS, published_months
from tradeflow.reconcile.sides import Floats, Ints, Sides

Flags = NDArray[np.bool_]

_OFFSETS = tuple(range(-max(LAGS), max(LAGS) + 1))
_LEAST_SHARE = 0.05
"""A month that is not known matters where more than this share of its goods arrives."""
_LARGEST_RATIO = 1e3
"""A neighbour so many times as large drowns the month whatever comes beyond."""


@dataclass(frozen=True)
class Calendar:
    """Which months are known, from month number `first` on: of each area in each role, and of each commodity in each direction."""

    first: int
    exporters: Flags
    importers: Flags
    exported: Flags
    imported: Flags

    def knows_exports(self, exporter: Ints, commodity: Ints, month: Ints) -> Flags:
        """Return whether the exporter has published that month."""
        return _look_up(self.exporters, exporter, month - self.first) & _look_up(self.exported, commodity, month - self.first)

    def knows_imports(self, importer: Ints, commodity: Ints, month: Ints) -> Flags:
        """Return whether the importer has published that month."""
        return _look_up(self.importers, importer, month - self.first) & _look_up(self.imported, commodity, month - self.first)


def read_calendar(coverage: pl.DataFrame, commodity_coverage: pl.DataFrame, areas: pl.Series, commodities: pl.Series) -> Calendar:
    """Read the monthly rows of `coverage` and `commodity_coverage`; areas and commodities are numbered by their place in sorted lists."""
    exports, imports = (published_months(coverage, commodity_coverage, flow_code, commodities.dtype) for flow_code in ("X", "M"))
    told = pl.concat([each.reporter["_month"] for each in (exports, imports)])
    first, last = (int(told.min()), int(told.max())) if len(told) else (0, 0)  # type: ignore[arg-type]
    by_area = [_as_flags(each.reporter, "reporter_code", areas, first, last) for each in (exports, imports)]
    by_code = [_as_flags(each.commodity, "commodity_code", commodities, first, last) for each in (exports, imports)]
    return Calendar(first, *by_area, *by_code)


def _as_flags(months: pl.DataFrame, key: str, known: pl.Series, first: int, last: int) -> Flags:
    flags = np.zeros((max(len(known), 1), last - first + 1), dtype=bool)
    listed = months.filter(pl.col(key).is_in(known.implode()) & pl.col("_month").is_between(first, last))
    flags[known.search_sorted(listed[key]).to_numpy(), listed["_month"].to_numpy() - first] = True
    return flags


def _look_up(known: Flags, row: Ints, month: Ints) -> Flags:
    inside = (month >= 0) & (month < known.shape[1])
    found: Flags = known[row, np.where(inside, month, 0)] & inside
    return found


@dataclass(frozen=True)
class Surroundings:
    """The monthly pairs of corridors with a lag: their rows among the sides, and what stands around each.

    corridor [months]; shares [months, lags]; places [months, offsets]: rows of the same route two months before to two after, -1 where
    there is none. is_known [months, lags]: the arrival month, and every month whose goods arrive in it, is published.
    """

    rows: Ints
    corridor: Ints
    shares: Floats
    places: Ints
    is_known: Flags

    def take(self, chosen: Flags | slice) -> Surroundings:
        """Return some of the months."""
        rows = chosen if isinstance(chosen, slice) else np.flatnonzero(chosen)
        return Surroundings(*(getattr(self, name)[rows] for name in ("rows", "corridor", "shares", "places", "is_known")))


def surround(sides: Sides, months: Ints, calendar: Calendar, corridor: Ints, shares: Floats, has_lag: Flags) -> Surroundings:
    """Find the neighbours of each monthly pair of a corridor with a lag; months are numbers, -1 of a year."""
    rows = np.flatnonzero(has_lag[corridor] & (months >= 0))
    own, month = shares[corridor[rows]], months[rows]
    exporter, importer, commodity = sides.exporter[rows], sides.importer[rows], sides.commodity[rows]
    span = int(months.max(initial=0)) + 2 * len(_OFFSETS)
    key = (commodity * len(has_lag) + corridor[rows]) * span + month + len(_OFFSETS)
    places = _find_places(key)
    sent = [calendar.knows_exports(exporter, commodity, month + offset) for offset in _OFFSETS]
    is_known = np.empty((len(rows), len(LAGS)), dtype=bool)
    for arrival in LAGS:
        is_known[:, arrival] = calendar.knows_imports(importer, commodity, month + arrival)
        for lag in LAGS:
            is_known[:, arrival] &= sent[_OFFSETS.index(arrival - lag)] | (own[:, lag] < _LEAST_SHARE)
    return Surroundings(rows, corridor[rows], own, np.where(places >= 0, rows[places], -1), is_known)


def _find_places(key: Ints) -> Ints:
    """Return for each key, and each offset from it, where that key stands; -1 where it does not."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    is_new = np.diff(ordered, prepend=-1) != 0
    distinct, first = ordered[is_new], order[is_new]
    found = np.full((len(distinct), len(_OFFSETS)), -1)
    found[:, _OFFSETS.index(0)] = first
    # Whole numbers in order: a key at most so far off is at most so many places off.
    for step in range(1, _OFFSETS[-1] + 1):
        away = distinct[step:] - distinct[:-step]
        for offset in range(step, _OFFSETS[-1] + 1):
            before = np.flatnonzero(away == offset)
            found[before, _OFFSETS.index(offset)] = first[before + step]
            found[before + step, _OFFSETS.index(-offset)] = first[before]
    places = np.empty_like(found, shape=(len(key), len(_OFFSETS)))
    places[order] = found[np.cumsum(is_new) - 1]
    return places


def gather_arrivals(export: Floats, imported: Floats, around: Surroundings, variance: Floats, unrecorded_rate: Floats) -> Arrivals:
    """Return the amounts around each of `around` in parts of what is usual to arrive of the month's own goods.

    export, imported: one per pair on one level (what is usual to be recorded of an export is as much); 0 where a side reports no trade,
    NaN where the amount of a trade is not known.
    """
    own = np.where(export[around.rows] > 0, export[around.rows], np.nan)  # nothing is a part of a trade stated as worth 0
    sent = {offset: _amounts(export, around, offset) / own for offset in NEIGHBOURS}
    recorded = np.column_stack([_amounts(imported, around, lag) / own for lag in LAGS])
    is_known = around.is_known & np.isfinite(recorded)
    for arrival in LAGS:
        for lag in LAGS:
            if arrival != lag:
                is_known[:, arrival] &= np.isfinite(sent[arrival - lag]) | (around.shares[:, lag] < _LEAST_SHARE)
    parts = np.minimum(np.nan_to_num(np.column_stack([sent[offset] for offset in NEIGHBOURS])), _LARGEST_RATIO)
    likely = (1 - unrecorded_rate)[:, None]
    return Arrivals(
        np.where(is_known, around.shares, 0.0),
        np.where(is_known, recorded, 0.0),
        parts * likely,
        parts**2 * likely * np.exp(variance)[:, None],
    )


def _amounts(amounts: Floats, around: Surroundings, offset: int) -> Floats:
    place = around.places[:, _OFFSETS.index(offset)]
    found: Floats = np.where(place >= 0, amounts[place], 0.0)
    return found


def carried_amounts(export: Floats, around: Surroundings) -> Floats:
    """Return what of the goods of the two months before arrives in each month by the corridor's shares; NaN where they are not known."""
    carried = np.sum([around.shares[:, lag] * _amounts(export, around, -lag) for lag in LAGS[1:]], axis=0)
    return np.where(around.is_known[:, 0], carried, np.nan)
