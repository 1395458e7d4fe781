"""Delta tables: everything made from the snapshots, one atomic commit a write; a crash leaves the version before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.exceptions import LakeError, NotFoundError
from tradeflow.lake.place import Lake

if TYPE_CHECKING:
    from deltalake import DeltaTable

_TABLE_FOLDERS = {
    "trade_flow": "2_conformed",
    "customs_declaration": "2_conformed",
    "named_substance": "2_conformed",
    "declared_substance": "2_conformed",
    "licensed_operator": "2_conformed",
    "pre_export_notification": "2_conformed",
    "precursor_incident": "2_conformed",
    "annual_requirement": "2_conformed",
    "lead_decision": "2_conformed",
    "snapshot": "2_conformed",
    "coverage": "2_conformed",
    "commodity_coverage": "2_conformed",
    "quarantine": "2_conformed",
    "mirror_pair": "3_mirror_pair",
    "reporter_reliability": "3_mirror_pair",
    "share_shift": "3_mirror_pair",
    "hub_route": "3_mirror_pair",
    "corridor_lag": "3_mirror_pair",
    "unit_rate": "3_mirror_pair",
    "mirror_correction": "3_mirror_pair",
    "mirror_window": "3_mirror_pair",
    "unlocated_trade": "3_mirror_pair",
    "baseline": "4_model",
    "detectable_excess": "4_model",
    "series_change": "4_model",
    "flow_score": "4_model",
    "flow_score_feature": "4_model",
    "model_card": "4_model",
    "ranked_declaration": "4_model",
    "outcome_figure": "4_model",
    "outcome_model_card": "4_model",
    "decision_model_card": "4_model",
    "entity": "5_entity",
    "entity_name": "5_entity",
    "entity_link": "5_entity",
    "record_party": "5_entity",
    "company_item": "5_entity",
    "company_link": "5_entity",
    "company_month": "4_model",
    "company_profile": "4_model",
    "broker_share": "4_model",
    "requirement_use": "6_signal",
    "signal": "6_signal",
    "signal_feature": "6_signal",
    "signal_evidence": "6_signal",
    "company_signal": "6_signal",
    "company_signal_evidence": "6_signal",
    "signal_declaration": "6_signal",
    "proposed_inspection": "6_signal",
}


@dataclass(frozen=True)
class TableVersion:
    """One committed state of one table; what a step hands to the next instead of the rows themselves."""

    table: str
    version: int
    rows: int
    inputs_key: str


def table_path(lake: Lake, table: str) -> Path:
    """Return the folder of one Delta table."""
    return lake.root / _TABLE_FOLDERS[table] / table


def table_version(lake: Lake, table: str) -> TableVersion | None:
    """Return the newest committed state, or None where the table was never written; LakeError where it cannot be read."""
    stored = _open_table(lake, table)
    return None if stored is None else _describe_version(table, stored)


def write_table(
    lake: Lake, table: str, frame: pl.DataFrame, inputs_key: str, *, replace_sql: str = "",
    append: bool = False, partition_by: list[str] | None = None,
) -> TableVersion:  # fmt: skip
    """Commit `frame` as the table, or append it, or replace the rows that the SQL predicate `replace_sql` selects.

    The frame is held to the table's declared columns and types; a difference is a fault of ours and raises LakeError. Rows that stay keep
    null in a column that a newer contract added.
    """
    from deltalake import CommitProperties, PostCommitHookProperties, write_deltalake
    from deltalake.exceptions import DeltaError

    declared = load_contract(table).schema
    if frame.schema != declared:
        raise LakeError(f"table {table!r}: columns differ from its contract: {_schema_difference(frame.schema, declared)}")
    path = table_path(lake, table)
    before = _open_table(lake, table)
    options: dict[str, Any] = {"mode": "append" if append else "overwrite", "schema_mode": "overwrite"}
    if before is not None and (append or replace_sql):
        _check_stored_columns(lake, table, before)
        options |= {"schema_mode": "merge"} | ({"predicate": replace_sql} if replace_sql else {})
    elif append:
        options |= {"schema_mode": "merge"}
    try:
        path.mkdir(parents=True, exist_ok=True)
        write_deltalake(
            str(path), frame, partition_by=partition_by,
            commit_properties=CommitProperties(custom_metadata={"inputs_key": inputs_key}),
            # Every hundredth commit would else delete the log of versions older than a month: old versions stay readable.
            post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False), **options,
        )  # fmt: skip
    except (OSError, DeltaError) as error:
        raise LakeError(f"table {table!r} in {path}: {_one_line(error)}; the version before stands, the run can be repeated") from error
    written = table_version(lake, table)
    assert written is not None
    return written


def read_table(lake: Lake, table: str, version: int | None = None) -> pl.LazyFrame:
    """Scan a table, at its newest or at a named version; NotFoundError where it, or that version, was never written."""
    newest = table_version(lake, table)
    if newest is None:
        raise NotFoundError(f"the lake {lake.root} holds no table {table!r} yet; run `tradeflow run` first")
    if version is not None and not 0 <= version <= newest.version:
        raise NotFoundError(f"table {table!r} of the lake {lake.root} has the versions 0 to {newest.version}, not {version}")
    return pl.scan_delta(str(table_path(lake, table)), version=version)


def _open_table(lake: Lake, table: str) -> DeltaTable | None:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    path = table_path(lake, table)
    try:
        if not DeltaTable.is_deltatable(str(path)):
            return None
        stored = DeltaTable(str(path))
        is_cut = not stored.history(1)
    except OSError as error:
        raise LakeError(f"table {table!r} in {path}: cannot be read: {_one_line(error)}") from error
    except DeltaError as error:
        raise _broken_table(lake, table, _one_line(error)) from error
    if is_cut:
        raise _broken_table(lake, table, f"the commit of version {stored.version()} is empty")
    return stored


def _describe_version(table: str, stored: DeltaTable) -> TableVersion:
    """The inputs' key stands in the newest commit, the number of rows in the statistics of the files that make up the version."""
    rows = sum(stored.get_add_actions().column("num_records").to_pylist())
    return TableVersion(table, stored.version(), rows, stored.history(1)[0].get("inputs_key", ""))


