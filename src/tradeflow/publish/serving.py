"""The serving database: what people query, made from the contracts; a release goes in as one transaction, readers see the old or the new.

Only the tables named here are ever written. Others in the same database (people's decisions) are not looked at.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from tradeflow.contract import Contract, load_contract
from tradeflow.exceptions import LakeError
from tradeflow.lake import RELEASE_FOLDER, Lake
from tradeflow.publish.tables import ReleaseTables

DATABASE_FILE = "serving.sqlite"
_SQL_TYPES: dict[pl.DataType, sa.types.TypeEngine[Any]] = {
    pl.String(): sa.Text(),
    pl.Int32(): sa.Integer(),
    pl.Int64(): sa.BigInteger(),
    pl.Float64(): sa.Double(),
    pl.Boolean(): sa.Boolean(),
    pl.Date(): sa.Date(),
    pl.Datetime("us", "UTC"): sa.DateTime(timezone=True),
}
_INDEXES = {
    "signal": [["rule"], ["commodity_code"], ["importer_code"], ["anomaly_score"], ["lead_score"], ["lead_rank"], ["lead_id"]],
    "signal_feature": [],
    "signal_evidence": [],
    "baseline": [["importer_code", "commodity_code", "exporter_code"]],
    "mirror_pair": [["importer_code", "commodity_code", "exporter_code"]],
}
_ROWS_AT_ONCE = 10_000

SERVING = sa.MetaData()


def _declare_table(contract: Contract, indexes: list[list[str]]) -> sa.Table:
    key = contract.unique_keys[0]
    columns = [
        sa.Column(column.name, _SQL_TYPES[column.dtype], primary_key=column.name in key, nullable=not column.is_required)
        for column in contract.columns
    ]
    named = [sa.Index(f"ix_{contract.name}_{'_'.join(names)}", *names) for names in indexes]
    return sa.Table(contract.name, SERVING, *columns, *named)


TABLES = {name: _declare_table(load_contract(name), indexes) for name, indexes in _INDEXES.items()}
RELEASE = sa.Table(
    "release",
    SERVING,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("manifest", sa.JSON, nullable=False),
)


def serving_url(lake: Lake) -> str:
    """Return the address of the SQLite file beside the lake's releases."""
    return f"sqlite:///{lake.root / RELEASE_FOLDER / DATABASE_FILE}"


def open_database(url: str, *, begin: str = "BEGIN") -> sa.Engine:
    """Open a serving database. SQLite: write-ahead log, real transactions that hold schema changes too, 30 s of patience for a lock."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # Python's sqlite3 would begin late and leave schema changes outside
    for pragma in ("busy_timeout = 30000", "journal_mode = WAL", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


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
        frame = _rows_of_leads(getattr(tables, name), tables.signal)
        for rows in frame.iter_slices(_ROWS_AT_ONCE):
            connection.execute(sa.insert(table), rows.to_dicts())


def _rows_of_leads(frame: pl.DataFrame, signal: pl.DataFrame) -> pl.DataFrame:
    """Keep the rows of a series or pair that a signal stands on; a lead about an importer keeps all its exporters."""
    if "signal_id" in frame.columns:
        return frame
    series = ["freq_code", "importer_code", "commodity_code"]
    whole = signal.filter(pl.col("exporter_code") == 0)
    routes = frame.join(signal, on=[*series, "exporter_code"], how="semi")
    return pl.concat([routes, frame.join(whole, on=series, how="semi")]).unique(maintain_order=True)
