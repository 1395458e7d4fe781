"""The backup and the restore that docs/serve.md describes, done while people work."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from tests.postgres import Server
from tests.release_world import Made
from tests.serve.conftest import Served, publish
from tests.serve.test_resilience import decide, decided, first_signals, release_shown
from tradeflow.cli import main
from tradeflow.lake import RELEASE_FOLDER, Lake, serving_url
from tradeflow.serve.audit import ANCHOR_FILE, KEY_FILE
from tradeflow.serve.database import CASE_STORE_FILE


def back_up(served: Served, backup: Path, postgres: Server) -> Path | None:
    """Copy all that docs/serve.md names; return the dump of the database where there is one."""
    folder, url = served.lake.root / RELEASE_FOLDER, sa.make_url(serving_url(served.lake))
    for name in (ANCHOR_FILE, KEY_FILE):
        shutil.copy(folder / name, backup)
    assert decide(served.signed_in("analyst"), first_signals(served)[1]) == 303  # people go on
    if url.get_backend_name() == "postgresql":
        return postgres.dump(str(url.database))
    with closing(sqlite3.connect(folder / CASE_STORE_FILE)) as connection:
        connection.execute(f"VACUUM INTO '{backup / CASE_STORE_FILE}'")
    shutil.copy(folder / "serving.sqlite", backup)
    return None


def verify(lake: Lake, *words: str) -> tuple[int, str]:
    told = CliRunner().invoke(main, ["audit", "verify", "--lake", str(lake.root), *words])
    return told.exit_code, told.output


def test_a_backup_restores_what_was_decided_and_the_log_holds(
    served: Served,
    made: Made,
    tmp_path: Path,
    postgres: Server,
    monkeypatch: pytest.MonkeyPatch,
    open_app: Callable[..., Served],
) -> None:
    analyst, signals = served.signed_in("analyst"), first_signals(served)
    assert decide(analyst, signals[0]) == 303
    noted = verify(served.lake)[1].split()[-1]
    backup, restored = tmp_path / "backup", Lake(tmp_path / "restored")
    backup.mkdir()
    dump = back_up(served, backup, postgres)
    assert decide(analyst, signals[2]) == 303
    later = verify(served.lake)[1].split()[-1]

    shutil.copytree(backup, restored.root / RELEASE_FOLDER)
    if dump:
        monkeypatch.setenv("TRADEFLOW_DATABASE", postgres.restore(dump, "restored"))

    assert verify(restored, "--head", noted)[0] == 0
    assert verify(restored, "--head", later)[0] == 1, "what came after the backup is gone, and a head that was noted later tells"
    again = open_app(restored)
    assert decided(again) == 2
    reader = again.signed_in("analyst")
    assert (release_shown(reader), decide(reader, signals[2])) == ("202412-first", 303)
    publish(restored, made, "next")
    assert (release_shown(reader), verify(restored)[0]) == ("next", 0)


def test_a_store_older_than_its_anchor_is_told(served_on_sqlite: Served, tmp_path: Path) -> None:
    """The anchor copied last: the log seems cut short, which is why it is copied first."""
    folder = served_on_sqlite.lake.root / RELEASE_FOLDER
    served_on_sqlite.signed_in("analyst")
    with closing(sqlite3.connect(folder / CASE_STORE_FILE)) as connection:
        connection.execute(f"VACUUM INTO '{tmp_path / CASE_STORE_FILE}'")
    served_on_sqlite.signed_in("analyst")
    for name in (ANCHOR_FILE, KEY_FILE):
        shutil.copy(folder / name, tmp_path)
    shutil.copytree(tmp_path, tmp_path / "restored" / RELEASE_FOLDER, ignore=shutil.ignore_patterns("lake", "restored"))
    assert verify(Lake(tmp_path / "restored"))[0] == 1
