"""The model of pairs that are all in memory, fitted on a bounded sample of them."""

from __future__ import annotations

import numpy as np
import polars as pl

from tradeflow.reconcile.fit import MirrorModel, fit_mirror_model
from tradeflow.reconcile.gap_sample import choose_commodities, corridor_rates, sample_corridors
from tradeflow.reconcile.measure import ReconcileOptions
from tradeflow.reconcile.sides import Sides


def fit_to_sample(sides: Sides, areas: pl.Series, options: ReconcileOptions) -> MirrorModel:
    """Fit what is usual, and the tails, of pairs whose areas are numbered by their place in `areas`."""
    corridors = sides.exporter * len(areas) + sides.importer
    keys, place = np.unique(corridors, return_inverse=True)
    is_two_sided = np.isfinite(sides.export_usd) & np.isfinite(sides.import_usd)
    rates = corridor_rates(np.bincount(place, is_two_sided, len(keys)).astype(np.intp))
    commodities = int(sides.commodity.max(initial=-1)) + 1
    chosen = choose_commodities(np.bincount(sides.commodity, minlength=commodities))
    sample = sides.take(sample_corridors(sides, keys, len(areas), rates))
    return fit_mirror_model(sample, sides.take(chosen[sides.commodity]), areas, keys, commodities, options)
