"""Pulls a folder of files: every data file whose layout is declared is kept byte for byte, every other one gets its line."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tradeflow.contract import Contract, source_layouts
from tradeflow.exceptions import SourceError
from tradeflow.lake import Lake, Snapshot, list_snapshots, write_snapshot
from tradeflow.pull.layouts import choose_layout, read_column_names
from tradeflow.pull.packing import SKIPPED_ENDINGS, TEXT_ENDING
from tradeflow.pull.report import PullReport

_SIDECAR_ENDING = ".manifest.json"
_SIDECAR_FORM = "a JSON object with source, query, retrieved_at, licence and scope"
_SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PROGRESS_EVERY = 100
_TABLES = (
    "trade_flow", "customs_declaration", "licensed_operator", "pre_export_notification", "precursor_incident", "annual_requirement",
)  # fmt: skip


@dataclass(frozen=True)
class _Origin:
    """Where a file comes from: what its sidecar says, or that a person put it there."""

    retrieved_at: datetime
    source: str = "files"
    licence: str = "as supplied by the user"
    query: dict[str, Any] = field(default_factory=dict)
    scope: dict[str, list[Any]] = field(default_factory=dict)
    is_declared: bool = False


@dataclass
class _Pull:
    """One pull under way."""

    lake: Lake
    now: datetime
    layouts: list[Contract]
    newest: dict[tuple[str, str], Snapshot] = field(default_factory=dict)
    by_size: defaultdict[int, list[Snapshot]] = field(default_factory=lambda: defaultdict(list))
    used_layouts: dict[str, Counter[str]] = field(default_factory=dict)
    new: list[Snapshot] = field(default_factory=list)
    unchanged: int = 0
    problems: list[str] = field(default_factory=list)


def pull_files(lake: Lake, path: Path, *, now: datetime, report_progress: Callable[[str], None], table: str | None = None) -> PullReport:
    """Keep every data file below a folder, or one file; SourceError where there is no data file at all.

    `<file name>.manifest.json` beside a file names its source, query, retrieved_at, licence and scope. Only beginnings are read.
    A copy of a file that is kept already, under another name or in a folder that was moved, is not kept again: its rows would count double.
    A `table` is named for the one file that holds it: its newest answer counts, whatever that file is called.
    """
    pull = _Pull(lake, now, [layout for each in ([table] if table else _TABLES) for layout in source_layouts(each)])
    for snapshot in list_snapshots(lake):
        _remember(pull, snapshot)
    files = _find_files(pull, path, report_progress)
    empty: list[Path] = []
    for place, file in enumerate(files, start=1):
        with _collect_fault(pull, file):
            if not _keep_file(pull, file, table or _query_key(path, file)):
                empty.append(file)
        if place % _PROGRESS_EVERY == 0:
            report_progress(f"{place:,} of {len(files):,} files looked at, {len(pull.new):,} are new")
    for file in empty:
        with _collect_fault(pull, file):
            _keep_empty_answer(pull, file, _query_key(path, file))
    return PullReport(tuple(pull.new), pull.unchanged, tuple(pull.problems))


def _remember(pull: _Pull, snapshot: Snapshot) -> None:
    pull.newest[snapshot.source, snapshot.query_key] = snapshot
    pull.by_size[sum(part.size_bytes for part in snapshot.parts)].append(snapshot)


def _find_files(pull: _Pull, path: Path, report_progress: Callable[[str], None]) -> list[Path]:
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder; check the path of the source")
    if not path.is_dir():
        return [path]
    found = list(_walk_folder(pull, path))
    visible = sorted(file for file in found if not any(part.startswith(".") for part in file.relative_to(path).parts))
    papers = {file for file in visible if file.suffix.lower() in SKIPPED_ENDINGS and not _is_table_by_place(file, pull.layouts)}
    files = [file for file in visible if file not in papers and not file.name.endswith(_SIDECAR_ENDING)]
    if papers:
        report_progress(f"{len(papers):,} files passed over: {', '.join(sorted(SKIPPED_ENDINGS))} hold no data")
    if not files:
        raise SourceError(f"{path}: no data file in this folder; expected CSV, XLSX, JSON or Parquet, or a DBF table, plain, .gz or .zip")
    return files


def _is_table_by_place(file: Path, layouts: list[Contract]) -> bool:
    """Tell a text that holds a table without a heading, as some customs administrations publish theirs."""
    if file.suffix.lower() != TEXT_ENDING:
        return False
    try:
        return not choose_layout(file, read_column_names(file), layouts).has_heading
    except SourceError:
        return False


def _walk_folder(pull: _Pull, root: Path) -> Iterator[Path]:
    """Yield every file below a folder, but for the lake's own; links to folders are named and not followed: they may lead in a circle."""
    faults: list[OSError] = []
    for folder, subfolders, names in os.walk(root, onerror=faults.append):
        subfolders[:] = [name for name in subfolders if Path(folder, name).resolve() != pull.lake.root.resolve()]
        yield from (Path(folder, name) for name in names)
        links = [Path(folder, name) for name in subfolders if Path(folder, name).is_symlink()]
        pull.problems += [
            f"{link}: a link to a folder, which is not followed; name {link.resolve()} as a source of its own" for link in links
        ]
    pull.problems += [f"{fault.filename}: {fault.strerror}; its files were not looked at; allow this user to read it" for fault in faults]


