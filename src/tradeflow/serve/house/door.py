"""In and out: sign-in, sign-out, one's password, the language."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Response
from sqlalchemy.orm import Session

from tradeflow.exceptions import TradeflowError
from tradeflow.serve.accounts import change_password, check_password, describe_person
from tradeflow.serve.links import own_path
from tradeflow.serve.routers import page_router
from tradeflow.serve.sessions import close_session, open_session
from tradeflow.serve.store import Account
from tradeflow.serve.translations import LANGUAGES
from tradeflow.serve.visit import LANGUAGE_COOKIE, AnyVisit, SignedInVisit, Visit
from tradeflow.telling.language import t

router = page_router()


@router.get("/")
def show_first_page(visit: AnyVisit) -> Response:
    """Lead on to the table of leads, or to the door."""
    return visit.go("/signals" if visit.signed_in else "/sign-in")


@router.get("/sign-in")
def show_sign_in(visit: AnyVisit, next: str = "/") -> Response:  # noqa: A002 (the address says so)
    """Ask for name and password."""
    return visit.page("house/sign_in.html", next_path=own_path(next), fault=None, name="")


@router.post("/sign-in")
def sign_in(
    visit: AnyVisit,
    name: Annotated[str, Form(max_length=200)],
    password: Annotated[str, Form(max_length=2000)],
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """Open a session for who knows the password."""
    visit.action, visit.actor = "sign_in", name.strip()[:64]
    if not _may_try(visit, name):
        return _ask_again(visit, 429, t("Too many tries; wait a minute."), name, next)
    with Session(visit.connection) as reading:
        account = check_password(reading, name, password)
    if account is None:
        return _ask_again(visit, 401, t("Name and password do not fit."), name, next)
    return enter(visit, account.account_id, next)


def enter(visit: Visit, account_id: int, next_path: str) -> Response:
    """Start a new session, end the browser's old one, and lead on."""
    account = visit.case_store.get_one(Account, account_id)
    if visit.signed_in is not None:
        close_session(visit.case_store, visit.signed_in)
    visit.action, visit.entered = "sign_in", describe_person(account)
    secret = open_session(visit.case_store, account, visit.settings.serve)
    answer = visit.go("/password" if account.must_change_password else own_path(next_path))
    answer.set_cookie(
        visit.house.session_cookie, secret, max_age=visit.settings.serve.session_hours * 3600, path="/", secure=visit.house.is_encrypted,
        httponly=True, samesite="lax",
    )  # fmt: skip
    return answer


@router.post("/sign-out")
def sign_out(visit: SignedInVisit) -> Response:
    """End the session."""
    visit.action = "sign_out"
    if visit.signed_in is not None:
        close_session(visit.case_store, visit.signed_in)
    answer = visit.go("/sign-in")
    answer.delete_cookie(visit.house.session_cookie, path="/", secure=visit.house.is_encrypted, httponly=True, samesite="lax")
    return answer


@router.get("/password")
def show_password(visit: SignedInVisit) -> Response:
    """Ask for a new password."""
    return visit.page("house/password.html", fault=None)


@router.post("/password")
def set_password(visit: SignedInVisit, old: Annotated[str, Form(max_length=2000)], new: Annotated[str, Form(max_length=2000)]) -> Response:
    """Change one's password; every session of the account ends and a new one begins here."""
    if not _may_try(visit, visit.person.name):
        return visit.page("house/password.html", 429, fault=t("Too many tries; wait a minute."))
    try:
        change_password(visit.case_store, visit.person, old, new)
    except TradeflowError as error:
        visit.close()
        return visit.page("house/password.html", 400, fault=t(str(error)))
    answer = enter(visit, visit.person.account_id, "/")
    visit.action = "change_password"
    return answer


@router.post("/language")
def set_language(visit: AnyVisit, language: Annotated[str, Form()], next: Annotated[str, Form()] = "/") -> Response:  # noqa: A002
    """Remember the language in the browser."""
    answer = visit.go(own_path(next))
    if language in LANGUAGES:
        answer.set_cookie(
            LANGUAGE_COOKIE, language, max_age=31_536_000, path="/", secure=visit.house.is_encrypted, httponly=True, samesite="lax"
        )
    return answer


def _may_try(visit: Visit, name: str) -> bool:
    address = visit.request.client.host if visit.request.client else "local"
    limit = visit.house.sign_ins
    return limit.allows(f"address {address}") and limit.allows(f"name {name.strip().lower()[:64]}")


def _ask_again(visit: Visit, status: int, fault: str, name: str, next_path: str) -> Response:
    return visit.page("house/sign_in.html", status, fault=fault, name=name[:64], next_path=own_path(next_path))
