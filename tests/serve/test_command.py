"""`tradeflow serve | user | audit`: what a person types, what is printed, and what stands in the log after it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.release_world import Made
from tests.serve.conftest import publish
from tradeflow.cli import main
from tradeflow.lake import Lake
from tradeflow.serve.database import VISITS_AT_ONCE


@pytest.fixture
def tradeflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    monkeypatch.delenv("TRADEFLOW_DATABASE", raising=False)

    def tradeflow(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, [*words, "--lake", str(tmp_path / "lake")])
        return result.exit_code, result.output

    return tradeflow


def test_people_are_added_changed_and_listed(tradeflow: Callable[..., tuple[int, str]]) -> None:
    code, told = tradeflow("user", "add", "ana", "--role", "analyst")
    assert (code, bool(re.fullmatch(r"ana, analyst; one-time password: \S{20}\n", told))) == (0, True)
    assert tradeflow("user", "role", "ana", "investigator") == (0, "ana is now investigator\n")
    assert tradeflow("user", "reset", "ana")[0] == 0
    assert tradeflow("user", "close", "ana") == (0, "ana is closed\n")
    assert re.search(r"^ana +investigator +last sign-in never, closed$", tradeflow("user", "list")[1], re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("user", "role", "nobody", "viewer"), "no account 'nobody'"),
        (("user", "add", "a\nb"), "printable"),
        (("user", "add", "x" * 65), "1 to 64"),
        (("audit", "verify", "--head", "7"), "a head is NUMBER:SEAL"),
    ],
)
def test_a_mistake_is_one_line(tradeflow: Callable[..., tuple[int, str]], words: tuple[str, ...], told: str) -> None:
    code, output = tradeflow(*words)
    assert code == 2
    assert told in output
    assert output.count("\n") == 1


def test_what_is_done_at_the_command_line_stands_in_the_log(tradeflow: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    tradeflow("user", "add", "ana", "--role", "administrator")
    tradeflow("user", "role", "ana", "viewer")  # refused: the only administrator
    out = tmp_path / "log.jsonl"
    assert tradeflow("audit", "export", str(out))[1] == f"1 entries in {out}\n"
    entry = json.loads(out.read_text())
    assert (entry["action"], json.loads(entry["query"])["form"]) == ("add_account", {"name": "ana", "role": "administrator"})
    assert "at the command line" in entry["actor"]
    assert "password" not in out.read_text()
    assert tradeflow("audit", "export", str(out))[0] == 2, "an export that is there is not written over"


def test_the_log_is_verified(tradeflow: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    tradeflow("user", "add", "ana")
    code, told = tradeflow("audit", "verify")
    assert (code, told[:22]) == (0, "1 entries, whole; head")
    head = told.split()[-1]
    tradeflow("user", "reset", "ana")
    assert tradeflow("audit", "verify", "--head", head)[0] == 0
    assert tradeflow("audit", "verify", "--head", "1:" + "0" * 64)[0] == 1
    (tmp_path / "lake" / "7_release" / "audit_head.json").unlink()
    assert tradeflow("audit", "verify")[0] == 1
    assert tradeflow("audit", "anchor", "--reason", "disk replaced")[0] == 0
    code, told = tradeflow("audit", "verify")
    assert (code, told[:9]) == (0, "3 entries")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_server_starts_tells_how_to_get_in_and_stops(tmp_path: Path, few: Made, stop: signal.Signals) -> None:
    publish(Lake(tmp_path), few)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = start_server(tmp_path, port)
    try:
        assert server.stdout is not None
        lines = [server.stdout.readline() for _ in range(3)]
        assert re.match(r"First start: sign in as admin with the one-time password \S{20} ", lines[0])
        assert lines[2] == f"Open http://127.0.0.1:{port} in a browser; Ctrl+C ends it.\n"
        assert "Sign in" in fetch(f"http://127.0.0.1:{port}/sign-in")
    finally:
        server.send_signal(stop)
        rest, complaints = server.communicate(timeout=30)
    assert (rest, complaints) == ("", "")
    again = start_server(tmp_path, port)
    assert again.stdout is not None
    assert again.stdout.readline().startswith("Open ")
    again.terminate()
    again.communicate(timeout=30)


def test_more_visitors_at_once_than_places_all_get_their_page(tmp_path: Path, few: Made) -> None:
    publish(Lake(tmp_path), few)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = start_server(tmp_path, port)
    try:
        assert "Sign in" in fetch(f"http://127.0.0.1:{port}/sign-in")
        with ThreadPoolExecutor(6 * VISITS_AT_ONCE) as pool:
            pages = list(pool.map(fetch, [f"http://127.0.0.1:{port}/sign-in"] * (6 * VISITS_AT_ONCE)))
    finally:
        server.terminate()
        _, complaints = server.communicate(timeout=30)
    assert all("Sign in" in page for page in pages)
    assert complaints == ""


def start_server(lake: Path, port: int) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "TRADEFLOW_DATABASE"} | {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", "from tradeflow.cli import main; main()", "serve", "--lake", str(lake), "--port", str(port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def fetch(url: str) -> str:
    for _ in range(100):
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return str(answer.read().decode())
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")