def _query_key(root: Path, file: Path) -> str:
    return file.name if file == root else file.relative_to(root).as_posix()


@contextlib.contextmanager
def _collect_fault(pull: _Pull, file: Path) -> Iterator[None]:
    try:
        yield
    except SourceError as error:
        text = str(error)
        pull.problems.append(text if text.startswith(str(file)) else f"{file}: {text}")


def _keep_file(pull: _Pull, file: Path, query_key: str) -> bool:
    """Keep one file; False, and nothing kept, where it holds no record that would tell its layout."""
    names = read_column_names(file)
    if not names:
        return False
    origin = _read_origin(file, pull.now)
    layout = choose_layout(file, names, pull.layouts).name
    pull.used_layouts.setdefault(origin.source, Counter())[layout] += 1
    _write(pull, file, query_key, origin, layout)
    return True


def _keep_empty_answer(pull: _Pull, file: Path, query_key: str) -> None:
    """Keep an answer of no rows under the layout of its source's other answers: that nothing was reported is worth knowing."""
    origin = _read_origin(file, pull.now)
    used = pull.used_layouts.get(origin.source)
    if not origin.scope or not used:
        raise SourceError(f"{file}: an answer without a record, so neither its layout nor its question can be told; it was left out")
    _write(pull, file, query_key, origin, used.most_common(1)[0][0])


def _write(pull: _Pull, file: Path, query_key: str, origin: _Origin, layout: str) -> None:
    if (origin.source, query_key) not in pull.newest and _is_copy(pull, file, origin):
        pull.unchanged += 1
        return
    snapshot, is_new = write_snapshot(
        pull.lake, source=origin.source, layout=layout, query_key=query_key, query=origin.query,
        retrieved_at=origin.retrieved_at, licence=origin.licence, parts=[(_part_name(file), file, -1)], scope=origin.scope,
    )  # fmt: skip
    pull.unchanged += not is_new
    if is_new:
        _remember(pull, snapshot)
        pull.new.append(snapshot)


def _is_copy(pull: _Pull, file: Path, origin: _Origin) -> bool:
    """Tell whether the newest answer to some other key is this same file: the same bytes to the same question at the same time."""
    alike = [
        snapshot.parts[0].sha256
        for snapshot in pull.by_size[file.stat().st_size]
        if len(snapshot.parts) == 1 and _has_origin(snapshot, origin) and pull.newest[snapshot.source, snapshot.query_key] is snapshot
    ]
    if not alike:
        return False
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() in alike


def _has_origin(snapshot: Snapshot, origin: _Origin) -> bool:
    is_same_time = not origin.is_declared or snapshot.retrieved_at == origin.retrieved_at
    return is_same_time and (snapshot.source, snapshot.query) == (origin.source, origin.query)


def _part_name(file: Path) -> str:
    # The lake's own manifest lies beside the parts under this name.
    return "answer.json" if file.name == "manifest.json" else file.name


def _read_origin(file: Path, now: datetime) -> _Origin:
    sidecar = file.with_name(file.name + _SIDECAR_ENDING)
    if not sidecar.exists():
        return _Origin(now)
    try:
        said = json.loads(sidecar.read_text(encoding="utf-8"))
        origin = _Origin(
            datetime.fromisoformat(said["retrieved_at"]),
            said["source"],
            said["licence"],
            dict(said["query"]),
            dict(said["scope"]),
            is_declared=True,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{sidecar}: not a manifest ({error!r}); expected {_SIDECAR_FORM}; mend or remove it") from error
    if origin.retrieved_at.tzinfo is None:
        raise SourceError(f"{sidecar}: retrieved_at {said['retrieved_at']!r} has no time zone; write it as 2026-01-31T06:00:00Z")
    if not _SOURCE_NAME.fullmatch(origin.source):
        raise SourceError(f"{sidecar}: source {origin.source!r} is no name; expected small letters, digits and _")
    return origin
