"""The steps that bring rows in: pull, and validate with conform."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tradeflow.conform import CONTROL_RECORDS, conform_control_record, conform_customs_declaration, conform_trade_flow
from tradeflow.contract import Contract, load_codelist, load_contract
from tradeflow.exceptions import SettingsError, SourceError
from tradeflow.lake import Lake, Snapshot, list_snapshots, read_table, table_version, write_table
from tradeflow.pull.report import PullReport
from tradeflow.settings import Companies, ComtradeSource, FilesSource, Settings, Source
from tradeflow.steps.handles import AVAILABILITY, Conformed, Pulled, certificate_folder, hash_texts
from tradeflow.steps.refusals import tell_refusals
from tradeflow.validate.gate import hold_to_contract

if TYPE_CHECKING:
    from tradeflow.pull.answers import Answer

_log = logging.getLogger("tradeflow")
_BATCH_ROWS = {"trade_flow": 2_000_000, "customs_declaration": 700_000} | dict.fromkeys(CONTROL_RECORDS, 1_000_000)
"""Rows conformed before they are committed: bounds the memory, and what a killed run has to do again. Declarations are wider."""
_CONFORM = {"trade_flow": conform_trade_flow, "customs_declaration": conform_customs_declaration} | dict.fromkeys(
    CONTROL_RECORDS, conform_control_record
)
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
    named = {table: getattr(companies, f"{table}s") for table in CONTROL_RECORDS}
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
    commodities = source.commodities or settings.watch.commodities or tuple(watched)
    return pull_comtrade(lake, source, commodities, key=os.environ.get(source.key_variable), report_progress=_log.info)


def conform_snapshots(lake: Lake) -> Conformed:
    """Hold every snapshot that is not conformed yet to its layout's contract and commit `quarantine`, `trade_flow`, `snapshot` and, where
    there are any, `customs_declaration` and control records.

    `snapshot` is written last: what it lists is done. A batch that a crash left half done is replaced, never added to.
    """
    done = _conformed_ids(lake)
    pending = [each for each in list_snapshots(lake) if each.source != AVAILABILITY and each.snapshot_id not in done]
    for batch in _batches(pending):
        _commit_batch(lake, batch)
    # A file that was mended and sent again has no problem any more.
    newest = read_table(lake, "snapshot").sort("retrieved_at").group_by("source", "query_key", maintain_order=True).last()
    stored = newest.filter(pl.col("problem_text").is_not_null()).collect()
    problems = tuple(f"{row['query_key']}: {row['problem_text']}" for row in stored.iter_rows(named=True))
    versions = (table_version(lake, table) for table in ("snapshot", *_CONFORM, "quarantine"))
    return Conformed(tuple(version for version in versions if version is not None), problems)


def _conformed_ids(lake: Lake) -> set[str]:
    if table_version(lake, "snapshot") is None:
        return set()
    return set(read_table(lake, "snapshot").select("snapshot_id").collect()["snapshot_id"])


@dataclass(frozen=True)
class _Arrived:
    """One snapshot as it was read; `answer` is None, with the reason, where not one row of it can be read."""

    snapshot: Snapshot
    answer: Answer | None
    problems: tuple[str, ...]

    @property
    def row_count(self) -> int:
        """Rows that came in, readable or not."""
        return 0 if self.answer is None else self.answer.frame.height + self.answer.unreadable.height

    @property
    def share_of_batch(self) -> float:
        """How much of a batch the rows fill."""
        return self.row_count / _BATCH_ROWS[str(load_contract(self.snapshot.layout).conforms_to)]


@dataclass(frozen=True)
class _Checked:
    """What became of the rows of several snapshots."""

    arrived: list[_Arrived]
    conformed: dict[str, pl.DataFrame]
    quarantine: pl.DataFrame


def _batches(pending: list[Snapshot]) -> Iterator[_Checked]:
    batch: list[_Arrived] = []
    for number, snapshot in enumerate(pending, 1):
        batch.append(_read(snapshot))
        if number == len(pending) or sum(each.share_of_batch for each in batch) >= 1:
            yield _check(batch)
            _log.info(f"validated {number:,} of {len(pending):,} answers")
            batch = []


def _read(snapshot: Snapshot) -> _Arrived:
    from tradeflow.pull.answers import read_snapshot

    layout = load_contract(snapshot.layout)
    try:
        answer = read_snapshot(snapshot, layout)
    except SourceError as error:
        return _Arrived(snapshot, None, (str(error),))
    only_part = f"{snapshot.parts[0].name}: " if len(snapshot.parts) == 1 else ""
    lines = [line.removeprefix(only_part) for line in answer.problems]
    # A table under our own names has the columns that its maker has figures for.
    if answer.missing_columns and any(column.maps_to != column.name for column in layout.columns):
        lines.append(f"columns missing at the source: {', '.join(answer.missing_columns)}")
    if answer.new_columns:
        lines.append(f"new columns at the source, not read: {', '.join(answer.new_columns)}; declare them in the layout's contract")
    return _Arrived(snapshot, answer, tuple(lines))


def _check(batch: list[_Arrived]) -> _Checked:
    """Hold the answers to their layouts' contracts, conform them, hold them to the contract of their table; alike ones in one go."""
    alike: dict[tuple[str, str], list[_Arrived]] = {}
    for arrived in batch:
        if arrived.answer is not None:
            alike.setdefault((arrived.snapshot.layout, str(arrived.answer.frame.schema)), []).append(arrived)
    kept = {table: [load_contract(table).empty_frame()] for table in _CONFORM}
    refused = [load_contract("quarantine").empty_frame()]
    for (name, _), group in alike.items():
        layout = load_contract(name)
        rows, broken = _check_alike(group, layout)
        kept[str(layout.conforms_to)].append(rows)
        refused.append(broken)
    return _Checked(batch, {table: pl.concat(frames) for table, frames in kept.items()}, pl.concat(refused))


