"""The steps that bring rows in: pull, and validate with conform."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl

from tradeflow.conform import CONTROL_RECORDS
from tradeflow.contract import load_codelist, load_contract
from tradeflow.exceptions import SettingsError, SourceError
from tradeflow.lake import Lake, Snapshot, list_snapshots, read_table, table_version, write_table
from tradeflow.pull.report import PullReport
from tradeflow.settings import Companies, ComtradeSource, FilesSource, Settings, Source
from tradeflow.steps.arriving import Arrived, read_arrivals
from tradeflow.steps.checking import CONFORM, Checked, check_rows
from tradeflow.steps.handles import AVAILABILITY, Conformed, Pulled, certificate_folder, hash_texts
from tradeflow.steps.refusals import count_fates, tell_refusals
from tradeflow.steps.watch_list import watched_commodities

_log = logging.getLogger("tradeflow")
_BATCH_ROWS = {"trade_flow": 2_000_000, "customs_declaration": 300_000} | dict.fromkeys(CONTROL_RECORDS, 1_000_000)
"""Rows conformed before they are committed: bounds the memory, and what a killed run has to do again. Declarations are wider."""
_ORDER = {
    "trade_flow": ["commodity_chapter", "commodity_code", "period", "reporter_code"],
    "customs_declaration": ["commodity_chapter", "declaration_date", "declaration_id", "item_number"],
} | dict.fromkeys(CONTROL_RECORDS, ["snapshot_id", "row_number"])


def pull_sources(settings: Settings, lake: Lake, now: datetime) -> Pulled:
    """Ask every source of the settings; a source that fails is a line, unless the lake has nothing else to work on."""
    _refuse_missing_folder(settings)
    reports = [_pull_source(source, settings, lake, now) for source in settings.sources]
    reports += [_pull_record_table(table, path, lake, now) for table, path in _record_files(settings.companies).items()]
    problems = tuple(line for report in reports for line in report.problems)
    if not any(each.source != AVAILABILITY for each in list_snapshots(lake)):
        raise SourceError("; ".join(problems) or "there is nothing to work on: name a folder with --input or a source in the settings file")
    new = sum(each.source != AVAILABILITY for report in reports for each in report.new)
    return Pulled(new, sum(report.unchanged for report in reports), problems)


def _record_files(companies: Companies) -> dict[str, Path]:
    """Return the file of each of CONTROL_RECORDS that the settings name."""
    named = {table: getattr(companies, f"{table}s", None) for table in CONTROL_RECORDS}
    return {table: path for table, path in named.items() if path is not None}


def _refuse_missing_folder(settings: Settings) -> None:
    """A mistyped path is a mistake that waiting does not mend; among several sources it is a line, and the others go on."""
    for table, path in _record_files(settings.companies).items():
        if not path.is_file():
            raise SettingsError(f"companies.{table}s: there is no file {path}; name one that exists")
    if len(settings.sources) == 1 and isinstance(settings.sources[0], FilesSource) and not settings.sources[0].path.exists():
        raise SettingsError(f"there is no file or folder {settings.sources[0].path}; name one that exists")


def _pull_source(source: Source, settings: Settings, lake: Lake, now: datetime) -> PullReport:
    try:
        if isinstance(source, FilesSource):
            from tradeflow.pull.files import pull_files

            return pull_files(lake, source.path, now=now, report_progress=_log.info)
        return _pull_comtrade(source, settings, lake)
    except SourceError as error:
        return PullReport((), 0, (str(error),))


def _pull_record_table(table: str, path: Path, lake: Lake, now: datetime) -> PullReport:
    from tradeflow.pull.files import pull_files

    return pull_files(lake, path, now=now, report_progress=_log.info, table=table)


def _pull_comtrade(source: ComtradeSource, settings: Settings, lake: Lake) -> PullReport:
    from tradeflow.pull.comtrade import pull_comtrade

    watched = load_codelist("commodity").filter(pl.col("watch_class") == "watched")["commodity_code"].to_list()
    commodities = source.commodities or watched_commodities(settings.watch) or tuple(watched)
    return pull_comtrade(lake, source, commodities, key=os.environ.get(source.key_variable), report_progress=_log.info)


def conform_snapshots(lake: Lake) -> Conformed:
    """Hold every snapshot that is not conformed yet to its layout's contract and commit `quarantine`, `trade_flow`, `snapshot` and, where
    there are any, `customs_declaration` and control records.

    `snapshot` is written last: what it lists is done. A batch that a crash left half done is replaced, never added to.
    """
    done = _conformed_ids(lake)
    pending = [each for each in list_snapshots(lake) if each.source != AVAILABILITY and each.snapshot_id not in done]
    for batch in _batches(lake, pending):
        _commit_batch(lake, batch)
    # A file that was mended and sent again has no problem any more.
    newest = read_table(lake, "snapshot").sort("retrieved_at").group_by("source", "query_key", maintain_order=True).last()
    stored = newest.filter(pl.col("problem_text").is_not_null()).collect()
    problems = tuple(f"{row['query_key']}: {row['problem_text']}" for row in stored.iter_rows(named=True))
    versions = (table_version(lake, table) for table in ("snapshot", *CONFORM, "quarantine"))
    return Conformed(tuple(version for version in versions if version is not None), problems)


def _conformed_ids(lake: Lake) -> set[str]:
    if table_version(lake, "snapshot") is None:
        return set()
    return set(read_table(lake, "snapshot").select("snapshot_id").collect()["snapshot_id"])


def _batches(lake: Lake, pending: list[Snapshot]) -> Iterator[Checked]:
    batch: list[Arrived] = []
    for number, snapshot in enumerate(pending, 1):
        for arrived in read_arrivals(lake, snapshot):
            batch.append(arrived)
            if sum(each.share_of(_BATCH_ROWS) for each in batch) >= 1:
                yield check_rows(batch)
                batch = []
                _log.info(f"validated {number:,} of {len(pending):,} answers" if arrived.is_last else "validated a piece of a large file")
    if batch:
        yield check_rows(batch)
        _log.info(f"validated {len(pending):,} of {len(pending):,} answers")


def _commit_batch(lake: Lake, batch: Checked) -> None:
    key = hash_texts(*sorted(each.piece_id for each in batch.arrived))
    ordered = {table: rows.sort(_ORDER[table]) for table, rows in batch.conformed.items()}
    for table, rows in ordered.items():
        _certify(lake, table, rows, key)
    for table, frame in (("quarantine", batch.quarantine), *ordered.items()):
        if table in CONFORM and table != "trade_flow" and frame.is_empty():
            continue  # who has no declarations or licences has no such table
        replaced = _left_by_killed_run(lake, table, batch.arrived)
        write_table(
            lake, table, frame, key, append=not replaced, replace_sql=replaced,
            partition_by=["commodity_chapter"] if table == "trade_flow" else None,
        )  # fmt: skip
    if any(each.is_last for each in batch.arrived):
        write_table(lake, "snapshot", _snapshot_rows(lake, batch), key, append=True)


def _left_by_killed_run(lake: Lake, table: str, arrived: list[Arrived]) -> str:
    """Return the SQL that selects what stands in a table of snapshots that `snapshot` does not list yet; "" where nothing does."""
    if table_version(lake, table) is None:
        return ""
    ids = [each.snapshot.snapshot_id for each in arrived if not each.is_piece]
    is_half_done = any(each.is_half_done for each in arrived)
    if not is_half_done and (not ids or read_table(lake, table).filter(pl.col("snapshot_id").is_in(ids)).head(1).collect().is_empty()):
        return ""
    wholes = ["snapshot_id IN ({})".format(", ".join(f"'{each}'" for each in ids))] if ids else []
    # Rows that the predicate does not select could not be written with it.
    return " OR ".join([*wholes, *(each.rows_sql for each in arrived if each.is_piece)])


def _certify(lake: Lake, table: str, rows: pl.DataFrame, key: str) -> None:
    """Great Expectations' certificate on what passed; a breach that the gate let through is a fault of ours and stops the run."""
    if rows.is_empty():
        return
    from tradeflow.validate.certificate import certify

    _log.info(f"certifying {rows.height:,} conformed rows of {table}")
    folder = certificate_folder(lake) / (key if table == "trade_flow" else f"{key}-{table}")
    certificate = certify(rows, load_contract(table), folder, partition_by="commodity_chapter" if table == "trade_flow" else None)
    if not certificate.is_passed:
        raise AssertionError(f"the gate passed rows that break the contract: {'; '.join(certificate.failures)}")


