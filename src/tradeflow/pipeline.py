"""The order of a run, from a source to the release; the only place that knows it.

    pull -> validate -> conform -> reconcile -> model -> resolve -> signals -> publish

Steps hand over small handles, the rows stand in the lake. Each names what it is made from, so a step whose tables stand is skipped: a run
that was killed goes on where it stopped, and a second run changes nothing. The runner is given: the plain one calls the function, the one
in `flows/` makes a Prefect task of it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar

from tradeflow.exceptions import TradeflowError
from tradeflow.lake import RUN_FOLDER, Lake, hold_lake
from tradeflow.settings import Settings
from tradeflow.steps.analyse import model_flows, propose_signals, reconcile_sides
from tradeflow.steps.companies import resolve_companies
from tradeflow.steps.company_signals import judge_companies
from tradeflow.steps.company_trade import follow_companies
from tradeflow.steps.decisions import take_decisions
from tradeflow.steps.declarations import has_declarations, name_declared_substances
from tradeflow.steps.handles import Known, Made
from tradeflow.steps.ingest import conform_snapshots, pull_sources
from tradeflow.steps.known import know_figures
from tradeflow.steps.outcomes import learn_from_outcomes
from tradeflow.steps.release import publish_run

P = ParamSpec("P")
T = TypeVar("T")

STEPS_THAT_CAN_FAIL_OUTSIDE = frozenset({"pull", "decisions", "publish"})
"""Steps that depend on somebody else's server or disk: a runner may try them again."""


class StepRunner(Protocol):
    """Runs one named step; arguments and result are small and picklable."""

    def __call__(self, name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the step and return its result."""


def call_step(name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:  # noqa: ARG001 (the plain runner needs no name)
    """Run a step by calling it."""
    return function(*args, **kwargs)


@dataclass(frozen=True)
class RunResult:
    """What a run leaves: the release, the counts in and out, what went wrong, how long each step took."""

    release_id: str
    release_folder: Path
    is_new_release: bool
    counts: dict[str, int]
    expected_false: float
    problems: tuple[str, ...]
    stage_seconds: dict[str, float]


def run_pipeline(
    settings: Settings,
    lake: Lake,
    *,
    as_of: date | None = None,
    run_step: StepRunner = call_step,
    report_progress: Callable[[str], None] | None = None,
) -> RunResult:
    """Run every step in order on one lake, one run at a time; an `as_of` run sees what was known then and leaves the current release."""
    started = datetime.now(UTC)
    seconds: dict[str, float] = {}
    with hold_lake(lake), _progress_told(report_progress), _record_kept(lake, started, as_of) as record:
        timed = _timed(run_step, seconds)
        pulled = timed("pull", pull_sources, settings, lake, started)
        conformed = timed("conform", conform_snapshots, lake)
        known = know_figures(settings, lake, as_of, conformed)
        reconciled = timed("reconcile", reconcile_sides, settings, lake, known)
        modelled = timed("model", model_flows, settings, lake, known, reconciled)
        decided = timed("decisions", take_decisions, settings, lake, known)
        proposed = timed("signals", propose_signals, settings, lake, known, reconciled, modelled, decided)
        companies = _judge_declarations(timed, settings, lake, known, proposed, decided, started.date()) if has_declarations(known) else ()
        made = (reconciled, modelled, decided, *companies, proposed)
        problems = (*pulled.problems, *conformed.problems)
        released = timed("publish", publish_run, settings, lake, known, made, problems, dict(seconds))
        result = RunResult(
            released.release_id, released.folder, released.is_new, released.counts, released.expected_false, problems, seconds
        )
        record |= _run_facts(result, pulled.new)
    return result


def _judge_declarations(
    timed: StepRunner, settings: Settings, lake: Lake, known: Known, proposed: Made, decided: Made, today: date
) -> tuple[Made, ...]:
    """Run the steps that declarations add: what they name, what outcomes teach, who trades, and the leads on companies."""
    named = timed("declarations", name_declared_substances, lake, known)
    learned = timed("outcomes", learn_from_outcomes, settings.declarations, lake, known)
    resolved = timed("resolve", resolve_companies, settings.companies, lake, known, today)
    traded = timed("company_trade", follow_companies, lake, known, named, resolved)
    judged = timed("company_signals", judge_companies, settings, lake, known, named, resolved, traded, proposed, decided)
    return learned, resolved, traded, judged


def _timed(run_step: StepRunner, seconds: dict[str, float]) -> StepRunner:
    def run(name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        begun = time.perf_counter()
        try:
            return run_step(name, function, *args, **kwargs)
        finally:
            seconds[name] = round(time.perf_counter() - begun, 3)

    return run


class _Told(logging.Handler):
    def __init__(self, report_progress: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._report_progress = report_progress

    def emit(self, record: logging.LogRecord) -> None:
        self._report_progress(record.getMessage())


@contextlib.contextmanager
def _progress_told(report_progress: Callable[[str], None] | None) -> Iterator[None]:
    """Hand the steps' log lines to whoever watches the run."""
    logger = logging.getLogger("tradeflow")
    if report_progress is None:
        yield
        return
    handler = _Told(report_progress)
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextlib.contextmanager
def _record_kept(lake: Lake, started: datetime, as_of: date | None) -> Iterator[dict[str, Any]]:
    """Keep a record of the run, also of one that fails: what `tradeflow status` shows."""
    record: dict[str, Any] = {"started_at": started.isoformat(), "as_of": as_of.isoformat() if as_of else None, "outcome": "completed"}
    try:
        yield record
    except BaseException as error:
        told = str(error) if isinstance(error, TradeflowError) else f"{type(error).__name__}: {error}"
        record |= {"outcome": "failed", "error": told}
        raise
    finally:
        record["ended_at"] = datetime.now(UTC).isoformat()
        # Linux counts the peak in kilobytes.
        record["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        path = lake.root / RUN_FOLDER / f"{started:%Y%m%dT%H%M%S%f}.json"
        try:
            path.write_text(json.dumps(record, indent=1), encoding="utf-8")
        except OSError as error:
            # The run's own outcome stands: a record that cannot be kept must not hide it, nor go unsaid.
            logging.getLogger("tradeflow").warning(f"the record of this run was not kept: {error}")


def _run_facts(result: RunResult, new_answers: int) -> dict[str, Any]:
    return {
        "release_id": result.release_id,
        "is_new_release": result.is_new_release,
        "new_answers": new_answers,
        "counts": result.counts,
        "stage_seconds": result.stage_seconds,
        "problems": list(result.problems),
    }
