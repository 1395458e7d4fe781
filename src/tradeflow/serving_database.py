"""The tables of the serving database, made from the contracts, and the way into it: `publish` fills them, `serve` reads them."""

from __future__ import annotations

from typing import Any

import polars as pl
import sqlalchemy as sa

from tradeflow.contract import Contract, load_contract

_SQL_TYPES: dict[pl.DataType, sa.types.TypeEngine[Any]] = {
    pl.String(): sa.Text(),
    pl.Int32(): sa.Integer(),
    pl.Int64(): sa.BigInteger(),
    pl.Float64(): sa.Double(),
    pl.Boolean(): sa.Boolean(),
    pl.Date(): sa.Date(),
    pl.Datetime("us", "UTC"): sa.DateTime(timezone=True),
}
_SERIES = ["importer_code", "commodity_code", "exporter_code"]
_INDEXES: dict[str, list[list[str]]] = {
    "signal": [
        ["rule"], ["commodity_code"], ["importer_code"], ["anomaly_score"], ["lead_score"], ["lead_rank"], ["lead_id", "rule"],
        *[["is_lead_head", code, "lead_rank"] for code in ("importer_code", "exporter_code", "commodity_code", "substance_code")],
        ["is_lead_head", "rule", "lead_rank"], ["is_lead_head", "period", "lead_rank"],
        ["is_lead_head", "lead_rank"],
    ],
    "signal_feature": [],
    "signal_evidence": [],
    "baseline": [_SERIES],
    "mirror_pair": [_SERIES],
    "mirror_correction": [_SERIES],
    "mirror_window": [_SERIES],
    "trade_history": [_SERIES],
    "series_change": [_SERIES],
    "detectable_excess": [["importer_code", "commodity_code"]],
    "requirement_use": [["importer_code"]],
    "reporter_reliability": [["reporter_code"]],
    "corridor": [["importer_code"]],
    "coverage": [["reporter_code"]],
    "unlocated_trade": [["reporter_code"]],
    "model_card": [],
    "quarantine_count": [],
    "company_signal": [
        ["is_lead_head", "lead_rank"], ["entity_id"], ["related_entity_id"], ["rule"], ["substance_code"], ["declaration_id"], ["lead_id"]
    ],
    "company_signal_evidence": [["declaration_id"]],
    "signal_declaration": [["declaration_id"], ["importer_entity_id"], ["exporter_entity_id"]],
    "company_item": [
        ["declaration_id"], ["importer_entity_id", "period"], ["exporter_entity_id", "period"], ["broker_entity_id", "period"],
        ["consignee_entity_id", "period"], ["notify_party_entity_id", "period"]
    ],
    "company_month": [],
    "company_profile": [],
    "company_link": [["linked_entity_id"]],
    "broker_share": [],
    "entity": [["entity_number"]],
    "entity_name": [["entity_id"], ["tax_number"]],
    "entity_link": [["left_entity_id"], ["right_entity_id"]],
    "licensed_operator": [],
    "pre_export_notification": [],
    "record_party": [["entity_id"]],
}  # fmt: skip

SERVING = sa.MetaData()
_LONGEST_NAME = 63
"""Characters of an index's name on PostgreSQL."""


def _declare_table(contract: Contract, indexes: list[list[str]]) -> sa.Table:
    key = contract.unique_keys[0]
    columns = [
        sa.Column(column.name, _SQL_TYPES[column.dtype], primary_key=column.name in key, nullable=not column.is_required)
        for column in contract.columns
    ]
    named = [sa.Index(f"ix_{contract.name}_{'_'.join(names)}"[:_LONGEST_NAME], *names) for names in indexes]
    return sa.Table(contract.name, SERVING, *columns, *named)


TABLES = {name: _declare_table(load_contract(name), indexes) for name, indexes in _INDEXES.items()}
_EARLIER = ["importer_code", "commodity_code", "period", "anomaly_score"]
KNOWN_SIGNAL = _declare_table(load_contract("known_signal"), [["first_release_id"], _EARLIER])
KNOWN_COMPANY_SIGNAL = _declare_table(load_contract("known_company_signal"), [["first_release_id"]])
KNOWN = {"signal": KNOWN_SIGNAL, "company_signal": KNOWN_COMPANY_SIGNAL}
"""Every signal that any release has served: these alone are never emptied, so that what is new, and what was said before, can be told."""
SEARCH_ENTRY = _declare_table(load_contract("search_entry"), [["search_text"]])
"""The names and numbers that can be searched for; the index over them is the database's own kind: SQLite's FTS5, PostgreSQL's pg_trgm."""
SEARCH_PIECE = _declare_table(load_contract("search_piece"), [])
LEAD_COUNT = _declare_table(load_contract("lead_count"), [])
"""How many leads have each value of the columns in COUNTED: a page that counted them would read the whole release."""
COUNTED = ("rule", "substance_code", "commodity_code", "importer_code", "exporter_code", "period")
RELEASE = sa.Table(
    "release",
    SERVING,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("manifest", sa.JSON, nullable=False),
    sa.Column("schema_name", sa.Text),
    sa.Column("listed_leads", sa.LargeBinary, nullable=False),
)
"""The release that is served, one row; on PostgreSQL it alone lies in the database's own schema, and names the one with the tables.

`listed_leads` is contract `listed_lead` as an Arrow IPC file: whoever lists leads reads it once per release and keeps it in memory.
"""


def open_database(url: str, *, begin: str = "BEGIN") -> sa.Engine:
    """Open a serving database: real transactions, each of which sees one release whole; 30 s of patience for a lock on SQLite."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", prepare_sqlite)
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    else:
        sa.event.listen(engine, "begin", enter_release)
    return engine


def prepare_sqlite(connection: Any, _record: Any) -> None:
    """Set a new SQLite connection up as `open_database` says; to be listened to an engine's `connect`."""
    connection.isolation_level = None  # Python's sqlite3 would begin late and leave schema changes outside
    connection.execute("PRAGMA busy_timeout = 30000")


def enter_release(connection: sa.Connection) -> None:
    """Let plain names of tables mean those of the release that is served, until the transaction ends (PostgreSQL)."""
    if connection.exec_driver_sql("SELECT to_regclass('release')").scalar() is not None:
        connection.exec_driver_sql(_ENTER)


_ENTER = "SELECT set_config('search_path', schema_name || ', ' || current_setting('search_path'), true) FROM release"
