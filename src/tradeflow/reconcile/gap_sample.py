"""A bounded sample of pairs, chosen by the pair's own key: the same whatever the order of the rows and their division into parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tradeflow.reconcile.corridor import place_corridors
from tradeflow.reconcile.sides import Floats, Ints, Sides

PAIRS_SAMPLED = 1_000_000
"""Two-sided pairs, roughly, from which habits and scatter are learnt."""
MARKET_PAIRS_SAMPLED = 400_000
"""Pairs, roughly, of whole commodities from which the tails are learnt."""
_FEWEST_PER_CORRIDOR = 30


def corridor_rates(counts: Ints) -> Floats:
    """Return the share of each corridor's two-sided pairs to keep: all of a small one, as many of each large one."""
    if counts.sum() <= PAIRS_SAMPLED:
        return np.ones(len(counts))
    cap = max(_FEWEST_PER_CORRIDOR, _cap_for(counts))
    return np.minimum(1.0, cap / np.maximum(counts, 1))


def _cap_for(counts: Ints) -> int:
    """Return the largest cap with which the capped counts stay within PAIRS_SAMPLED."""
    low, high = 1, int(counts.max())
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if np.minimum(counts, middle).sum() <= PAIRS_SAMPLED else (low, middle - 1)
    return low


def sample_corridors(sides: Sides, corridor_keys: Ints, areas: int, rates: Floats) -> NDArray[np.bool_]:
    """Return which pairs to keep so that each corridor keeps its rate: two-sided ones, and rows that tell both CIF and FOB."""
    corridor = sides.exporter * areas + sides.importer
    is_telling = (np.isfinite(sides.export_usd) & np.isfinite(sides.compared_usd)) | (sides.known_margin > 0)
    if (rates == 1).all():
        return is_telling
    return is_telling & (_uniform(corridor, sides.market) < rates[place_corridors(corridor_keys, corridor)])


def choose_commodities(pairs_of_commodity: Ints) -> NDArray[np.bool_]:
    """Return which commodities to keep whole; the largest may be a large part of the sample, so they come in the order of their hash."""
    order = np.argsort(_uniform(np.arange(len(pairs_of_commodity)), np.zeros(1, np.intp)), kind="stable")
    before = np.cumsum(pairs_of_commodity[order]) - pairs_of_commodity[order]
    chosen = np.zeros(len(pairs_of_commodity), dtype=bool)
    chosen[order] = before < MARKET_PAIRS_SAMPLED
    return chosen


def _uniform(first: Ints, second: Ints) -> Floats:
    """Return numbers in [0, 1) that look random and depend on the two keys only (the finaliser of SplitMix64, Steele and others 2014)."""
    with np.errstate(over="ignore"):
        mixed = first.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + second.astype(np.uint64) + np.uint64(0x632BE59BD9B4E019)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53
