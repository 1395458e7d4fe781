"""Weights in the wrong unit: tonnes keyed as kilograms, kilograms as grams."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from tradeflow.reconcile.sides import Floats, Ints, Sides

OUT_OF_SCALE_LOG = math.log(30)
"""A unit value so many times off the usual one says more about the weight than about the price."""
_THOUSAND_LOG = math.log(1000)
_NEAR_THOUSAND_LOG = math.log(5)
"""How near to a thousand a factor must come to be read as a slip of unit."""
NONE, CORRECTED, DROPPED = 0, 1, 2


@dataclass(frozen=True)
class Weights:
    """Both sides' weights as far as they are evidence, and what was done to each: NONE, CORRECTED by 1000, DROPPED."""

    export_kg: Floats
    import_kg: Floats
    export_label: Ints
    import_label: Ints


def usual_unit_values(sides: Sides, commodities: int) -> Floats:
    """Return the median ln(USD per kg) of each commodity over both sides' reports; NaN where none has both figures."""
    both = pl.concat([
        pl.DataFrame({"commodity": sides.commodity, "log": np.log(usd / kg)})
        for usd, kg in ((sides.export_usd, sides.export_kg), (sides.import_usd, sides.import_kg))
    ])  # fmt: skip
    medians = both.filter(pl.col("log").is_finite()).group_by("commodity").agg(pl.col("log").median())
    usual = np.full(commodities, np.nan)
    usual[medians["commodity"].to_numpy()] = medians["log"].to_numpy()
    return usual


def mend_weights(sides: Sides, usual: Floats) -> Weights:
    """Find weights of the wrong order of magnitude; one that is off by about a thousand is corrected, any other is no evidence.

    A weight is out of scale when its unit value is far from the commodity's usual one and, where the other side tells, from the other
    side's: a dear variety is dear on both sides.
    """
    export_uv, import_uv = np.log(sides.export_usd / sides.export_kg), np.log(sides.import_usd / sides.import_kg)
    own = usual[sides.commodity]
    export_kg, export_label = _mend(sides.export_kg, export_uv, import_uv, own)
    import_kg, import_label = _mend(sides.import_kg, import_uv, export_uv, own)
    return Weights(export_kg, import_kg, export_label, import_label)


def _mend(kg: Floats, log_unit_value: Floats, of_mirror: Floats, usual: Floats) -> tuple[Floats, Ints]:
    mended, label = kg.copy(), np.full(len(kg), NONE)
    rows = np.flatnonzero(np.abs(log_unit_value - usual) > OUT_OF_SCALE_LOG / 2)
    own, mirror = log_unit_value[rows], of_mirror[rows]
    is_alone, off_usual = np.isnan(mirror), own - usual[rows]
    off_mirror = np.where(is_alone, off_usual, own - mirror)
    # Of two sides that differ the one that is further from what is usual has slipped.
    is_the_one = is_alone | (np.abs(off_usual) >= np.abs(mirror - usual[rows]))
    is_out = (np.abs(off_mirror) > OUT_OF_SCALE_LOG) & is_the_one
    is_thousand = is_out & (np.abs(np.abs(off_mirror) - _THOUSAND_LOG) < _NEAR_THOUSAND_LOG)
    corrected = kg[rows] * np.exp(np.sign(off_mirror) * _THOUSAND_LOG)
    mended[rows] = np.where(is_thousand, corrected, np.where(is_out, np.nan, kg[rows]))
    label[rows] = np.where(is_thousand, CORRECTED, np.where(is_out, DROPPED, NONE))
    return mended, label
