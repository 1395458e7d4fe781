"""The scheduled run: the pipeline's order, each of its steps a Prefect task.

Prefect's database has no roles and no audit, so it may hold no company's name: what tasks hand over stays on the worker's
disk, and a failure is told to Prefect by its kind alone, its text being written into the lake.
"""

from __future__ import annotations

import functools
import hashlib
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from prefect import Task, flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import CacheKeyFnPolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.runtime import flow_run

from tradeflow.exceptions import ContractError, NotFoundError, SettingsError, TradeflowError
from tradeflow.lake import RUN_FOLDER, Lake
from tradeflow.pipeline import STEPS_THAT_CAN_FAIL_OUTSIDE, RunResult, run_pipeline
from tradeflow.settings import default_lake, load_settings, read_only_input
from tradeflow.steps.operation import scope_to_operation

P = ParamSpec("P")
T = TypeVar("T")

RETRY_DELAYS_SECONDS: list[float] = [10, 60, 300]
_MISTAKES = (SettingsError, ContractError, NotFoundError)


class StepFailedError(Exception):
    """What Prefect may know of a failure: the step, the kind and where the text lies.

    `reason` is the line for a person where one can mend it, else empty; `can_pass` says whether waiting may help.
    """

    def __init__(self, message: str, reason: str = "", can_pass: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.can_pass = can_pass


@flow(name="monitor", persist_result=False)
def monitor(
    config: str | None = None,
    lake: str | None = None,
    input: str | None = None,  # noqa: A002 - the command line's word
    as_of: date | None = None,
    operation: str | None = None,
) -> RunResult:
    """Pull, judge and publish once; every parameter has the meaning of the option of `tradeflow run` with its name."""
    logger = get_run_logger()
    settings = load_settings(Path(config) if config else None)
    if input is not None:
        settings = read_only_input(settings, Path(input))
    if operation is not None:
        settings = scope_to_operation(settings, operation, as_of or date.today())
    place = Lake(Path(lake) if lake else default_lake())
    runner = TaskRunner(place.root / RUN_FOLDER)
    result = run_pipeline(settings, place, as_of=as_of, run_step=runner, report_progress=logger.info)
    publish_counts(result)
    logger.info("release %s (%s)", result.release_id, "new" if result.is_new_release else "stands already")
    if result.problems:
        logger.warning("%d problems; they are listed in the release's manifest", len(result.problems))
    return result


def publish_counts(result: RunResult) -> None:
    """Show what went in and came out of each stage on the run's page."""
    rows = [{"table": name, "rows": count} for name, count in result.counts.items()]
    create_table_artifact(table=rows, key="run-counts", description=f"Rows of release {result.release_id}")


@dataclass(frozen=True)
class TaskRunner:
    """Run each step of the pipeline as a Prefect task; failures are told in full in `failures_folder`."""

    failures_folder: Path

    def __call__(self, name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one step, or hand back its kept result where this flow run did it before."""
        return make_task(name, keep_text_private(name, function, self.failures_folder))(*args, **kwargs)


def make_task(name: str, function: Callable[P, T]) -> Task[P, T]:
    """Make a task of a step: kept results for all, retries for those that can fail from outside."""
    delays = list(RETRY_DELAYS_SECONDS) if name in STEPS_THAT_CAN_FAIL_OUTSIDE else []
    as_task = task(
        name=name,
        retries=len(delays),
        retry_delay_seconds=delays,
        retry_condition_fn=may_pass,
        persist_result=True,
        cache_policy=CacheKeyFnPolicy(cache_key_fn=key_within_run),
    )
    return as_task(function)


def key_within_run(context: TaskRunContext, inputs: dict[str, Any]) -> str | None:
    """Name a step's result by flow run, step and inputs: never shared between runs, because sources change.

    The inputs enter by their `repr`: the pickles of an object made here and of the same one read back differ. The moment of
    the attempt does not enter: it is another one when the run goes on.
    """
    run_id = context.task_run.flow_run_id
    if run_id is None:
        return None
    plain = {name: value for name, value in inputs.items() if not (callable(value) or isinstance(value, datetime))}
    return f"{run_id}-{context.task.name}-{hashlib.sha256(repr(plain).encode()).hexdigest()[:32]}"


def may_pass(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Say whether a failed step is worth another attempt."""
    return isinstance(state.data, StepFailedError) and state.data.can_pass


def keep_text_private(name: str, function: Callable[P, T], failures_folder: Path) -> Callable[P, T]:
    """Make a step fail with its kind alone: an exception's text may quote a row, and Prefect logs it."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            raise _tell_failure(name, error, failures_folder) from None

    return call


def _tell_failure(name: str, error: Exception, folder: Path) -> StepFailedError:
    path = folder / f"failure-{flow_run.get_id() or 'plain'}-{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    reason = str(error) if isinstance(error, TradeflowError) else ""
    message = f"step {name!r} failed with {type(error).__name__}; the whole text is in {path}"
    return StepFailedError(message, reason, can_pass=not isinstance(error, _MISTAKES))
