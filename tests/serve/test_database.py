"""Both stores: migrations, releases that go in under readers, a database that goes away, a disk that is full."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import polars as pl
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tests.postgres import Server, find_programs, running_server
from tests.release_world import Made, replace_tables
from tests.serve.conftest import Served, publish
from tradeflow.exceptions import LakeError
from tradeflow.lake import RELEASE_FOLDER, Lake, serving_url
from tradeflow.publish import serving_file, serving_schema
from tradeflow.publish.search_index import index_pieces
from tradeflow.publish.serving import serve_release
from tradeflow.serve.database import CASE_STORE_FILE, open_stores, upgrade_case_store
from tradeflow.serve.migrations import VERSION_TABLE
from tradeflow.serve.store import CaseStore
from tradeflow.serving_database import KNOWN_SIGNAL, TABLES, open_database


def decide(served: Served) -> None:
    """Decide on the first lead of the table, as a person would."""
    analyst = served.signed_in("analyst")
    with served.app.state.house.stores.reading.connect() as connection:
        signal_id = connection.scalar(sa.select(TABLES["signal"].c.signal_id).order_by(TABLES["signal"].c.lead_rank).limit(1))
    assert analyst.post(f"/signals/{signal_id}/decisions", decision="confirmed", reason="seen").status_code == 303


def count(served: Served, table: str) -> int:
    with served.writing() as store:
        return int(store.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0)


# --- shape ---------------------------------------------------------------------------------------------------------------------


def test_migrations_make_what_the_models_say(lake: Lake) -> None:
    stores = open_stores(lake)
    with stores.writing.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        differences = compare_metadata(context, CaseStore.metadata)
    stores.dispose()
    assert differences == []


def test_migrating_again_or_from_two_processes_at_once_changes_nothing(
    lake: Lake, in_threads: Callable[[Callable[[], None], int], None]
) -> None:
    stores = open_stores(lake)
    upgrade_case_store(stores.writing)
    in_threads(lambda: upgrade_case_store(stores.writing), 4)
    with stores.writing.connect() as connection:
        assert connection.scalar(sa.text(f"SELECT count(*) FROM {VERSION_TABLE}")) == 1
    stores.dispose()


def test_the_reader_cannot_write(served: Served) -> None:
    stores = served.app.state.house.stores
    with pytest.raises(sa.exc.DBAPIError, match=r"readonly|read-only"), stores.reading.begin() as connection:
        connection.execute(sa.text("DELETE FROM account"))


# --- releases ------------------------------------------------------------------------------------------------------------------


def test_before_the_first_release_people_sign_in_and_are_told(lake: Lake, few: Made, open_app: Callable[..., Served]) -> None:
    served = open_app(lake)
    analyst = served.signed_in("analyst")
    answer = analyst.get("/signals")
    assert (answer.status_code, "Nothing has been published yet" in answer.text) == (503, True)
    publish(lake, few)
    assert analyst.get("/signals").status_code == 200


def test_a_release_touches_no_work_of_people(served: Served, few: Made) -> None:
    decide(served)
    publish(served.lake, few, "202501-second")
    assert [count(served, table) for table in ("disposition", "lead_status", "account")] == [1, 1, 1]


def test_readers_see_the_old_release_or_the_new_one_whole(served: Served, made: Made, few: Made) -> None:
    """Two releases of six and of sixty leads take turns under readers that ask for release and leads in one visit."""
    seen, stop, failed = set(), threading.Event(), list[Exception]()
    stores = served.app.state.house.stores

    def read() -> None:
        question = sa.select(sa.func.count()).select_from(TABLES["signal"])
        try:
            while not stop.is_set():
                with stores.reading.connect() as connection:
                    release_id = connection.scalar(sa.text("SELECT id FROM release"))
                    time.sleep(0.001)
                    seen.add((release_id, connection.scalar(question), connection.scalar(question)))
        except Exception as error:
            failed.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(3):
        publish(served.lake, made, f"many {turn}")
        publish(served.lake, few, f"few {turn}")
    stop.set()
    for reader in readers:
        reader.join()
    assert failed == []
    counts = {"m": made[0].signal.height, "f": few[0].signal.height, "2": few[0].signal.height}
    assert {(leads, again) for release_id, leads, again in seen if counts[release_id[0]] != leads or leads != again} == set()
    assert len(seen) > 1


def test_nobody_waits_for_a_release_that_goes_in(served: Served, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """The publish stands still with all rows written: people read the old release and decide on it."""
    inside, go_on = threading.Event(), threading.Event()

    def stand_still(connection: sa.Connection) -> None:
        inside.set()
        assert go_on.wait(60)
        index_pieces(connection)

    for module in (serving_file, serving_schema):
        monkeypatch.setattr(module, "index_pieces", stand_still)
    publishing = threading.Thread(target=publish, args=(served.lake, made, "next"))
    publishing.start()
    assert inside.wait(60)
    analyst, begun = served.signed_in("analyst"), time.monotonic()
    assert "202412-first" in analyst.get("/signals").text
    decide(served)
    assert time.monotonic() - begun < 10  # a wait for a lock takes 30 s
    go_on.set()
    publishing.join()
    assert "next" in analyst.get("/signals").text


@pytest.mark.parametrize("moment", ["index_pieces", "Incoming.name_itself"])
def test_a_killed_publish_leaves_the_old_release(served: Served, made: Made, moment: str) -> None:
    """The process dies with a release half or all but written; readers keep the old one, and the next publish succeeds."""
    script = (
        "import os; from datetime import UTC, datetime;"
        "from tradeflow.publish import serving, serving_file, serving_schema; from tradeflow.publish.incoming import Incoming;"
        "from tradeflow.telling.tables import empty_tables;"
        f"die = lambda *_: os.kill(os.getpid(), 9); serving_file.{moment} = serving_schema.{moment} = die;"
        f"serving.serve_release({serving_url(served.lake)!r}, 'killed', empty_tables(), {{}}, published_at=datetime.now(UTC))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    analyst = served.signed_in("analyst")
    assert "202412-first" in analyst.get("/signals").text
    publish(served.lake, made, "next")
    assert "next" in analyst.get("/signals").text


def test_same_release_again_changes_nothing(served: Served, made: Made) -> None:
    with served.app.state.house.stores.reading.connect() as connection:
        before = connection.scalar(sa.select(sa.func.count()).select_from(TABLES["signal"]))
    publish(served.lake, made)
    with served.app.state.house.stores.reading.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(TABLES["signal"])) == before


def test_two_publishes_at_once_both_go_in(
    served: Served, made: Made, few: Made, in_threads: Callable[[Callable[[], None], int], None]
) -> None:
    waiting = [(made, "one"), (few, "other")]
    in_threads(lambda: publish(served.lake, *waiting.pop()), 2)
    with served.app.state.house.stores.reading.connect() as connection:
        told = connection.scalars(sa.select(KNOWN_SIGNAL.c.first_release_id).distinct()).all()
    assert {"202412-first", "one"} <= set(told)


def test_a_release_that_fails_half_way_leaves_the_old_one(served: Served, made: Made) -> None:
    tables, manifest = made
    broken = replace_tables(tables, mirror_pair=pl.concat([tables.mirror_pair, tables.mirror_pair]))
    with pytest.raises(sa.exc.IntegrityError):
        serve_release(serving_url(served.lake), "broken", broken, manifest, published_at=datetime.now(UTC))
    analyst = served.signed_in("analyst")
    assert analyst.get("/signals").status_code == 200
    publish(served.lake, made, "whole")
    with served.app.state.house.stores.reading.connect() as connection:
        assert connection.scalar(sa.text("SELECT id FROM release")) == "whole"


# --- trouble -------------------------------------------------------------------------------------------------------------------


def test_a_full_disk_loses_no_decision_that_was_told(served_on_sqlite: Served) -> None:
    served = served_on_sqlite
    decide(served)
    analyst = served.signed_in("analyst")
    with served.app.state.house.stores.writing.connect() as connection:
        pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar() or 0)

    def fill(connection: object, _record: object, _proxy: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

    sa.event.listen(served.app.state.house.stores.writing, "checkout", fill)
    codes = [analyst.get("/signals").status_code for _ in range(40)]
    assert set(codes) <= {200, 503}
    assert codes[-1] == 503
    sa.event.remove(served.app.state.house.stores.writing, "checkout", fill)
    with served.app.state.house.stores.writing.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    served.app.state.house.stores.writing.dispose()
    assert analyst.get("/signals").status_code == 200
    assert count(served, "disposition") == 1


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that this test may stop."""
    programs = find_programs()
    assert programs is not None
    with running_server(programs) as server:
        yield server


