"""What `make run` says around the run itself."""

import logging
import os
from pathlib import Path

import pytest

from flows import demo
from tradeflow.exceptions import LakeError


@pytest.fixture(autouse=True)
def simulated(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Simulate no world and leave the environment as it is; return where worlds were asked for."""
    asked: list[Path] = []
    monkeypatch.setattr(demo, "write_world", lambda out, **_: asked.append(out))
    monkeypatch.setattr(demo, "isolate_prefect", lambda _home: None)
    return asked


def test_a_mistake_is_one_line_and_exit_code_two(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_world: Path, lake: Path) -> None:
        raise LakeError(f"another run is at work on the lake {lake}")

    monkeypatch.setattr(demo, "run_flow", refuse)
    assert demo.main(tmp_path) == 2
    assert capsys.readouterr().err == f"make run: another run is at work on the lake {tmp_path / 'lake'}\n"


def test_the_end_says_how_to_open_the_application(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "run_flow", lambda *_: None)
    monkeypatch.setattr(demo, "print_findings", lambda *_: None)
    demo.main(tmp_path)
    command, _, rest = capsys.readouterr().out.splitlines()[-1].removeprefix("Open it in a browser: ").partition(" ")
    assert Path(command).name == "tradeflow"
    assert rest == f"serve --lake {tmp_path / 'lake'}"


def test_a_world_that_stands_is_not_simulated_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulated: list[Path]) -> None:
    monkeypatch.setattr(demo, "run_flow", lambda world, _lake: world.mkdir(exist_ok=True))
    monkeypatch.setattr(demo, "print_findings", lambda *_: None)
    assert [demo.main(tmp_path), demo.main(tmp_path)] == [0, 0]
    assert simulated == [tmp_path / "world"]


def test_the_users_own_server_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(os, "environ", os.environ | {"PREFECT_API_URL": "http://elsewhere/api"})
    demo.isolate_prefect(tmp_path / "prefect")
    assert "PREFECT_API_URL" not in os.environ
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "prefect")
    assert os.environ["DO_NOT_TRACK"] == "1"


@pytest.mark.parametrize(
    ("logger", "level", "is_shown"),
    [
        ("prefect.flow_runs", logging.INFO, True),
        ("prefect.flow_runs", logging.ERROR, False),
        ("prefect", logging.INFO, False),
        ("tradeflow", logging.INFO, False),
    ],
)
def test_the_console_shows_progress_alone(monkeypatch: pytest.MonkeyPatch, logger: str, level: int, is_shown: bool) -> None:
    told: list[logging.LogRecord] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", told.append)
    monkeypatch.setattr(logging.getLogger("prefect"), "handlers", [handler])
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    demo.quieten_console()
    handler.handle(logging.LogRecord(logger, level, "", 0, "said", (), None))
    assert bool(told) == is_shown
