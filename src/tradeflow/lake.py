"""Where a table lies and how it is written: snapshots as the source sent them, and Delta tables for everything made from them.

A write is one atomic commit; a crash leaves the previous version. A commit names what it was made from (`inputs_key`): asking for a table
that stands already with the same key writes nothing, so a run that died goes on where it stopped and a second run changes nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.exceptions import LakeError, NotFoundError
from tradeflow.settings import named_database

if TYPE_CHECKING:
    from deltalake import DeltaTable

SNAPSHOT_FOLDER = "1_snapshot"
RELEASE_FOLDER = "7_release"
RUN_FOLDER = "runs"
_UNFINISHED = ".unfinished-"
_TABLE_FOLDERS = {
    "trade_flow": "2_conformed",
    "customs_declaration": "2_conformed",
    "named_substance": "2_conformed",
    "declared_substance": "2_conformed",
    "licensed_operator": "2_conformed",
    "pre_export_notification": "2_conformed",
    "precursor_incident": "2_conformed",
    "annual_requirement": "2_conformed",
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
class Lake:
    """One folder that holds all that a team knows; nothing in it is ever overwritten in place."""

    root: Path


@dataclass(frozen=True)
class TableVersion:
    """One committed state of one table; what a step hands to the next instead of the rows themselves."""

    table: str
    version: int
    rows: int
    inputs_key: str


@dataclass(frozen=True)
class Part:
    """One file of a snapshot, byte for byte as it came; `rows` is -1 where they were not counted."""

    name: str
    sha256: str
    size_bytes: int
    rows: int = -1


@dataclass(frozen=True)
class Snapshot:
    """A source's answer to one query at one time.

    `query_key` names the query: a later answer to the same key supersedes this one. `scope` lists what the query asked for
    (`reporter_code`, `period`, `commodity_code`, `flow_code`); an empty scope means that only the rows themselves say it.
    """

    snapshot_id: str
    source: str
    layout: str
    query_key: str
    query: dict[str, Any]
    retrieved_at: datetime
    licence: str
    parts: tuple[Part, ...]
    folder: Path
    scope: dict[str, list[Any]]

    @property
    def part_paths(self) -> list[Path]:
        """The parts' paths, in the order in which their rows are numbered."""
        return [self.folder / part.name for part in self.parts]


# --- snapshots -----------------------------------------------------------------------------------------------------------------


def write_snapshot(
    lake: Lake,
    *,
    source: str,
    layout: str,
    query_key: str,
    query: dict[str, Any],
    retrieved_at: datetime,
    licence: str,
    parts: list[tuple[str, bytes | Path, int]],
    scope: dict[str, list[Any]] | None = None,
) -> tuple[Snapshot, bool]:
    """Keep an answer's parts (name, bytes or a file to copy, rows) and its manifest; return it and whether it is new.

    The same bytes as the newest answer to this query write nothing; nor do those that were the newest at `retrieved_at`, so that old
    answers can be offered again in any order.
    """
    if retrieved_at.tzinfo is None:
        raise ValueError("retrieved_at needs a time zone")
    hashed = [(name, content, _sha256(content), rows) for name, content, rows in parts]
    content_key = _digest(source, query_key, *[digest for _, _, digest, _ in hashed])
    query_folder = lake.root / SNAPSHOT_FOLDER / source / _folder_name(query_key)
    kept = sorted(_read_manifests(query_folder, "*/manifest.json"), key=lambda each: each.retrieved_at)
    newest_then = [each for each in kept if each.retrieved_at <= retrieved_at][-1:]
    at_that_time = [each for each in kept if each.retrieved_at == retrieved_at]
    for snapshot in (*kept[-1:], *newest_then, *at_that_time):
        if [part.sha256 for part in snapshot.parts] == [digest for _, _, digest, _ in hashed]:
            return snapshot, False
    known = {each.snapshot_id for each in kept}
    snapshot_id = content_key if content_key not in known else _digest(content_key, retrieved_at.isoformat())
    folder = query_folder / snapshot_id
    snapshot = Snapshot(
        snapshot_id, source, layout, query_key, query, retrieved_at, licence,
        tuple(Part(name, digest, _size(content), rows) for name, content, digest, rows in hashed),
        folder, scope or {},
    )  # fmt: skip
    with new_folder(folder) as unfinished:
        for name, content, _, _ in hashed:
            _write_part(unfinished / name, content)
        (unfinished / "manifest.json").write_text(_manifest_text(snapshot), encoding="utf-8")
    return snapshot, True


