"""The commands that the documentation gives for a scheduled run, read out of it and run: a real server, a real worker."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import pytest

from tradeflow.sample import write_world

REPOSITORY = Path(__file__).parents[2]
PAGES = ("README.md", "docs/operate.md")


def documented_commands() -> dict[str, str]:
    """Return the shell block that starts a server, by page."""
    texts = {page: (REPOSITORY / page).read_text(encoding="utf-8") for page in PAGES}
    blocks = {page: re.findall(r"```(?:sh|bash|console)\n(.*?)```", text, re.DOTALL) for page, text in texts.items()}
    return {page: block for page, found in blocks.items() for block in found if "prefect server start" in block}


def test_the_pages_agree() -> None:
    commands = documented_commands()
    assert "docs/operate.md" in commands
    assert len(set(commands.values())) == 1


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Installation:
    """What the commands left running, and where it writes."""

    api: str
    folder: Path
    environment: dict[str, str]
    printed: Path

    def ask(self, path: str, **body: Any) -> Any:
        question = urllib.request.Request(
            self.api + path, json.dumps(body).encode() if body else None, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(question, timeout=30) as answer:
            return json.load(answer)

    def call(self, *command: str) -> str:
        ended = subprocess.run(command, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def told(self) -> str:
        """Return what was printed, and the failures whose text Prefect may not hold."""
        failures = [each.read_text() for each in (self.folder / "lake" / "runs").glob("failure-*")]
        return "\n".join([self.printed.read_text()[-3000:], *failures])

    def state(self, flow_run_id: str) -> str:
        return str(self.ask(f"/flow_runs/{flow_run_id}")["state"]["type"])

    def logs(self, flow_run_id: str) -> str:
        found = self.ask("/logs/filter", logs={"flow_run_id": {"any_": [flow_run_id]}})
        return "\n".join(each["message"] for each in found)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Run the block, in a session of its own that is ended with everything in it."""
    folder, port = tmp_path_factory.mktemp("installation"), str(free_port())
    write_world(folder / "world", size=10_000, seed=1)
    commands = next(iter(documented_commands().values()))
    for found, ours in {"4200": port, ".venv": sys.prefix, "demo/world": str(folder / "world")}.items():
        assert found in commands
        commands = commands.replace(found, ours)
    environment = os.environ | {"PREFECT_HOME": str(folder / "prefect"), "TRADEFLOW_LAKE": str(folder / "lake")}
    here = Installation(
        f"http://127.0.0.1:{port}/api", folder, environment | {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api"},
        folder / "printed.txt",
    )  # fmt: skip
    with here.printed.open("w") as printed:
        shell = subprocess.Popen(
            ["bash", "-e", "-c", commands], cwd=REPOSITORY, env=environment, stdin=subprocess.DEVNULL,
            stdout=printed, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            assert shell.wait(timeout=240) == 0, here.told()
            yield here
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)


def wait_until(is_so: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.2)


def worker_of(installation: Installation) -> psutil.Process:
    """Return the living worker of this installation's session."""
    (worker,) = (
        process
        for process in psutil.process_iter(["cmdline"])
        if "worker" in (process.info["cmdline"] or []) and installation.api in process.environ().get("PREFECT_API_URL", "")
    )
    return worker


@pytest.mark.server
def test_the_documented_run_completes(installation: Installation) -> None:
    (run,) = installation.ask("/flow_runs/filter", flow_runs={"state": {"type": {"any_": ["COMPLETED"]}}})
    assert run["deployment_id"] == installation.ask("/deployments/name/monitor/monthly")["id"]
    (counts,) = installation.ask("/artifacts/filter", artifacts={"key": {"any_": ["run-counts"]}})
    assert all(row["rows"] >= 0 for row in json.loads(counts["data"]))
    assert list((installation.folder / "lake" / "7_release").glob("*/report.html"))


@pytest.mark.server
def test_it_starts_by_itself_on_the_twentieth(installation: Installation) -> None:
    """The scheduler has planned runs at the hour of the named place, summer and winter; one is brought forward and completes."""

    def planned() -> list[dict[str, Any]]:
        waiting = {"state": {"type": {"any_": ["SCHEDULED"]}}}
        return [run for run in installation.ask("/flow_runs/filter", flow_runs=waiting) if run["auto_scheduled"]]

    wait_until(lambda: len(planned()) >= 3, 60)
    starts = [datetime.fromisoformat(run["expected_start_time"]) for run in planned()]
    local = [start.astimezone(ZoneInfo("Europe/Vienna")) for start in starts]
    assert {(start.day, start.hour, start.minute) for start in local} == {(20, 6, 0)}
    run_id = planned()[0]["id"]
    installation.ask(f"/flow_runs/{run_id}/set_state", state={"type": "SCHEDULED"}, force=True)
    wait_until(lambda: installation.state(run_id) == "COMPLETED", 90)


@pytest.mark.server
def test_one_run_at_a_time_and_no_schedule_for_backfills(installation: Installation) -> None:
    for name, schedules in {"monthly": 1, "backfill": 0}.items():
        deployment = installation.ask(f"/deployments/name/monitor/{name}")
        assert deployment["global_concurrency_limit"]["limit"] == 1
        assert deployment["concurrency_options"]["collision_strategy"] == "ENQUEUE"
        assert len(deployment["schedules"]) == schedules


@pytest.mark.server
def test_a_run_whose_worker_was_killed_goes_on_where_it_stopped(installation: Installation) -> None:
    monthly = installation.ask("/deployments/name/monitor/monthly")["id"]
    parameters = {"input": str(installation.folder / "world" / "answers"), "lake": str(installation.folder / "other")}
    run_id = installation.ask(f"/deployments/{monthly}/create_flow_run", parameters=parameters)["id"]
    kept = installation.folder / "prefect" / "storage"
    wait_until(lambda: list(kept.glob(f"{run_id}-pull-*")), 90)
    worker = worker_of(installation)
    for process in (*worker.children(recursive=True), worker):
        process.kill()
    assert installation.state(run_id) == "RUNNING"

    with installation.printed.open("a") as printed:
        worker = subprocess.Popen(
            [f"{sys.prefix}/bin/prefect", "worker", "start", "--pool", "local", "--limit", "1"],
            cwd=REPOSITORY, env=installation.environment, stdout=printed, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            installation.call(sys.executable, "-m", "flows.resume", run_id)
            wait_until(lambda: installation.state(run_id) == "COMPLETED", 120)
        finally:
            worker.terminate()
            worker.wait(timeout=60)
    wait_until(lambda: "Finished in state Cached" in installation.logs(run_id), 20)
