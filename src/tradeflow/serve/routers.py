"""Routes whose answer leaves only after its entry stands in the audit log, and the routers that are made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from tradeflow.exceptions import NotFoundError, TradeflowError
from tradeflow.serve.access import ForbiddenError, NotSignedInError, PasswordChangeNeededError, PurposeNeededError
from tradeflow.serve.database import NoReleaseError
from tradeflow.serve.visit import Visit, check_form

_DETAIL = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
_WAYS_IN = (
    HTTPBearer(scheme_name="token", description="A token made on the page of one's account.", auto_error=False),
    APIKeyCookie(name="tradeflow", scheme_name="session", description="The session of a browser that signed in.", auto_error=False),
)
"""What the description says of signing in; who is there is found out by the visit."""
_REFUSALS = {
    400: "The question cannot be read.",
    401: "Nobody is signed in, or the token is not good.",
    403: "The role or token does not hold the right, or no purpose was given (header X-Purpose or X-Case-Number).",
    404: "There is no such record.",
    408: "The content did not come in time.",
    411: "The length of the content is not said.",
    413: "The content is too large.",
    414: "The address is too long.",
    422: "A field has a value that is not allowed.",
    429: "Too many requests.",
    503: "No release yet, or the database does not answer.",
}
_STATUS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], int], ...] = (
    (NotSignedInError, 401),
    ((ForbiddenError, PurposeNeededError, PasswordChangeNeededError), 403),
    (NotFoundError, 404),
    (RequestValidationError, 422),
    # What the database cannot even hold: a null character, a number of fifty digits, half a character.
    ((sa.exc.DataError, OverflowError, UnicodeEncodeError, TradeflowError), 400),
    ((NoReleaseError, sa.exc.DBAPIError, sa.exc.TimeoutError), 503),
)


class AuditedRoute(APIRoute):
    """A route whose answer leaves only after its entry stands in the audit log, refusals too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the route's own work."""
        answer = super().get_route_handler()

        async def answer_on_record(request: Request) -> Response:
            try:
                response = await answer(request)
            except Exception as error:
                await run_in_threadpool(_record_refusal, request, error)
                raise
            await run_in_threadpool(_record_answer, request, response)
            return response

        return answer_on_record


def _record_answer(request: Request, response: Response) -> None:
    visit: Visit | None = getattr(request.state, "visit", None)
    if visit is None or (visit.signed_in is None and not visit.action):
        return  # nobody was there and nothing was tried: the sign-in page
    body = getattr(response, "body", None)
    visit.record(response.status_code, hashlib.sha256(body).hexdigest() if isinstance(body, bytes) and body else None)


def _record_refusal(request: Request, error: Exception) -> None:
    visit: Visit | None = getattr(request.state, "visit", None)
    if visit is None or isinstance(error, sa.exc.DBAPIError):
        return  # the store itself is away: nothing is answered, and there is nowhere to write
    visit.close()
    if visit.signed_in is not None or visit.action:
        visit.record(status_of(error), None)


def status_of(error: Exception) -> int:
    """Return the HTTP status that an error is told with."""
    if isinstance(error, HTTPException):
        return error.status_code
    for kinds, status in _STATUS:
        if isinstance(error, kinds):
            return status
    return 500


def page_router(**options: Any) -> APIRouter:
    """Return a router for pages: every answer on record, every form checked."""
    return APIRouter(route_class=AuditedRoute, dependencies=[Depends(check_form)], include_in_schema=False, **options)


def api_router(**options: Any) -> APIRouter:
    """Return a router below /api/v1: the same, described, its errors as JSON."""
    refusals = {status: {"description": told, "content": {"application/json": {"schema": _DETAIL}}} for status, told in _REFUSALS.items()}
    declared = refusals | options.pop("responses", {})
    told = [Depends(check_form), *(Depends(way) for way in _WAYS_IN)]
    return APIRouter(prefix="/api/v1", route_class=AuditedRoute, dependencies=told, responses=declared, **options)
