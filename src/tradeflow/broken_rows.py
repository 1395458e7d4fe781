"""Rows that broke their contract, as a terminal shows them: rule by rule, the value complained of before the rest of the row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl


def tell_rules(broken: pl.DataFrame, shown: int) -> Iterator[str]:
    """Take rows with `rule`, `row_number` and `raw_row`; yield each rule with its count and its first rows, most rows first."""
    by_rule = broken.with_columns(pl.col("rule").str.split(";").alias("_rule")).explode("_rule")
    counts = by_rule["_rule"].value_counts(sort=True).sort("count", "_rule", descending=[True, False])
    for rule, count in counts.iter_rows():
        yield f"  {rule}: {count_rows(count)}"
        for row in by_rule.filter(pl.col("_rule") == rule).head(shown).iter_rows(named=True):
            yield f"    {_place(row)}: {_tell_row(row['raw_row'], rule)}"


def tell_quarantine(quarantine: pl.DataFrame, shown: int) -> Iterator[str]:
    """Take rows of `quarantine`; yield contract by contract what tell_rules says of its rows."""
    if quarantine.is_empty():
        yield "no row fits"
    for (contract, source), rows in quarantine.sort("snapshot_id", "row_number").group_by("contract", "source", maintain_order=True):
        yield f"{contract}, source {source}: {count_rows(rows.height)}"
        yield from tell_rules(rows, shown)


def count_rows(count: int) -> str:
    """Write a number of rows."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def shorten(text: str, limit: int = 240) -> str:
    """Cut what would fill the terminal."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def _place(row: dict[str, Any]) -> str:
    return f"row {row['row_number']}" + (f" of snapshot {row['snapshot_id']}" if "snapshot_id" in row else "")


def _tell_row(raw_row: str, rule: str) -> str:
    column, _, check = rule.partition(":")
    row = json.loads(raw_row)
    # A row that could not be read has no columns: its text stands alone.
    is_told_by_column = bool(check) and isinstance(row, dict)
    return f"{column} = {json.dumps(row.get(column), ensure_ascii=False)} in {shorten(raw_row)}" if is_told_by_column else shorten(raw_row)
