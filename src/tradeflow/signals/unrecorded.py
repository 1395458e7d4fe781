"""Months in which the importer reports the route, and of the goods that left in them it seems to have recorded nothing."""

from __future__ import annotations

import polars as pl

from tradeflow.signals.earlier import draw_mean, sum_earlier
from tradeflow.signals.unit_value import ROUTE, ROUTE_HABIT_PERIODS

_USUAL_RATE = 0.1
"""Share of months that count as unrecorded before anything is known of anybody."""
_LEVELS = (["freq_code"], ["freq_code", "importer_code"], ROUTE)


def rate_unrecorded(pairs: pl.DataFrame) -> pl.DataFrame:
    """Add `_is_unrecorded`, and `_unrecorded_rate`, how often that was so before: of the route, drawn to the importer, that to everybody.

    pairs: `mirror_pair` where both sides report. The reconciliation gives such a month no z: the goods may have been recorded under another
    partner, or not at all. Alone it says as much as the rate says it is rare; month after month it is a gap. No later period is read.
    """
    is_unrecorded = (pl.col("alignment_label") == "not_recorded").fill_null(value=False)
    rated = pairs.with_columns(is_unrecorded.alias("_is_unrecorded"), pl.lit(_USUAL_RATE).alias("_unrecorded_rate"))
    for keys in _LEVELS:
        counted = pairs.select(*keys, "period", is_unrecorded.cast(pl.Int64).alias("_sum"), pl.lit(1).cast(pl.Int64).alias("_count"))
        joined = rated.join(sum_earlier(counted, keys, ["_sum", "_count"]), on=[*keys, "period"], maintain_order="left")
        drawn = draw_mean(pl.col("_sum"), pl.col("_count"), pl.col("_unrecorded_rate"), ROUTE_HABIT_PERIODS)
        rated = joined.with_columns(drawn.alias("_unrecorded_rate")).drop("_sum", "_count")
    return rated
