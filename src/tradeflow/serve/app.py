"""The application: routes of the house, of the pages and of the API behind one gate; every error told in words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradeflow.exceptions import TradeflowError
from tradeflow.lake import Lake
from tradeflow.serve import api, house, pages
from tradeflow.serve.access import ForbiddenError, NotSignedInError, PasswordChangeNeededError, PurposeNeededError
from tradeflow.serve.audit import open_seal
from tradeflow.serve.database import VISITS_AT_ONCE, NoReleaseError, open_stores
from tradeflow.serve.routers import status_of
from tradeflow.serve.security import Gate, RateLimit, WholeBody
from tradeflow.serve.templating import STATIC_FOLDERS, make_environment, render
from tradeflow.serve.visit import API_PATH, House, Visit
from tradeflow.settings import Settings

_log = logging.getLogger("tradeflow.serve")
_TOLD: tuple[type[Exception], ...] = (
    *(HTTPException, RequestValidationError, TradeflowError, sa.exc.DBAPIError, sa.exc.TimeoutError),
    *(OverflowError, UnicodeEncodeError),
    *(NotSignedInError, ForbiddenError, PurposeNeededError, PasswordChangeNeededError, NoReleaseError),
)


def create_app(settings: Settings, lake: Lake) -> FastAPI:
    """Return the application over a lake's release and its case store, which is made where there is none."""
    built = open_house(settings, lake)
    app = FastAPI(
        title="tradeflow",
        version=version("tradeflow"),
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=_lifespan,
    )
    app.state.house = built
    app.mount("/static", _StaticFiles(STATIC_FOLDERS))
    for router in (*house.ROUTERS, *pages.ROUTERS, *api.ROUTERS):
        app.include_router(router)
    for kind in _TOLD:
        app.add_exception_handler(kind, _tell)
    app.add_middleware(_Turnstile)
    app.add_middleware(WholeBody)
    app.add_middleware(_FaultTeller)
    app.add_middleware(Gate, settings=settings.serve)
    return app


def open_house(settings: Settings, lake: Lake) -> House:
    """Open what all visits share."""
    sign_ins = RateLimit(settings.serve.sign_ins_per_minute)
    return House(settings, lake, open_stores(lake), open_seal(settings.serve, lake), make_environment(), sign_ins)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.house.stores.dispose()


class _StaticFiles(StaticFiles):
    """Style, scripts and icons, from several folders; kept by browsers, as their address changes with their content."""

    def __init__(self, folders: tuple[object, ...]) -> None:
        super().__init__(directory=str(folders[0]))
        self.all_directories = [str(folder) for folder in folders]

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with the file, to be kept for a year where it was asked for by its mark."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if scope["query_string"] else "no-cache"
        return answer


class _Turnstile:
    """So many visits at once as there are connections; who comes later waits outside, holding neither a thread nor a connection."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.places = asyncio.Semaphore(VISITS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on when there is a place."""
        if scope["type"] != "http" or scope["path"].startswith(("/static/", "/assets/")):
            await self.app(scope, receive, send)
            return
        async with self.places:
            await self.app(scope, receive, send)


class _FaultTeller:
    """Answers for what went wrong in us, inside the gate, so that this answer too carries the headers; the traceback goes to the log."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; where it fails before its answer began, say so in words."""
        has_begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception:
            if scope["type"] != "http":
                raise
            _log.exception("%s %s", scope["method"], scope["path"])
            if not has_begun:
                await _tell_fault(Request(scope))(scope, receive, send)


def _tell(request: Request, error: Exception) -> Response:
    """Tell an error in words: JSON to programs, a page to people; lead those who are not signed in to the door."""
    status = status_of(error)
    if isinstance(error, HTTPException) and status == 304:
        return Response(status_code=status, headers=error.headers)
    if request.url.path.startswith(API_PATH):
        answer: Response = JSONResponse({"detail": _say_plainly(error)}, status, {"WWW-Authenticate": "Bearer"} if status == 401 else None)
    else:
        answer = _lead_on(request, error) or _message_page(request, status, _say_plainly(error))
    answer.headers.update(getattr(error, "headers", None) or {})  # Allow, where a method is not
    return answer


def _lead_on(request: Request, error: Exception) -> Response | None:
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = urlencode({"next": here if request.method == "GET" else "/"})
    if isinstance(error, NotSignedInError):
        return RedirectResponse(f"/sign-in?{back}", 303)
    if isinstance(error, PurposeNeededError):
        return RedirectResponse(f"/purpose?{back}", 303)
    return RedirectResponse("/password", 303) if isinstance(error, PasswordChangeNeededError) else None


def _tell_fault(request: Request) -> Response:
    """Tell a fault of ours without its inside; the traceback is in the log of the server."""
    if request.url.path.startswith(API_PATH):
        return JSONResponse({"detail": "A fault of ours; the server's log has it."}, 500)
    return _message_page(request, 500, "A fault of ours. It stands in the server's log; tell who runs it when it happened.")


def _message_page(request: Request, status: int, told: str) -> HTMLResponse:
    visit: Visit | None = getattr(request.state, "visit", None)
    language = visit.language if visit else "en"
    values = {"visit": visit, "csrf_token": visit.csrf_token if visit else "", "status": status, "told": told}
    return HTMLResponse(render(request.app.state.house.templates, "house/message.html", language, **values), status)


def _say_plainly(error: Exception) -> str:
    if isinstance(error, RequestValidationError):
        return "; ".join(f"{'.'.join(str(at) for at in fault['loc'][1:])}: {fault['msg']}" for fault in error.errors())
    if isinstance(error, HTTPException):
        return str(error.detail)
    if status_of(error) == 503 and not isinstance(error, NoReleaseError):
        _log.error("database: %s", error)
    return next((told for kinds, told in _SAID if isinstance(error, kinds)), str(error))


_SAID: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (NotSignedInError, "Sign in first, or send a token that is good: Authorization: Bearer ..."),
    (ForbiddenError, "Your role does not show this. An administrator gives roles; companies are for investigators."),
    (PurposeNeededError, "Say why the company is opened, in a few words: header X-Purpose, or X-Case-Number."),
    (PasswordChangeNeededError, "Change your one-time password first."),
    (NoReleaseError, "Nothing has been published yet: `tradeflow run` makes a release."),
    ((sa.exc.DataError, OverflowError, UnicodeEncodeError), "The question cannot be read: a value in it is none that a record could hold."),
    ((sa.exc.DBAPIError, sa.exc.TimeoutError), "The database does not answer at this moment. Nothing was changed; try again soon."),
)
