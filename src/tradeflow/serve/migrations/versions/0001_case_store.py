"""People, their sessions and tokens, what they decided, and the audit log, whose rows the database refuses to change."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_APPEND_ONLY = ("audit_entry", "disposition", "lead_note", "lead_assignment")
_TIME = sa.DateTime(timezone=True)


def _account_key(name: str = "account_id", *, nullable: bool = False, index: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey("account.account_id"), nullable=nullable, index=index)


def _text(name: str, *, nullable: bool = False, **more: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable, **more)  # type: ignore[arg-type]


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, _TIME, nullable=nullable)


def upgrade() -> None:
    """Make every table of the case store."""
    _make_accounts()
    _make_audit_log()
    _make_casework()
    for table in _APPEND_ONLY:
        _refuse_changes(table)


def _make_accounts() -> None:
    op.create_table(
        "account",
        sa.Column("account_id", sa.Integer, primary_key=True),
        _text("name", unique=True),
        _text("role"),
        _text("password_hash", nullable=True),
        sa.Column("must_change_password", sa.Boolean, nullable=False),
        _text("subject", nullable=True, unique=True),
        sa.Column("is_active", sa.Boolean, nullable=False),
        _time("created_at"),
        _time("signed_in_at", nullable=True),
    )
    op.create_table(
        "web_session",
        _text("session_hash", primary_key=True),
        _account_key(index=True),
        _text("csrf_token"),
        _time("created_at"),
        _time("seen_at"),
        _time("expires_at"),
        _text("purpose", nullable=True),
        _text("case_number", nullable=True),
        _time("purpose_expires_at", nullable=True),
    )
    op.create_table(
        "openid_attempt",
        _text("state_hash", primary_key=True),
        _text("code_verifier"),
        _text("nonce"),
        _text("next_path"),
        _time("expires_at"),
    )
    op.create_table(
        "api_token",
        sa.Column("token_id", sa.Integer, primary_key=True),
        _account_key(index=True),
        _text("label"),
        _text("token_hash", unique=True),
        _text("scopes"),
        _time("created_at"),
        _time("expires_at"),
        _time("revoked_at", nullable=True),
    )


def _make_audit_log() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit_entry",
        sa.Column("entry_number", number, primary_key=True, autoincrement=False),
        _text("written_at"),
        sa.Column("account_id", sa.Integer, nullable=True, index=True),
        _text("actor"),
        _text("role", nullable=True),
        _text("address"),
        _text("action", index=True),
        _text("path"),
        _text("query"),
        _text("purpose", nullable=True),
        _text("case_number", nullable=True),
        _text("data_version", nullable=True),
        sa.Column("status_code", sa.Integer, nullable=False),
        _text("returned"),
        _text("previous_hash"),
        _text("entry_hash"),
    )


def _make_casework() -> None:
    op.create_table(
        "disposition",
        sa.Column("disposition_id", sa.Integer, primary_key=True),
        _text("signal_id", index=True),
        _text("signal_kind"),
        _text("lead_id"),
        _text("decision"),
        _text("reason_code", nullable=True),
        _text("reason"),
        _text("passed_to", nullable=True),
        _account_key(),
        _time("decided_at"),
        _text("release_id"),
        _text("rule"),
        sa.Column("importer_code", sa.Integer, nullable=True),
        sa.Column("exporter_code", sa.Integer, nullable=True),
        _text("commodity_code", nullable=True),
        _text("substance_code", nullable=True),
        _text("entity_id", nullable=True, index=True),
        sa.Column("period", sa.Integer, nullable=False),
        sa.Column("lead_rank", sa.Integer, nullable=True),
        sa.Column("lead_score", sa.Float, nullable=True),
    )
    op.create_table(
        "lead_note",
        sa.Column("note_id", sa.Integer, primary_key=True),
        _text("signal_id", index=True),
        _account_key(),
        _time("written_at"),
        _text("note_text"),
    )
    op.create_table(
        "lead_assignment",
        sa.Column("assignment_id", sa.Integer, primary_key=True),
        _text("signal_id", index=True),
        _account_key("assigned_to", nullable=True),
        _account_key("assigned_by"),
        _time("assigned_at"),
    )
    op.create_table(
        "lead_status",
        _text("signal_id", primary_key=True),
        _text("status", index=True),
        sa.Column("assigned_to", sa.Integer, nullable=True, index=True),
        _time("changed_at"),
    )
    op.create_table(
        "saved_view",
        sa.Column("view_id", sa.Integer, primary_key=True),
        _account_key(),
        _text("name"),
        _text("query"),
        sa.Column("is_shared", sa.Boolean, nullable=False),
        _time("created_at"),
        sa.UniqueConstraint("account_id", "name"),
    )
    op.create_table(
        "watch_item",
        sa.Column("watch_id", sa.Integer, primary_key=True),
        _account_key(),
        _text("watch_kind"),
        _text("target"),
        _text("note_text"),
        _time("created_at"),
        sa.UniqueConstraint("account_id", "watch_kind", "target"),
    )


def _refuse_changes(table: str) -> None:
    """Have the database itself refuse to change or remove a row, whoever asks through SQL."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_keeps_on_{verb} BEFORE {verb.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_keeps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_keeps BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {table}_keeps()"
    )
