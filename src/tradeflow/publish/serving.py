"""The release into the serving database, as one transaction: readers see the old one or the new one.

Only the tables that `serving_database` declares are ever written, and all but `known_signal` are emptied first. Others in the same database
(people's decisions) are not looked at.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from tradeflow.exceptions import LakeError
from tradeflow.publish.search_index import list_search_entries, write_search_index
from tradeflow.serving_database import KNOWN_SIGNAL, RELEASE, SEARCH_ENTRY, SERVING, TABLES, open_database
from tradeflow.telling.tables import ReleaseTables

_ROWS_AT_ONCE = 10_000


def serve_release(url: str, release_id: str, tables: ReleaseTables, manifest: dict[str, Any], *, published_at: datetime) -> None:
    """Put a release in the place of the one that is served, in one transaction; the same release again changes nothing."""
    engine = open_database(url, begin="BEGIN IMMEDIATE")
    try:
        with engine.begin() as connection:
            _match_tables_to_contracts(connection)
            if connection.scalar(sa.select(RELEASE.c.id)) != release_id:
                _replace_rows(connection, tables)
                write_search_index(connection, list_search_entries(tables))
                _remember_signals(connection, release_id, published_at)
                connection.execute(sa.delete(RELEASE))
                connection.execute(sa.insert(RELEASE).values(id=release_id, published_at=published_at, manifest=manifest))
    except sa.exc.OperationalError as error:
        raise LakeError(f"serving database {engine.url}: {error.orig}; the release before is still served, publish again") from error
    finally:
        engine.dispose()


def _match_tables_to_contracts(connection: sa.Connection) -> None:
    """Create what is missing; a table whose columns differ from the contract is made anew, and with it the release is taken out."""
    inspector = sa.inspect(connection)
    standing = set(inspector.get_table_names())
    changed = [
        table
        for table in (*TABLES.values(), KNOWN_SIGNAL, SEARCH_ENTRY)
        if table.name in standing and [each["name"] for each in inspector.get_columns(table.name)] != table.c.keys()
    ]
    SERVING.drop_all(connection, changed)
    SERVING.create_all(connection)
    if changed:
        connection.execute(sa.delete(RELEASE))


def _remember_signals(connection: sa.Connection, release_id: str, published_at: datetime) -> None:
    """Note in `known_signal` what is served: a signal keeps the release that told it first, all else is as this one tells it."""
    told = [column for column in TABLES["signal"].c if column.name in KNOWN_SIGNAL.c]
    served = {f"{when}_{name}": value for when in ("first", "last") for name, value in _stamp(release_id, published_at).items()}
    rows = sa.select(*told, *served.values()).where(sa.true())  # SQLite cannot read an upsert from a select without a condition
    upsert = {"sqlite": sqlite, "postgresql": postgresql}[connection.dialect.name].insert(KNOWN_SIGNAL)
    upsert = upsert.from_select([*(column.name for column in told), *served], rows)
    renewed = [column.name for column in KNOWN_SIGNAL.c if not column.primary_key and not column.name.startswith("first_")]
    connection.execute(upsert.on_conflict_do_update(index_elements=["signal_id"], set_={name: upsert.excluded[name] for name in renewed}))


def _stamp(release_id: str, published_at: datetime) -> dict[str, sa.ColumnElement[Any]]:
    return {
        "release_id": sa.literal(release_id, sa.Text()),
        "published_at": sa.literal(published_at, sa.DateTime(timezone=True)),
    }


def _replace_rows(connection: sa.Connection, tables: ReleaseTables) -> None:
    for name, table in TABLES.items():
        connection.execute(sa.delete(table))
        frame: pl.DataFrame = getattr(tables, name)
        for rows in frame.iter_slices(_ROWS_AT_ONCE):
            connection.execute(sa.insert(table), rows.to_dicts())
