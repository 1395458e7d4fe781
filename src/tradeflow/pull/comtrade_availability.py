"""Asks UN Comtrade what it has released, and keeps the answer: what did not change since is not asked for again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from tradeflow.lake import Lake, Snapshot, list_snapshots, write_snapshot
from tradeflow.pull.comtrade_answer import Answer, AnswerRefusedError, read_answer, row_values
from tradeflow.pull.comtrade_client import Caller, ask
from tradeflow.pull.comtrade_plan import Cell, period_blocks
from tradeflow.pull.comtrade_query import (
    KNOWN_ROW_LIMITS,
    LICENCE,
    availability_parameters,
    availability_path,
    availability_url,
    name_periods,
)
from tradeflow.pull.comtrade_snapshot import count_new_calls, holds_same_rows
from tradeflow.settings import ComtradeSource

SOURCE = "comtrade_availability"
_RELEASE_FIELDS = ("datasetCode", "datasetChecksum", "lastReleased")


def pull_availability(
    lake: Lake, caller: Caller, periods: Sequence[int], new: list[Snapshot], problems: list[str]
) -> dict[Cell, str | None]:
    """Return the release of each reporter and period that the service holds; new snapshots and problems are added to the lists.

    None stands where the service did not say, but the settings name reporters and a last period, so that one may ask all the same.
    """
    kept = {snapshot.query_key: snapshot for snapshot in list_snapshots(lake, SOURCE)}
    released: dict[Cell, str | None] = {}
    for block in period_blocks(periods):
        try:
            answers = _ask_for_releases(caller, block)
            released |= _read_releases(caller.source, block, answers)
        except AnswerRefusedError as error:
            problems.append(f"UN Comtrade: what is released for {name_periods(block)} is not known: {error}")
            released |= _ask_all_the_same(caller.source, block)
            continue
        earlier = kept.get(_availability_key(caller.source, block))
        if earlier is None or not holds_same_rows(earlier, [answer.body for answer in answers]):
            new.append(_keep_availability(lake, caller, block, answers, calls=count_new_calls(caller, new)))
    return released


def _ask_for_releases(caller: Caller, periods: Sequence[int]) -> list[Answer]:
    answer = read_answer(ask(caller, availability_url(caller.source, periods)))
    if answer.count in KNOWN_ROW_LIMITS and len(periods) > 1:
        middle = len(periods) // 2
        return _ask_for_releases(caller, periods[:middle]) + _ask_for_releases(caller, periods[middle:])
    return [answer]


def _read_releases(source: ComtradeSource, periods: Sequence[int], answers: Sequence[Answer]) -> dict[Cell, str | None]:
    """Return one line for each reporter and period that was asked for, which differs as soon as one of its datasets is released anew."""
    datasets: dict[Cell, list[str]] = defaultdict(list)
    for row in (row for answer in answers for row in answer.rows):
        datasets[_read_cell(row)].append(" ".join(row_values(row, _RELEASE_FIELDS)))
    asked = {(reporter, period) for reporter, period in datasets if period in periods and reporter in (source.reporters or (reporter,))}
    return {cell: "; ".join(sorted(datasets[cell])) for cell in sorted(asked)}


def _read_cell(row: dict[str, Any]) -> Cell:
    reporter, period, checksum, last_released = row_values(row, ("reporterCode", "period", "datasetChecksum", "lastReleased"))
    if not (reporter.isdecimal() and period.isdecimal() and (checksum or last_released)):
        raise AnswerRefusedError(
            f"a row states reporterCode {reporter!r}, period {period!r}, datasetChecksum {checksum!r} and lastReleased {last_released!r}; "
            "expected two numbers and at least one of the last two"
        )
    return int(reporter), int(period)


def _ask_all_the_same(source: ComtradeSource, periods: Sequence[int]) -> dict[Cell, str | None]:
    """Return the cells that the settings name one by one; without that, an empty answer could be a month not yet reported."""
    reporters = source.reporters if source.last_period is not None else ()
    return {(reporter, period): None for reporter in reporters for period in periods}


def _availability_key(source: ComtradeSource, periods: Sequence[int]) -> str:
    reporters = ",".join(map(str, sorted(source.reporters))) or "all"
    return f"C/{source.frequency}/HS {name_periods(periods)} reporters {reporters}"


def _keep_availability(lake: Lake, caller: Caller, periods: Sequence[int], answers: Sequence[Answer], calls: int) -> Snapshot:
    source = caller.source
    snapshot, _ = write_snapshot(
        lake,
        source=SOURCE,
        layout="source_comtrade_availability",
        query_key=_availability_key(source, periods),
        query={"path": availability_path(source), "parameters": availability_parameters(source, periods), "calls": calls},
        retrieved_at=caller.clock.now(),
        licence=LICENCE,
        parts=[(f"part-{number:03}.json", answer.body, answer.count) for number, answer in enumerate(answers, 1)],
    )
    return snapshot
