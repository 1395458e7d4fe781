"""The steps that bring rows in: pull, and validate with conform."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from tradeflow.conform import conform_trade_flow
from tradeflow.contract import Contract, load_codelist, load_contract
from tradeflow.exceptions import SettingsError, SourceError
from tradeflow.lake import Lake, Snapshot, list_snapshots, read_table, table_version, write_table
from tradeflow.pull.report import PullReport
from tradeflow.settings import ComtradeSource, FilesSource, Settings, Source
from tradeflow.steps.handles import AVAILABILITY, Conformed, Pulled, hash_texts
from tradeflow.validate.gate import Verdict, hold_to_contract

_log = logging.getLogger("tradeflow")
_BATCH_ROWS = 2_000_000
"""Rows conformed before they are committed: bounds the memory, and what a killed run has to do again."""


def pull_sources(settings: Settings, lake: Lake, now: datetime) -> Pulled:
    """Ask every source of the settings; a source that fails is a line, unless the lake has nothing else to work on."""
    _refuse_missing_folder(settings)
    reports = [_pull_source(source, settings, lake, now) for source in settings.sources]
    problems = tuple(line for report in reports for line in report.problems)
    if not any(each.source != AVAILABILITY for each in list_snapshots(lake)):
        raise SourceError("; ".join(problems) or "there is nothing to work on: name a folder with --input or a source in the settings file")
    new = sum(each.source != AVAILABILITY for report in reports for each in report.new)
    return Pulled(new, sum(report.unchanged for report in reports), problems)


def _refuse_missing_folder(settings: Settings) -> None:
    """A mistyped path is a mistake that waiting does not mend; among several sources it is a line, and the others go on."""
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


def _pull_comtrade(source: ComtradeSource, settings: Settings, lake: Lake) -> PullReport:
    from tradeflow.pull.comtrade import pull_comtrade

    watched = load_codelist("commodity").filter(pl.col("watch_class") == "watched")["commodity_code"].to_list()
    commodities = source.commodities or settings.watch.commodities or tuple(watched)
    return pull_comtrade(lake, source, commodities, key=os.environ.get(source.key_variable), report_progress=_log.info)


def conform_snapshots(lake: Lake) -> Conformed:
    """Hold every snapshot that is not conformed yet to its layout's contract and commit `quarantine`, `trade_flow` and `snapshot`.

    `snapshot` is written last: what it lists is done. A batch that a crash left half done is replaced, never added to.
    """
    done = _conformed_ids(lake)
    pending = [each for each in list_snapshots(lake) if each.source != AVAILABILITY and each.snapshot_id not in done]
    for batch in _batches(pending):
        _commit_batch(lake, batch)
    stored = read_table(lake, "snapshot").filter(pl.col("problem_text").is_not_null()).collect()
    problems = tuple(f"{row['query_key']}: {row['problem_text']}" for row in stored.iter_rows(named=True))
    version = table_version(lake, "trade_flow")
    assert version is not None
    return Conformed(version, problems)


def _conformed_ids(lake: Lake) -> set[str]:
    if table_version(lake, "snapshot") is None:
        return set()
    return set(read_table(lake, "snapshot").select("snapshot_id").collect()["snapshot_id"])


@dataclass(frozen=True)
class _Checked:
    snapshot: Snapshot
    trade_flow: pl.DataFrame
    quarantine: pl.DataFrame
    row_count: int
    problems: tuple[str, ...]


def _batches(pending: list[Snapshot]) -> Iterator[list[_Checked]]:
    batch: list[_Checked] = []
    rows = 0
    for number, snapshot in enumerate(pending, 1):
        batch.append(_check_snapshot(snapshot))
        rows += batch[-1].row_count
        if rows >= _BATCH_ROWS or number == len(pending):
            _log.info(f"validated {number:,} of {len(pending):,} answers")
            yield batch
            batch, rows = [], 0


def _check_snapshot(snapshot: Snapshot) -> _Checked:
    """Read, hold to the layout's contract, conform, hold to the contract of `trade_flow`."""
    from tradeflow.pull.answers import read_snapshot

    layout, target = load_contract(snapshot.layout), load_contract("trade_flow")
    try:
        answer = read_snapshot(snapshot, layout)
    except SourceError as error:
        return _Checked(snapshot, target.empty_frame(), load_contract("quarantine").empty_frame(), 0, (str(error),))
    first = hold_to_contract(answer.frame, layout)
    conformed = conform_trade_flow(
        first.kept, layout, source=snapshot.source, snapshot_id=snapshot.snapshot_id, retrieved_at=snapshot.retrieved_at
    )
    second = hold_to_contract(conformed, target)
    unreadable = answer.unreadable.select(
        "row_number", pl.concat_str(pl.lit("unreadable: "), "reason").alias("rule"), pl.lit(value=False).alias("is_set_aside"), "raw_row"
    )
    refused = pl.concat(
        [
            _quarantine_rows(unreadable, snapshot, layout),
            _quarantine_rows(first.broken, snapshot, layout),
            _quarantine_rows(_with_row_numbers(second, conformed), snapshot, target),
        ]
    )
    return _Checked(snapshot, second.kept, refused, answer.frame.height + answer.unreadable.height, _describe(answer, first, snapshot))


