"""What every answer carries and what no request gets past: headers, the allowed host and origin, sizes, and how often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradeflow.exceptions import SettingsError
from tradeflow.settings import Serve

LARGEST_BODY, LONGEST_URL = 2 * 1024 * 1024, 8192
_BODY_SECONDS = 20
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_USUAL_PORT = {"http": 80, "https": 443}
"""Browsers leave it out of the address."""
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": browsers would then hide the origin of our own forms, by which foreign ones are told.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def public_origin(settings: Serve) -> str:
    """Return the address that people type, without a path; SettingsError where passwords would cross a network in clear."""
    if settings.public_url:
        origin = settings.public_url
    else:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        origin = f"{'https' if settings.certificate else 'http'}://{host}:{settings.port}"
    reached = {settings.host, urlsplit(origin).hostname or ""} - _LOOPBACK
    if reached and not origin.startswith("https:"):
        raise SettingsError(
            f"serve: {', '.join(sorted(reached))} can be reached from other machines, and passwords would cross the network in clear; "
            "give serve.certificate with serve.certificate_key, or serve.public_url = 'https://...' of the proxy in front"
        )
    return origin


def allowed_origins(settings: Serve) -> frozenset[str]:
    """Return the origins that may ask and post: the public one, and on the machine itself its other names."""
    origin = urlsplit(public_origin(settings))
    name = origin.hostname or ""
    names = _LOOPBACK if name in _LOOPBACK else (name,)
    port = "" if origin.port in (None, _USUAL_PORT[origin.scheme]) else f":{origin.port}"
    return frozenset(f"{origin.scheme}://{f'[{each}]' if ':' in each else each}{port}" for each in names)


class RateLimit:
    """So many a minute for each key, evenly refilled (a token bucket); kept in this process's memory."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._left: dict[str, tuple[float, float]] = {}

    def allows(self, key: str, now: float | None = None) -> bool:
        """Take one from the key's store; False where it is empty."""
        now = time.monotonic() if now is None else now
        left, since = self._left.get(key, (float(self.per_minute), now))
        left = min(self.per_minute, left + (now - since) * self.per_minute / 60)
        self._left[key] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > 10_000:
            self._left = {key: kept for key, kept in self._left.items() if now - kept[1] < 60}
        return left >= 1


class Gate:
    """The outermost layer: refuses what is foreign, too large or too often, and sets the headers of every answer."""

    def __init__(self, app: ASGIApp, settings: Serve) -> None:
        self.app = app
        self.origins = allowed_origins(settings)
        self.hosts = {urlsplit(origin).netloc for origin in self.origins}
        self.rate = RateLimit(settings.requests_per_minute)
        self.is_encrypted = public_origin(settings).startswith("https:")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through to the application, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._set_headers(MutableHeaders(scope=message))
            await send(message)

        refusal = self._refuse(scope, Headers(scope=scope))
        await (refusal or self.app)(scope, receive, send_with_headers)

    def _refuse(self, scope: Scope, headers: Headers) -> Response | None:
        if headers.get("host") not in self.hosts:
            return _refusal(scope, "This name is not served here (serve.public_url).", 421)
        if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_URL:
            return _refusal(scope, "The address is too long.", 414)
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            return _refusal(scope, "The address holds a null character.", 400)
        if not self.rate.allows(scope["client"][0] if scope["client"] else "local"):
            return _refusal(scope, "Too many requests; wait a moment.", 429, {"Retry-After": "5"})
        return self._refuse_body(scope, headers) if scope["method"] in _UNSAFE else None

    def _refuse_body(self, scope: Scope, headers: Headers) -> Response | None:
        if headers.get("origin", next(iter(self.origins))) not in self.origins or headers.get("sec-fetch-site") == "cross-site":
            return _refusal(scope, "This form comes from another site.", 403)
        # Where both are sent, the server reads to the end of the pieces, whatever length was said (RFC 9112, 6.3).
        length = "" if "transfer-encoding" in headers else headers.get("content-length", "0")
        if not length.isdecimal():
            return _refusal(scope, "Say how long the content is (Content-Length).", 411)
        return _refusal(scope, "The content is too large; 2 MB at the most.", 413) if int(length) > LARGEST_BODY else None

    def _set_headers(self, headers: MutableHeaders) -> None:
        headers.update(_HEADERS)
        headers.setdefault("Cache-Control", "no-store")
        if self.is_encrypted:
            headers["Strict-Transport-Security"] = "max-age=31536000"


class WholeBody:
    """Reads a body to its end before the request goes on, so that who sends slowly holds up nobody else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its whole body; refuse one that does not come in time."""
        if scope["type"] != "http" or scope["method"] not in _UNSAFE:
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                pieces = [message async for message in _read_body(receive)]
        except TimeoutError:
            await _refusal(scope, "The content did not come in time.", 408)(scope, receive, send)
            return

        async def receive_again() -> Message:
            return pieces.pop(0) if pieces else await receive()

        await self.app(scope, receive_again, send)


async def _read_body(receive: Receive) -> AsyncIterator[Message]:
    has_more = True
    while has_more:
        message = await receive()
        has_more = message["type"] == "http.request" and message.get("more_body", False)
        yield message


def _refusal(scope: Scope, told: str, status: int, headers: dict[str, str] | None = None) -> Response:
    """Tell a refusal as its reader expects it: JSON to programs, a line of text to browsers."""
    if scope["path"].startswith("/api/"):
        return JSONResponse({"detail": told}, status, headers)
    return PlainTextResponse(told, status, headers)
