"""The case store: people, what they decided and what they were shown. No release touches it; migrations/ makes its tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcTime(sa.types.TypeDecorator[datetime]):
    """A time with its zone, UTC, also on SQLite, which keeps none."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Hand the time over in UTC."""
        if value is None:
            return None
        return value.astimezone(UTC).replace(tzinfo=None) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class CaseStore(DeclarativeBase):
    """Base of all tables that people's work is kept in."""

    type_annotation_map = {datetime: UtcTime, str: sa.Text}  # noqa: RUF012 (the shape that SQLAlchemy asks for)


class Account(CaseStore):
    """Somebody who may sign in: with a password of ours, or as the organisation's sign-in service names them (`subject`)."""

    __tablename__ = "account"
    account_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    password_hash: Mapped[str | None]
    must_change_password: Mapped[bool]
    subject: Mapped[str | None] = mapped_column(unique=True)
    is_active: Mapped[bool]
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime | None]


class WebSession(CaseStore):
    """One sign-in from one browser; only the hash of its cookie is kept."""

    __tablename__ = "web_session"
    session_hash: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.account_id"), index=True)
    csrf_token: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    purpose: Mapped[str | None]
    case_number: Mapped[str | None]
    purpose_expires_at: Mapped[datetime | None]


class OpenIdAttempt(CaseStore):
    """A sign-in that was sent to the organisation's service and has not come back; one use, a few minutes."""

    __tablename__ = "openid_attempt"
    state_hash: Mapped[str] = mapped_column(primary_key=True)
    code_verifier: Mapped[str]
    nonce: Mapped[str]
    next_path: Mapped[str]
    expires_at: Mapped[datetime]


class ApiToken(CaseStore):
    """A token for the API; only its hash is kept. `scopes` are rights, joined by blanks."""

    __tablename__ = "api_token"
    token_id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.account_id"), index=True)
    label: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class AuditEntry(CaseStore):
    """One thing that somebody saw or did. Never changed, never removed: the database refuses, and each row seals the one before."""

    __tablename__ = "audit_entry"
    entry_number: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False)
    written_at: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(index=True)
    actor: Mapped[str]
    role: Mapped[str | None]
    address: Mapped[str]
    action: Mapped[str] = mapped_column(index=True)
    path: Mapped[str]
    query: Mapped[str]
    purpose: Mapped[str | None]
    case_number: Mapped[str | None]
    data_version: Mapped[str | None]
    status_code: Mapped[int]
    returned: Mapped[str]
    previous_hash: Mapped[str]
    entry_hash: Mapped[str]


class Disposition(CaseStore):
    """One decision on one signal, with what the signal was about when it was decided. A later decision is a later row."""

    __tablename__ = "disposition"
    disposition_id: Mapped[int] = mapped_column(primary_key=True)
    signal_id: Mapped[str] = mapped_column(index=True)
    signal_kind: Mapped[str]
    lead_id: Mapped[str]
    decision: Mapped[str]
    reason_code: Mapped[str | None]
    reason: Mapped[str]
    passed_to: Mapped[str | None]
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.account_id"))
    decided_at: Mapped[datetime]
    release_id: Mapped[str]
    rule: Mapped[str]
    importer_code: Mapped[int | None]
    exporter_code: Mapped[int | None]
    commodity_code: Mapped[str | None]
    substance_code: Mapped[str | None]
    entity_id: Mapped[str | None] = mapped_column(index=True)
    period: Mapped[int]
    lead_rank: Mapped[int | None]
    lead_score: Mapped[float | None]


class LeadNote(CaseStore):
    """A remark on a signal."""

    __tablename__ = "lead_note"
    note_id: Mapped[int] = mapped_column(primary_key=True)
    signal_id: Mapped[str] = mapped_column(index=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.account_id"))
    written_at: Mapped[datetime]
    note_text: Mapped[str]


class LeadAssignment(CaseStore):
    """Who was asked to look at a signal; nobody, where `assigned_to` is empty."""

    __tablename__ = "lead_assignment"
    assignment_id: Mapped[int] = mapped_column(primary_key=True)
    signal_id: Mapped[str] = mapped_column(index=True)
    assigned_to: Mapped[int | None] = mapped_column(sa.ForeignKey("account.account_id"))
    assigned_by: Mapped[int] = mapped_column(sa.ForeignKey("account.account_id"))
    assigned_at: Mapped[datetime]


class LeadStatus(CaseStore):
    """Where a signal stands now: the newest decision and assignment, kept beside them so that the table of leads can filter by it."""

    __tablename__ = "lead_status"
    signal_id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(index=True)
    assigned_to: Mapped[int | None] = mapped_column(index=True)
    changed_at: Mapped[datetime]


class SavedView(CaseStore):
    """The filters of the table of country or company leads under a name; shared with everybody, or one's own."""

    __tablename__ = "saved_view"
    __table_args__ = (sa.UniqueConstraint("account_id", "name"),)
    view_id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.account_id"))
    signal_kind: Mapped[str] = mapped_column(server_default="country")
    name: Mapped[str]
    query: Mapped[str]
    is_shared: Mapped[bool]
    created_at: Mapped[datetime]


class WatchItem(CaseStore):
    """Something a person wants to be told about: a country, a substance, a commodity or a company."""

    __tablename__ = "watch_item"
    __table_args__ = (sa.UniqueConstraint("account_id", "watch_kind", "target"),)
    watch_id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.account_id"))
    watch_kind: Mapped[str]
    target: Mapped[str]
    note_text: Mapped[str]
    created_at: Mapped[datetime]


APPEND_ONLY: tuple[Any, ...] = (AuditEntry.__table__, Disposition.__table__, LeadNote.__table__, LeadAssignment.__table__)
"""Tables whose rows the database refuses to change or remove."""
