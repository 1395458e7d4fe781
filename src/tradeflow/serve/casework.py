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
MOST_WATCHED = 40
"""Things on one watch list: each is a question of its own when the page is opened."""


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
            account_id=person.account_id, decided_at=_now(),
        )
    )  # fmt: skip
    _set_status(store, signal["signal_id"], status=STATUSES[decision])


def note_lead(store: Session, person: Person, *, signal_id: str, note_text: str) -> None:
    """Add a remark on a signal."""
    if not note_text.strip():
        raise TradeflowError("The note is empty.")
    store.add(LeadNote(signal_id=signal_id, account_id=person.account_id, written_at=_now(), note_text=_text(note_text)))


def assign_lead(store: Session, person: Person, *, signal_id: str, assigned_to: int | None) -> None:
    """Ask somebody who may decide to look at a signal; None takes it off everybody's list."""
    if assigned_to is not None and assigned_to not in {account.account_id for account in deciders(store)}:
        raise NotFoundError("This account cannot be asked to look at leads.")
    store.add(LeadAssignment(signal_id=signal_id, assigned_to=assigned_to, assigned_by=person.account_id, assigned_at=_now()))
    _set_status(store, signal_id, assigned_to=assigned_to)


def deciders(store: Session) -> list[Account]:
    """Return the active accounts that may decide, by name."""
    roles = [role for role, rights in RIGHTS.items() if Right.DECIDE in rights]
    return list(store.scalars(sa.select(Account).where(Account.role.in_(roles), Account.is_active).order_by(Account.name)))


def save_view(store: Session, person: Person, *, signal_kind: str, name: str, query: str, is_shared: bool = False) -> SavedView:
    """Keep the filters of a table of leads under a name; the same name again replaces one's own view. `signal_kind`: country or company."""
    if not name.strip() or len(name) > 64:
        raise TradeflowError("A view needs a name of at most 64 letters.")
    own = store.scalar(sa.select(SavedView).where(SavedView.account_id == person.account_id, SavedView.name == name.strip()))
    if own is None:
        own = SavedView(account_id=person.account_id, name=_text(name), created_at=_now())
        store.add(own)
    own.signal_kind, own.query, own.is_shared = signal_kind, _text(query), is_shared
    store.flush()
    return own


def remove_view(store: Session, person: Person, view_id: int) -> str:
    """Remove one of one's own views and return which table it narrowed; NotFoundError where it is not one's own."""
    found = store.get(SavedView, view_id)
    if found is None or found.account_id != person.account_id:
        raise NotFoundError("This is not one of your views.")
    store.delete(found)
    return found.signal_kind


def watch(store: Session, person: Person, *, watch_kind: str, target: str, note_text: str = "") -> WatchItem:
    """Put a country, substance, commodity or company on one's watch list; what is there already stays."""
    if watch_kind not in WATCH_KINDS:
        raise TradeflowError(f"no such thing to watch as {watch_kind!r}; known are {', '.join(WATCH_KINDS)}")
    own = list(store.scalars(sa.select(WatchItem).where(WatchItem.account_id == person.account_id)))
    same = next((item for item in own if (item.watch_kind, item.target) == (watch_kind, target)), None)
    if same is not None:
        return same
    if len(own) >= MOST_WATCHED:
        raise TradeflowError("The watch list is full; take something off it first.")
    item = WatchItem(
        account_id=person.account_id, watch_kind=watch_kind, target=_text(target), note_text=_text(note_text), created_at=_now()
    )  # fmt: skip
    store.add(item)
    store.flush()
    return item


def unwatch(store: Session, person: Person, watch_id: int) -> None:
    """Take something off one's watch list; NotFoundError where it is not on it."""
    found = store.get(WatchItem, watch_id)
    if found is None or found.account_id != person.account_id:
        raise NotFoundError("This is not on your watch list.")
    store.delete(found)


def _set_status(store: Session, signal_id: str, **changed: Any) -> None:
    standing = store.get(LeadStatus, signal_id)
    if standing is None:
        standing = LeadStatus(signal_id=signal_id, status="open", assigned_to=None, changed_at=_now())
        store.add(standing)
    for name, value in changed.items():
        setattr(standing, name, value)
    standing.changed_at = _now()


def _now() -> datetime:
    return datetime.now(UTC)


def _text(written: str) -> str:
    if len(written) > LONGEST_TEXT:
        raise TradeflowError(f"The text is too long: {len(written):,} letters, {LONGEST_TEXT:,} at the most.")
    if "\0" in written:  # SQLite would keep it, PostgreSQL cannot
        raise TradeflowError("The text holds a null character.")
    return written.strip()