def list_snapshots(lake: Lake, source: str | None = None) -> list[Snapshot]:
    """Return all snapshots (of one source), oldest first."""
    pattern = f"{source or '*'}/*/*/manifest.json"
    found = _read_manifests(lake.root / SNAPSHOT_FOLDER, pattern)
    return sorted(found, key=lambda each: (each.retrieved_at, each.source, each.query_key, each.snapshot_id))


def find_snapshot(lake: Lake, snapshot_id: str) -> Snapshot:
    """Return one snapshot by id; NotFoundError where there is none."""
    found = _read_manifests(lake.root / SNAPSHOT_FOLDER, f"*/*/{snapshot_id}/manifest.json")
    if found:
        return found[0]
    raise NotFoundError(f"no snapshot {snapshot_id!r} in the lake {lake.root}")


def _read_manifests(folder: Path, pattern: str) -> list[Snapshot]:
    # A process that was killed leaves its unfinished folder, and `*` matches names that begin with a dot.
    paths = [path for path in folder.glob(pattern) if not path.parent.name.startswith(_UNFINISHED)]
    return [_read_manifest(path) for path in paths]


def _read_manifest(path: Path) -> Snapshot:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        stored["retrieved_at"] = datetime.fromisoformat(stored["retrieved_at"])
        if stored["retrieved_at"].tzinfo is None:
            raise ValueError("retrieved_at has no time zone")
        stored["parts"] = tuple(Part(**part) for part in stored["parts"])
        return Snapshot(**stored, folder=path.parent)
    except OSError as error:
        raise LakeError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(f"{path}: not a snapshot's manifest ({error}); move the folder {path.parent} away and pull again") from error


def _manifest_text(snapshot: Snapshot) -> str:
    document = asdict(snapshot)
    del document["folder"]
    document["retrieved_at"] = snapshot.retrieved_at.isoformat()
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True)


def _folder_name(query_key: str) -> str:
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", query_key).strip("._")[:60]
    return f"{readable}-{_digest(query_key)[:8]}"


def _digest(*texts: str) -> str:
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:16]


def _sha256(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(content: bytes | Path) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _write_part(path: Path, content: bytes | Path) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        shutil.copyfile(content, path)


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Make a folder that appears whole or not at all; LakeError on a full disk or a missing permission."""
    unfinished = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.parent))
        yield unfinished
        unfinished.chmod(0o755)
        unfinished.rename(folder)
    except OSError as error:
        raise LakeError(f"{folder}: {error.strerror or error}; nothing of it was kept, the run can be repeated") from error
    finally:
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)


# --- tables --------------------------------------------------------------------------------------------------------------------


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


# --- one run at a time ---------------------------------------------------------------------------------------------------------


def serving_url(lake: Lake) -> str:
    """Return the address of the database that `TRADEFLOW_DATABASE` names, else of the SQLite file beside the lake's releases."""
    return named_database() or f"sqlite:///{lake.root / RELEASE_FOLDER / 'serving.sqlite'}"


@contextlib.contextmanager
def hold_lake(lake: Lake) -> Iterator[None]:
    """Keep other runs off this lake; the operating system lets go of the lock when the process ends, however it ends."""
    with contextlib.ExitStack() as held:
        try:
            (lake.root / RUN_FOLDER).mkdir(parents=True, exist_ok=True)
            lock = held.enter_context((lake.root / RUN_FOLDER / "lock").open("a+b", buffering=0))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.truncate(0)
            lock.write(str(os.getpid()).encode())
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().decode() or "unknown"
            raise LakeError(f"another run is at work on the lake {lake.root} (process {holder}); wait for it") from None
        except OSError as error:
            raise LakeError(f"the lake {lake.root} cannot be written: {error.strerror}; name another with --lake") from error
        _sweep_unfinished(lake)
        yield


def _sweep_unfinished(lake: Lake) -> None:
    """Remove what killed runs left half written; only the holder of the lake may, since nobody else is at work on it."""
    snapshots = (lake.root / SNAPSHOT_FOLDER).glob(f"*/*/{_UNFINISHED}*")
    releases = (lake.root / RELEASE_FOLDER).glob(f"{_UNFINISHED}*")
    for folder in (*snapshots, *releases):
        shutil.rmtree(folder, ignore_errors=True)
