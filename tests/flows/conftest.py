"""A pipeline of the real step names that counts its calls, and one Prefect server for all tests of this folder."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prefect.testing.utilities import prefect_test_harness

from flows import monitor
from tradeflow.lake import Lake
from tradeflow.pipeline import RunResult
from tradeflow.settings import Settings

COMPANY = "Gallwitz Feinchemie"
STEPS = ("pull", "conform", "reconcile", "model", "signals", "publish")


@pytest.fixture(scope="session")
def prefect_api() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=120):
        yield


@dataclass(frozen=True)
class Handed:
    """What a step of the pretended pipeline hands to the next."""

    step: str
    folder: Path
    rows: int


@dataclass
class PretendedPipeline:
    """Six steps; `faults` names the exceptions that a step raises before it succeeds."""

    faults: dict[str, list[Exception]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    settings: Settings = field(default_factory=Settings)

    def run_step(self, step: str, lake: Lake, earlier: tuple[Handed, ...]) -> tuple[Handed, ...]:
        self.calls[step] += 1
        if self.faults.get(step):
            raise self.faults[step].pop(0)
        return (*earlier, Handed(step, lake.root / step, 10 * len(earlier)))

    def __call__(
        self, settings: Settings, lake: Lake, *, as_of: object, run_step: Any, report_progress: Callable[[str], None]
    ) -> RunResult:
        self.settings = settings
        handed: tuple[Handed, ...] = ()
        for step in STEPS:
            report_progress(f"{step} begins")
            handed = run_step(step, self.run_step, step, lake, handed)
        return RunResult(
            release_id="r1",
            release_folder=lake.root,
            is_new_release=True,
            counts={each.step: each.rows for each in handed},
            expected_false=0.0,
            problems=(f"declarations.csv: {COMPANY} has no code",),
            stage_seconds={},
        )


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> PretendedPipeline:
    pretended = PretendedPipeline()
    monkeypatch.setattr(monitor, "run_pipeline", pretended)
    monkeypatch.setattr(monitor, "RETRY_DELAYS_SECONDS", [0, 0, 0])
    return pretended
