"""The tables of one release, held to their contracts."""

from __future__ import annotations

from dataclasses import dataclass, fields

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.exceptions import LakeError

TRADE_HISTORY_SCHEMA = pl.Schema(
    {
        "freq_code": pl.String(),
        "period": pl.Int32(),
        "importer_code": pl.Int32(),
        "exporter_code": pl.Int32(),
        "commodity_code": pl.String(),
        "flow_code": pl.String(),
        "net_weight_kg": pl.Float64(),
        "primary_value_usd": pl.Float64(),
    }
)
QUARANTINE_COUNT_SCHEMA = pl.Schema(
    {
        "stage": pl.String(),
        "contract": pl.String(),
        "rule": pl.String(),
        "is_set_aside": pl.Boolean(),
        "row_count": pl.Int64(),
    }
)


@dataclass(frozen=True)
class ReleaseTables:
    """All that a release is made from. A table of the lake has its contract's schema; the two counts at the end have theirs above.

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

    def __post_init__(self) -> None:
        for each in fields(self):
            frame: pl.DataFrame = getattr(self, each.name)
            held = _hold_to_schema(each.name, frame, _schema_of(each.name))
            object.__setattr__(self, each.name, held.with_columns(pl.col(pl.Float64).fill_nan(None)))


def empty_tables() -> ReleaseTables:
    """Return the tables of a release that found nothing."""
    return ReleaseTables(**{each.name: _schema_of(each.name).to_frame() for each in fields(ReleaseTables)})


def _schema_of(table: str) -> pl.Schema:
    counted = {"trade_history": TRADE_HISTORY_SCHEMA, "quarantine_count": QUARANTINE_COUNT_SCHEMA}
    return counted.get(table) or load_contract(table).schema


def _hold_to_schema(table: str, frame: pl.DataFrame, declared: pl.Schema) -> pl.DataFrame:
    missing = [name for name in declared if name not in frame.columns]
    if missing:
        raise LakeError(f"publish: table {table!r} lacks {', '.join(missing)}; it must have {', '.join(declared)}")
    return frame.select(pl.col(name).cast(dtype) for name, dtype in declared.items())
