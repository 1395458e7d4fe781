"""The release into the serving database, as one transaction: readers see the old one or the new one.

Only the tables that `serving_database` declares are ever written. Others in the same database (people's decisions) are not looked at.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from tradeflow.exceptions import LakeError
from tradeflow.serving_database import RELEASE, SERVING, TABLES, open_database
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
        for table in TABLES.values()
        if table.name in standing and [each["name"] for each in inspector.get_columns(table.name)] != table.c.keys()
    ]
    SERVING.drop_all(connection, changed)
    SERVING.create_all(connection)
    if changed:
        connection.execute(sa.delete(RELEASE))


def _replace_rows(connection: sa.Connection, tables: ReleaseTables) -> None:
    for name, table in TABLES.items():
        connection.execute(sa.delete(table))
        frame: pl.DataFrame = getattr(tables, name)
        for rows in frame.iter_slices(_ROWS_AT_ONCE):
            connection.execute(sa.insert(table), rows.to_dicts())
