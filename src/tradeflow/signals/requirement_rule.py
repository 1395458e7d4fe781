"""The rule on a stated need: what an area imports in a year against what it was said to need."""

from __future__ import annotations

import polars as pl

from tradeflow.signals.rule_tables import Evidence

_LEAST_CHANCE = 1e-6
"""Chance of staying within, below which years are not told apart."""


def above_requirement(tables: Evidence) -> pl.DataFrame:
    """The year's imports are, or at their pace will be, above what the area was stated to need."""
    above = tables.requirement_use.filter(pl.col("year_kg") > pl.col("requirement_kg"))
    return above.with_columns(
        (-pl.col("within_requirement_probability").clip(_LEAST_CHANCE, 1).log()).alias("score"),
        pl.lit("importer").alias("subject"),
        pl.lit("M").alias("freq_code"),
        pl.lit(0, pl.Int32).alias("exporter_code"),
        pl.col("cumulated_kg").alias("observed_kg"),
        (pl.max_horizontal("cumulated_kg", "year_kg") - pl.col("requirement_kg")).alias("excess_kg"),
        pl.lit("requirements").alias("comparable_group"),
    )
