"""Watch lists, saved views and what is new, over two releases: on the pages and through the API."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl
import pytest
import sqlalchemy as sa

from tests.company_world import entity_id
from tests.release_world import replace_tables
from tests.serve.conftest import Served, Visitor, make_token, publish
from tests.serve.with_companies import SETTINGS, made_with_companies, state_purpose
from tradeflow.lake import Lake
from tradeflow.serve.app import create_app
from tradeflow.serve.casework import MOST_WATCHED
from tradeflow.serve.store import AuditEntry

TABLES, MANIFEST = made_with_companies()
NEW_LEADS = TABLES.signal.filter("is_lead_head").sort("lead_rank").head(3)
NEW_COMPANY_LEAD = TABLES.company_signal.filter("is_lead_head").sort("lead_rank").row(0, named=True)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, cheap_hashing: None) -> Iterator[Served]:
    """Two releases: the second tells the first three leads on countries and the first on a company for the first time."""
    lake = Lake(tmp_path_factory.mktemp("watching") / "lake")
    earlier = replace_tables(
        TABLES,
        signal=TABLES.signal.join(NEW_LEADS, on="lead_id", how="anti"),
        company_signal=TABLES.company_signal.filter(pl.col("lead_id") != NEW_COMPANY_LEAD["lead_id"]),
    )
    publish(lake, (earlier, MANIFEST), "202411-first")
    publish(lake, (TABLES, MANIFEST), "202412-second")
    served = Served(create_app(SETTINGS, lake), lake)
    yield served
    served.app.state.house.stores.dispose()


@pytest.fixture
def viewer(served: Served) -> Visitor:
    return served.signed_in("viewer")


@pytest.fixture
def investigator(served: Served) -> Visitor:
    return state_purpose(served.signed_in("investigator"))


def watched(visitor: Visitor) -> str:
    answer = visitor.get("/watched")
    assert answer.status_code == 200
    return str(answer.text)


def test_a_new_lead_on_a_watched_country_stands_on_the_list(viewer: Visitor) -> None:
    lead = NEW_LEADS.row(0, named=True)
    assert "You watch nothing yet" in watched(viewer)
    answer = viewer.post("/watched", watch_kind="area", target=str(lead["importer_code"]), next=f"/countries/{lead['importer_code']}")
    assert answer.headers["location"] == f"/countries/{lead['importer_code']}"
    text = watched(viewer)
    assert f"/signals/{lead['signal_id']}" in text
    older = TABLES.signal.filter("is_lead_head", importer_code=lead["importer_code"]).join(NEW_LEADS, on="signal_id", how="anti")
    assert not older.is_empty()
    assert not any(signal_id in text for signal_id in older["signal_id"])


@pytest.mark.parametrize(("kind", "column"), [("substance", "substance_code"), ("commodity", "commodity_code")])
def test_a_substance_and_a_code_can_be_watched(viewer: Visitor, kind: str, column: str) -> None:
    lead = NEW_LEADS.drop_nulls(column).row(0, named=True)
    assert viewer.post("/watched", watch_kind=kind, target=lead[column]).status_code == 303
    assert f"/signals/{lead['signal_id']}" in watched(viewer)


def test_the_button_on_a_lead_watches_and_stops_again(viewer: Visitor) -> None:
    lead = NEW_LEADS.row(0, named=True)
    path, pressed = f"/signals/{lead['signal_id']}", 'aria-pressed="true"'
    assert pressed not in viewer.get(path).text
    viewer.post("/watched", watch_kind="area", target=str(lead["importer_code"]), next=path)
    assert pressed in viewer.get(path).text
    removal = re.search(r'action="(/watched/[0-9]+/remove)"', viewer.get(path).text)
    assert removal is not None
    assert viewer.post(removal[1], next=path).headers["location"] == path
    assert pressed not in viewer.get(path).text


def test_a_list_is_ones_own(served: Served, viewer: Visitor) -> None:
    viewer.post("/watched", watch_kind="substance", target="acetone")
    removal = re.search(r"/watched/[0-9]+/remove", watched(viewer))
    assert removal is not None
    other = served.signed_in("viewer")
    assert "You watch nothing yet" in watched(other)
    assert other.post(removal[0]).status_code == 404
    assert removal[0] in watched(viewer)


@pytest.mark.parametrize(
    ("kind", "target"), [("area", "0"), ("area", "99999"), ("substance", "sugar"), ("commodity", "2914.11"), ("entity", "0" * 16)]
)
def test_what_is_not_there_cannot_be_watched(investigator: Visitor, kind: str, target: str) -> None:
    assert investigator.post("/watched", watch_kind=kind, target=target).status_code == 404
    assert investigator.post("/watched", watch_kind="password", target="x").status_code == 400


def test_a_list_has_an_end(viewer: Visitor) -> None:
    chapters = [f"{chapter:02d}" for chapter in range(10, 98)]
    answers = [viewer.post("/watched", watch_kind="commodity", target=code).status_code for code in chapters[: MOST_WATCHED + 1]]
    assert answers == [303] * MOST_WATCHED + [400]


def test_a_company_is_watched_and_shown_under_a_purpose_only(served: Served, investigator: Visitor) -> None:
    company = NEW_COMPANY_LEAD["entity_id"]
    assert investigator.post("/watched", watch_kind="entity", target=company).status_code == 303
    text = watched(investigator)
    assert f"/company-signals/{NEW_COMPANY_LEAD['signal_id']}" in text
    with served.writing() as store:
        entry = store.scalars(
            sa.select(AuditEntry).where(AuditEntry.path == "GET /watched").order_by(AuditEntry.entry_number.desc())
        ).first()
    assert entry is not None
    assert company in entry.returned
    investigator.post("/purpose/end")
    text = watched(investigator)
    assert "Companies that you watch: 1" in text
    assert NEW_COMPANY_LEAD["signal_id"] not in text
    assert company not in text
    refused = investigator.post("/watched", watch_kind="entity", target=entity_id("small"))
    assert refused.headers["location"].startswith("/purpose")
    for role in ("viewer", "analyst", "administrator"):
        assert served.signed_in(role).post("/watched", watch_kind="entity", target=company).status_code == 403


def test_the_new_leads_on_companies_can_be_listed_and_kept_as_a_view(investigator: Visitor) -> None:
    text = investigator.get("/companies?new=1").text
    assert re.findall(r"/company-signals/([0-9a-f]{16})", text) == [NEW_COMPANY_LEAD["signal_id"]]
    kept = investigator.post("/views", signal_kind="company", name="New ones", query="new=1")
    assert kept.headers["location"] == "/companies?new=1"
    assert "New ones" in investigator.get("/companies").text
    assert "New ones" not in investigator.get("/signals").text


def test_the_whole_list_can_be_kept_too(viewer: Visitor) -> None:
    assert viewer.post("/views", name="All of it", query="").headers["location"] == "/signals"
    assert "All of it" in viewer.get("/signals").text


def test_a_view_of_companies_is_for_who_may_read_them(viewer: Visitor) -> None:
    assert viewer.post("/views", signal_kind="company", name="Not mine", query="").status_code == 403


# --- through the API -----------------------------------------------------------------------------------------------------------


def bearer(visitor: Visitor, *scopes: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_token(visitor, *scopes)}"} | more


def test_the_api_gives_the_watch_list(investigator: Visitor) -> None:
    asks = bearer(investigator, "read_signals", "read_companies")
    client, purpose = investigator.client, {"X-Purpose": "A made-up enquiry"}
    lead = NEW_LEADS.row(0, named=True)
    added = client.post("/api/v1/watched", json={"watch_kind": "area", "target": str(lead["importer_code"])}, headers=asks)
    assert added.status_code == 201
    wanted = {"watch_kind": "entity", "target": NEW_COMPANY_LEAD["entity_id"]}
    assert client.post("/api/v1/watched", json=wanted, headers=asks).status_code == 403
    assert client.post("/api/v1/watched", json=wanted, headers=asks | purpose).status_code == 201
    without = client.get("/api/v1/watched", headers=asks).json()
    assert (without["hidden"], len(without["results"])) == (1, 1)
    assert lead["signal_id"] in without["results"][0]["new_signal_ids"]
    told = {each["watch_kind"]: each for each in client.get("/api/v1/watched", headers=asks | purpose).json()["results"]}
    assert told["entity"]["new_company_signal_ids"] == [NEW_COMPANY_LEAD["signal_id"]]
    gone = f"/api/v1/watched/{told['area']['watch_id']}"
    assert [client.delete(gone, headers=asks).status_code for _ in range(2)] == [204, 404]


def test_the_api_keeps_views(viewer: Visitor) -> None:
    asks = bearer(viewer, "read_signals")
    made = viewer.client.post("/api/v1/views", json={"name": "Mine", "query": "new=1"}, headers=asks)
    assert made.status_code == 201
    assert "Mine" in viewer.get("/signals").text
    (view,) = [each for each in viewer.client.get("/api/v1/views", headers=asks).json() if each["name"] == "Mine"]
    assert viewer.client.delete(f"/api/v1/views/{view['view_id']}", headers=asks).status_code == 204
    assert "Mine" not in viewer.get("/signals").text
    assert viewer.client.get("/api/v1/views?signal_kind=company", headers=asks).status_code == 403


def test_the_api_notes_and_assigns_on_both_kinds_of_lead(investigator: Visitor) -> None:
    asks = bearer(investigator, "read_signals", "decide", "read_companies") | {"X-Case-Number": "C-1"}
    for path in (f"/api/v1/signals/{NEW_LEADS['signal_id'][0]}", f"/api/v1/company-signals/{NEW_COMPANY_LEAD['signal_id']}"):
        assert investigator.client.post(f"{path}/notes", json={"note_text": "Seen."}, headers=asks).status_code == 201
        assert investigator.client.post(f"{path}/assignments", json={"assigned_to": investigator.name}, headers=asks).status_code == 201
        assert investigator.client.post(f"{path}/assignments", json={"assigned_to": "nobody at all"}, headers=asks).status_code == 404
        told = investigator.client.get(path, headers=asks).json()
        assert told["assignee"] == investigator.name
        assert {"note", "assignment"} <= {each["kind"] for each in told["decisions"]}
        assert investigator.client.get(f"{path}/decisions", headers=asks).json() == told["decisions"]


def test_the_precision_of_leads_on_companies_is_told_to_who_may_read_them(investigator: Visitor, viewer: Visitor) -> None:
    decided = investigator.post(f"/company-signals/{NEW_COMPANY_LEAD['signal_id']}/decisions", decision="confirmed", reason="Seen.")
    assert decided.status_code == 303
    asks = bearer(investigator, "read_signals", "read_companies")
    (whole, *_) = investigator.client.get("/api/v1/precision?signal_kind=company", headers=asks).json()
    assert (whole["rule"], whole["confirmed"], whole["confirmed_share"]) == ("all", 1, 1.0)
    assert 0 < whole["lower_share"] < whole["upper_share"] == 1.0
    assert "Leads on companies" in investigator.get("/precision").text
    assert "Leads on companies" not in viewer.get("/precision").text
    assert viewer.client.get("/api/v1/precision?signal_kind=company", headers=bearer(viewer, "read_signals")).status_code == 403


def test_the_walk_upstream_goes_on_and_says_what_it_left_out(investigator: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    company = entity_id("importer")
    whole = investigator.get(f"/companies/{company}/upstream?steps=10").text
    assert "were left out" not in whole
    one = investigator.get(f"/companies/{company}/upstream?substance=acetone").text
    assert set(re.findall(r"<td>(Acetone|Toluene|Acetic anhydride)</td>", one)) == {"Acetone"}
    monkeypatch.setattr("tradeflow.serve.queries.upstream._MOST_ITEMS", 5)
    for path in (f"/companies/{company}", f"/companies/{company}/upstream"):
        assert "The walk read 5 declared items" in investigator.get(path).text
    asks = bearer(investigator, "read_signals", "read_companies") | {"X-Case-Number": "C-1"}
    one_step = investigator.client.get(f"/api/v1/companies/{company}/upstream?steps=1", headers=asks).json()
    senders = {row["entity_id"] for row in one_step["upstream"]} - {None}
    assert one_step["upstream_senders_left"] == len(senders) > 0
    told = investigator.client.get(f"/api/v1/companies/{company}/upstream", headers=asks).json()
    items = TABLES.company_item.filter((pl.col("importer_entity_id") == company) | (pl.col("consignee_entity_id") == company))
    assert told["upstream_items_left"] == items.height - 5
