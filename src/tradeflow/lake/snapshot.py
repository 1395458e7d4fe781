"""Snapshots: what a source answered to one query at one time, byte for byte, with a manifest."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tradeflow.exceptions import LakeError, NotFoundError
from tradeflow.lake.place import SNAPSHOT_FOLDER, UNFINISHED, Lake, new_folder


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
    paths = [path for path in folder.glob(pattern) if not path.parent.name.startswith(UNFINISHED)]
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
