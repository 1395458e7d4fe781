"""Arrived rows in; the rows that keep their contracts, conformed, and the others for the quarantine, out."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tradeflow.conform import CONTROL_RECORDS, conform_control_record, conform_customs_declaration, conform_trade_flow
from tradeflow.contract import Contract, load_contract
from tradeflow.lake import Snapshot
from tradeflow.steps.arriving import Arrived
from tradeflow.validate.gate import hold_to_contract

CONFORM = {"trade_flow": conform_trade_flow, "customs_declaration": conform_customs_declaration} | dict.fromkeys(
    CONTROL_RECORDS, conform_control_record
)
"""How the rows of a layout become those of the table that it conforms to."""


@dataclass(frozen=True)
class Checked:
    """What became of the rows of several snapshots, or of a piece of one."""

    arrived: list[Arrived]
    conformed: dict[str, pl.DataFrame]
    quarantine: pl.DataFrame


def check_rows(batch: list[Arrived]) -> Checked:
    """Hold the answers to their layouts' contracts, conform them, hold them to the contract of their table; alike ones in one go."""
    alike: dict[tuple[str, str], list[Arrived]] = {}
    for arrived in batch:
        if arrived.answer is not None:
            alike.setdefault((arrived.snapshot.layout, str(arrived.answer.frame.schema)), []).append(arrived)
    kept = {table: [load_contract(table).empty_frame()] for table in CONFORM}
    refused = [load_contract("quarantine").empty_frame()]
    for (name, _), group in alike.items():
        layout = load_contract(name)
        rows, broken = _check_alike(group, layout)
        kept[str(layout.conforms_to)].append(rows)
        refused.append(broken)
    return Checked(batch, {table: pl.concat(frames) for table, frames in kept.items()}, pl.concat(refused))


def _check_alike(group: list[Arrived], layout: Contract) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (conformed rows, `quarantine`) of answers of one layout whose columns and types are the same."""
    table = str(layout.conforms_to)
    answers = [(each.snapshot, each.answer) for each in group if each.answer is not None]
    rows = pl.concat([answer.frame.with_columns(_whose(snapshot)) for snapshot, answer in answers])
    unreadable = pl.concat([answer.unreadable.with_columns(_whose(snapshot)) for snapshot, answer in answers])
    first = hold_to_contract(rows, layout, within=("snapshot_id",))
    whose = {name: pl.col(name) for name in ("source", "snapshot_id", "retrieved_at")}
    second = hold_to_contract(CONFORM[table](first.kept, layout, **whose), load_contract(table))
    told = unreadable.with_columns(pl.concat_str(pl.lit("unreadable: "), "reason").alias("rule"), pl.lit(value=False).alias("is_set_aside"))
    refused = [(told, layout.name), (first.broken, layout.name), (_name_rows(second.broken), table)]
    return second.kept, pl.concat([_quarantine_rows(broken, contract) for broken, contract in refused])


def _whose(snapshot: Snapshot) -> list[pl.Expr]:
    moment = pl.lit(snapshot.retrieved_at).cast(pl.Datetime("us", "UTC"))
    return [pl.lit(snapshot.snapshot_id).alias("snapshot_id"), pl.lit(snapshot.source).alias("source"), moment.alias("retrieved_at")]


def _name_rows(broken: pl.DataFrame) -> pl.DataFrame:
    """Take a row's place out of its text: the target's contract declares these columns, so the gate does not pass them through."""
    texts = {name: pl.col("raw_row").str.json_path_match(f"$.{name}") for name in ("source", "snapshot_id", "row_number")}
    return broken.with_columns(**texts)


def _quarantine_rows(broken: pl.DataFrame, contract: str) -> pl.DataFrame:
    given = broken.with_columns(pl.lit("conform").alias("stage"), pl.lit(contract).alias("contract"))
    return given.select([pl.col(column.name).cast(column.dtype) for column in load_contract("quarantine").columns])
