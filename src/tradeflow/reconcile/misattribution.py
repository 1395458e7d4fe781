"""Trade that one side wrote down under another partner: its figure on e -> h holds what i alone reports from e.

Exports known only by their first port are booked to a hub; the importer names the true origin. `routing.py` learns who does this,
`booking.py` says how well a figure speaks for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.reconcile.booking import EXPORTS, IMPORTS, Gapped, count_reports, find_candidates
from tradeflow.reconcile.routing import Routing, fit_routing, weigh_candidates
from tradeflow.reconcile.sides import Floats, Ints

_SURE = 0.5
"""Chance from which the match is taken as the explanation."""


@dataclass(frozen=True)
class Match:
    """What explains a pair's gap: nothing (0), `EXPORTS` or `IMPORTS` booked here that belong to another partner."""

    kind: Ints
    orphan: Ints
    """Place of the pair whose one report has no mirror; -1 where there is none."""
    is_alone: NDArray[np.bool_]
    """Whether the figure holds nothing but that trade, its own being left out."""
    probability: Floats
    """Chance that this is the explanation; 0 where there is none."""


def fit_routings(gapped: Gapped, areas: int) -> tuple[Routing, Routing]:
    """Learn from whole markets how exporters (first) and importers book trade under other partners."""
    exporters, importers = (fit_routing(find_candidates(gapped, kind), count_reports(gapped, kind, areas)) for kind in (EXPORTS, IMPORTS))
    return exporters, importers


def match_triangles(gapped: Gapped, routings: tuple[Routing, Routing]) -> Match:
    """Find two-sided pairs one figure of which holds, more likely than not, trade that another partner alone reports."""
    size = gapped.sides.size
    told = Match(np.zeros(size, np.intp), np.full(size, -1), np.zeros(size, dtype=bool), np.zeros(size))
    for kind, routing in zip((EXPORTS, IMPORTS), routings, strict=True):
        reporter = gapped.sides.exporter if kind == EXPORTS else gapped.sides.importer
        within = np.flatnonzero(np.count_nonzero(routing.may_hold, axis=1)[reporter])
        if not len(within):
            continue
        part = gapped.take(within)
        found = find_candidates(part, kind, routing.may_hold)
        chance = weigh_candidates(found, routing)
        sure = np.flatnonzero((chance > _SURE) & np.isfinite(part.given.deviation[found.host]))
        if not len(sure):
            continue
        host, orphan = within[found.host[sure]], within[found.orphan[sure]]
        best = (
            pl.DataFrame({"host": host, "orphan": orphan, "alone": found.is_alone[sure], "chance": chance[sure]})
            .sort("chance", "orphan")
            .unique("host", keep="last")
        )
        best = best.filter(pl.Series(best["chance"].to_numpy() > told.probability[best["host"].to_numpy()]))
        row = best["host"].to_numpy()
        told.kind[row], told.orphan[row] = kind, best["orphan"].to_numpy()
        told.is_alone[row], told.probability[row] = best["alone"].to_numpy(), best["chance"].to_numpy()
    return told
