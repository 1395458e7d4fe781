"""A release into SQLite: a file of its own, made beside the one that is served and put in its place.

Whoever reads keeps the file that was there when the visit began; nobody waits, and the file that is served is never written.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
import sqlalchemy as sa

from tradeflow.exceptions import LakeError
from tradeflow.lake.place import UNFINISHED
from tradeflow.publish.incoming import Incoming
from tradeflow.publish.search_index import index_pieces
from tradeflow.serving_database import SERVING, open_database

_STANDING = "standing"
_ROWS_AT_ONCE = 10_000
_SECONDS_BETWEEN = 0.1
_OUTDATED = "outdated-"
# Nobody else sees the file before it is whole and on the disk; if the process dies, it is made anew.
_PRAGMAS = ("main.journal_mode = OFF", "main.synchronous = OFF", "main.cache_size = -200000")


def replace_file(address: sa.URL, incoming: Incoming) -> None:
    """Make the release's file and put it in the place of the one that is served; one process at a time."""
    path = Path(address.database or "")
    with _only_one(path):
        _settle(path)
        if _is_served(path, incoming):
            return
        unfinished, outdated = (path.with_name(f"{prefix}{path.name}") for prefix in (UNFINISHED, _OUTDATED))
        unfinished.unlink(missing_ok=True)
        outdated.unlink(missing_ok=True)
        try:
            _write(unfinished, path, incoming)
            _put_in_place(unfinished, path, outdated)
        finally:
            unfinished.unlink(missing_ok=True)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.with_name(f"{path.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _settle(path: Path) -> None:
    """Bring a file to rest whose last writer kept a log beside it: SQLite would take that log for one of the file that comes."""
    if not any(path.with_name(f"{path.name}-{log}").exists() for log in ("wal", "journal")):
        return
    with closing(sqlite3.connect(path)) as connection:
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            raise LakeError(f"serving database {path}: {error}; end what has it open for writing and publish again") from error


def _is_served(path: Path, incoming: Incoming) -> bool:
    if not path.is_file():
        return False
    with open_database(f"sqlite:///{path}").connect() as connection:
        try:
            return incoming.is_served(connection)
        except sa.exc.OperationalError:  # none of our tables, or those of an older shape
            return False


def _write(unfinished: Path, standing: Path, incoming: Incoming) -> None:
    engine = open_database(f"sqlite:///{unfinished}")

    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        if standing.is_file():
            connection.execute(f"ATTACH DATABASE ? AS {_STANDING}", (str(standing),))

    sa.event.listen(engine, "connect", prepare)
    unfinished.touch()
    with _brought_along(unfinished), engine.begin() as connection:
        for table in SERVING.sorted_tables:
            connection.execute(sa.schema.CreateTable(table))
        for table, frame in incoming.frames:
            _insert(connection, table, frame)
        incoming.remember(connection, _STANDING if standing.is_file() else None)
        for index in (each for table in SERVING.sorted_tables for each in table.indexes):
            connection.execute(sa.schema.CreateIndex(index))
        index_pieces(connection)
        incoming.name_itself(connection)
    engine.dispose()


@contextmanager
def _brought_along(unfinished: Path) -> Iterator[None]:
    """Bring a growing file to the disk little by little: all at once would hold up every entry of the audit log meanwhile."""
    is_whole = threading.Event()

    def bring() -> None:
        while not is_whole.wait(_SECONDS_BETWEEN):
            _bring_to_disk(unfinished)

    with ThreadPoolExecutor(1) as beside:
        bringing = beside.submit(bring)
        try:
            yield
        finally:
            is_whole.set()
        bringing.result()


def _insert(connection: sa.Connection, table: sa.Table, frame: pl.DataFrame) -> None:
    statement = f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.c))})"
    times = [cs.date().dt.strftime("%Y-%m-%d"), cs.datetime().dt.strftime("%Y-%m-%d %H:%M:%S%.6f")]  # as SQLAlchemy reads them
    for rows in frame.iter_slices(_ROWS_AT_ONCE):
        connection.exec_driver_sql(statement, rows.with_columns(times).rows())


def _put_in_place(unfinished: Path, path: Path, outdated: Path) -> None:
    if path.is_file():
        shutil.copymode(path, unfinished)
        # Whoever lets a file of gigabytes go as the last waits while it is taken off the disk: the next publish, not a reader.
        with suppress(OSError):  # not every file system knows a second name
            os.link(path, outdated)
    _bring_to_disk(unfinished)
    os.replace(unfinished, path)
    _bring_to_disk(path.parent)


def _bring_to_disk(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
