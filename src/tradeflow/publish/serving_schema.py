"""A release into PostgreSQL: a schema of its own, filled while the one before is served; then one row says which is served.

Two schemas take turns. A reader's transaction asks that row first and keeps to the schema that it names, so it sees one release whole; no
table that anybody reads is written, locked or left with dead rows.
"""

from __future__ import annotations

import time
from io import BytesIO
from typing import Any

import polars as pl
import psycopg
import sqlalchemy as sa

from tradeflow.exceptions import LakeError
from tradeflow.publish.incoming import Incoming
from tradeflow.publish.search_index import index_pieces
from tradeflow.serving_database import RELEASE, SERVING, open_database

_SCHEMAS = ("release_a", "release_b")
_PUBLISH_LOCK = 0x7466_7075
"""Any number that nothing else in the database locks."""
_ROWS_AT_ONCE = 5_000
_REST = 1.0
"""Seconds of rest for each that rows went in: the server has no priorities, and would have one of two cores taken from who reads."""


def replace_schema(address: sa.URL, incoming: Incoming) -> None:
    """Fill the schema that is not served and have it served from then on; one process at a time."""
    engine = open_database(address.render_as_string(hide_password=False))
    try:
        with engine.begin() as connection:  # gives the disk back first: two releases lie there at once, not three
            _make_way(connection)
        with engine.begin() as connection:
            standing, spare = _make_way(connection)
            if not incoming.is_served(connection, standing):
                _fill(connection, incoming, standing, spare)
    finally:
        engine.dispose()


def _make_way(connection: sa.Connection) -> tuple[str | None, str]:
    """Return the schema that is served and the other one, which is removed; nobody else publishes until the transaction ends."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PUBLISH_LOCK)))
    connection.exec_driver_sql("SET LOCAL search_path TO DEFAULT")
    _match_release_to_contract(connection)
    standing = connection.scalar(sa.select(RELEASE.c.schema_name))
    spare = next(name for name in _SCHEMAS if name != standing)
    connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {spare} CASCADE")
    return standing, spare


def _match_release_to_contract(connection: sa.Connection) -> None:
    inspector = sa.inspect(connection)
    if inspector.has_table(RELEASE.name) and [each["name"] for each in inspector.get_columns(RELEASE.name)] != RELEASE.c.keys():
        SERVING.drop_all(connection)  # of a version that kept a release beside people's work
    RELEASE.create(connection, checkfirst=True)


def _fill(connection: sa.Connection, incoming: Incoming, standing: str | None, spare: str) -> None:
    connection.exec_driver_sql(f"CREATE SCHEMA {spare}")
    connection.exec_driver_sql(f"SELECT set_config('search_path', '{spare}, ' || current_setting('search_path'), true)")
    connection.exec_driver_sql("SET LOCAL max_parallel_maintenance_workers = 0")  # the other cores are the readers'
    made = [table for table in SERVING.sorted_tables if table is not RELEASE]
    for table in made:
        connection.execute(sa.schema.CreateTable(_without_key(table)))
    for table, frame in incoming.frames:
        _copy(connection, table, frame)
    incoming.remember(connection, standing)
    for table in made:
        _index(connection, table)
    index_pieces(connection)
    for table in made:
        connection.exec_driver_sql(f"ANALYZE {table.name}")
    incoming.name_itself(connection, spare)


def _without_key(table: sa.Table) -> sa.Table:
    """Return the table without its key: an index is made faster from all rows at once."""
    return sa.Table(table.name, sa.MetaData(), *(sa.Column(each.name, each.type, nullable=each.nullable) for each in table.c))


def _index(connection: sa.Connection, table: sa.Table) -> None:
    keys = ", ".join(column.name for column in table.primary_key)
    connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD PRIMARY KEY ({keys})")
    for index in table.indexes:
        connection.execute(sa.schema.CreateIndex(index))


def _copy(connection: sa.Connection, table: sa.Table, frame: pl.DataFrame) -> None:
    cursor: Any = connection.connection.cursor()
    try:
        # Rows are visible to all from the start, as nobody looks here before the release is named: nothing is left to tidy up.
        with cursor.copy(f"COPY {table.name} ({', '.join(frame.columns)}) FROM STDIN (FORMAT csv, FREEZE)") as copy:
            for rows in frame.iter_slices(_ROWS_AT_ONCE):
                begun = time.perf_counter()
                written = BytesIO()
                rows.write_csv(written, include_header=False)
                copy.write(written.getvalue())
                time.sleep(_REST * (time.perf_counter() - begun))
    except psycopg.Error as error:  # its whole text would show the row
        raise LakeError(f"serving database, table {table.name}: {error.diag.message_primary or 'the connection was lost'}") from None
    finally:
        cursor.close()
