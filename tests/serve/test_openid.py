"""Sign-in through a service: the real protocol against a small service of our own, and each way in which it must fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.release_world import Made
from tests.serve.conftest import Served, Visitor, find_token, make_token, publish
from tests.serve.openid_service import CLIENT_ID, SECRET, Service, running_service
from tradeflow.lake import Lake
from tradeflow.serve import openid
from tradeflow.serve.store import Account, AuditEntry, OpenIdAttempt
from tradeflow.settings import OpenId, Serve, Settings


@pytest.fixture
def service() -> Iterator[Service]:
    with running_service() as running:
        yield running


@pytest.fixture
def served(lake: Lake, few: Made, open_app: Callable[..., Served], service: Service, monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setenv("TRADEFLOW_OPENID_SECRET", SECRET)
    publish(lake, few)
    roles = {"leads-viewers": "viewer", "leads-investigators": "investigator"}
    return open_app(lake, Settings(serve=Serve(openid=OpenId(issuer=service.issuer, client_id=CLIENT_ID, roles=roles))))


def enter(visitor: Visitor, service: Service, next_path: str = "/signals"):  # type: ignore[no-untyped-def]
    away = visitor.get("/sign-in/openid", params={"next": next_path})
    assert away.status_code == 303
    return visitor.get(service.authorize(away.headers["location"]))


def accounts(served: Served) -> list[tuple[str, str]]:
    with served.writing() as store:
        return [tuple(row) for row in store.execute(sa.select(Account.name, Account.role))]


def test_who_the_service_vouches_for_gets_in_with_the_role_of_the_group(served: Served, service: Service) -> None:
    visitor = served.visitor()
    assert "/sign-in/openid?next=%2Fsignals" in visitor.get("/sign-in?next=/signals").text
    answer = enter(visitor, service)
    assert (answer.status_code, answer.headers["location"]) == (303, "/signals")
    assert visitor.get("/signals").status_code == 200
    assert accounts(served) == [("ana", "investigator")]
    with served.writing() as store:
        entry = store.scalars(sa.select(AuditEntry).where(AuditEntry.action == "sign_in")).one()
    assert (entry.actor, entry.status_code) == ("ana", 303)


def test_the_role_is_taken_anew_at_each_sign_in(served: Served, service: Service) -> None:
    enter(served.visitor(), service)
    service.claims |= {"roles": "leads-viewers"}
    enter(served.visitor(), service)
    assert accounts(served) == [("ana", "viewer")]


def call(served: Served, token: str) -> int:
    return int(served.visitor().get("/api/v1/signals", headers={"Authorization": f"Bearer {token}"}).status_code)


def age_sign_in(served: Served, hours: float) -> None:
    with served.writing() as store:
        store.scalars(sa.select(Account)).one().signed_in_at = datetime.now(UTC) - timedelta(hours=hours)
        store.commit()


def with_token(served: Served, service: Service) -> tuple[Visitor, str]:
    visitor = served.visitor()
    enter(visitor, service)
    visitor.csrf_token = find_token(visitor.get("/account").text)
    return visitor, make_token(visitor, "read_signals")


def test_a_token_works_only_while_its_owner_is_seen_to_sign_in(served: Served, service: Service) -> None:
    visitor, token = with_token(served, service)
    assert "72 hours after your newest sign-in" in visitor.get("/account").text
    age_sign_in(served, 71.9)
    assert (call(served, token), visitor.get("/signals").status_code) == (200, 200)
    age_sign_in(served, 72.1)
    assert (call(served, token), visitor.get("/signals").status_code) == (401, 303)
    enter(served.visitor(), service)
    assert call(served, token) == 200


def test_who_left_every_group_loses_sessions_and_tokens_for_good(served: Served, service: Service) -> None:
    visitor, token = with_token(served, service)
    listed = service.claims["roles"]
    service.claims |= {"roles": ["others"]}
    assert enter(served.visitor(), service).status_code == 400
    assert (call(served, token), visitor.get("/signals").status_code) == (401, 303)
    service.claims |= {"roles": listed}
    enter(served.visitor(), service)
    assert call(served, token) == 401


def test_a_lower_role_holds_for_what_is_open_already(served: Served, service: Service) -> None:
    visitor = served.visitor()
    enter(visitor, service)
    assert visitor.get("/companies").headers["location"].startswith("/purpose")
    service.claims |= {"roles": "leads-viewers"}
    enter(served.visitor(), service)
    assert visitor.get("/companies").status_code == 403


def test_without_the_service_nobody_vouches(served: Served, service: Service, open_app: Callable[..., Served]) -> None:
    _, token = with_token(served, service)
    assert call(open_app(served.lake), token) == 401


def test_a_name_that_is_taken_belongs_to_its_owner(served: Served, service: Service) -> None:
    served.signed_in("administrator", name="ana")
    enter(served.visitor(), service)
    names = dict(accounts(served))
    assert names.pop("ana") == "administrator"
    assert [(name[:4], role) for name, role in names.items()] == [("ana ", "investigator")]


@pytest.mark.parametrize("groups", [[], ["others"], None])
def test_who_is_in_no_listed_group_is_turned_away(served: Served, service: Service, groups: list[str] | None) -> None:
    service.claims |= {"roles": groups}
    answer = enter(served.visitor(), service)
    assert (answer.status_code, "no group" in answer.text) == (400, True)
    assert accounts(served) == []


@pytest.mark.parametrize(
    "claims",
    [{"iss": "https://other.example"}, {"aud": "another"}, {"nonce": "old"}, {"exp": 1}, {"sub": None}],
    ids=["issuer", "audience", "nonce", "expiry", "subject"],
)
def test_a_wrong_word_opens_nothing(served: Served, service: Service, claims: dict[str, object]) -> None:
    service.claims |= claims
    visitor = served.visitor()
    answer = enter(visitor, service)
    assert (answer.status_code, "did not confirm" in answer.text) == (400, True)
    assert visitor.get("/signals").status_code == 303
    assert accounts(served) == []


def test_a_word_under_another_key_opens_nothing(served: Served, service: Service) -> None:
    service.shown_key = type(service.key).generate_key(2048, {"kid": "one"})
    assert enter(served.visitor(), service).status_code == 400


def test_a_way_back_works_once_and_in_its_browser_only(served: Served, service: Service) -> None:
    visitor, other = served.visitor(), served.visitor()
    back = service.authorize(visitor.get("/sign-in/openid").headers["location"])
    assert other.get(back).status_code == 400
    assert visitor.get(back).status_code == 303
    assert visitor.get(back).status_code == 400


def test_a_way_back_that_failed_is_used_up_and_locks_nothing_meanwhile(
    served: Served, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = served.visitor()
    back = service.authorize(visitor.get("/sign-in/openid").headers["location"])
    ask, left = openid._ask_for_claims, []

    def ask_slowly(*asked: Any) -> dict[str, Any]:
        with served.writing() as store:
            left.append(store.scalar(sa.select(sa.func.count()).select_from(OpenIdAttempt)))
            store.execute(sa.delete(OpenIdAttempt))  # somebody else's work goes on
            store.commit()
        return ask(*asked)

    monkeypatch.setattr(openid, "_ask_for_claims", ask_slowly)
    service.claims |= {"nonce": "old"}
    assert (visitor.get(back).status_code, visitor.get(back).status_code) == (400, 400)
    assert left == [0]


def test_a_closed_account_stays_out(served: Served, service: Service) -> None:
    administrator = served.signed_in("administrator")
    enter(served.visitor(), service)
    administrator.post("/users/ana/active", is_active="false")
    assert "closed" in enter(served.visitor(), service).text
    assert "no password here" in administrator.post("/users/ana/reset").text
    assert find_token(administrator.get("/users").text)


def test_a_service_that_is_away_is_told(served: Served, service: Service) -> None:
    issuer, service.issuer = service.issuer, "https://renamed.example"
    assert "calls itself" in served.visitor().get("/sign-in/openid").text
    service.issuer = issuer


def test_without_a_service_there_is_no_such_way(served_on_sqlite: Served) -> None:
    assert served_on_sqlite.visitor().get("/sign-in/openid").status_code == 404
    assert "openid" not in served_on_sqlite.visitor().get("/sign-in").text
