"""One visit: who asks, what they may see, one release from its first question to its last, and its entry in the audit log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

import jinja2
import sqlalchemy as sa
from fastapi import Depends, Header, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from tradeflow.lake import Lake
from tradeflow.serve.access import (
    ForbiddenError,
    NotSignedInError,
    PasswordChangeNeededError,
    Person,
    Purpose,
    PurposeNeededError,
    Right,
    says_why,
)
from tradeflow.serve.audit import AuditSeal, append_entry
from tradeflow.serve.database import NoReleaseError, Release, Stores, find_release
from tradeflow.serve.security import RateLimit, public_origin
from tradeflow.serve.sessions import SignedIn, find_session, find_token, mark_seen
from tradeflow.serve.templating import render
from tradeflow.serve.translations import LANGUAGES
from tradeflow.settings import Settings

API_PATH = "/api/"
LANGUAGE_COOKIE = "tradeflow_language"
_MOST_IDS = 1000
"""Ids of what was returned that one entry of the log lists; the count is always whole."""


@dataclass(frozen=True)
class House:
    """What all visits share."""

    settings: Settings
    lake: Lake
    stores: Stores
    seal: AuditSeal
    templates: jinja2.Environment
    sign_ins: RateLimit

    @property
    def session_cookie(self) -> str:
        """Name of the session's cookie; the prefix binds it to this host where connections are encrypted (RFC 6265bis)."""
        return "__Host-tradeflow" if self.is_encrypted else "tradeflow"

    @property
    def is_encrypted(self) -> bool:
        """Whether people reach us by https."""
        return public_origin(self.settings.serve).startswith("https:")


@dataclass
class Visit:
    """One request and its answer; `connection` is one read transaction over release and case store."""

    request: Request
    house: House
    connection: sa.Connection
    signed_in: SignedIn | None = None
    action: str = ""
    actor: str = ""
    entered: Person | None = None
    _asked: dict[str, Any] = field(default_factory=dict)
    _returned: dict[str, Any] = field(default_factory=dict)
    _case_store: Session | None = None

    @property
    def person(self) -> Person:
        """Who asks."""
        if self.signed_in is None:
            raise NotSignedInError
        return self.signed_in.person

    @property
    def settings(self) -> Settings:
        """All settings."""
        return self.house.settings

    @property
    def lake(self) -> Lake:
        """The lake that the release came from."""
        return self.house.lake

    @cached_property
    def release(self) -> Release:
        """The release that is shown; NoReleaseError before the first."""
        return find_release(self.connection)

    @property
    def release_id(self) -> str:
        """Its id."""
        return self.release.release_id

    @property
    def purpose(self) -> Purpose | None:
        """Why companies are opened: as stated in the session, or in the header of a call by token."""
        if self.signed_in is None or self.signed_in.session_hash is not None:
            return self.signed_in.purpose if self.signed_in else None
        stated, case_number = (self.request.headers.get(name, "").strip() for name in ("x-purpose", "x-case-number"))
        return Purpose(stated[:500], case_number[:64] or None, None) if says_why(stated, case_number) else None

    @property
    def language(self) -> str:
        """The language that was chosen, else the first of the browser's that we have."""
        chosen = self.request.cookies.get(LANGUAGE_COOKIE, "")
        wanted = [chosen, *(each.strip()[:2].lower() for each in self.request.headers.get("accept-language", "").split(","))]
        return next((each for each in wanted if each in LANGUAGES), LANGUAGES[0])

    @property
    def csrf_token(self) -> str:
        """What a form of this session carries."""
        return (self.signed_in.csrf_token if self.signed_in else None) or ""

    @property
    def case_store(self) -> Session:
        """A transaction that changes the case store; it is committed together with the visit's entry in the log."""
        if self._case_store is None:
            self._case_store = Session(self.house.stores.writing, expire_on_commit=False)
        return self._case_store

    def may(self, right: str) -> bool:
        """Say whether the person who asks has a right."""
        return self.signed_in is not None and self.signed_in.person.may(right)

    def hold_to(self, right: Right, *, needs_purpose: bool = False) -> None:
        """Go on only with a right, and where companies are opened only under a purpose; ForbiddenError, PurposeNeededError."""
        if not self.person.may(right):
            raise ForbiddenError(right)
        if needs_purpose and self.purpose is None:
            raise PurposeNeededError

    def asked(self, **fields: Any) -> None:
        """Add to the log what was asked for in a form or body; never a password."""
        self._asked |= fields

    def returned(self, kind: str, ids: Iterable[Any]) -> None:
        """Say in the log which records the answer holds."""
        listed = [str(each) for each in ids]
        self._returned[kind] = {"count": len(listed), "ids": listed[:_MOST_IDS]}

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Write a page from a template."""
        values = {"visit": self, "csrf_token": self.csrf_token} | values
        return HTMLResponse(render(self.house.templates, template, self.language, **values), status)

    def go(self, path: str) -> RedirectResponse:
        """Send the browser on, after a form."""
        return RedirectResponse(path, 303)

    def etag(self) -> str:
        """Mark of an answer that depends on the release and the address alone."""
        return f'"{hashlib.sha256(f"{self.release_id}{self.request.url}".encode()).hexdigest()[:32]}"'

    def close(self) -> None:
        """Give up what was not committed, and what the answer would have held."""
        self._returned.clear()
        if self._case_store is not None:
            self._case_store.close()
            self._case_store = None

    def record(self, status_code: int, body_sha256: str | None) -> None:
        """Write the visit's entry into the log and commit it with whatever the visit changed."""
        if self.signed_in is not None and self.signed_in.is_seen_late:
            mark_seen(self.case_store, self.signed_in)
        head = append_entry(self.case_store, self.house.seal, status_code=status_code, **self._describe(body_sha256))
        self.case_store.commit()
        if head is not None:
            self.house.seal.anchor(head)

    def _describe(self, body_sha256: str | None) -> dict[str, Any]:
        person, purpose = self.entered or (self.signed_in.person if self.signed_in else None), self.purpose
        query = {"query": self.request.query_params.multi_items(), "form": self._asked}
        returned = self._returned | ({"sha256": body_sha256} if body_sha256 else {})
        return {
            "account_id": person.account_id if person else None,
            "actor": person.name if person else self.actor.replace("\0", " ").encode("utf-8", "replace").decode(),
            "role": person.role if person else None,
            "address": self.request.client.host if self.request.client else "",
            "action": self.action or ("read" if self.request.method in ("GET", "HEAD") else "change"),
            "path": f"{self.request.method} {self.request.url.path}",
            "query": _say(query),
            "purpose": purpose.purpose if purpose else None,
            "case_number": purpose.case_number if purpose else None,
            "data_version": self._data_version(),
            "returned": _say(returned),
        }

    def _data_version(self) -> str | None:
        try:
            return self.release_id
        except NoReleaseError:
            return None


