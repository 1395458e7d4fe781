"""What goes wrong outside: a process killed, a full disk, a lost connection.

Readers keep the old release, no decision that was told is lost, and the next publish succeeds.
"""

from __future__ import annotations

import http.cookiejar
import json
import resource
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from tests.release_world import Made
from tests.serve.conftest import PASSWORD, Served, Visitor, find_token, publish
from tests.serve.test_command import fetch
from tradeflow.exceptions import LakeError
from tradeflow.lake import RELEASE_FOLDER, Lake, serving_url
from tradeflow.publish import serving_schema
from tradeflow.serve.audit import verify_log
from tradeflow.serve.database import Stores, open_stores
from tradeflow.serve.store import Disposition
from tradeflow.serving_database import TABLES

PHASES = {
    "sqlite": [
        "serving_file._write",
        "serving_file._insert",
        "serving_file._put_in_place",
        "serving_file.os.replace",
        "serving_file.os.replace:after",
    ],
    "postgresql": [
        "serving_schema._make_way:after",
        "serving_schema._copy",
        "serving_schema._index",
        "serving_schema.replace_schema:after",
    ],
}
DIE = """
import functools, json, os, sys
from datetime import UTC, datetime
from tradeflow.publish import serving, serving_file, serving_schema
from tradeflow.telling.tables import empty_tables
where, _, when = sys.argv[1].partition(":")
module, *path, name = where.split(".")
place = functools.reduce(getattr, path, globals()[module])
call = getattr(place, name)
def die(*given):
    if when:
        call(*given)
    os.kill(os.getpid(), 9)
setattr(place, name, die)
if name == "replace_schema":
    serving.replace_schema = die
serving.serve_release(sys.argv[2], "killed", empty_tables(), json.loads(sys.argv[3]), published_at=datetime.now(UTC))
"""


def first_signals(served: Served) -> list[str]:
    with served.app.state.house.stores.reading.connect() as connection:
        return list(connection.scalars(sa.select(TABLES["signal"].c.signal_id).order_by(TABLES["signal"].c.signal_id)))


def decide(visitor: Visitor, signal_id: str) -> int:
    return int(visitor.post(f"/signals/{signal_id}/decisions", decision="confirmed", reason="seen").status_code)


def decided(served: Served) -> int:
    with served.writing() as store:
        return store.scalar(sa.select(sa.func.count()).select_from(Disposition)) or 0


def faults(served: Served) -> tuple[str, ...]:
    """Return what is wrong with the audit log."""
    with served.writing() as store:
        return verify_log(store, served.app.state.house.seal).faults


def release_shown(visitor: Visitor) -> str:
    """Return the release that the table of leads names; it must answer."""
    page = visitor.get("/signals")
    assert page.status_code == 200, page.text
    return next(release for release in ("202412-first", "killed", "next") if release in page.text)


def kinds(*names: str) -> Any:
    """Each phase on its own database."""
    return pytest.mark.parametrize(("served", "phase"), [(kind, phase) for kind in names for phase in PHASES[kind]], indirect=["served"])


# --- a process killed ----------------------------------------------------------------------------------------------------------


