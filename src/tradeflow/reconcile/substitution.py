"""Imports of a controlled code that shrink while those of a less controlled one of its family grow."""

from __future__ import annotations

import numpy as np
import polars as pl

from tradeflow.reconcile.leg import Legs
from tradeflow.reconcile.share_shift import Mask, shift_p_values, sum_legs
from tradeflow.reconcile.shift_rows import Moves, gather_moves

_TABLES = {"I": 20, "II": 10}
_EU_CATEGORIES = {"1": 4, "2A": 3, "2B": 2, "3": 1}
_NO_END = 9999
_RECENT_YEARS = 3
"""Years after a control began in which a substitution is told with it."""


def find_step_downs(substances: pl.DataFrame) -> pl.DataFrame:
    """Return falling_code, rising_code, from_year, until_year: when the one is more strictly controlled than the other of its family.

    substances: `codelists/substance.csv`. A code is as strictly controlled as the strictest of its substances under control by then: Table
    I of the 1988 Convention before Table II before neither, then the European Union's category; an unknown year does not exclude it.
    control_years lists the years in which a substance of the falling code came under international control. Only codes of one chapter are
    set against each other: an acid is bought for other ends than a solvent of its family.
    """
    families = (
        substances.filter(pl.col("family").is_not_null() & pl.col("commodity_code_hs2022").is_not_null())
        .with_columns(pl.col("family").str.split(";"))
        .explode("family")
        .select(
            "family",
            pl.col("commodity_code_hs2022").alias("code"),
            pl.col("valid_from").str.head(4).cast(pl.Int32).alias("year"),
            pl.col("un_1988_table").replace_strict(_TABLES, default=0).alias("_table")
            + pl.col("eu_category").replace_strict(_EU_CATEGORIES, default=0).alias("_eu"),
        )
        .rename({"_table": "level"})
    )
    eras = families.select(pl.col("year").alias("from_year")).drop_nulls().unique().sort("from_year")
    eras = eras.with_columns(pl.col("from_year").shift(-1).fill_null(_NO_END).alias("until_year"))
    levels = families.join(eras, how="cross").group_by("family", "code", "from_year", "until_year").agg(
        pl.when(pl.col("year").fill_null(0) <= pl.col("from_year")).then("level").otherwise(0).max().alias("level")
    )  # fmt: skip
    era = ["family", "from_year", "until_year"]
    lower = levels.rename({"code": "rising_code", "level": "_lower"})
    is_kindred = pl.col("code").str.head(2) == pl.col("rising_code").str.head(2)
    pairs = levels.join(lower, on=era).filter(is_kindred & (pl.col("level") > pl.col("_lower")))
    dated = families.group_by("code").agg(pl.col("year").drop_nulls().unique().sort().alias("control_years"))
    return (
        pairs.select(pl.col("code").alias("falling_code"), "rising_code", "from_year", "until_year")
        .unique()
        .join(dated.rename({"code": "falling_code"}), on="falling_code")
        .sort("falling_code", "rising_code", "from_year")
    )


def find_substitutions(imports: dict[str, Legs], step_downs: pl.DataFrame) -> pl.DataFrame:
    """Return, per importer, rising code and period, the more strictly controlled code whose imports seem to have given way to it.

    imports: by commodity_code, one leg per importer (`sum_by_importer`), of one frequency. Moved as for displacement, in kilograms of the
    rising code; so many kilograms of the falling code count as one as the whole trade in both shows.
    """
    moves = []
    for (falling_code, rising_code), eras in step_downs.partition_by(
        "falling_code", "rising_code", as_dict=True, maintain_order=True
    ).items():
        if falling_code in imports and rising_code in imports:
            moves += _compare(imports[str(falling_code)], imports[str(rising_code)], eras)
    return gather_moves(moves)


def _compare(falling: Legs, rising: Legs, eras: pl.DataFrame) -> list[Moves]:
    _, down, up = np.intersect1d(falling.importer, rising.importer, return_indices=True)
    if not len(up) or not (rising.kg.sum() > 0 and falling.kg.sum() > 0):
        return []
    exchange = rising.kg.sum() / falling.kg.sum()
    leg, other = rising.kg[up], exchange * falling.kg[down]
    is_known = rising.is_known[up] & falling.is_known[down]
    year = np.where(rising.periods > 9999, rising.periods // 100, rising.periods)
    is_of_era = (year[:, None] >= eras["from_year"].to_numpy()) & (year[:, None] < eras["until_year"].to_numpy())
    is_stricter: Mask = np.any(is_of_era, axis=1)
    moves = []
    for window, sums in sum_legs(leg, other, is_known, first_told=rising.first_told).items():
        moved = np.minimum(sums.leg_kg - sums.leg_expected_kg, sums.other_expected_kg - sums.other_kg)
        p = np.where(is_stricter[rising.first_told :], shift_p_values(sums, moved, sums.other_expected_kg - moved), np.nan)
        moves.append(Moves(
            "substitution", rising, window, up, np.zeros(len(up), dtype=np.int64), moved, p,
            sums.leg_kg, sums.leg_expected_kg, sums.other_kg / exchange, sums.other_expected_kg / exchange,
            related_commodity_code=falling.commodity_code, control_year=_newest_control(year, eras["control_years"][0].to_numpy()),
        ))  # fmt: skip
    return moves


def _newest_control(year: np.ndarray, control_years: np.ndarray) -> np.ndarray:
    """Return per period the newest year of control in the few years before it; 0 where there is none."""
    is_recent = (control_years[:, None] <= year) & (control_years[:, None] > year - _RECENT_YEARS)
    found: np.ndarray = np.where(is_recent, control_years[:, None], 0).max(axis=0, initial=0)
    return found