def _with_row_numbers(verdict: Verdict, conformed: pl.DataFrame) -> pl.DataFrame:
    """The target's contract declares row_number, so the gate does not pass it through: it stands in the raw row."""
    numbers = verdict.broken["raw_row"].str.json_path_match("$.row_number").cast(pl.Int64)
    return verdict.broken.with_columns(numbers.alias("row_number"))


def _quarantine_rows(broken: pl.DataFrame, snapshot: Snapshot, contract: Contract) -> pl.DataFrame:
    declared = load_contract("quarantine")
    given = broken.with_columns(
        pl.lit("conform").alias("stage"),
        pl.lit(contract.name).alias("contract"),
        pl.lit(snapshot.source).alias("source"),
        pl.lit(snapshot.snapshot_id).alias("snapshot_id"),
    )
    return given.select([pl.col(column.name).cast(column.dtype) for column in declared.columns])


def _describe(answer: Any, verdict: Verdict, snapshot: Snapshot) -> tuple[str, ...]:
    only_part = f"{snapshot.parts[0].name}: " if len(snapshot.parts) == 1 else ""
    lines = [line.removeprefix(only_part) for line in answer.problems]
    if answer.missing_columns:
        lines.append(f"columns missing at the source: {', '.join(answer.missing_columns)}")
    if answer.new_columns:
        lines.append(f"new columns at the source, not read: {', '.join(answer.new_columns)}; declare them in the layout's contract")
    broken = {rule: count for rule, count in verdict.counts.items() if count}
    if broken:
        told = ", ".join(f"{rule} {count:,}" for rule, count in sorted(broken.items(), key=lambda each: -each[1]))
        lines.append(f"rows in quarantine by rule: {told}")
    return tuple(lines)


def _commit_batch(lake: Lake, batch: list[_Checked]) -> None:
    ids = [each.snapshot.snapshot_id for each in batch]
    key = hash_texts(*sorted(ids))
    replaced = "snapshot_id IN ({})".format(", ".join(f"'{each}'" for each in ids))
    rows = pl.concat([each.trade_flow for each in batch]).sort("commodity_chapter", "commodity_code", "period", "reporter_code")
    _certify(lake, rows, key)
    for table, frame in (("quarantine", pl.concat([each.quarantine for each in batch])), ("trade_flow", rows)):
        is_half_done = _holds_any(lake, table, ids)
        write_table(
            lake, table, frame, key,
            append=not is_half_done, replace_sql=replaced if is_half_done else "",
            partition_by=["commodity_chapter"] if table == "trade_flow" else None,
        )  # fmt: skip
    write_table(lake, "snapshot", pl.concat([_snapshot_row(each) for each in batch]), key, append=True)


def _holds_any(lake: Lake, table: str, snapshot_ids: list[str]) -> bool:
    if table_version(lake, table) is None:
        return False
    return not read_table(lake, table).filter(pl.col("snapshot_id").is_in(snapshot_ids)).head(1).collect().is_empty()


def _certify(lake: Lake, rows: pl.DataFrame, key: str) -> None:
    """Great Expectations' certificate on what passed; a breach that the gate let through is a fault of ours and stops the run."""
    if rows.is_empty():
        return
    from tradeflow.validate.certificate import certify

    _log.info(f"certifying {rows.height:,} conformed rows")
    certificate = certify(rows, load_contract("trade_flow"), certificate_folder(lake, key), partition_by="commodity_chapter")
    if not certificate.is_passed:
        raise AssertionError(f"the gate passed rows that break the contract: {'; '.join(certificate.failures)}")


def certificate_folder(lake: Lake, key: str) -> Path:
    """Return where a batch's certificate and its Data Docs lie."""
    return lake.root / "2_conformed" / "certificate" / key


def _snapshot_row(checked: _Checked) -> pl.DataFrame:
    set_aside = int(checked.quarantine["is_set_aside"].sum())
    snapshot = checked.snapshot
    row = {
        "snapshot_id": snapshot.snapshot_id,
        "source": snapshot.source,
        "layout": snapshot.layout,
        "query_key": snapshot.query_key,
        "retrieved_at": snapshot.retrieved_at,
        "licence": snapshot.licence,
        "row_count": checked.row_count,
        "conformed_count": checked.trade_flow.height,
        "quarantined_count": checked.quarantine.height - set_aside,
        "set_aside_count": set_aside,
        "problem_text": "; ".join(checked.problems) or None,
    }
    return pl.DataFrame([row], schema=load_contract("snapshot").schema)