def test_a_lost_connection_is_told_and_comes_back(
    tmp_path: object, few: Made, open_app: Callable[..., Served], postgres: Server, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEFLOW_DATABASE", own_server.url("lost"))
    lake = Lake(tmp_path)  # type: ignore[arg-type]
    publish(lake, few)
    served = open_app(lake)
    analyst = served.signed_in("analyst")
    decide(served)
    own_server.stop()
    answer = analyst.get("/signals")
    assert (answer.status_code, "The database does not answer" in answer.text) == (503, True)
    with pytest.raises(LakeError, match="see that it runs"):
        open_stores(lake)
    own_server.start()
    assert analyst.get("/signals").status_code == 200
    assert count(served, "disposition") == 1


def test_the_case_store_of_sqlite_is_a_file_of_its_own(served_on_sqlite: Served) -> None:
    folder = served_on_sqlite.lake.root / RELEASE_FOLDER
    with open_database(f"sqlite:///{folder / 'serving.sqlite'}").connect() as connection:
        assert "account" not in sa.inspect(connection).get_table_names()
    assert (folder / CASE_STORE_FILE).is_file()


def test_the_case_store_of_sqlite_is_for_its_owner_alone(lake_of_few: Lake) -> None:
    path = lake_of_few.root / RELEASE_FOLDER / CASE_STORE_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
