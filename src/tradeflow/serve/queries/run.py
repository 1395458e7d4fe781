"""How the run behind a release went: what it read, how fresh, what it set apart, how long it took."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import sqlalchemy as sa

from tradeflow.lake import Lake, read_table, table_version
from tradeflow.serve.queries.frames import read_rows
from tradeflow.serving_database import LEAD_COUNT
from tradeflow.telling import wording
from tradeflow.telling.detectability import detectable_codes
from tradeflow.telling.reporters import reporter_rows
from tradeflow.telling.sections import coverage_matrix, describe_rules, model_cards, run_facts, stage_times, unlocated_rows

_STATISTICS = ("trade_flow", "source_comtrade")
"""Beginnings of the contracts whose rows name no company; any other might."""
ROWS_SHOWN = 200
_told: dict[tuple[str, str, str], dict[str, Any]] = {}


def describe_run(connection: sa.Connection, release_id: str, manifest: dict[str, Any], language: str) -> dict[str, Any]:
    """Return the sections of the run's page by name; made once per release and language."""
    database = str(connection.engine.url)
    key = (database, release_id, language)
    if key not in _told:
        described = _describe(connection, manifest)
        for outdated in [each for each in _told if each[:2] != (database, release_id)]:
            _told.pop(outdated, None)
        _told[key] = described
    return _told[key]


def read_freshness(lake: Lake) -> list[dict[str, Any]]:
    """Return each source with its answers, rows, and when the last answer came; of the lake as it is now."""
    if table_version(lake, "snapshot") is None:
        return []
    told = read_table(lake, "snapshot").group_by("source").agg(
        pl.len().alias("answers"),
        pl.col("retrieved_at").max(),
        pl.col("row_count", "conformed_count", "quarantined_count", "set_aside_count").sum(),
    )  # fmt: skip
    return told.sort("source").collect().to_dicts()


def read_quarantined(lake: Lake, contract: str, rule: str, *, is_set_aside: bool) -> list[dict[str, Any]]:
    """Return the first rows that one rule of one contract set apart, each as it came."""
    if table_version(lake, "quarantine") is None:
        return []
    same = (pl.col("contract") == contract) & (pl.col("rule") == rule) & (pl.col("is_set_aside") == is_set_aside)
    rows = read_table(lake, "quarantine").filter(same).head(ROWS_SHOWN).collect()
    return [row | {"cells": _cells(row["raw_row"])} for row in rows.iter_rows(named=True)]


def names_companies(contract: str) -> bool:
    """Tell whether the rows of a contract name companies, so that they are for investigators only."""
    return not contract.startswith(_STATISTICS)


def _describe(connection: sa.Connection, manifest: dict[str, Any]) -> dict[str, Any]:
    periods, coverage = coverage_matrix(read_rows(connection, "coverage"))
    return {
        "rules": describe_rules(
            _count_rules(connection), manifest.get("rules"), manifest.get("expected_false_by_rule"), wording.RULE_WORDS
        ),
        "coverage_periods": periods,
        "coverage": coverage,
        "quarantine": read_rows(connection, "quarantine_count").sort("is_set_aside", "row_count", descending=[False, True]).to_dicts(),
        "reporters": reporter_rows(read_rows(connection, "reporter_reliability"), read_rows(connection, "corridor")),
        "unlocated": unlocated_rows(read_rows(connection, "unlocated_trade")),
        "detectable": detectable_codes(read_rows(connection, "detectable_excess")),
        "model_cards": model_cards(read_rows(connection, "model_card")),
        "stage_times": stage_times(manifest),
        "run_facts": run_facts(manifest),
    }


def _count_rules(connection: sa.Connection) -> dict[str, tuple[int, int]]:
    counted = LEAD_COUNT.c
    question = sa.select(counted.counted_value, counted.told_count, counted.flagged_count).where(counted.counted_column == "rule")
    return {rule: (signals, flagged) for rule, signals, flagged in connection.execute(question)}


def _cells(raw_row: str) -> list[tuple[str, str]]:
    read = json.loads(raw_row)
    return [(str(name), "" if value is None else str(value)) for name, value in read.items()] if isinstance(read, dict) else [("", raw_row)]