@kinds("sqlite", "postgresql")
def test_a_publish_killed_in_any_phase_leaves_a_whole_release(served: Served, made: Made, phase: str) -> None:
    analyst = served.signed_in("analyst")
    assert decide(analyst, first_signals(served)[0]) == 303
    killed = subprocess.run(
        [sys.executable, "-c", DIE, phase, serving_url(served.lake), json.dumps(made[1], default=str)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert release_shown(analyst) == (
        "killed" if phase in ("serving_file.os.replace:after", "serving_schema.replace_schema:after") else "202412-first"
    )
    publish(served.lake, made, "next")
    assert release_shown(analyst) == "next"
    assert decided(served) == 1


@contextmanager
def running_server(lake: Lake) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from tradeflow.cli import main; main()", "serve", "--lake", str(lake.root), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline().startswith(b"Open ")
            fetch(f"http://127.0.0.1:{port}/sign-in")
            yield server, f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def browser(origin: str, name: str, password: str) -> Callable[..., str]:
    """Sign in at a real server; return what sends a form there, or asks for a page without one."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def send(path: str, **fields: str) -> str:
        form = urllib.parse.urlencode(fields).encode() if fields else None
        request = urllib.request.Request(origin + path, form, {"Origin": origin} if form else {})
        with opener.open(request, timeout=60) as answer:
            return str(answer.read().decode())

    send("/sign-in", name=name, password=password)
    return send


def test_a_server_killed_in_the_middle_keeps_every_decision_that_it_told(served: Served) -> None:
    served.signed_in("analyst", name="ana")
    signals, told = first_signals(served), list[str]()
    with running_server(served.lake) as (server, origin):
        send = browser(origin, "ana", PASSWORD)
        token = find_token(send("/password"))

        def decide_on() -> None:
            for at in range(10_000):
                signal_id = signals[at % len(signals)]
                send(f"/signals/{signal_id}/decisions", decision="confirmed", reason=f"number {at}", csrf_token=token)
                told.append(f"number {at}")

        deciding = threading.Thread(target=pytest.raises, args=(OSError, decide_on))
        deciding.start()
        while len(told) < 12:
            deciding.join(0.05)
        server.kill()
        deciding.join()
    with served.writing() as store:
        kept = set(store.scalars(sa.select(Disposition.reason)))
    assert set(told) <= kept
    assert len(kept - set(told)) <= 1, "at most the one that was under way"
    assert not faults(served)


# --- a full disk ---------------------------------------------------------------------------------------------------------------


def test_a_publish_onto_a_full_disk_leaves_the_old_release(served_on_sqlite: Served, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    served, analyst = served_on_sqlite, served_on_sqlite.signed_in("analyst")
    free = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (200_000, free[1])
    )  # no file of this process grows further: what SQLite is told of a full disk
    try:
        with pytest.raises(LakeError, match="the release before is still served, publish again"):
            publish(served.lake, made, "next")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, free)
    assert release_shown(analyst) == "202412-first"
    assert decide(analyst, first_signals(served)[0]) == 303
    assert not list((served.lake.root / RELEASE_FOLDER).glob(".unfinished*"))
    publish(served.lake, made, "next")
    assert (release_shown(analyst), decided(served)) == ("next", 1)


FULL = """CREATE FUNCTION full_disk() RETURNS {kind} LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$"""


@pytest.mark.parametrize("command", ["CREATE TABLE", "CREATE INDEX", "ALTER TABLE"])
def test_a_publish_onto_a_full_server_leaves_the_old_release(served_on_postgresql: Served, made: Made, command: str) -> None:
    served, analyst = served_on_postgresql, served_on_postgresql.signed_in("analyst")
    with served.app.state.house.stores.writing.begin() as connection:
        connection.exec_driver_sql(FULL.format(kind="event_trigger"))
        connection.exec_driver_sql(
            f"CREATE EVENT TRIGGER full_disk ON ddl_command_end WHEN TAG IN ('{command}') EXECUTE FUNCTION full_disk()"
        )
    with pytest.raises(LakeError, match=r"(?s)No space left on device.*; the release before is still served"):
        publish(served.lake, made, "next")
    assert release_shown(analyst) == "202412-first"
    assert decide(analyst, first_signals(served)[0]) == 303
    with served.app.state.house.stores.writing.begin() as connection:
        connection.exec_driver_sql("DROP EVENT TRIGGER full_disk")
    publish(served.lake, made, "next")
    assert (release_shown(analyst), decided(served)) == ("next", 1)


@pytest.mark.parametrize("table", ["disposition", "audit_entry"])
def test_a_decision_on_a_full_server_is_refused_whole(served_on_postgresql: Served, table: str) -> None:
    served, analyst = served_on_postgresql, served_on_postgresql.signed_in("analyst")
    one, other = first_signals(served)[:2]
    assert decide(analyst, one) == 303
    with served.app.state.house.stores.writing.begin() as connection:
        connection.exec_driver_sql(FULL.format(kind="trigger"))
        connection.exec_driver_sql(f"CREATE TRIGGER full_disk BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION full_disk()")
    assert decide(analyst, other) == 503
    with served.app.state.house.stores.writing.begin() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER full_disk ON {table}")
    assert decided(served) == 1
    assert (analyst.get("/signals").status_code, decide(analyst, other), decided(served)) == (200, 303, 2)
    assert not faults(served)


# --- a lost connection ---------------------------------------------------------------------------------------------------------


def cut_connections(stores: Stores) -> None:
    with stores.writing.connect() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        connection.exec_driver_sql(others)


def test_connections_cut_under_people_cost_an_answer_and_no_decision(served_on_postgresql: Served) -> None:
    served, analyst = served_on_postgresql, served_on_postgresql.signed_in("analyst")
    signals, stop = first_signals(served), threading.Event()
    cutting = open_stores(served.lake)

    def cut() -> None:
        while not stop.wait(0.02):
            cut_connections(cutting)

    thread = threading.Thread(target=cut)
    thread.start()
    codes = [decide(analyst, signals[at % len(signals)]) for at in range(60)]
    pages = {analyst.get("/signals").status_code for _ in range(30)}
    stop.set()
    thread.join()
    cutting.dispose()
    assert set(codes) <= {303, 503}
    assert pages <= {200, 503}
    assert codes.count(303) <= decided(served) <= 60
    assert (analyst.get("/signals").status_code, decide(analyst, signals[0])) == (200, 303)
    assert not faults(served)


@pytest.mark.parametrize("phase", ["_copy", "_index", "index_pieces"])
def test_a_connection_cut_under_a_publish_leaves_the_old_release(
    served_on_postgresql: Served, made: Made, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, analyst = served_on_postgresql, served_on_postgresql.signed_in("analyst")
    call, stores = getattr(serving_schema, phase), served.app.state.house.stores

    def cut_then_go_on(*given: Any) -> None:
        cut_connections(stores)
        call(*given)

    with monkeypatch.context() as patched:
        patched.setattr(serving_schema, phase, cut_then_go_on)
        with pytest.raises(LakeError):
            publish(served.lake, made, "next")
    assert release_shown(analyst) == "202412-first"
    publish(served.lake, made, "next")
    assert release_shown(analyst) == "next"