def _say(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, default=str).encode("utf-8", "replace").decode()


def open_visit(request: Request) -> Iterator[Visit]:
    """Open one read transaction and find out who asks; signed in or not."""
    house: House = request.app.state.house
    with house.stores.reading.connect() as connection:
        visit = Visit(request, house, connection)
        request.state.visit = visit
        visit.signed_in = _identify(visit)
        try:
            yield visit
        finally:
            visit.close()


def _identify(visit: Visit) -> SignedIn | None:
    kind, _, secret = visit.request.headers.get("authorization", "").partition(" ")
    with Session(visit.connection) as store:
        if kind.lower() == "bearer":
            return find_token(store, secret.strip(), visit.settings.serve) if visit.request.url.path.startswith(API_PATH) else None
        cookie = visit.request.cookies.get(visit.house.session_cookie)
        return find_session(store, cookie, visit.settings.serve) if cookie else None


AnyVisit = Annotated[Visit, Depends(open_visit)]
"""A visit by anybody, signed in or not."""


async def check_form(request: Request, visit: AnyVisit) -> None:
    """Refuse a change that does not come from a form of this session (CSRF); a token's call carries no cookie and needs none."""
    if request.method in ("GET", "HEAD") or visit.signed_in is None or visit.signed_in.session_hash is None:
        return
    shown = request.headers.get("x-csrf-token") or (await request.form()).get("csrf_token")
    if not isinstance(shown, str) or not _same(shown, visit.csrf_token):
        raise HTTPException(403, "This form is out of date; go back, load the page again and send it once more.")


def _same(one: str, other: str) -> bool:
    return hashlib.sha256(one.encode()).digest() == hashlib.sha256(other.encode()).digest()


def visit_with(right: Right | None, *, needs_purpose: bool = False, needs_release: bool = True) -> Callable[[Visit], Visit]:
    """Return the dependency that lets a visit through to a route that needs a right."""

    def let_through(visit: AnyVisit) -> Visit:
        person = visit.person
        if person.must_change_password and right is not None:
            raise PasswordChangeNeededError
        if right is not None:
            visit.hold_to(right, needs_purpose=needs_purpose)
        if needs_release:
            _ = visit.release
        return visit

    return let_through


def declare_purpose(
    x_purpose: Annotated[str | None, Header(description="Why companies are asked for, in a few words; of a call by token.")] = None,
    x_case_number: Annotated[str | None, Header(description="The case that they are asked for in; of a call by token.")] = None,
) -> None:
    """Put into the description of the API the headers that `Visit.purpose` reads."""


def let_through_under_purpose(
    visit: Annotated[Visit, Depends(visit_with(Right.READ_COMPANIES, needs_purpose=True))], _: Annotated[None, Depends(declare_purpose)]
) -> Visit:
    """Let through who may read companies and has said why."""
    return visit


SignedInVisit = Annotated[Visit, Depends(visit_with(None, needs_release=False))]
Reading = Annotated[Visit, Depends(visit_with(Right.READ_SIGNALS))]
Deciding = Annotated[Visit, Depends(visit_with(Right.DECIDE))]
UnderPurpose = Annotated[Visit, Depends(let_through_under_purpose)]
ManagingAccounts = Annotated[Visit, Depends(visit_with(Right.MANAGE_ACCOUNTS, needs_release=False))]
ReadingAudit = Annotated[Visit, Depends(visit_with(Right.READ_AUDIT, needs_release=False))]
