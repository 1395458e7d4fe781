"""What holds for every test: nothing is told to anybody, and nothing of the user's is touched."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.postgres import Server
    from tests.release_world import Made
    from tests.small_world import FinishedRun

# Both libraries read these when they are first imported, and Prefect would else use the database of whoever runs the tests.
_PREFECT_HOME = tempfile.mkdtemp(prefix="tradeflow-prefect-")
atexit.register(shutil.rmtree, _PREFECT_HOME, ignore_errors=True)
os.environ |= {
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "PREFECT_HOME": _PREFECT_HOME,
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}
for _name in ("PREFECT_API_URL", "PREFECT_PROFILE", "TRADEFLOW_LAKE", "TRADEFLOW_COMTRADE_KEY", "TRADEFLOW_DATABASE"):
    os.environ.pop(_name, None)

settings.register_profile("untimed", deadline=None)  # how long an example takes is the machine's affair
settings.load_profile("untimed")


@pytest.fixture
def require() -> Callable[[object, str], None]:
    """Go on if the first argument is true; else skip with the reason, and in CI, where nothing may be skipped, fail with it."""

    def require(is_there: object, reason: str) -> None:
        if not is_there:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)

    return require


@pytest.fixture(scope="session")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The answers of a small simulated world. Read only."""
    from tests.small_world import write_answers

    return write_answers(tmp_path_factory.mktemp("small-world"))


@pytest.fixture(scope="session")
def finished(answers: Path, tmp_path_factory: pytest.TempPathFactory) -> "FinishedRun":
    """An undisturbed `tradeflow run` over these answers, with what it printed. Read only."""
    from tests.small_world import run_command

    return run_command(answers, tmp_path_factory.mktemp("finished") / "lake")


@pytest.fixture(scope="session")
def made() -> "Made":
    """Sixty leads of all rules, and their manifest."""
    from tests.release_world import make_release

    return make_release()


@pytest.fixture(scope="session")
def few() -> "Made":
    """Six leads, one of each rule."""
    from tests.release_world import make_release

    return make_release(leads=6, seed=3)


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Server]":
    """A running server; where Debian's packages are not installed, in CI a failure."""
    from tests.postgres import find_programs, running_server

    programs = find_programs()
    if programs is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("PostgreSQL is not installed: apt-get install postgresql")
    with running_server(programs) as server:
        yield server
