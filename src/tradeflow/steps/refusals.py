"""What is said of the rows of each answer that broke their contract: rule by rule, and cell by cell of a table that a person fills in."""

from __future__ import annotations

import polars as pl

from tradeflow.conform import CONTROL_RECORDS
from tradeflow.contract import load_contract
from tradeflow.validate.cells import SHOWN_CELLS, tell_cells


def count_fates(conformed: pl.DataFrame, quarantine: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Return conformed_count, quarantined_count and set_aside_count, each by snapshot."""
    fates = {
        "conformed_count": conformed,
        "quarantined_count": quarantine.filter(~pl.col("is_set_aside")),
        "set_aside_count": quarantine.filter("is_set_aside"),
    }
    return {name: dict(rows.group_by("snapshot_id").len().iter_rows()) for name, rows in fates.items()}


def tell_refusals(quarantine: pl.DataFrame, layouts: dict[str, str]) -> dict[str, list[str]]:
    """Return lines per snapshot; `layouts` gives the layout of each by its id."""
    told = _tell_rules(quarantine)
    for snapshot_id, layout in layouts.items():
        if load_contract(layout).conforms_to in CONTROL_RECORDS:
            told[snapshot_id] = [*told.get(snapshot_id, []), *_tell_table(quarantine.filter(snapshot_id=snapshot_id))]
    return told


def _tell_rules(quarantine: pl.DataFrame) -> dict[str, list[str]]:
    """Return, per snapshot, how many rows broke each rule and how many were set aside by each."""
    rules = quarantine.with_columns(pl.col("rule").str.split(";")).explode("rule")
    counted = (
        rules.group_by("snapshot_id", "is_set_aside", "rule").len().sort("is_set_aside", "len", "rule", descending=[False, True, False])
    )
    told: dict[str, dict[bool, list[str]]] = {}
    for snapshot_id, is_set_aside, rule, count in counted.iter_rows():
        told.setdefault(snapshot_id, {}).setdefault(is_set_aside, []).append(f"{rule} {count:,}")
    words = {False: "rows in quarantine by rule: ", True: "rows set aside by rule: "}
    return {each: [words[kind] + ", ".join(rules) for kind, rules in kinds.items()] for each, kinds in told.items()}


def _tell_table(refused: pl.DataFrame) -> list[str]:
    # A row that could not be read has no cells; its sheet's own lines tell it.
    read = refused.drop_nulls("contract").filter(~pl.col("rule").str.starts_with("unreadable: "))
    held_to = read["contract"].unique(maintain_order=True)
    lines = [line for name in held_to for line in tell_cells(read.filter(contract=name), load_contract(name), is_for_all=True)]
    return lines[:SHOWN_CELLS]
