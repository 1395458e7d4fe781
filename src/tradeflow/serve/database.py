"""The ways into the stores: one read transaction per visit over release and case store together, and one writer for the case store.

On SQLite the case store is a file of its own beside the release's, attached for reading: SQLite has one writer per file, and a release that
goes in for a minute must not hold up a decision. On PostgreSQL both are in one database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from tradeflow.exceptions import LakeError
from tradeflow.lake import RELEASE_FOLDER, Lake, serving_url
from tradeflow.serving_database import RELEASE, enter_release, prepare_sqlite

CASE_STORE_FILE = "case_store.sqlite"
_MIGRATIONS = Path(__file__).parent / "migrations"
VISITS_AT_ONCE = 16
"""Each holds one connection to read and perhaps one to write. A visit that waited for a connection inside a thread would keep that
thread from those who have one, until nobody gets on."""
_POOL: dict[str, Any] = {"pool_size": VISITS_AT_ONCE, "max_overflow": 4, "pool_use_lifo": True}
"""The connection that was used last comes first: few know the release by heart, in place of many that learn it in turn."""
_MOST_MAPPED = 2 * 1024**3
"""Bytes of a release's file that are read without a call to the system for each page; address space, not memory."""
_MIGRATION_LOCK = 0x7466_6361
"""Any number that nothing else in the database locks."""


class NoReleaseError(Exception):
    """Nothing has been published yet."""


@dataclass(frozen=True)
class Release:
    """The release that a read transaction sees, from its first question to its last."""

    release_id: str
    published_at: datetime
    connection: sa.Connection

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The run's manifest: periods, counts, table versions, settings, stage times, problems."""
        return dict(self.connection.scalars(sa.select(RELEASE.c.manifest)).one())


@dataclass(frozen=True)
class Stores:
    """Both stores of one installation: `reading` sees the release and the case store, `writing` changes the case store."""

    reading: sa.Engine
    writing: sa.Engine

    def dispose(self) -> None:
        """Close every connection."""
        self.reading.dispose()
        self.writing.dispose()


def open_stores(lake: Lake) -> Stores:
    """Open the release for reading and the case store for writing; the case store is made or brought to the newest shape."""
    url = serving_url(lake)
    stores = _open_postgres(url) if not url.startswith("sqlite") else _open_sqlite(lake.root / RELEASE_FOLDER, sa.make_url(url).database)
    upgrade_case_store(stores.writing)
    return stores


def _open_sqlite(folder: Path, release_file: str | None) -> Stores:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CASE_STORE_FILE).touch(mode=0o600)  # who looked at what, and the hashes of passwords, are for its owner alone
    case_store = f"sqlite:///{folder / CASE_STORE_FILE}"
    return Stores(_open_sqlite_reading(case_store, Path(release_file or "")), _open_sqlite_writing(case_store))


def _open_sqlite_reading(case_store: str, release_file: Path) -> sa.Engine:
    engine = sa.create_engine(case_store, hide_parameters=True, **_POOL)

    def prepare(connection: Any, record: Any) -> None:
        _prepare(connection, record)
        connection.execute("PRAGMA query_only = ON")

    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "checkout", lambda connection, record, _proxy: _attach(connection, record.info, release_file))
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _attach(connection: Any, info: dict[str, Any], release_file: Path) -> None:
    """Let a connection that is between two visits read the file that is served now; each release comes as another file."""
    try:
        found = release_file.stat()
    except FileNotFoundError:  # before the first release; SQLite would leave an empty file
        return
    mark = (found.st_dev, found.st_ino, found.st_mtime_ns)
    if info.get("release") == mark:
        return
    if "release" in info:
        connection.execute("DETACH DATABASE release")
    connection.execute("ATTACH DATABASE ? AS release", (str(release_file),))
    connection.execute(f"PRAGMA release.mmap_size = {_MOST_MAPPED}")  # the file is never written again
    info["release"] = mark


def _open_sqlite_writing(case_store: str) -> sa.Engine:
    engine = sa.create_engine(case_store, hide_parameters=True, **_POOL)

    def prepare(connection: Any, record: Any) -> None:
        _prepare(connection, record)
        # A release can be published again; a decision cannot: it is on the disk before anybody is told that it stands.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _prepare(connection: Any, record: Any) -> None:
    prepare_sqlite(connection, record)
    connection.execute("PRAGMA journal_mode = WAL")
    # SQLite's own knows A to Z only, and names of people begin with other letters too.
    connection.create_function("lower", 1, lambda text: None if text is None else str(text).lower(), deterministic=True)


def _open_postgres(url: str) -> Stores:
    patience = {"connect_timeout": 5, "options": "-c statement_timeout=30s -c lock_timeout=10s"}
    reading, writing = (sa.create_engine(url, hide_parameters=True, **_POOL, pool_pre_ping=True, connect_args=patience) for _ in range(2))
    sa.event.listen(reading, "begin", enter_release)
    return Stores(reading.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True), writing)


def upgrade_case_store(engine: sa.Engine) -> None:
    """Bring the case store to the newest shape, in one transaction, one process at a time."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with told_outside(engine), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def find_release(connection: sa.Connection) -> Release:
    """Return the release that a read transaction sees; NoReleaseError before the first, or where an older version put it in."""
    try:
        row = connection.execute(sa.select(RELEASE.c.id, RELEASE.c.published_at, RELEASE.c.schema_name)).one_or_none()
    except (sa.exc.ProgrammingError, sa.exc.OperationalError) as error:
        if "no such" not in str(error) and not isinstance(error, sa.exc.ProgrammingError):
            raise
        connection.rollback()  # PostgreSQL answers nothing more in a transaction that has failed
        raise NoReleaseError from error
    if row is None:
        raise NoReleaseError
    published_at = row.published_at if row.published_at.tzinfo else row.published_at.replace(tzinfo=UTC)
    return Release(row.id, published_at, connection)


@contextmanager
def told_outside(engine: sa.Engine) -> Iterator[None]:
    """Tell a database that does not answer, or refuses, as a matter of the outside world: in one line."""
    try:
        yield
    except sa.exc.OperationalError as error:
        told = " ".join(str(error.orig).split())
        raise LakeError(f"database {engine.url!r}: {told}; see that it runs and that its address is right") from error
