"""The gate: foreign hosts and forms, sizes, rates, headers. What is typed is never run, neither as SQL nor as HTML nor as a path."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive

from tests.serve.conftest import ORIGIN, PASSWORD, Served
from tradeflow.exceptions import SettingsError
from tradeflow.lake import Lake
from tradeflow.serve import security
from tradeflow.serve.database import VISITS_AT_ONCE
from tradeflow.serve.links import own_path
from tradeflow.serve.security import LARGEST_BODY, LONGEST_URL, RateLimit, allowed_origins, public_origin
from tradeflow.serve.server import run_server
from tradeflow.settings import Serve, Settings

NASTY = [
    "' OR '1'='1",
    "1; DROP TABLE account; --",
    "<script>alert(1)</script>\"'>",
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "{{ 7 * 7 }}",
    "%00",
    "\u202egnp.exe",
    "=HYPERLINK(1)",
    "a" * 3000,
]


def test_every_answer_carries_the_headers(served_on_sqlite: Served) -> None:
    viewer = served_on_sqlite.signed_in("viewer")
    for path in ("/sign-in", "/signals", "/users", "/nothing", "/static/none.css"):
        headers = viewer.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
        assert headers["cache-control"] in ("no-store", "no-cache")
        assert "server" not in headers


def test_no_page_holds_what_its_policy_forbids(served_on_sqlite: Served) -> None:
    administrator, investigator = served_on_sqlite.signed_in("administrator"), served_on_sqlite.signed_in("investigator")
    pages = [administrator.get(path).text for path in ("/users", "/audit", "/account", "/password", "/sign-in")]
    pages += [investigator.get(path).text for path in ("/signals", "/purpose", "/nothing")]
    for page in pages:
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)
        assert not re.search(r"<script(?![^>]*(?:src=\"/|type=\"application/json\"))", page)
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", page)


def test_the_cookie_is_kept_from_scripts_and_bound_where_encrypted(lake: Lake, open_app: Callable[..., Served]) -> None:
    plain = open_app(lake).signed_in("viewer").post("/sign-in", name="x", password="x")
    assert plain.status_code == 401
    encrypted = open_app(lake, Settings(serve=Serve(public_url="https://leads.example.org")))
    visitor = encrypted.visitor()
    visitor.client.base_url = "https://leads.example.org"  # type: ignore[assignment]
    with encrypted.writing() as store, store.begin():
        from tradeflow.serve.accounts import add_account

        once = add_account(store, "ana", "viewer")
    answer = visitor.post("/sign-in", name="ana", password=once)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-tradeflow=")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert answer.headers["strict-transport-security"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1:9999"}, 421),
        ({"host": "localhost:8383"}, 200),
    ],
)
def test_only_our_own_names_are_served(served_on_sqlite: Served, headers: dict[str, str], status: int) -> None:
    assert served_on_sqlite.visitor().get("/sign-in", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": ORIGIN, "sec-fetch-site": "same-origin"}, 401),
    ],
)
def test_forms_of_other_sites_are_refused(served_on_sqlite: Served, headers: dict[str, str], status: int) -> None:
    answer = served_on_sqlite.visitor().client.post("/sign-in", data={"name": "admin", "password": "x"}, headers=headers)
    assert answer.status_code == status


def test_what_is_too_large_is_refused(served_on_sqlite: Served) -> None:
    visitor = served_on_sqlite.visitor()
    assert visitor.get("/sign-in?next=" + "a" * LONGEST_URL).status_code == 414
    assert visitor.client.post("/sign-in", content=b"a" * (LARGEST_BODY + 1)).status_code == 413
    assert visitor.client.post("/sign-in", content=iter([b"name=a"])).status_code == 411
    assert (
        visitor.client.post("/sign-in", content=b"name=a", headers={"content-length": "6", "transfer-encoding": "chunked"}).status_code
        == 411
    )
    assert visitor.post("/sign-in", name="a" * 201, password="x").status_code == 422
    assert visitor.post("/sign-in", name="admin", password="x" * 2001).status_code == 422


def test_too_many_requests_are_refused(lake: Lake, open_app: Callable[..., Served]) -> None:
    visitor = open_app(lake, Settings(serve=Serve(requests_per_minute=10))).visitor()
    answers = [visitor.get("/sign-in") for _ in range(12)]
    assert [answer.status_code for answer in answers[:10]] == [200] * 10
    assert (answers[-1].status_code, answers[-1].headers["retry-after"]) == (429, "5")


@given(st.lists(st.floats(0, 30), max_size=60))
def test_no_key_gets_more_than_its_rate(gaps: list[float]) -> None:
    limit, now, taken = RateLimit(6), 0.0, 0
    for gap in gaps:
        now += gap
        taken += limit.allows("a", now)
    assert taken <= 6 + now * 6 / 60 + 1e-6
    assert limit.allows("b", now)


def test_a_rate_forgets_those_who_left() -> None:
    limit = RateLimit(6)
    for number in range(10_001):
        limit.allows(str(number), 0.0)
    limit.allows("late", 100.0)
    assert len(limit._left) == 1


@pytest.mark.parametrize("nasty", NASTY)
def test_what_is_typed_is_never_run(served: Served, nasty: str) -> None:
    administrator = served.signed_in("administrator")
    asked = [
        administrator.post("/sign-in", name=nasty[:200], password=nasty[:2000]),
        administrator.post("/users", name=nasty[:200], role=nasty),
        administrator.post("/users", name=nasty[:64], role="viewer"),
        administrator.post(f"/users/{nasty[:100]}/role", role="analyst"),
        administrator.get("/audit", params={"actor": nasty, "path": nasty}),
        administrator.get("/audit", params={"before": "9" * 50}),
        administrator.post("/sign-in", name=f"a\0{nasty[:100]}", password="\0"),
        administrator.get("/signals", params={"rule": nasty, "importer": nasty, "sort": nasty}),
        administrator.get(f"/signals/{nasty[:100]}"),
        administrator.get(f"/static/{nasty[:100]}"),
        administrator.post("/account/tokens", label=nasty[:64], scopes=nasty, days=nasty),
    ]
    for answer in asked:
        assert answer.status_code < 500, (answer.request.url, answer.text)
        assert "<script>alert" not in answer.text
        assert "root:x:" not in answer.text
        assert "49" not in re.findall(r"<(?:td|th|p)[^>]*>([^<]*)<", answer.text) or "7 * 7" not in nasty
    assert served.visitor().post("/sign-in", name=administrator.name, password=PASSWORD).status_code == 303


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.one_of(st.text(max_size=40), st.from_regex(r"[/\\]{1,3}[a-z.@:/\\\t]{0,20}")))
def test_a_redirect_never_leads_away(path: str) -> None:
    led = own_path(path)
    assert led.startswith("/")
    assert not led.startswith("//")
    assert not re.search(r"[\\\x00-\x1f]", led)


@pytest.mark.parametrize(
    ("serve", "origin"),
    [
        (Serve(), "http://127.0.0.1:8383"),
        (Serve(host="localhost", port=80), "http://localhost:80"),
        (Serve(host="::1"), "http://[::1]:8383"),
        (Serve(host="0.0.0.0", public_url="https://leads.example.org"), "https://leads.example.org"),
    ],
)
def test_the_address_that_people_type(serve: Serve, origin: str) -> None:
    assert public_origin(serve) == origin
    assert allowed_origins(serve) >= {origin.removesuffix(":80")}


@pytest.mark.parametrize("public_url", ["https://Leads.example.org", "https://leads.example.org:443"])
def test_a_name_is_known_as_browsers_write_it(public_url: str) -> None:
    assert allowed_origins(Serve(public_url=public_url)) == {"https://leads.example.org"}


@pytest.mark.parametrize(
    "serve",
    [
        Serve(host="0.0.0.0"),
        Serve(host="192.0.2.7", public_url="http://leads.example.org"),
        Serve(public_url="http://leads.example.org"),  # a proxy that does not encrypt
    ],
)
def test_nothing_listens_beyond_the_machine_in_clear(serve: Serve) -> None:
    with pytest.raises(SettingsError, match="in clear"):
        public_origin(serve)


def test_a_fault_of_ours_shows_nothing_of_its_inside(served_on_sqlite: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = served_on_sqlite.signed_in("viewer")

    def fail(*_: object, **__: object) -> None:
        raise ValueError("/secret/path: column password")

    monkeypatch.setattr("tradeflow.serve.house.accounts.SCOPES", property(fail))
    answer = viewer.get("/account")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize(("public_url", "is_heard"), [("", False), ("https://leads.example.org", True)])
def test_an_address_is_taken_from_a_header_behind_a_proxy_only(
    lake_of_few: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, public_url: str, is_heard: bool
) -> None:
    """Who is not behind a proxy would choose the address that the log shows and that tries are counted by."""
    monkeypatch.delenv("TRADEFLOW_DATABASE", raising=False)
    given: dict[str, object] = {}
    monkeypatch.setattr("uvicorn.run", lambda app, **more: given.update(more) or app.state.house.stores.dispose())
    run_server(Settings(serve=Serve(public_url=public_url)), Lake(shutil.copytree(lake_of_few.root, tmp_path / "lake")), lambda line: None)
    assert given["proxy_headers"] is is_heard


async def _ask(app: FastAPI, method: str, path: str, receive: Receive, taken: asyncio.Event) -> int:
    """Ask as a server would; the answer is taken once `taken` is set."""
    host, client = (b"host", b"127.0.0.1:8383"), ("127.0.0.1", 1)
    asked = {"method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [host, (b"content-length", b"9")]}
    status = 0

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        await taken.wait()

    await app({"type": "http", "http_version": "1.1", "scheme": "http", "server": client, "client": client} | asked, receive, send)
    return status


@pytest.mark.parametrize(("method", "path"), [("POST", "/sign-in"), ("GET", "/assets/charts.json")])
def test_who_sends_or_takes_slowly_holds_up_nobody_else(served_on_sqlite: Served, method: str, path: str) -> None:
    async def never() -> Message:
        return await asyncio.Future()

    async def crowd() -> int:
        slow = [asyncio.create_task(_ask(served_on_sqlite.app, method, path, never, asyncio.Event())) for _ in range(VISITS_AT_ONCE + 1)]
        await asyncio.sleep(0.3)
        at_once = asyncio.Event()
        at_once.set()
        status = await asyncio.wait_for(_ask(served_on_sqlite.app, "GET", "/sign-in", never, at_once), 10)
        for each in slow:
            each.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return status

    assert asyncio.run(crowd()) == 200


def test_a_body_that_does_not_come_is_not_waited_for(served_on_sqlite: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "_BODY_SECONDS", 0.05)
    at_once = asyncio.Event()
    at_once.set()

    async def never() -> Message:
        return await asyncio.Future()

    assert asyncio.run(_ask(served_on_sqlite.app, "POST", "/sign-in", never, at_once)) == 408
