"""Pulls UN Comtrade: asks what is released, fetches what is not kept yet as it was released, keeps every answer byte for byte."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tradeflow.lake import Lake, Snapshot, list_snapshots
from tradeflow.pull.comtrade_answer import AnswerRefusedError
from tradeflow.pull.comtrade_availability import pull_availability
from tradeflow.pull.comtrade_client import REAL_CLOCK, Caller, Clock, NoAnswerError, PullStoppedError, open_caller
from tradeflow.pull.comtrade_fetch import FetchedPart, fetch_query
from tradeflow.pull.comtrade_plan import Cell, Unit, check_codes, narrow_unit, plan_units, requested_periods
from tradeflow.pull.comtrade_query import Query, name_query, row_limit
from tradeflow.pull.comtrade_snapshot import SOURCE, count_earlier_calls, count_new_calls, keep_unit
from tradeflow.pull.report import PullReport
from tradeflow.settings import ComtradeSource

# A service that answers nothing to so many queries in a row is down: the rest would only wait through every delay in turn.
_SILENT_UNITS = 3


def pull_comtrade(
    lake: Lake,
    source: ComtradeSource,
    commodities: Sequence[str],
    *,
    key: str | None,
    report_progress: Callable[[str], None],
    clock: Clock = REAL_CLOCK,
) -> PullReport:
    """Bring the lake up to what UN Comtrade has released of these commodities; a run that was stopped goes on where it stopped.

    `unchanged` counts the reporter-periods that were kept already as they were released. Raises SettingsError before any call where a
    setting makes no sense, and LakeError where the lake cannot be written; all else that goes wrong is a line in `problems`.
    """
    codes = sorted(set(commodities))
    check_codes(source, codes)
    periods = requested_periods(source, clock.now())
    new: list[Snapshot] = []
    problems: list[str] = []
    with open_caller(source, key, clock, report_progress, count_earlier_calls(lake, clock)) as caller:
        try:
            released = pull_availability(lake, caller, periods, new, problems)
        except PullStoppedError as error:
            return PullReport(tuple(new), 0, (*problems, f"UN Comtrade: stopped while asking what is released: {error}"))
        kept = list_snapshots(lake, SOURCE)
        units = plan_units(released, kept, codes, source.flows, row_limit(source, key is not None))
        unchanged = set(released).difference(*(unit.cells for unit in units))
        unchanged |= _pull_units(_Pull(lake, caller, kept, new, problems), units)
    return PullReport(tuple(new), len(unchanged), tuple(problems))


@dataclass(frozen=True)
class _Pull:
    """One pull under way: the snapshots of earlier pulls (oldest first), and the lists that this one adds to."""

    lake: Lake
    caller: Caller
    kept: Sequence[Snapshot]
    new: list[Snapshot]
    problems: list[str]


def _pull_units(pull: _Pull, units: Sequence[Unit]) -> set[Cell]:
    """Fetch and keep unit after unit; return the reporter-periods that were asked for and held nothing new."""
    waiting = deque(units)
    unchanged: set[Cell] = set()
    silent = 0
    while waiting and silent < _SILENT_UNITS:
        unit = waiting.popleft()
        name = name_query(unit.query)
        pull.caller.report_progress(f"UN Comtrade: {name}; {len(waiting)} more to ask")
        try:
            fetched = fetch_query(pull.caller, unit.query)
        except PullStoppedError as error:
            pull.problems.append(f"UN Comtrade: stopped at {name}, {len(waiting)} more not asked: {error}")
            return unchanged
        except AnswerRefusedError as error:
            pull.problems.append(f"UN Comtrade: {name}: {error}")
            silent = silent + 1 if isinstance(error, NoAnswerError) else 0
            continue
        silent = 0
        waiting.extendleft(narrow_unit(unit, piece) for piece in reversed(fetched) if isinstance(piece, Query))
        unchanged |= _keep(pull, unit, [part for part in fetched if isinstance(part, FetchedPart)])
    if waiting:
        pull.problems.append(
            f"UN Comtrade: stopped, {len(waiting)} more not asked: {silent} queries in a row got no answer; run again later"
        )
    return unchanged


def _keep(pull: _Pull, unit: Unit, parts: Sequence[FetchedPart]) -> set[Cell]:
    if not parts:
        return set()
    pull.problems.extend(_name_cuts(parts))
    snapshot = keep_unit(pull.lake, pull.caller, unit, parts, pull.kept, count_new_calls(pull.caller, pull.new))
    if snapshot is None:
        return unit.cells
    pull.new.append(snapshot)
    return set()


def _name_cuts(parts: Sequence[FetchedPart]) -> list[str]:
    return [
        f"UN Comtrade: {name_query(part.query)}: rows are lacking: {part.cut}; what came is kept, its manifest says `cut`"
        for part in parts
        if part.cut
    ]
