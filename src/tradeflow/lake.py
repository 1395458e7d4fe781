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
from typing import Any

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.exceptions import LakeError, NotFoundError

SNAPSHOT_FOLDER = "1_snapshot"
RELEASE_FOLDER = "7_release"
RUN_FOLDER = "runs"
_TABLE_FOLDERS = {
    "trade_flow": "2_conformed",
    "snapshot": "2_conformed",
    "coverage": "2_conformed",
    "commodity_coverage": "2_conformed",
    "quarantine": "2_conformed",
    "mirror_pair": "3_mirror_pair",
    "reporter_reliability": "3_mirror_pair",
    "baseline": "4_model",
    "flow_score": "4_model",
    "flow_score_feature": "4_model",
    "signal": "6_signal",
    "signal_feature": "6_signal",
    "signal_evidence": "6_signal",
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

    The same bytes as the newest answer to this query write nothing.
    """
    if retrieved_at.tzinfo is None:
        raise ValueError("retrieved_at needs a time zone")
    hashed = [(name, content, _sha256(content), rows) for name, content, rows in parts]
    content_key = _digest(source, query_key, *[digest for _, _, digest, _ in hashed])
    query_folder = lake.root / SNAPSHOT_FOLDER / source / _folder_name(query_key)
    earlier = [_read_manifest(path) for path in query_folder.glob("*/manifest.json")]
    if earlier:
        newest = max(earlier, key=lambda each: each.retrieved_at)
        if [part.sha256 for part in newest.parts] == [digest for _, _, digest, _ in hashed]:
            return newest, False
    known = {each.snapshot_id for each in earlier}
    snapshot_id = content_key if content_key not in known else _digest(content_key, retrieved_at.isoformat())
    folder = query_folder / snapshot_id
    snapshot = Snapshot(
        snapshot_id, source, layout, query_key, query, retrieved_at, licence,
        tuple(Part(name, digest, _size(content), rows) for name, content, digest, rows in hashed),
        folder, scope or {},
    )  # fmt: skip
    with _new_folder(folder) as unfinished:
        for name, content, _, _ in hashed:
            _write_part(unfinished / name, content)
        (unfinished / "manifest.json").write_text(_manifest_text(snapshot), encoding="utf-8")
    return snapshot, True


def list_snapshots(lake: Lake, source: str | None = None) -> list[Snapshot]:
    """Return all snapshots (of one source), oldest first."""
    pattern = f"{source or '*'}/*/*/manifest.json"
    found = [_read_manifest(path) for path in (lake.root / SNAPSHOT_FOLDER).glob(pattern)]
    return sorted(found, key=lambda each: (each.retrieved_at, each.source, each.query_key, each.snapshot_id))


def find_snapshot(lake: Lake, snapshot_id: str) -> Snapshot:
    """Return one snapshot by id; NotFoundError where there is none."""
    for path in (lake.root / SNAPSHOT_FOLDER).glob(f"*/*/{snapshot_id}/manifest.json"):
        return _read_manifest(path)
    raise NotFoundError(f"no snapshot {snapshot_id!r} in the lake {lake.root}")


def _read_manifest(path: Path) -> Snapshot:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        stored["retrieved_at"] = datetime.fromisoformat(stored["retrieved_at"])
        stored["parts"] = tuple(Part(**part) for part in stored["parts"])
        return Snapshot(**stored, folder=path.parent)
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
def _new_folder(folder: Path) -> Iterator[Path]:
    """Make a folder that appears whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)
        unfinished.rename(folder)
    except OSError as error:
        raise LakeError(f"{folder}: {error.strerror or error}; nothing of it was kept, the run can be repeated") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


# --- tables --------------------------------------------------------------------------------------------------------------------


def table_path(lake: Lake, table: str) -> Path:
    """Return the folder of one Delta table."""
    return lake.root / _TABLE_FOLDERS[table] / table


def table_version(lake: Lake, table: str) -> TableVersion | None:
    """Return the newest committed state, or None where the table was never written."""
    from deltalake import DeltaTable

    path = table_path(lake, table)
    if not DeltaTable.is_deltatable(str(path)):
        return None
    stored = DeltaTable(str(path))
    commit = stored.history(1)[0]
    return TableVersion(table, stored.version(), int(commit.get("rows", -1)), commit.get("inputs_key", ""))


def write_table(
    lake: Lake, table: str, frame: pl.DataFrame, inputs_key: str, *, replace_sql: str = "",
    append: bool = False, partition_by: list[str] | None = None,
) -> TableVersion:  # fmt: skip
    """Commit `frame` as the table, or append it, or replace the rows that the SQL predicate `replace_sql` selects.

    The frame is held to the table's declared columns and types; a difference is a fault of ours and raises LakeError.
    """
    from deltalake import CommitProperties, write_deltalake

    declared = load_contract(table).schema
    if frame.schema != declared:
        raise LakeError(f"table {table!r}: columns differ from its contract: {_schema_difference(frame.schema, declared)}")
    path = table_path(lake, table)
    path.mkdir(parents=True, exist_ok=True)
    before = table_version(lake, table)
    rows = frame.height + (before.rows if before and append else 0)
    options: dict[str, Any] = {"mode": "append" if append else "overwrite"}
    if replace_sql and before:
        options |= {"predicate": replace_sql}
    elif not append:
        # A newer release of tradeflow may declare other columns; a table that is made anew takes them.
        options |= {"schema_mode": "overwrite"}
    metadata = {"inputs_key": inputs_key, "rows": str(rows)}
    try:
        write_deltalake(
            str(path), frame, partition_by=partition_by,
            commit_properties=CommitProperties(custom_metadata=metadata), **options,
        )  # fmt: skip
    except OSError as error:
        raise LakeError(f"table {table!r} in {path}: {error}; the version before stands, the run can be repeated") from error
    written = table_version(lake, table)
    assert written is not None
    return written


def read_table(lake: Lake, table: str, version: int | None = None) -> pl.LazyFrame:
    """Scan a table, at its newest or at a named version; NotFoundError where it was never written."""
    if table_version(lake, table) is None:
        raise NotFoundError(f"the lake {lake.root} holds no table {table!r} yet; run `tradeflow run` first")
    return pl.scan_delta(str(table_path(lake, table)), version=version)


def _schema_difference(found: pl.Schema, declared: pl.Schema) -> str:
    wrong = [f"{name} is {found[name]}, declared {declared[name]}" for name in declared if name in found and found[name] != declared[name]]
    missing = [f"{name} is missing" for name in declared if name not in found]
    extra = [f"{name} is declared nowhere" for name in found if name not in declared]
    return "; ".join(wrong + missing + extra) or "their order differs"


# --- one run at a time ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def hold_lake(lake: Lake) -> Iterator[None]:
    """Keep other runs off this lake; the operating system lets go of the lock when the process ends, however it ends."""
    try:
        (lake.root / RUN_FOLDER).mkdir(parents=True, exist_ok=True)
        lock = (lake.root / RUN_FOLDER / "lock").open("a+")
    except OSError as error:
        raise LakeError(f"the lake {lake.root} cannot be written: {error.strerror}; name another with --lake") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise LakeError(f"another run is at work on the lake {lake.root} (process {lock.read().strip()}); wait for it") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
