"""A release: one folder that appears whole or not at all, then the serving database, then the name of the newest."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from tradeflow.lake import RELEASE_FOLDER, Lake, new_folder, serving_url
from tradeflow.settings import Publish
from tradeflow.telling.tables import ReleaseTables

CURRENT_FILE = "current"


def publish_release(
    lake: Lake,
    release_id: str,
    tables: ReleaseTables,
    manifest: dict[str, Any],
    *,
    settings: Publish,
    is_current: bool,
    inspection_lists: Mapping[str, pl.DataFrame] = MappingProxyType({}),
    database_url: str | None = None,
) -> Path:
    """Take a run's tables and its manifest; hand over the release's folder. A release that stands already is left as it is.

    Only the current release goes into the serving database (that of the lake unless `database_url` names another).
    `inspection_lists` are for who inspects: they lie beside the tables under their names and are not served.
    """
    from tradeflow.publish.serving import serve_release  # slow to import, and the pipeline imports this module
    from tradeflow.publish.table_files import write_table_file

    folder = _release_path(lake, release_id)
    if not folder.is_dir():
        with new_folder(folder) as unfinished:
            _write_release(unfinished, release_id, tables, manifest, settings)
            for name, declarations in inspection_lists.items():
                if not declarations.is_empty():
                    write_table_file(unfinished, name, declarations)
    if is_current:
        stored = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        serve_release(database_url or serving_url(lake), release_id, tables, stored, published_at=datetime.now(UTC))
        _replace_text(folder.parent / CURRENT_FILE, release_id + "\n")
    return folder


def current_release(lake: Lake) -> Path | None:
    """Return the newest release's folder, or None where nothing was published yet."""
    pointer = lake.root / RELEASE_FOLDER / CURRENT_FILE
    if not pointer.is_file():
        return None
    return _release_path(lake, pointer.read_text(encoding="utf-8").strip())


def _release_path(lake: Lake, release_id: str) -> Path:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", release_id):
        raise ValueError(f"release id {release_id!r} must be letters, digits, '.', '_' or '-', so that it can name a folder")
    return lake.root / RELEASE_FOLDER / release_id


def _write_release(folder: Path, release_id: str, tables: ReleaseTables, manifest: dict[str, Any], settings: Publish) -> None:
    from tradeflow.publish.report import render_report
    from tradeflow.publish.table_files import write_table_files
    from tradeflow.publish.workbook import write_workbook

    manifest = {"release_id": release_id} | manifest
    write_table_files(folder, tables)
    write_workbook(folder / "signal.xlsx", tables, manifest)
    (folder / "report.html").write_text(render_report(tables, manifest, settings), encoding="utf-8")
    (folder / "manifest.json").write_text(_manifest_text(manifest), encoding="utf-8")


def _manifest_text(manifest: dict[str, Any]) -> str:
    return json.dumps(manifest, indent=1, ensure_ascii=False, default=str)


def _replace_text(path: Path, text: str) -> None:
    unfinished = path.with_name(f".unfinished-{path.name}")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)
