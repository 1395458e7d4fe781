"""The scheduled run against a real Prefect server, with a pretended pipeline in place of the work."""

import json
import pickle
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import State
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.flow_engine import run_flow
from prefect.logging.handlers import APILogHandler
from prefect.states import Scheduled

from flows.monitor import RETRY_DELAYS_SECONDS, key_within_run, make_task, monitor, publish_counts
from tests.flows.conftest import COMPANY, STEPS, Handed, PretendedPipeline
from tradeflow.exceptions import ContractError, SourceError

ONCE_EACH = dict.fromkeys(STEPS, 1)


def start(lake: Path) -> State[Any]:
    return monitor(lake=str(lake), return_state=True)


def run_again(flow_run_id: UUID, lake: Path) -> None:
    """Do what a worker does after `prefect flow-run retry`."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run_id, Scheduled(), force=True)
        run = client.read_flow_run(flow_run_id)
    run_flow(monitor, flow_run=run, parameters={"lake": str(lake)}, return_type="state")


def all_that_prefect_holds(flow_run_id: UUID) -> str:
    """Return the run, its tasks, logs and artifacts as one text."""
    APILogHandler().flush()
    ours = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        logs = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run_id])))
        artifacts = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id])))
        held = [client.read_flow_run(flow_run_id), *client.read_task_runs(flow_run_filter=ours), *logs, *artifacts]
    return "\n".join(each.model_dump_json() for each in held)


@pytest.mark.usefixtures("prefect_api")
class TestMonitor:
    def test_an_operation_scopes_the_run(self, pipeline: PretendedPipeline, tmp_path: Path) -> None:
        config = tmp_path / "settings.toml"
        config.write_text('[[operations]]\nname = "Quiet harbour"\nsubstances = ["acetone"]\nfirst_period = 202401\n')
        assert monitor(config=str(config), lake=str(tmp_path), operation="Quiet harbour", return_state=True).is_completed()
        assert (pipeline.settings.publish.title, pipeline.settings.watch.substances) == ("Quiet harbour", ("acetone",))

    def test_a_step_that_fails_from_outside_is_tried_again(self, pipeline: PretendedPipeline, tmp_path: Path) -> None:
        pipeline.faults = {"pull": [SourceError("503"), ConnectionResetError()], "publish": [OSError("no room")]}
        state = start(tmp_path)
        assert state.is_completed()
        assert pipeline.calls == ONCE_EACH | {"pull": 3, "publish": 2}

    @pytest.mark.parametrize(("step", "fault"), [("pull", ContractError("no column 'period'")), ("model", SourceError("503"))])
    def test_a_mistake_and_a_step_that_only_computes_are_not(
        self, pipeline: PretendedPipeline, tmp_path: Path, step: str, fault: Exception
    ) -> None:
        pipeline.faults = {step: [fault]}
        state = start(tmp_path)
        assert state.is_failed()
        assert pipeline.calls[step] == 1

    def test_a_run_that_died_goes_on_where_it_stopped(self, pipeline: PretendedPipeline, tmp_path: Path) -> None:
        pipeline.faults = {"model": [MemoryError()]}
        died = start(tmp_path)
        assert died.is_failed()
        assert died.state_details.flow_run_id is not None
        run_again(died.state_details.flow_run_id, tmp_path)
        assert pipeline.calls == ONCE_EACH | {"model": 2}

    def test_another_run_takes_nothing_from_it(self, pipeline: PretendedPipeline, tmp_path: Path) -> None:
        assert start(tmp_path).is_completed()
        assert start(tmp_path).is_completed()
        assert pipeline.calls == dict.fromkeys(STEPS, 2)

    def test_the_counts_are_shown_and_no_company_is_named(self, pipeline: PretendedPipeline, tmp_path: Path) -> None:
        state = start(tmp_path)
        assert state.state_details.flow_run_id is not None
        held = all_that_prefect_holds(state.state_details.flow_run_id)
        counts = [{"table": step, "rows": 10 * place} for place, step in enumerate(STEPS)]
        assert json.dumps(json.dumps(counts)) in held
        assert "publish begins" in held
        assert "1 problems" in held
        assert COMPANY not in held

    def test_a_failure_is_told_by_its_kind_and_kept_in_the_lake(self, pipeline: PretendedPipeline, tmp_path: Path) -> None:
        pipeline.faults = {"conform": [ValueError(f"cannot read {COMPANY!r} as a code")]}
        state = start(tmp_path)
        assert state.state_details.flow_run_id is not None
        held = all_that_prefect_holds(state.state_details.flow_run_id)
        assert "'conform' failed with ValueError" in held
        assert COMPANY not in held
        (told,) = (tmp_path / "runs").glob("failure-*-conform.txt")
        assert COMPANY in told.read_text()


def test_the_delays_grow() -> None:
    assert len(RETRY_DELAYS_SECONDS) >= 3
    assert all(later > 2 * sooner for sooner, later in zip(RETRY_DELAYS_SECONDS, RETRY_DELAYS_SECONDS[1:], strict=False))
    assert make_task("pull", publish_counts).retry_delay_seconds == RETRY_DELAYS_SECONDS


def test_a_result_is_known_by_run_step_and_inputs() -> None:
    def key(run_id: UUID, step: str, rows: int) -> str | None:
        context = SimpleNamespace(task_run=SimpleNamespace(flow_run_id=run_id), task=SimpleNamespace(name=step))
        handed = pickle.loads(pickle.dumps((Handed("pull", Path("a"), rows),)))
        inputs = {"handed": handed, "report": lambda: rows, "started": datetime.now(UTC)}
        return key_within_run(context, inputs)  # type: ignore[arg-type]

    one, other = uuid4(), uuid4()
    assert key(one, "model", 1) == key(one, "model", 1)
    assert len({key(one, "model", 1), key(other, "model", 1), key(one, "signals", 1), key(one, "model", 2)}) == 4
