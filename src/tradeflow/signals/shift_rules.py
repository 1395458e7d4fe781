"""The rules on trade that moved: what one leg gained, another lost or brought (`share_shift`)."""

from __future__ import annotations

import polars as pl

from tradeflow.signals.rule_tables import Evidence


def hub_detour(tables: Evidence) -> pl.DataFrame:
    """A route turned from direct to through a hub: more goes into the hub from an origin and as much more on to an importer."""
    return _judge_shifts(tables, "hub_detour", "flow", "rises in step at hubs")


def displacement(tables: Evidence) -> pl.DataFrame:
    """What an exporter no longer sells to one country it sells to a neighbour of it instead."""
    return _judge_shifts(tables, "displacement", "flow", "shifts between neighbours")


def substitution(tables: Evidence) -> pl.DataFrame:
    """An importer takes less of a controlled code and more of a less strictly controlled one of the same family."""
    return _judge_shifts(tables, "substitution", "importer", "shifts within families")


def _judge_shifts(tables: Evidence, shift_kind: str, subject: str, population: str) -> pl.DataFrame:
    """Score by -ln of the share's chance; what seems to have moved is the excess."""
    return tables.share_shift.filter(pl.col("shift_kind") == shift_kind).with_columns(
        (-pl.col("shift_p_value").log()).alias("score"),
        pl.lit(subject).alias("subject"),
        pl.col("moved_kg").alias("excess_kg"),
        pl.concat_str(pl.lit(f"{population} of HS "), "commodity_code").alias("comparable_group"),
    )
