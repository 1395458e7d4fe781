"""Sessions and tokens: what a browser or a program shows in place of a password. The store keeps their SHA-256 only."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tradeflow.exceptions import TradeflowError
from tradeflow.serve.access import SCOPES, Person, Purpose, Right, says_why
from tradeflow.serve.accounts import describe_person
from tradeflow.serve.store import Account, ApiToken, WebSession
from tradeflow.settings import Serve

_SEEN_EVERY = timedelta(minutes=1)
"""A session's last sign of life is written down that often: not each page needs a write."""
TOKEN_PREFIX = "tf_"
_WITH_SESSION = sa.select(WebSession, Account).join(Account, Account.account_id == WebSession.account_id)
_WITH_TOKEN = sa.select(ApiToken, Account).join(Account, Account.account_id == ApiToken.account_id)


@dataclass(frozen=True)
class SignedIn:
    """Who is there and by what: a browser's session with its form token, or an API token."""

    person: Person
    session_hash: str | None = None
    csrf_token: str | None = None
    purpose: Purpose | None = None
    is_seen_late: bool = False


def open_session(store: Session, account: Account, settings: Serve) -> str:
    """Start a session after a sign-in; return the secret for the cookie. What is over is swept away."""
    now, secret = datetime.now(UTC), secrets.token_urlsafe(32)
    store.execute(sa.delete(WebSession).where(WebSession.expires_at < now))
    account.signed_in_at = now
    store.add(
        WebSession(
            session_hash=hash_secret(secret), account_id=account.account_id, csrf_token=secrets.token_urlsafe(32), created_at=now,
            seen_at=now, expires_at=now + timedelta(hours=settings.session_hours), purpose=None, case_number=None, purpose_expires_at=None,
        )
    )  # fmt: skip
    return secret


def find_session(store: Session, secret: str, settings: Serve) -> SignedIn | None:
    """Return who is behind a cookie; None where the session is over, was idle too long, or its account is closed."""
    row = store.execute(_WITH_SESSION.where(WebSession.session_hash == hash_secret(secret))).one_or_none()
    now = datetime.now(UTC)
    if row is None or not may_enter(row.Account, settings):
        return None
    session = row.WebSession
    if session.expires_at < now or session.seen_at < now - timedelta(minutes=settings.idle_minutes):
        return None
    purpose = None
    if session.purpose is not None and session.purpose_expires_at > now:
        purpose = Purpose(session.purpose, session.case_number, session.purpose_expires_at)
    return SignedIn(
        describe_person(row.Account), session.session_hash, session.csrf_token, purpose, is_seen_late=session.seen_at < now - _SEEN_EVERY
    )


def mark_seen(store: Session, signed_in: SignedIn) -> None:
    """Write down that a session is in use."""
    store.execute(sa.update(WebSession).where(WebSession.session_hash == signed_in.session_hash).values(seen_at=datetime.now(UTC)))


def state_purpose(store: Session, signed_in: SignedIn, purpose: str, case_number: str, settings: Serve) -> None:
    """Write down why companies are opened in this session, for the time that the settings give."""
    if not says_why(purpose, case_number):
        raise TradeflowError("Say why in a few words, or give a case number.")
    until = datetime.now(UTC) + timedelta(minutes=settings.purpose_minutes)
    stated = {"purpose": purpose.strip()[:500], "case_number": case_number.strip()[:64] or None, "purpose_expires_at": until}
    store.execute(sa.update(WebSession).where(WebSession.session_hash == signed_in.session_hash).values(**stated))


def end_purpose(store: Session, signed_in: SignedIn) -> None:
    """Close the case: the next company asks for a purpose again."""
    ended = {"purpose": None, "case_number": None, "purpose_expires_at": None}
    store.execute(sa.update(WebSession).where(WebSession.session_hash == signed_in.session_hash).values(**ended))


def close_session(store: Session, signed_in: SignedIn) -> None:
    """Sign out."""
    store.execute(sa.delete(WebSession).where(WebSession.session_hash == signed_in.session_hash))


def make_token(store: Session, person: Person, label: str, scopes: Iterable[str], days: int) -> str:
    """Make a token for the API with some of one's own rights; return it, as it is shown only now."""
    wanted = [scope for scope in SCOPES if scope in set(scopes)]
    if not wanted or not person.rights.issuperset(wanted):
        raise TradeflowError("A token needs at least one scope, and only such as your role holds.")
    if not label.strip() or not 1 <= days <= 366:
        raise TradeflowError("A token needs a name, and lives 1 to 366 days.")
    now, secret = datetime.now(UTC), TOKEN_PREFIX + secrets.token_urlsafe(32)
    store.add(
        ApiToken(
            account_id=person.account_id, label=label.strip()[:64], token_hash=hash_secret(secret), scopes=" ".join(wanted), created_at=now,
            expires_at=now + timedelta(days=days), revoked_at=None,
        )
    )  # fmt: skip
    return secret


def revoke_token(store: Session, person: Person, token_id: int) -> None:
    """Take back one of one's own tokens."""
    own = sa.update(ApiToken).where(ApiToken.token_id == token_id, ApiToken.account_id == person.account_id, ApiToken.revoked_at.is_(None))
    store.execute(own.values(revoked_at=datetime.now(UTC)))


def find_token(store: Session, secret: str, settings: Serve) -> SignedIn | None:
    """Return who is behind a token, with the rights that both role and token hold."""
    row = store.execute(_WITH_TOKEN.where(ApiToken.token_hash == hash_secret(secret))).one_or_none()
    if row is None or row.ApiToken.revoked_at is not None or row.ApiToken.expires_at < datetime.now(UTC):
        return None
    if not may_enter(row.Account, settings) or row.Account.must_change_password:
        return None
    person = describe_person(row.Account)
    return SignedIn(replace(person, rights=person.rights & {Right(scope) for scope in row.ApiToken.scopes.split()}))


def may_enter(account: Account, settings: Serve) -> bool:
    """Say whether an account is open and, where the organisation's service vouches for its person, whether it did so lately enough.

    A token lives for months, and nobody tells us that its owner left: the owner must be seen to sign in.
    """
    if account.subject is None or not account.is_active:
        return account.is_active
    if settings.openid is None or account.signed_in_at is None:
        return False
    return account.signed_in_at > datetime.now(UTC) - timedelta(hours=settings.openid.vouched_hours)


def hash_secret(secret: str) -> str:
    """Return what is kept of a secret; enough, as it has 256 bits of chance in it."""
    return hashlib.sha256(secret.encode()).hexdigest()
