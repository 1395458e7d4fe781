"""Accounts and their passwords (argon2id; RFC 9106). A password of ours is said once and changed by its owner at the first sign-in."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from tradeflow.exceptions import NotFoundError, TradeflowError
from tradeflow.serve.access import RIGHTS, ROLES, Person
from tradeflow.serve.store import Account, ApiToken, WebSession

FIRST_ADMINISTRATOR = "admin"
SHORTEST_PASSWORD, LONGEST_PASSWORD, LONGEST_NAME = 12, 1000, 64
_HASHER = PasswordHasher()  # the library's defaults are the low-memory choice of RFC 9106: 64 MiB, 3 passes, 4 lanes
_NOBODY = _HASHER.hash(secrets.token_urlsafe())


class PasswordError(TradeflowError):
    """A password that is refused; its text says why."""


def add_account(store: Session, name: str, role: str) -> str:
    """Add somebody who signs in with a password; return the one-time password."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise TradeflowError(f"an account needs a name of 1 to {LONGEST_NAME} printable characters, found {name!r}")
    if store.scalar(_by_name(name)) is not None:
        raise TradeflowError(f"there is an account {name!r} already; `tradeflow user role` and `tradeflow user reset` change it")
    password = secrets.token_urlsafe(15)
    store.add(
        Account(
            name=name.strip(), role=_known_role(role), password_hash=_HASHER.hash(password), must_change_password=True, subject=None,
            is_active=True, created_at=datetime.now(UTC), signed_in_at=None,
        )
    )  # fmt: skip
    store.flush()
    return password


def add_first_administrator(store: Session) -> str | None:
    """Make the first account of an empty store; return its one-time password, None where there are accounts."""
    if store.scalar(sa.select(sa.func.count()).select_from(Account)):
        return None
    return add_account(store, FIRST_ADMINISTRATOR, "administrator")


def change_role(store: Session, name: str, role: str) -> Account:
    """Give somebody another role; what is open under the old one is closed. The last administrator stays one."""
    account = find_account(store, name)
    if role != "administrator":
        _keep_one_administrator(store, account)
    account.role = _known_role(role)
    close_sessions(store, account)
    return account


def set_active(store: Session, name: str, *, is_active: bool) -> Account:
    """Close somebody's account, with all sessions and tokens, or open it again. Nothing that they did is removed."""
    account = find_account(store, name)
    if not is_active:
        _keep_one_administrator(store, account)
        _revoke_tokens(store, account)
    account.is_active = is_active
    close_sessions(store, account)
    return account


def reset_password(store: Session, name: str) -> str:
    """Give somebody a new one-time password; return it. Somebody else may have known the old one: sessions and tokens made by it end."""
    account = find_account(store, name)
    if account.subject is not None:
        raise TradeflowError(f"{account.name!r} signs in through the organisation's service and has no password here")
    password = secrets.token_urlsafe(15)
    account.password_hash, account.must_change_password = _HASHER.hash(password), True
    _revoke_tokens(store, account)
    close_sessions(store, account)
    return password


def change_password(store: Session, person: Person, old: str, new: str) -> None:
    """Change one's own password; PasswordError where the old one is wrong or the new one will not do. Other sessions end."""
    account = store.get_one(Account, person.account_id)
    if not _is_password_of(account, old):
        raise PasswordError("The present password is not right.")
    if not SHORTEST_PASSWORD <= len(new) <= LONGEST_PASSWORD:
        raise PasswordError("A password has at least 12 characters.")
    if new == old or account.name.casefold() in new.casefold():
        raise PasswordError("Choose another password: neither the old one nor one with your name in it.")
    account.password_hash, account.must_change_password = _HASHER.hash(new), False
    close_sessions(store, account)


def check_password(store: Session, name: str, password: str) -> Account | None:
    """Return the active account that name and password open. An unknown name takes as long as a wrong password."""
    account = store.scalar(_by_name(name))
    if account is None or account.password_hash is None:
        _matches(_NOBODY, password)
        return None
    return account if _is_password_of(account, password) and account.is_active else None


def enter_by_subject(store: Session, subject: str, name: str, role: str) -> Account:
    """Return the account of a person whom the organisation's service vouches for, with the role that it gives now."""
    account = store.scalar(sa.select(Account).where(Account.subject == subject))
    if account is None:
        account = Account(
            name=_free_name(store, name), role=_known_role(role), password_hash=None, must_change_password=False, subject=subject,
            is_active=True, created_at=datetime.now(UTC), signed_in_at=None,
        )  # fmt: skip
        store.add(account)
    account.role = role
    store.flush()
    return account


def leave_by_subject(store: Session, subject: str) -> None:
    """End the sessions and tokens of a person for whom the organisation's service gives no role any more."""
    account = store.scalar(sa.select(Account).where(Account.subject == subject))
    if account is not None:
        _revoke_tokens(store, account)
        close_sessions(store, account)


def find_account(store: Session, name: str) -> Account:
    """Return the account of a name; NotFoundError where there is none."""
    account = store.scalar(_by_name(name))
    if account is None:
        raise NotFoundError(f"no account {name!r}; `tradeflow user list` shows those that there are")
    return account


def close_sessions(store: Session, account: Account) -> None:
    """End every session of an account."""
    store.execute(sa.delete(WebSession).where(WebSession.account_id == account.account_id))


def describe_person(account: Account) -> Person:
    """Return the person behind an account, with all rights of the role."""
    return Person(account.account_id, account.name, account.role, RIGHTS[account.role], account.must_change_password)


def _by_name(name: str) -> sa.Select[tuple[Account]]:
    return sa.select(Account).where(sa.func.lower(Account.name) == name.strip().lower())


def _free_name(store: Session, name: str) -> str:
    wanted = "".join(letter for letter in name if letter.isprintable()).strip()[:LONGEST_NAME] or "person"
    return wanted if store.scalar(_by_name(wanted)) is None else f"{wanted[: LONGEST_NAME - 9]} {secrets.token_hex(4)}"


def _revoke_tokens(store: Session, account: Account) -> None:
    standing = sa.update(ApiToken).where(ApiToken.account_id == account.account_id, ApiToken.revoked_at.is_(None))
    store.execute(standing.values(revoked_at=datetime.now(UTC)))


def _known_role(role: str) -> str:
    if role not in RIGHTS:
        raise TradeflowError(f"no role {role!r}; known are {', '.join(ROLES)}")
    return role


def _keep_one_administrator(store: Session, leaving: Account) -> None:
    others = sa.select(Account).where(Account.role == "administrator", Account.is_active, Account.account_id != leaving.account_id)
    if leaving.role == "administrator" and store.scalar(others.limit(1)) is None:
        raise TradeflowError(f"{leaving.name!r} is the only administrator; make another one first")


def _is_password_of(account: Account, password: str) -> bool:
    if account.password_hash is None or not _matches(account.password_hash, password):
        return False
    if _HASHER.check_needs_rehash(account.password_hash):
        account.password_hash = _HASHER.hash(password)
    return True


def _matches(password_hash: str, password: str) -> bool:
    if len(password) > LONGEST_PASSWORD:
        return False
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
