from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from tests.publish.conftest import Made
from tradeflow.contract import load_contract
from tradeflow.publish import sections
from tradeflow.publish.tables import empty_tables


def coverage_of(*rows: tuple[str, int, int, str, str]) -> pl.DataFrame:
    schema = load_contract("coverage").schema
    names = ("freq_code", "period", "reporter_code", "flow_code", "coverage_status")
    return pl.DataFrame([dict(zip(names, row, strict=True)) for row in rows], schema=schema, orient="row")


def test_coverage_puts_the_reporters_with_holes_first() -> None:
    reported, waiting = "reported", "not_reported_yet"
    coverage = coverage_of(
        ("M", 202401, 484, "M", reported), ("M", 202401, 484, "X", reported),
        ("M", 202402, 484, "M", reported), ("M", 202402, 484, "X", reported),
        ("M", 202401, 76, "M", reported), ("M", 202401, 76, "X", waiting),
        ("M", 202402, 76, "M", waiting), ("M", 202402, 76, "X", waiting),
        ("M", 202401, 170, "X", reported),
        ("A", 2023, 170, "X", reported),
    )  # fmt: skip
    periods, rows = sections.coverage_matrix(coverage)
    assert periods == ["2024-01", "2024-02"]
    assert [(row.reporter, row.cells, row.is_complete) for row in rows] == [
        ("Brazil", ["M", ""], False),
        ("Colombia", ["X", None], False),
        ("Mexico", ["MX", "MX"], True),
    ]


def test_rules_add_up_to_the_signals(made: Made) -> None:
    tables, manifest = made
    rows = sections.rule_rows(tables, manifest)
    assert sum(row["signals"] for row in rows) == tables.signal.height
    assert sum(row["flagged"] for row in rows) == tables.signal["is_flagged"].sum()
    assert sum(row["expected_false"] for row in rows) == pytest.approx(4.3)


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        (None, ""),
        ({"found": 11, "missed": ["case-07"]}, "11 of 12 planted diversions were found, 1 missed: case-07."),
        ({"found": ["a", "b"], "missed": []}, "2 of 2 planted diversions were found, 0 missed."),
        ({"found": 3, "missed": 2}, "3 of 5 planted diversions were found, 2 missed."),
    ],
)
def test_planted_cases_are_counted_in_any_form(planted: Any, words: str) -> None:
    assert sections.planted_words({"planted": planted}) == words


def test_key_figures_are_what_the_tables_say(made: Made) -> None:
    figures = {each.name: (each.figure, each.note) for each in sections.key_figures(*made)}
    assert figures["leads flagged"] == ("47", "about 4.3 flagged signals are expected to be false")
    assert figures["rows quarantined"][0] == "3,114"
    assert figures["reporters not yet in"] == ("1", "of 14, for 2024-12")


def test_a_bare_manifest_promises_nothing() -> None:
    figures = {each.name: each.figure for each in sections.key_figures(empty_tables(), {})}
    assert figures == {"leads flagged": "0", "leads listed": "0", "rows quarantined": "0", "reporters not yet in": "0"}
    assert sections.row_path({}) == []
    assert sections.run_facts({"settings": {"signals": {"q_limit": 0.1}, "sources": []}})[-1] == (
        "Settings",
        [("signals.q_limit", "0.1"), ("sources", "[]")],
    )
