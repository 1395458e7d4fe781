"""How many of the simulated world's planted diversions stand among the leads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from tradeflow.contract import load_contract

_LATE_PERIODS = 3
"""Months after a case's end in which its trace may still arrive: a desk of the simulated world takes up to 80 days, of which the case's end
counts two weeks; 66 days may end in the third month after."""


def read_planted_cases(path: Path) -> pl.DataFrame:
    """Read a world's truth table, contract `planted_case`."""
    return pl.read_csv(path, schema=load_contract("planted_case").schema)


def read_innocent_events(path: Path) -> pl.DataFrame:
    """Read a world's events that are no diversions, contract `innocent_event`."""
    return pl.read_csv(path, schema=load_contract("innocent_event").schema)


def tell_innocent_events(signals: pl.DataFrame, events: pl.DataFrame, leads: int = 50) -> Iterator[str]:
    """Yield how many innocent events of one importer stand in the top leads, and of which kinds; those of a whole market have no lead."""
    ours = events.filter(pl.col("importer_code").is_not_null()).rename({"event_id": "case_id", "kind": "typology"})
    matched = match_planted_cases(signals, ours)
    found = matched.filter(pl.col("lead_rank") <= leads)
    kinds = f": {', '.join(sorted(found['typology']))}" if found.height else ""
    yield f"{found.height} of {matched.height} innocent look-alikes stand there as well{kinds}."


def match_planted_cases(signals: pl.DataFrame, cases: pl.DataFrame) -> pl.DataFrame:
    """Return the cases with `lead_rank`, the best rank of a lead that tells the case (null: none), and the `rule` that stands there.

    A lead tells a case when it is about the same importer and commodity, about the same exporter (or all of them, or the case names
    none), and one of its signals is in the case's periods or up to `_LATE_PERIODS` months later.
    """
    joined = cases.join(
        signals.select("importer_code", "commodity_code", pl.col("exporter_code").alias("_exporter"), "period", "lead_rank", "rule"),
        on=["importer_code", "commodity_code"],
    )
    same_route = pl.col("exporter_code").is_null() | (pl.col("_exporter") == 0) | (pl.col("_exporter") == pl.col("exporter_code"))
    in_time = (_month(pl.col("period")) >= _month(pl.col("first_period"))) & (
        _month(pl.col("period")) <= _month(pl.col("last_period")) + _LATE_PERIODS
    )
    best = joined.filter(same_route & in_time).sort("lead_rank").group_by("case_id").first().select("case_id", "lead_rank", "rule")
    return cases.join(best, on="case_id", how="left").sort("case_id")


def _month(period: pl.Expr) -> pl.Expr:
    return period // 100 * 12 + period % 100


def tell_planted_cases(matched: pl.DataFrame, leads: int = 50) -> Iterator[str]:
    """Yield how many cases stand in the top leads, by typology, and which were missed."""
    found = matched.filter(pl.col("lead_rank") <= leads)
    yield f"{found.height} of {matched.height} planted diversions stand in the top {leads} leads."
    by_typology = (
        matched.group_by("typology").agg((pl.col("lead_rank") <= leads).sum().alias("_found"), pl.len().alias("_all")).sort("typology")
    )
    for typology, hits, planted in by_typology.iter_rows():
        yield f"  {typology}: {hits} of {planted}"
    missed = matched.filter(pl.col("lead_rank").is_null() | (pl.col("lead_rank") > leads))
    if missed.height:
        yield f"Missed in the top {leads}:"
    for row in missed.iter_rows(named=True):
        where = f"stands at {row['lead_rank']}" if row["lead_rank"] else "no lead"
        yield f"  {row['case_id']} {row['typology']}: {row['planted_text']} ({where})"