def _snapshot_rows(lake: Lake, batch: Checked) -> pl.DataFrame:
    """Return one row of `snapshot` per answer: its rows in and what became of them, and what was wrong with it."""
    ended = [each for each in batch.arrived if each.is_last]
    conformed = pl.concat([rows.select("snapshot_id") for rows in batch.conformed.values()])
    refused = batch.quarantine
    for each in ended:
        if each.is_piece:
            conformed = _rows_of(lake, str(load_contract(each.snapshot.layout).conforms_to), each, ["snapshot_id"], conformed)
            refused = _rows_of(lake, "quarantine", each, ["snapshot_id", "is_set_aside", "rule"], refused)
    accounts = count_fates(conformed, refused)
    told = tell_refusals(refused, {each.snapshot.snapshot_id: each.snapshot.layout for each in ended})
    rows = [
        {
            **{name: getattr(each.snapshot, name) for name in ("snapshot_id", "source", "layout", "query_key", "retrieved_at", "licence")},
            "row_count": each.row_count,
            **{name: fates.get(each.snapshot.snapshot_id, 0) for name, fates in accounts.items()},
            "problem_text": "; ".join([*each.problems, *told.get(each.snapshot.snapshot_id, [])]) or None,
        }
        for each in ended
    ]
    return pl.DataFrame(rows, schema=load_contract("snapshot").schema)


def _rows_of(lake: Lake, table: str, piece: Arrived, columns: list[str], others: pl.DataFrame) -> pl.DataFrame:
    """Return what all pieces of a large file left in a table, and of the batch the rows of other snapshots."""
    own = piece.snapshot.snapshot_id
    stored = [] if table_version(lake, table) is None else [read_table(lake, table).filter(snapshot_id=own).select(columns).collect()]
    return pl.concat([others.filter(pl.col("snapshot_id") != own), *stored], how="diagonal")
