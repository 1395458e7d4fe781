from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from tests.release_world import Made
from tradeflow.contract import load_contract
from tradeflow.telling import sections
from tradeflow.telling.tables import empty_tables


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


def unlocated(*rows: tuple[int, str, str, float, float]) -> pl.DataFrame:
    names = ("reporter_code", "unlocated_kind", "commodity_code", "unlocated_net_weight_kg", "unlocated_value_usd")
    known = [
        dict(zip(names, row, strict=True))
        | {"freq_code": "M", "period": 202401 + at, "flow_code": "M", "whole_value_usd": 100.0, "located_value_usd": 100.0 - row[-1]}
        for at, row in enumerate(rows)
    ]
    return pl.DataFrame(known, schema=load_contract("unlocated_trade").schema)


def test_what_is_unlocated_is_summed_over_periods_and_ranked_within_its_kind() -> None:
    rows = sections.unlocated_rows(
        unlocated(
            (484, "partner_pool", "291411", 5.0, 10.0), (484, "partner_pool", "291411", 7.0, 30.0),
            (76, "partner_pool", "291411", 90.0, 1.0), (76, "code_detail", "2914", 3.0, 40.0), (170, "code_detail", "2914", -9.0, -20.0),
        )
    )  # fmt: skip
    assert [
        (row["unlocated_kind"], row["reporter"], row["periods"], row["unlocated_net_weight_kg"], row["located_share"]) for row in rows
    ] == [
        ("code_detail", "Brazil", 1, 3.0, 0.6),
        ("partner_pool", "Brazil", 1, 90.0, 0.99),
        ("partner_pool", "Mexico", 2, 12.0, 0.8),
    ]


def test_each_model_has_its_card(made: Made) -> None:
    ((name, rows),) = sections.model_cards(made[0].model_card)
    assert (name, [row["card_item"] for row in rows]) == ("seasonal_baseline", ["series", "history"])
