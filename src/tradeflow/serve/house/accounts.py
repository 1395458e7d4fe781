"""One's own account with its API tokens, and everybody's accounts for an administrator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import sqlalchemy as sa
from fastapi import Form, Response
from sqlalchemy.orm import Session

from tradeflow.exceptions import TradeflowError
from tradeflow.serve.access import ROLES, SCOPES, PasswordChangeNeededError, Right
from tradeflow.serve.accounts import add_account, change_role, reset_password, set_active
from tradeflow.serve.routers import page_router
from tradeflow.serve.sessions import make_token, revoke_token
from tradeflow.serve.store import Account, ApiToken
from tradeflow.serve.visit import ManagingAccounts, SignedInVisit, Visit
from tradeflow.telling.language import t

router = page_router()
SCOPE_WORDS = {
    Right.READ_SIGNALS: "read leads about countries",
    Right.DECIDE: "decide on leads",
    Right.READ_COMPANIES: "read companies, for a purpose that each call states",
}


@router.get("/account")
def show_account(visit: SignedInVisit) -> Response:
    """Show who one is here, and one's tokens."""
    return _account_page(visit)


@router.post("/account/tokens")
def add_token(
    visit: SignedInVisit,
    label: Annotated[str, Form(max_length=64)],
    scopes: Annotated[list[str], Form()] = [],  # noqa: B006 (FastAPI copies it)
    days: Annotated[int, Form(ge=1, le=366)] = 90,
) -> Response:
    """Make a token and show it, once."""
    if visit.person.must_change_password:
        raise PasswordChangeNeededError
    visit.action = "add_token"
    visit.asked(label=label, scopes=scopes, days=days)
    try:
        secret = make_token(visit.case_store, visit.person, label, scopes, days)
    except TradeflowError as error:
        visit.close()
        return _account_page(visit, fault=t(str(error)), status=400)
    return _account_page(visit, secret=secret)


@router.post("/account/tokens/{token_id}/revoke")
def take_token_back(visit: SignedInVisit, token_id: int) -> Response:
    """Take a token back."""
    visit.action = "revoke_token"
    revoke_token(visit.case_store, visit.person, token_id)
    return visit.go("/account")


@router.get("/users")
def show_users(visit: ManagingAccounts) -> Response:
    """List all accounts."""
    return _users_page(visit)


@router.post("/users")
def add_user(visit: ManagingAccounts, name: Annotated[str, Form(max_length=200)], role: Annotated[str, Form()]) -> Response:
    """Add an account and show its one-time password, once."""
    visit.action = "add_account"
    visit.asked(name=name, role=role)
    return _change_users(visit, lambda store: (name, add_account(store, name, role)))


@router.post("/users/{name}/role")
def give_role(visit: ManagingAccounts, name: str, role: Annotated[str, Form()]) -> Response:
    """Give another role."""
    visit.action = "change_role"
    visit.asked(name=name, role=role)
    return _change_users(visit, lambda store: (change_role(store, name, role).name, None))


@router.post("/users/{name}/reset")
def reset_user(visit: ManagingAccounts, name: str) -> Response:
    """Give a new one-time password and show it, once."""
    visit.action = "reset_password"
    visit.asked(name=name)
    return _change_users(visit, lambda store: (name, reset_password(store, name)))


@router.post("/users/{name}/active")
def open_or_close_user(visit: ManagingAccounts, name: str, is_active: Annotated[bool, Form()]) -> Response:
    """Close an account, or open it again."""
    visit.action = "open_account" if is_active else "close_account"
    visit.asked(name=name)
    return _change_users(visit, lambda store: (set_active(store, name, is_active=is_active).name, None))


def _change_users(visit: Visit, change: Callable[[Session], tuple[str, str | None]]) -> Response:
    try:
        name, password = change(visit.case_store)
    except TradeflowError as error:
        visit.close()
        return _users_page(visit, fault=str(error), status=400)
    visit.case_store.flush()
    return _users_page(visit, name=name, password=password)


def _users_page(
    visit: Visit, *, fault: str | None = None, name: str | None = None, password: str | None = None, status: int = 200
) -> Response:
    users = list(visit.case_store.scalars(sa.select(Account).order_by(Account.name)))
    visit.returned("account", [user.name for user in users])
    return visit.page("house/users.html", status, users=users, roles=ROLES, fault=fault, name=name, password=password)


def _account_page(visit: Visit, *, secret: str | None = None, fault: str | None = None, status: int = 200) -> Response:
    own = sa.select(ApiToken).where(ApiToken.account_id == visit.person.account_id).order_by(ApiToken.token_id.desc())
    tokens = list(visit.case_store.scalars(own))
    scopes = [scope for scope in SCOPES if visit.person.may(scope)]
    openid, account = visit.settings.serve.openid, visit.case_store.get_one(Account, visit.person.account_id)
    vouched_hours = openid.vouched_hours if openid and account.subject else None
    return visit.page(
        "house/account.html", status, vouched_hours=vouched_hours, tokens=tokens, scopes=scopes, secret=secret, fault=fault,
        now=datetime.now(UTC), scope_words=SCOPE_WORDS,
    )  # fmt: skip
