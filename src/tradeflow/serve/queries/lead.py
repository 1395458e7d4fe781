"""One lead whole: its signal, everything that stands behind it, what earlier releases said of its trade, and what people decided."""

from __future__ import annotations

from typing import Any

import polars as pl
import sqlalchemy as sa

from tradeflow.exceptions import NotFoundError
from tradeflow.serve.queries.frames import mappings, read_rows
from tradeflow.serve.queries.lead_filter import SIGNAL
from tradeflow.serve.store import Account, Disposition, LeadAssignment, LeadNote, LeadStatus
from tradeflow.serving_database import KNOWN_SIGNAL, TABLES
from tradeflow.telling.lead import Lead, tell_lead
from tradeflow.telling.standing import ALL_CHAPTERS, rank_reporters
from tradeflow.telling.tables import ReleaseTables, tables_of

_OF_SERIES = ("baseline", "mirror_pair", "mirror_correction", "mirror_window", "trade_history", "detectable_excess", "series_change")
_EARLIER_SHOWN = 12


def read_signal(connection: sa.Connection, signal_id: str) -> dict[str, Any]:
    """Return a signal's row; NotFoundError where the release has none of this id."""
    found = mappings(connection, sa.select(SIGNAL).where(SIGNAL.c.signal_id == signal_id))
    if not found:
        raise NotFoundError(f"no signal {signal_id!r} in this release; an earlier one may have had it")
    return found[0]


def read_lead(connection: sa.Connection, signal: dict[str, Any]) -> Lead:
    """Return what is said of a signal and its lead."""
    tables = _read_tables(connection, signal)
    return tell_lead(signal, tables, rank_reporters(tables.reporter_reliability))


def list_earlier_leads(connection: sa.Connection, signal: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what this and earlier releases told of the same importer and code: what was decided first, then the newest."""
    known, status = KNOWN_SIGNAL.c, LeadStatus.__table__
    same = (known.importer_code == signal["importer_code"]) & (known.commodity_code == signal["commodity_code"])
    question = sa.select(KNOWN_SIGNAL).where(same, known.signal_id != signal["signal_id"])
    question = question.order_by(known.period.desc(), known.anomaly_score.desc()).limit(_EARLIER_SHOWN)
    is_decided = (status.c.signal_id == known.signal_id) & (status.c.status != "open")
    # People decide on few, and what nobody decided on comes in the order of an index: thousands need not be put in order.
    decided = mappings(connection, question.add_columns(status.c.status).join(status, is_decided))
    others = question.where(~sa.exists().where(is_decided), known.lead_id != signal["lead_id"])
    return [*decided, *(row | {"status": "open"} for row in mappings(connection, others))][:_EARLIER_SHOWN]


def list_decisions(connection: sa.Connection, signal_id: str) -> list[dict[str, Any]]:
    """Return all that people decided, assigned and noted on a signal, newest first, as `kind`, `at`, `person` and what each holds."""
    told = [
        *_told(connection, "decision", Disposition, Disposition.decided_at, Disposition.account_id, signal_id),
        *_told(connection, "note", LeadNote, LeadNote.written_at, LeadNote.account_id, signal_id),
        *_told(connection, "assignment", LeadAssignment, LeadAssignment.assigned_at, LeadAssignment.assigned_by, signal_id),
    ]
    return sorted(told, key=lambda row: row["at"], reverse=True)


def read_status(connection: sa.Connection, signal_id: str) -> tuple[str, str | None]:
    """Return where people left a signal, and who was asked to look at it."""
    question = sa.select(LeadStatus.status, Account.name).outerjoin(Account, Account.account_id == LeadStatus.assigned_to)
    row = connection.execute(question.where(LeadStatus.signal_id == signal_id)).first()
    return ("open", None) if row is None else (row.status, row.name)


def _told(connection: sa.Connection, kind: str, table: Any, at: Any, account_id: Any, signal_id: str) -> list[dict[str, Any]]:
    question = sa.select(table.__table__, at.label("at"), Account.name.label("person")).join(Account, Account.account_id == account_id)
    rows = mappings(connection, question.where(table.signal_id == signal_id))
    names = _names_of(connection, {row.get("assigned_to") for row in rows} - {None})
    return [row | {"kind": kind, "assignee": names.get(row.get("assigned_to"))} for row in rows]


def _names_of(connection: sa.Connection, account_ids: set[Any]) -> dict[Any, str]:
    question = sa.select(Account.account_id, Account.name).where(Account.account_id.in_(account_ids))
    return dict(connection.execute(question).tuples().all()) if account_ids else {}


def _read_tables(connection: sa.Connection, signal: dict[str, Any]) -> ReleaseTables:
    own = TABLES["signal_feature"].c.signal_id, TABLES["signal_evidence"].c.signal_id
    found: dict[str, pl.DataFrame] = {
        "signal": read_rows(connection, "signal", SIGNAL.c.lead_id == signal["lead_id"]),
        "signal_feature": read_rows(connection, "signal_feature", own[0] == signal["signal_id"]),
        "signal_evidence": read_rows(connection, "signal_evidence", own[1] == signal["signal_id"]),
        "coverage": read_rows(connection, "coverage", _reporters(signal)),
        "reporter_reliability": read_rows(connection, "reporter_reliability", _chapter(signal["commodity_code"])),
    }
    found |= {table: read_rows(connection, table, *_series(table, signal)) for table in _OF_SERIES}
    return tables_of(**found)


def _series(table: str, signal: dict[str, Any]) -> list[sa.ColumnElement[bool]]:
    columns = TABLES[table].c
    same = [columns[name] == signal[name] for name in ("importer_code", "commodity_code", "freq_code")]
    return [*same, columns.exporter_code == signal["exporter_code"]] if "exporter_code" in columns and signal["exporter_code"] else same


def _reporters(signal: dict[str, Any]) -> sa.ColumnElement[bool]:
    return TABLES["coverage"].c.reporter_code.in_([signal["importer_code"], signal["exporter_code"]])


def _chapter(commodity_code: str) -> sa.ColumnElement[bool]:
    """Keep the rows that a lead's reporters are ranked among."""
    columns = TABLES["reporter_reliability"].c
    return columns.product_group.in_([commodity_code[:2], ALL_CHAPTERS]) & (columns.measure == "net_weight")