def _check_stored_columns(lake: Lake, table: str, stored: DeltaTable) -> None:
    """Refuse to mix rows of two contracts, unless the newer one only adds columns that may be empty."""
    contract = load_contract(table)
    found = pl.scan_delta(stored).collect_schema()
    may_be_new = {column.name for column in contract.columns if not column.is_required and column.name not in found}
    expected = pl.Schema({name: dtype for name, dtype in contract.schema.items() if name not in may_be_new})
    if dict(found) != dict(expected):
        raise _broken_table(lake, table, f"written under another contract: {_schema_difference(found, expected)}")


def _broken_table(lake: Lake, table: str, reason: str) -> LakeError:
    folder = lake.root / _TABLE_FOLDERS[table]
    return LakeError(f"table {table!r} in {folder}: {reason}; move {folder} away: the next run makes it again from the snapshots")


def _one_line(error: Exception) -> str:
    """Say what delta-rs said without its colours, line breaks and stack."""
    plain = re.sub(r"\x1b\[[0-9;]*m|↳", "", str(error))
    return " ".join(re.split(r"\n\s*\d+: ", plain)[0].split())[:300]


def _schema_difference(found: pl.Schema, declared: pl.Schema) -> str:
    wrong = [f"{name} is {found[name]}, declared {declared[name]}" for name in declared if name in found and found[name] != declared[name]]
    missing = [f"{name} is missing" for name in declared if name not in found]
    extra = [f"{name} is declared nowhere" for name in found if name not in declared]
    return "; ".join(wrong + missing + extra) or "their order differs"
