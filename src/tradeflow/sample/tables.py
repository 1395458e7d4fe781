"""A reporter's published table: what is left out or hidden, weights that are missing or estimated, totals to the World."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from tradeflow.sample.chance import Floats, hash_uniform
from tradeflow.sample.documents import EXPORT, IMPORT, RE_EXPORT, RE_IMPORT
from tradeflow.sample.geography import AREAS_NES_CODE, FREE_ZONES_CODE, WORLD_CODE
from tradeflow.sample.reporters import Habits

_THRESHOLD_MILLS = 1_000_000
_CELL = ["month", "version", "flow", "code", "partner"]


@dataclass(frozen=True)
class StandardUnitValues:
    """The price, by code and year, that the publisher divides a value by when it must guess a weight."""

    codes: np.ndarray
    usd_per_kg: Floats

    def at(self, code: np.ndarray, year: int, seed: int) -> Floats:
        """USD per kg that a guess of that year rests on: an average price, and a rough one."""
        rough = 0.75 + 0.6 * hash_uniform(seed, "standard unit value", code, np.full(len(code), year))
        found: Floats = self.usd_per_kg[np.searchsorted(self.codes, code)] * rough
        return found


def publish_table(cells: pl.DataFrame, reporter: int, year: int, habits: Habits, prices: StandardUnitValues, seed: int) -> pl.DataFrame:
    """Cells of one reporter and year as published: partners with their flags, then the World row of each group."""
    kept = _hide_partners(_value_cells(cells, reporter, habits), reporter, habits, seed)
    weighed = _estimate_weights(kept, reporter, year, habits, prices, seed)
    return pl.concat([weighed, _total_to_world(weighed)], how="diagonal").sort(_CELL)


def _value_cells(cells: pl.DataFrame, reporter: int, habits: Habits) -> pl.DataFrame:
    """Statistical value on the reporter's basis; cells under the publication threshold are absent."""
    inward = pl.col("flow").is_in([IMPORT, RE_IMPORT])
    has_cif = inward & pl.lit(not bool(habits.is_fob_importer[reporter]))
    has_fob = ~has_cif | pl.lit(bool(habits.gives_both_values[reporter])) & inward
    valued = cells.with_columns(
        value=pl.when(has_cif).then("cif").otherwise("fob"),
        cif=pl.when(has_cif).then("cif"),
        fob=pl.when(has_fob).then("fob"),
    )
    return valued.filter(pl.col("value") >= _THRESHOLD_MILLS)


def _hide_partners(cells: pl.DataFrame, reporter: int, habits: Habits, seed: int) -> pl.DataFrame:
    """Confidential partners are moved to an area that is not specified, and added up there."""
    flow, code, partner = (cells[name].to_numpy().astype(np.int64) for name in ("flow", "code", "partner"))
    side = np.isin(flow, (EXPORT, RE_EXPORT)).astype(np.int64)
    chance = hash_uniform(seed, "suppressed", np.full(len(cells), reporter), side, code, partner)
    hidden = chance < habits.suppressed_share[reporter]
    pool = np.where(chance < 0.85 * habits.suppressed_share[reporter], AREAS_NES_CODE, FREE_ZONES_CODE)
    moved = cells.with_columns(partner=pl.Series(np.where(hidden, pool, partner), dtype=pl.Int64))
    sums = [pl.col("grams", "value").sum()] + [
        pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum()).alias(name) for name in ("cif", "fob")
    ]
    return moved.group_by(_CELL).agg(sums).sort(_CELL)


def _estimate_weights(cells: pl.DataFrame, reporter: int, year: int, habits: Habits, prices: StandardUnitValues, seed: int) -> pl.DataFrame:
    """Some cells come without a weight; the publisher fills most of them from a standard unit value and says so."""
    code, partner, flow, month = (cells[name].to_numpy().astype(np.int64) for name in ("code", "partner", "flow", "month"))
    keys = (np.full(len(cells), reporter), flow, code, partner, month)
    no_weight = hash_uniform(seed, "weight gap", *keys) < habits.weight_gap_share[reporter]
    no_weight |= cells["grams"].to_numpy() <= 0
    is_left = no_weight & (hash_uniform(seed, "gap left", *keys) < habits.weight_gap_left_share[reporter])
    guess = cells["value"].to_numpy() / prices.at(code, year, seed) if len(cells) else np.empty(0)
    grams = np.where(no_weight, np.round(guess), cells["grams"].to_numpy()).astype(np.int64)
    kind = hash_uniform(seed, "flag kind", *keys)
    flag = np.select([~no_weight | is_left, kind < 0.9, kind < 0.95], [0, 6, 4], default=2)
    return cells.with_columns(
        grams=pl.when(pl.Series(is_left)).then(None).otherwise(pl.Series(grams, dtype=pl.Int64)),
        legacy_flag=pl.Series(flag, dtype=pl.Int64),
        is_weight_estimated=pl.Series(no_weight & ~is_left & (flag != 2)),
        is_quantity_estimated=pl.Series(no_weight & ~is_left & (flag != 4)),
    )


def _total_to_world(cells: pl.DataFrame) -> pl.DataFrame:
    """The World row is the sum of the rows that are published beside it, hidden partners included."""
    group = [name for name in _CELL if name != "partner"]
    sums = [pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum()).alias(name) for name in ("grams", "value", "cif", "fob")]
    flags = [
        pl.col("is_weight_estimated", "is_quantity_estimated").any(),
        pl.col("legacy_flag").max(),
        pl.lit(WORLD_CODE, dtype=pl.Int64).alias("partner"),
    ]
    return cells.group_by(group).agg(sums + flags)
