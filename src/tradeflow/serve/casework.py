"""What people do with leads: decide, note, assign, save a view, watch. Decisions, notes and assignments are added, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tradeflow.exceptions import NotFoundError, TradeflowError
from tradeflow.serve.access import RIGHTS, Person, Right
from tradeflow.serve.store import Account, Disposition, LeadAssignment, LeadNote, LeadStatus, SavedView, WatchItem

STATUSES = {"confirmed": "confirmed", "dismissed": "dismissed", "passed_on": "passed_on", "reopened": "open"}
"""Decision, and where a signal stands after it."""
DISMISSAL_REASONS = ("known_trade", "source_error", "unit_slip", "timing", "legitimate_need", "too_small", "other")
WATCH_KINDS = ("area", "substance", "commodity", "entity")
_ABOUT = (
    "lead_id",
    "rule",
    "importer_code",
    "exporter_code",
    "commodity_code",
    "substance_code",
    "entity_id",
    "period",
    "lead_rank",
    "lead_score",
)
LONGEST_TEXT = 4000


def decide_lead(
    store: Session,
    person: Person,
    *,
    signal: Mapping[str, Any],
    signal_kind: str,
    release_id: str,
    decision: str,
    reason: str,
    reason_code: str | None = None,
    passed_to: str | None = None,
) -> None:
    """Add a decision on a signal, given by its row; what the signal was about is kept with it, as a later release may not hold it.

    `signal_kind` is country or company. A dismissal needs a reason code, passing on a name.
    """
    if decision not in STATUSES:
        raise TradeflowError(f"no decision {decision!r}; known are {', '.join(STATUSES)}")
    if decision == "dismissed" and reason_code not in DISMISSAL_REASONS:
        raise TradeflowError("Say why the lead is dismissed.")
    if decision != "dismissed" and reason_code:
        raise TradeflowError("A reason code goes with a dismissal only.")
    if decision == "passed_on" and not (passed_to or "").strip():
        raise TradeflowError("Say to whom the lead is passed on.")
    store.add(
        Disposition(
            **{name: signal.get(name) for name in _ABOUT}, signal_id=signal["signal_id"], signal_kind=signal_kind, release_id=release_id,
            decision=decision, reason=_text(reason), reason_code=reason_code or None, passed_to=_text(passed_to or "") or None,
            account_id=person.account_id, decided_at=datetime.now(UTC),
        )
    )  # fmt: skip
    _set_status(store, signal["signal_id"], status=STATUSES[decision])


def note_lead(store: Session, person: Person, *, signal_id: str, note_text: str) -> None:
    """Add a remark on a signal."""
    if not note_text.strip():
        raise TradeflowError("The note is empty.")
    store.add(LeadNote(signal_id=signal_id, account_id=person.account_id, written_at=datetime.now(UTC), note_text=_text(note_text)))


def assign_lead(store: Session, person: Person, *, signal_id: str, assigned_to: int | None) -> None:
    """Ask somebody who may decide to look at a signal; None takes it off everybody's list."""
    if assigned_to is not None and assigned_to not in {account.account_id for account in deciders(store)}:
        raise NotFoundError("This account cannot be asked to look at leads.")
    store.add(LeadAssignment(signal_id=signal_id, assigned_to=assigned_to, assigned_by=person.account_id, assigned_at=datetime.now(UTC)))
    _set_status(store, signal_id, assigned_to=assigned_to)


def deciders(store: Session) -> list[Account]:
    """Return the active accounts that may decide, by name."""
    roles = [role for role, rights in RIGHTS.items() if Right.DECIDE in rights]
    return list(store.scalars(sa.select(Account).where(Account.role.in_(roles), Account.is_active).order_by(Account.name)))


def save_view(store: Session, person: Person, *, name: str, query: str, is_shared: bool = False) -> None:
    """Keep the filters of the table under a name; the same name again replaces one's own view."""
    if not name.strip() or len(name) > 64 or len(query) > LONGEST_TEXT:
        raise TradeflowError("A view needs a name of at most 64 letters.")
    own = store.scalar(sa.select(SavedView).where(SavedView.account_id == person.account_id, SavedView.name == name.strip()))
    if own is None:
        own = SavedView(account_id=person.account_id, name=name.strip(), created_at=datetime.now(UTC), query=query, is_shared=is_shared)
        store.add(own)
    own.query, own.is_shared = query, is_shared


def remove_view(store: Session, person: Person, view_id: int) -> None:
    """Remove one of one's own views."""
    store.execute(sa.delete(SavedView).where(SavedView.view_id == view_id, SavedView.account_id == person.account_id))


def watch(store: Session, person: Person, *, watch_kind: str, target: str, note_text: str = "") -> None:
    """Put a country, substance, commodity or company on one's watch list; what is there already stays."""
    if watch_kind not in WATCH_KINDS:
        raise TradeflowError(f"no such thing to watch as {watch_kind!r}; known are {', '.join(WATCH_KINDS)}")
    same = sa.select(WatchItem).where(
        WatchItem.account_id == person.account_id, WatchItem.watch_kind == watch_kind, WatchItem.target == target
    )  # fmt: skip
    if store.scalar(same) is None:
        store.add(
            WatchItem(
                account_id=person.account_id, watch_kind=watch_kind, target=target[:200], note_text=_text(note_text),
                created_at=datetime.now(UTC),
            )
        )  # fmt: skip


def unwatch(store: Session, person: Person, watch_id: int) -> None:
    """Take something off one's watch list."""
    store.execute(sa.delete(WatchItem).where(WatchItem.watch_id == watch_id, WatchItem.account_id == person.account_id))


def _set_status(store: Session, signal_id: str, **changed: Any) -> None:
    standing = store.get(LeadStatus, signal_id)
    if standing is None:
        standing = LeadStatus(signal_id=signal_id, status="open", assigned_to=None, changed_at=datetime.now(UTC))
        store.add(standing)
    for name, value in changed.items():
        setattr(standing, name, value)
    standing.changed_at = datetime.now(UTC)


def _text(written: str) -> str:
    if len(written) > LONGEST_TEXT:
        raise TradeflowError(f"The text is too long: {len(written):,} letters, {LONGEST_TEXT:,} at the most.")
    if "\0" in written:  # SQLite would keep it, PostgreSQL cannot
        raise TradeflowError("The text holds a null character.")
    return written.strip()