def _check_alike(group: list[_Arrived], layout: Contract) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (conformed rows, `quarantine`) of answers of one layout whose columns and types are the same."""
    table = str(layout.conforms_to)
    answers = [(each.snapshot, each.answer) for each in group if each.answer is not None]
    rows = pl.concat([answer.frame.with_columns(_whose(snapshot)) for snapshot, answer in answers])
    unreadable = pl.concat([answer.unreadable.with_columns(_whose(snapshot)) for snapshot, answer in answers])
    first = hold_to_contract(rows, layout, within=("snapshot_id",))
    whose = {name: pl.col(name) for name in ("source", "snapshot_id", "retrieved_at")}
    second = hold_to_contract(_CONFORM[table](first.kept, layout, **whose), load_contract(table))
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


def _commit_batch(lake: Lake, batch: _Checked) -> None:
    ids = [each.snapshot.snapshot_id for each in batch.arrived]
    key = hash_texts(*sorted(ids))
    replaced = "snapshot_id IN ({})".format(", ".join(f"'{each}'" for each in ids))
    ordered = {table: rows.sort(_ORDER[table]) for table, rows in batch.conformed.items()}
    for table, rows in ordered.items():
        _certify(lake, table, rows, key)
    for table, frame in (("quarantine", batch.quarantine), *ordered.items()):
        if table in _CONFORM and table != "trade_flow" and frame.is_empty():
            continue  # who has no declarations or licences has no such table
        is_half_done = _holds_any(lake, table, ids)
        write_table(
            lake, table, frame, key,
            append=not is_half_done, replace_sql=replaced if is_half_done else "",
            partition_by=["commodity_chapter"] if "commodity_chapter" in frame.columns else None,
        )  # fmt: skip
    write_table(lake, "snapshot", _snapshot_rows(batch), key, append=True)


def _holds_any(lake: Lake, table: str, snapshot_ids: list[str]) -> bool:
    if table_version(lake, table) is None:
        return False
    return not read_table(lake, table).filter(pl.col("snapshot_id").is_in(snapshot_ids)).head(1).collect().is_empty()


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


def _snapshot_rows(batch: _Checked) -> pl.DataFrame:
    """Return one row of `snapshot` per answer: its rows in and what became of them, and what was wrong with it."""
    whose = pl.concat([rows.select("snapshot_id") for rows in batch.conformed.values()])
    conformed = dict(whose.group_by("snapshot_id").len().iter_rows())
    refused = dict(batch.quarantine.filter(~pl.col("is_set_aside")).group_by("snapshot_id").len().iter_rows())
    set_aside = dict(batch.quarantine.filter(pl.col("is_set_aside")).group_by("snapshot_id").len().iter_rows())
    told = tell_refusals(batch.quarantine, {each.snapshot.snapshot_id: each.snapshot.layout for each in batch.arrived})
    rows = [
        {
            **{name: getattr(each.snapshot, name) for name in ("snapshot_id", "source", "layout", "query_key", "retrieved_at", "licence")},
            "row_count": each.row_count,
            "conformed_count": conformed.get(each.snapshot.snapshot_id, 0),
            "quarantined_count": refused.get(each.snapshot.snapshot_id, 0),
            "set_aside_count": set_aside.get(each.snapshot.snapshot_id, 0),
            "problem_text": "; ".join([*each.problems, *told.get(each.snapshot.snapshot_id, [])]) or None,
        }
        for each in batch.arrived
    ]
    return pl.DataFrame(rows, schema=load_contract("snapshot").schema)
