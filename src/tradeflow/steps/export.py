"""What `tradeflow export` hands to other tools: the companies of the current release, or of the lake where nothing is published yet."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.exceptions import SourceError
from tradeflow.lake import Lake, read_table, table_version
from tradeflow.publish.release import current_release
from tradeflow.telling.company_graph import CompanyRecords, take_companies, take_flagged

_TABLES = ("entity", "entity_name", "company_profile", "company_link", "company_item", "company_signal")


@dataclass(frozen=True)
class Exported:
    """How many companies and ties were handed out, and how many of the companies a flagged lead is about."""

    companies: int
    ties: int
    flagged: int


def export_companies(lake: Lake, form: str, out: Path, *, everything: bool = False) -> Exported:
    """Write the graph of companies to `out` as ftm, graphml (a file) or csv (a folder); SourceError where there is none or no place for it.

    Only the companies that flagged leads are about and who is tied to them, unless `everything` is asked for.
    """
    records = _read_records(lake)
    chosen = take_companies(records) if everything else take_flagged(records)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=out.parent) as scratch:
            draft = Path(scratch) / out.name
            _write(form, draft, chosen)
            _put_in_place(draft, out)
    except OSError as error:
        raise SourceError(f"{out}: cannot be written: {error.strerror or error}") from error
    about = chosen.company_signal.filter("is_flagged")["entity_id"].n_unique()
    return Exported(chosen.entity.height, chosen.company_link.height, about)


def _write(form: str, out: Path, records: CompanyRecords) -> None:
    from tradeflow.publish.graph_files import write_graph_csv, write_graphml
    from tradeflow.telling.follow_the_money import write_follow_the_money

    {"ftm": write_follow_the_money, "graphml": write_graphml, "csv": write_graph_csv}[form](out, records)


def _put_in_place(draft: Path, out: Path) -> None:
    """Give what is complete its name; a folder that stands keeps its other files."""
    if draft.is_file():
        os.replace(draft, out)
        return
    out.mkdir(exist_ok=True)
    for file in sorted(draft.iterdir()):
        os.replace(file, out / file.name)


def _read_records(lake: Lake) -> CompanyRecords:
    if table_version(lake, "company_item") is None:
        raise SourceError(f"the lake {lake.root} holds no companies: run `tradeflow run` on a source with customs declarations first")
    versions = _released_versions(lake)
    tables = {table: _read(lake, table, versions) for table in _TABLES}
    return CompanyRecords(**tables, licensed_operator=_read_licences(lake, versions))


def _released_versions(lake: Lake) -> dict[str, int]:
    folder = current_release(lake)
    if folder is None:
        return {}
    versions: dict[str, int] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["table_versions"]
    return versions


def _read(lake: Lake, table: str, versions: dict[str, int]) -> pl.DataFrame:
    if table_version(lake, table) is None:
        return load_contract(table).empty_frame()
    return read_table(lake, table, versions.get(table)).collect()


def _read_licences(lake: Lake, versions: dict[str, int]) -> pl.DataFrame:
    held = _read(lake, "record_party", versions).filter(record_table="licensed_operator", party_role="licensee")
    holders = held.select("snapshot_id", "row_number", "entity_id")
    return _read(lake, "licensed_operator", versions).join(holders, on=["snapshot_id", "row_number"])
