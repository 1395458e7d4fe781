"""Every role at every route: what it may not see it does not see, and every route has its line here."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from fastapi.routing import APIRoute

from tests.serve.conftest import PASSWORD, Served, Visitor, find_token, make_token
from tradeflow.lake import Lake
from tradeflow.serve import api, house, pages
from tradeflow.serve.access import RIGHTS
from tradeflow.serve.routers import AuditedRoute
from tradeflow.serve.store import ApiToken, AuditEntry, WebSession
from tradeflow.settings import Serve, Settings

OPEN, SIGNED_IN = "open", "signed in"
NEEDS = {
    "GET /": OPEN,
    "GET /sign-in": OPEN,
    "POST /sign-in": OPEN,
    "GET /sign-in/openid": OPEN,
    "GET /sign-in/openid/back": OPEN,
    "POST /language": OPEN,
    "GET /assets/": OPEN,
    "POST /sign-out": SIGNED_IN,
    "GET /password": SIGNED_IN,
    "POST /password": SIGNED_IN,
    "GET /account": SIGNED_IN,
    "POST /account/": SIGNED_IN,
    "GET /purpose": "read_companies",
    "POST /purpose": "read_companies",
    "GET /users": "manage_accounts",
    "POST /users": "manage_accounts",
    "GET /audit": "read_audit",
    "GET /signals": "read_signals",
    "POST /signals/": "decide",
    "POST /views": "read_signals",
    "GET /precision": "read_signals",
    "GET /watched": "read_signals",
    "POST /watched": "read_signals",
    "GET /search": "read_signals",
    "GET /countries/": "read_signals",
    "GET /run": "read_signals",
    "GET /companies": "read_companies",
    "GET /company-signals/": "read_companies",
    "POST /company-signals/": "read_companies",
    "GET /api/v1/": "read_signals",
    "POST /api/v1/signals/": "decide",
    "GET /api/v1/companies/": "read_companies",
    "GET /api/v1/company-signals": "read_companies",
    "POST /api/v1/company-signals/": "read_companies",
    "POST /api/v1/match": "read_companies",
    "POST /api/v1/watched": "read_signals",
    "DELETE /api/v1/watched/": "read_signals",
    "POST /api/v1/views": "read_signals",
    "DELETE /api/v1/views/": "read_signals",
}
"""What a route asks for, by method and the beginning of its path; the longest that fits counts."""
ROUTES = [
    (method, route)
    for router in (*house.ROUTERS, *pages.ROUTERS, *api.ROUTERS)
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods)
]
NAMES = [f"{method} {route.path}" for method, route in ROUTES]


def needed(method: str, path: str) -> str:
    fitting = [begin for begin in NEEDS if f"{method} {path}".startswith(begin)]
    assert fitting, f"{method} {path} has no line in NEEDS"
    return NEEDS[max(fitting, key=len)]


def ask(visitor: Visitor, method: str, path: str):  # type: ignore[no-untyped-def]
    filled = re.sub(r"\{[^}]+\}", "1", path)
    if method == "DELETE":
        return visitor.client.delete(filled, headers={"X-CSRF-Token": visitor.csrf_token})
    return visitor.get(filled) if method == "GET" else visitor.post(filled)


@pytest.fixture
def people(served_on_sqlite: Served) -> dict[str, Visitor]:
    return {role: served_on_sqlite.signed_in(role) for role in RIGHTS}


def test_who_may_not_gets_nothing_from_any_route(people: dict[str, Visitor], served_on_sqlite: Served) -> None:
    for method, route in ROUTES:
        right = needed(method, route.path)
        for role, visitor in people.items():
            answer = ask(visitor, method, route.path) if "sign-out" not in route.path else None
            if answer is None or right in (OPEN, SIGNED_IN):
                continue
            if right in RIGHTS[role]:
                is_let_in = answer.status_code not in (401, 403) or "Say why the company is opened" in answer.text
                assert is_let_in, (role, method, route.path, answer.status_code)
            else:
                assert answer.status_code == 403, (role, method, route.path, answer.status_code)
                assert "Your role does not show this" in answer.text


def test_nobody_gets_nothing_from_any_route(served_on_sqlite: Served) -> None:
    nobody = served_on_sqlite.visitor()
    for method, route in ROUTES:
        if needed(method, route.path) == OPEN:
            continue
        answer = ask(nobody, method, route.path)
        if route.path.startswith("/api/"):
            assert (answer.status_code, set(answer.json())) == (401, {"detail"})
        else:
            assert answer.status_code == 303, route.path
            assert answer.headers["location"].startswith("/sign-in?next=")


@pytest.mark.parametrize("token", ["", "x" * 43])
def test_no_route_changes_anything_without_the_token_of_the_session(people: dict[str, Visitor], token: str) -> None:
    for method, route in ROUTES:
        if method == "GET":
            continue
        right = needed(method, route.path)
        visitor = next(visitor for role, visitor in people.items() if right in (OPEN, SIGNED_IN, *RIGHTS[role]))
        visitor.csrf_token = token
        answer = ask(visitor, method, route.path)
        assert (answer.status_code, "out of date" in answer.text) == (403, True), (method, route.path)


def test_every_route_that_shows_something_writes_into_the_log() -> None:
    silent = {route.path for _, route in ROUTES if not isinstance(route, AuditedRoute)}
    assert all(path.startswith("/assets/") for path in silent), silent


def test_a_one_time_password_opens_nothing_but_its_change(served_on_sqlite: Served) -> None:
    administrator, name = served_on_sqlite.signed_in("administrator"), "newcomer"
    page = administrator.post("/users", name=name, role="investigator").text
    once = re.search(r"<code>([^<]+)</code>", page)[1]  # type: ignore[index]
    newcomer = served_on_sqlite.visitor()
    newcomer.name = name
    newcomer.sign_in(once)
    for method, route in ROUTES:
        if needed(method, route.path) not in (OPEN, SIGNED_IN):
            assert ask(newcomer, method, route.path).status_code in (303, 403), route.path
    assert newcomer.get("/signals").headers["location"] == "/password"
    assert newcomer.post("/account/tokens", label="x", scopes="read_signals", days="1").headers["location"] == "/password"
    for weak, told in ((once, "another password"), ("short", "12 characters"), ("my name is newcomer", "another password")):
        assert told in newcomer.post("/password", old=once, new=weak).text
    assert newcomer.post("/password", old=once, new=PASSWORD).status_code == 303
    assert newcomer.get("/signals").status_code == 200


# --- sessions ------------------------------------------------------------------------------------------------------------------


def change_session(served: Served, **values: datetime) -> None:
    with served.writing() as store:
        store.execute(sa.update(WebSession).values(**values))
        store.commit()


@pytest.mark.parametrize(
    "values",
    [{"expires_at": datetime.now(UTC) - timedelta(seconds=1)}, {"seen_at": datetime.now(UTC) - timedelta(minutes=61)}],
    ids=["too old", "idle"],
)
def test_a_session_ends(served: Served, values: dict[str, datetime]) -> None:
    analyst = served.signed_in("analyst")
    assert analyst.get("/signals").status_code == 200
    change_session(served, **values)
    assert analyst.get("/signals").headers["location"] == "/sign-in?next=%2Fsignals"


def test_a_session_in_use_stays(served: Served) -> None:
    analyst = served.signed_in("analyst")
    change_session(served, seen_at=datetime.now(UTC) - timedelta(minutes=50))
    assert analyst.get("/signals").status_code == 200
    with served.writing() as store:
        assert store.scalars(sa.select(WebSession.seen_at)).one() > datetime.now(UTC) - timedelta(minutes=1)


def test_signing_out_ends_the_session_at_the_server_too(served: Served) -> None:
    analyst = served.signed_in("analyst")
    cookie = analyst.client.cookies["tradeflow"]
    assert analyst.post("/sign-out").status_code == 303
    analyst.client.cookies.set("tradeflow", cookie)
    assert analyst.get("/signals").status_code == 303


@pytest.mark.parametrize("path", ["reset", "role", "active"])
def test_what_an_administrator_changes_ends_open_sessions(served: Served, path: str) -> None:
    analyst, administrator = served.signed_in("analyst"), served.signed_in("administrator")
    administrator.post(f"/users/{analyst.name}/{path}", role="viewer", is_active="false")
    assert analyst.get("/signals").status_code == 303


def test_a_closed_account_stays_out(served: Served) -> None:
    analyst, administrator = served.signed_in("analyst"), served.signed_in("administrator")
    administrator.post(f"/users/{analyst.name}/active", is_active="false")
    assert served.visitor().post("/sign-in", name=analyst.name, password=PASSWORD).status_code == 401
    administrator.post(f"/users/{analyst.name}/active", is_active="true")
    assert served.visitor().post("/sign-in", name=analyst.name.upper(), password=PASSWORD).status_code == 303


def test_the_last_administrator_stays(served: Served) -> None:
    administrator = served.signed_in("administrator")
    for path in ("role", "active"):
        answer = administrator.post(f"/users/{administrator.name}/{path}", role="viewer", is_active="false")
        assert (answer.status_code, "only administrator" in answer.text) == (400, True)


def test_a_new_sign_in_is_a_new_session(served: Served) -> None:
    analyst = served.signed_in("analyst")
    before = analyst.client.cookies["tradeflow"]
    analyst.post("/sign-in", name=analyst.name, password=PASSWORD)
    assert analyst.client.cookies["tradeflow"] != before
    with served.writing() as store:
        assert store.scalar(sa.select(sa.func.count()).select_from(WebSession)) == 1


def test_neither_cookie_nor_token_stands_in_the_store(served: Served) -> None:
    analyst = served.signed_in("analyst")
    with served.writing() as store:
        kept = str(store.execute(sa.select(WebSession.__table__)).all())
    assert analyst.client.cookies["tradeflow"] not in kept


def test_tries_to_sign_in_are_counted(lake: Lake, few: object, open_app: Callable[..., Served]) -> None:
    served = open_app(lake, Settings(serve=Serve(sign_ins_per_minute=3)))
    codes = [served.visitor().post("/sign-in", name="admin", password="guess").status_code for _ in range(5)]
    assert codes == [401, 401, 401, 429, 429]


# --- purpose -------------------------------------------------------------------------------------------------------------------


def test_a_purpose_is_asked_for_kept_and_ended(served: Served) -> None:
    investigator = served.signed_in("investigator")
    assert investigator.post("/purpose", purpose="because", next="/account").status_code == 400
    answer = investigator.post("/purpose", case_number="FIU-2026-114", purpose="", next="/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    investigator.get("/account")
    with served.writing() as store:
        newest = store.scalars(sa.select(AuditEntry).order_by(AuditEntry.entry_number.desc())).first()
    assert newest is not None
    assert newest.case_number == "FIU-2026-114"
    investigator.post("/purpose/end")
    investigator.get("/account")
    with served.writing() as store:
        assert store.scalars(sa.select(AuditEntry.case_number).order_by(AuditEntry.entry_number.desc())).first() is None


# --- tokens --------------------------------------------------------------------------------------------------------------------


def test_a_token_never_holds_more_than_its_owner(served: Served) -> None:
    viewer = served.signed_in("viewer")
    answer = viewer.post("/account/tokens", label="mine", scopes=["read_signals", "read_companies"], days="30")
    assert answer.status_code == 400
    assert viewer.post("/account/tokens", label="mine", scopes="manage_accounts", days="30").status_code == 400
    with served.writing() as store:
        assert store.scalar(sa.select(sa.func.count()).select_from(ApiToken)) == 0


def test_a_token_opens_no_page(served: Served) -> None:
    token = make_token(served.signed_in("analyst"), "read_signals", "decide")
    answer = served.visitor().get("/signals", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 303


def test_a_token_is_taken_back_by_its_owner_only(served: Served) -> None:
    analyst, other = served.signed_in("analyst"), served.signed_in("analyst")
    make_token(analyst, "read_signals")
    other.post("/account/tokens/1/revoke")
    with served.writing() as store:
        assert store.scalars(sa.select(ApiToken.revoked_at)).one() is None
    analyst.post("/account/tokens/1/revoke")
    with served.writing() as store:
        assert store.scalars(sa.select(ApiToken.revoked_at)).one() is not None


def test_forms_without_their_token_change_nothing(served: Served) -> None:
    administrator = served.signed_in("administrator")
    kept = administrator.csrf_token
    for wrong in ("", "x" * 43, served.signed_in("administrator").csrf_token):
        administrator.csrf_token = wrong
        answer = administrator.post("/users", name="mallory", role="administrator")
        assert (answer.status_code, "out of date" in answer.text) == (403, True)
    administrator.csrf_token = kept
    assert "mallory" not in administrator.get("/users").text
    assert find_token(administrator.get("/users").text) == kept


def call(served: Served, token: str, path: str, **headers: str):  # type: ignore[no-untyped-def]
    return served.visitor().get(f"/api/v1{path}", headers={"Authorization": f"Bearer {token}"} | headers)


def test_a_token_does_what_its_scopes_say_and_no_more(served: Served) -> None:
    investigator = served.signed_in("investigator")
    signals, companies = make_token(investigator, "read_signals"), make_token(investigator, "read_companies")
    assert call(served, signals, "/signals").status_code == 200
    assert call(served, signals, "/companies/none", **{"X-Purpose": "case review"}).status_code == 403
    assert call(served, companies, "/signals").status_code == 403


def test_a_call_about_a_company_states_its_purpose(served: Served) -> None:
    token = make_token(served.signed_in("investigator"), "read_companies")
    refused = call(served, token, "/companies/none")
    assert (refused.status_code, "X-Purpose" in refused.json()["detail"]) == (403, True)
    assert call(served, token, "/companies/none", **{"X-Case-Number": "FIU-7"}).status_code == 404
    with served.writing() as store:
        newest = store.scalars(sa.select(AuditEntry).order_by(AuditEntry.entry_number.desc())).first()
    assert newest is not None
    assert (newest.case_number, newest.status_code, newest.path) == ("FIU-7", 404, "GET /api/v1/companies/none")


def test_a_token_ends_with_its_time_its_role_and_its_account(served: Served) -> None:
    investigator, administrator = served.signed_in("investigator"), served.signed_in("administrator")
    token = make_token(investigator, "read_signals", "read_companies")
    administrator.post(f"/users/{investigator.name}/role", role="analyst")
    assert call(served, token, "/signals").status_code == 200
    assert call(served, token, "/companies/none", **{"X-Purpose": "case review"}).status_code == 403
    with served.writing() as store:
        store.execute(sa.update(ApiToken).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
        store.commit()
    ended = call(served, token, "/signals")
    assert (ended.status_code, ended.headers["www-authenticate"]) == (401, "Bearer")
    administrator.post(f"/users/{investigator.name}/active", is_active="false")
    assert call(served, token, "/signals").status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer tf_wrong", "Basic dXNlcjpwYXNz", "bearer \u00e9"])
def test_what_is_no_token_opens_nothing(served_on_sqlite: Served, header: str) -> None:
    answer = served_on_sqlite.visitor().get("/api/v1/signals", headers={"Authorization": header.encode("latin-1")})
    assert (answer.status_code, set(answer.json())) == (401, {"detail"})
