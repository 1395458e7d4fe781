"""The tables of one release, held to their contracts."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.exceptions import LakeError


def _empty(table: str) -> Any:
    return field(default_factory=lambda: load_contract(table).empty_frame())


@dataclass(frozen=True)
class ReleaseTables:
    """All that a release is made from, each table as its contract says; those about companies are empty where no source has declarations.

    `trade_history` holds what was reported about the leads' routes and codes, seen as trade: `flow_code` says which side reported.
    """

    signal: pl.DataFrame
    signal_feature: pl.DataFrame
    signal_evidence: pl.DataFrame
    baseline: pl.DataFrame
    mirror_pair: pl.DataFrame
    mirror_correction: pl.DataFrame
    reporter_reliability: pl.DataFrame
    corridor: pl.DataFrame
    unlocated_trade: pl.DataFrame
    model_card: pl.DataFrame
    detectable_excess: pl.DataFrame
    requirement_use: pl.DataFrame
    coverage: pl.DataFrame
    trade_history: pl.DataFrame
    quarantine_count: pl.DataFrame
    mirror_window: pl.DataFrame = _empty("mirror_window")
    series_change: pl.DataFrame = _empty("series_change")
    company_signal: pl.DataFrame = _empty("company_signal")
    company_signal_evidence: pl.DataFrame = _empty("company_signal_evidence")
    signal_declaration: pl.DataFrame = _empty("signal_declaration")
    company_item: pl.DataFrame = _empty("company_item")
    company_month: pl.DataFrame = _empty("company_month")
    company_profile: pl.DataFrame = _empty("company_profile")
    company_link: pl.DataFrame = _empty("company_link")
    broker_share: pl.DataFrame = _empty("broker_share")
    entity: pl.DataFrame = _empty("entity")
    entity_name: pl.DataFrame = _empty("entity_name")
    entity_link: pl.DataFrame = _empty("entity_link")
    licensed_operator: pl.DataFrame = _empty("licensed_operator")
    pre_export_notification: pl.DataFrame = _empty("pre_export_notification")
    record_party: pl.DataFrame = _empty("record_party")

    def __post_init__(self) -> None:
        for each in fields(self):
            frame: pl.DataFrame = getattr(self, each.name)
            declared = load_contract(each.name).schema
            if frame.schema != declared:
                frame = _hold_to_schema(each.name, frame, declared)
            object.__setattr__(self, each.name, frame if frame.is_empty() else frame.with_columns(pl.col(pl.Float64).fill_nan(None)))


@cache
def empty_tables() -> ReleaseTables:
    """Return the tables of a release that found nothing."""
    return ReleaseTables(**{each.name: load_contract(each.name).schema.to_frame() for each in fields(ReleaseTables)})


def tables_of(**rows: pl.DataFrame) -> ReleaseTables:
    """Return tables with these rows alone, unchecked: for rows of a serving database, which kept their contracts when they went in."""
    found = copy(empty_tables())
    for name, frame in rows.items():
        object.__setattr__(found, name, frame)
    return found


def _hold_to_schema(table: str, frame: pl.DataFrame, declared: pl.Schema) -> pl.DataFrame:
    missing = [name for name in declared if name not in frame.columns]
    if missing:
        raise LakeError(f"publish: table {table!r} lacks {', '.join(missing)}; it must have {', '.join(declared)}")
    return frame.select(pl.col(name).cast(dtype) for name, dtype in declared.items())
