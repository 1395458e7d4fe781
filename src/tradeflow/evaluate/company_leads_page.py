"""Writes the page `docs/evaluation_companies.md`: cases and leads of all worlds in, Markdown out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from tradeflow.evaluate.page import head_lines, table_lines, write_lines

_TOPS = (20, 50, 100)
_ABOUT = """\
Each world is written and run as a user would: `tradeflow sample`, then `tradeflow run` on its sources, up to the release. Declarations add
up to the trade figures of the countries that open theirs; companies have a line of business, aliases, slips, licences and notifications;
the cases are planted by a generator that shares no formula with the rules (`src/tradeflow/sample/company_cases.py`). A lead tells a case
when it rests on one of the case's declarations and is about the company that the case is about. *by its own rule*: one of the rules of
that signal is the one that ought to find the case; another rule may have found it first."""
_ABOUT_FALSE = """\
A lead of the top 100 that tells no planted case is counted as false here. Some of these are about a diversion that was planted in the trade
figures, some about an event that was written down as innocent before any lead was made (`innocent_company_event`); the others are ordinary
trade that looked odd."""


def write_page(page: Path | None, cases: pl.DataFrame, leads: pl.DataFrame, seeds: list[int], items: int, cpu_seconds: float) -> list[str]:
    """Return the lines of the page, and write it where a path is given."""
    worlds = len(seeds)
    command = f"tradeflow evaluate company-leads --seeds {worlds} --first-seed {seeds[0]}"
    cost = f"{worlds} worlds of about {items:,} declared items, {cpu_seconds:,.0f} CPU seconds"
    lines = [*head_lines("How well company leads do", command, cost), *_recall(cases), *_false(leads, worlds), *_missed(cases)]
    if page is not None:
        write_lines(page, lines)
    return lines


def _recall(cases: pl.DataFrame) -> Iterator[str]:
    yield from ("## Planted cases in the top leads", "", _ABOUT, "")
    yield from table_lines(_recall_by(cases, "expected_rule"))
    yield from ("By how plainly the case was made to show:", "")
    yield from table_lines(_recall_by(cases, "case_strength"))


def _recall_by(cases: pl.DataFrame, column: str) -> pl.DataFrame:
    """Recall in the top leads, a row per value and one for all cases."""
    figures = [
        pl.len().alias("cases"),
        *((pl.col("lead_rank") <= top).fill_null(value=False).mean().alias(f"in the top {top}") for top in _TOPS),
        (pl.col("own_rule_rank") <= _TOPS[-1]).fill_null(value=False).mean().alias(f"by its own rule in the top {_TOPS[-1]}"),
        pl.col("lead_rank").is_not_null().mean().alias("any lead at all"),
    ]
    every = cases.select(pl.lit("all").alias(column), *figures)
    return pl.concat([cases.group_by(column).agg(figures).sort(column), every])


def _false(leads: pl.DataFrame, worlds: int) -> Iterator[str]:
    yield from ("## False leads", "", _ABOUT_FALSE, "")
    yield from table_lines(
        leads.group_by("rule")
        .agg(
            (pl.len() / worlds).alias("leads a world"),
            (pl.col("tells_case").sum() / worlds).alias("tell a planted case"),
            ((~pl.col("tells_case")).sum() / worlds).alias("false"),
            ((~pl.col("tells_case") & pl.col("tells_diversion")).sum() / worlds).alias("of these about a planted diversion"),
            ((~pl.col("tells_case") & pl.col("kind").is_not_null()).sum() / worlds).alias("of these a written-down innocent"),
        )
        .sort("rule")
    )
    false = leads.filter(~pl.col("tells_case"))
    diversions, innocents = false.filter("tells_diversion").height, false.filter(pl.col("kind").is_not_null()).height
    yield (
        f"In a world {false.height / worlds:.1f} of the top {_TOPS[-1]} leads are false: {diversions / worlds:.1f} are about a planted"
        f" diversion of the trade figures, {innocents / worlds:.1f} about an innocent event that was written down."
    )
    kinds = false.drop_nulls("kind").group_by("kind").agg((pl.len() / worlds).alias("leads a world")).sort("kind")
    if kinds.height:
        yield from ("", *table_lines(kinds))


def _missed(cases: pl.DataFrame) -> Iterator[str]:
    yield from ("", "## What is missed", "")
    missed = cases.filter(pl.col("lead_rank").is_null() | (pl.col("lead_rank") > _TOPS[-1]))
    counted = missed.group_by("expected_rule", "case_strength", "planted_text").agg(
        pl.len().alias("missed"), pl.col("lead_rank").is_null().sum().alias("of these without any lead")
    )
    most = counted.sort("missed", "expected_rule", "planted_text", descending=[True, False, False]).head(20)
    yield from table_lines(most.select("expected_rule", "case_strength", "missed", "of these without any lead", "planted_text"))
