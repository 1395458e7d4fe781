from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.company_world import entity_id
from tests.release_world import make_release
from tests.serve.conftest import Served, Visitor
from tests.serve.with_companies import open_with_companies, state_purpose
from tradeflow.contract import load_contract

API = "/api/v1"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, cheap_hashing: None) -> Iterator[Served]:
    served = open_with_companies(tmp_path_factory.mktemp("api"))
    yield served
    served.app.state.house.stores.dispose()


@pytest.fixture(scope="module")
def investigator(served: Served) -> Visitor:
    return state_purpose(served.signed_in("investigator"))


@pytest.fixture(scope="module")
def viewer(served: Served) -> Visitor:
    return served.signed_in("viewer")


def ask(visitor: Visitor, path: str, status: int = 200, **more: Any) -> Any:
    answer = visitor.get(API + path, **more)
    assert answer.status_code == status, (path, answer.status_code, answer.text[:300])
    return answer.json() if status not in (304,) else None


def send(visitor: Visitor, path: str, status: int, content: Any) -> Any:
    answer = visitor.client.post(API + path, json=content, headers={"X-CSRF-Token": visitor.csrf_token})
    assert answer.status_code == status, answer.text[:300]
    return answer.json()


@pytest.mark.parametrize("path", ["/signals", "/signals.csv", "/signals.parquet"])
def test_a_cursor_that_cannot_be_read_is_told_before_an_answer_begins(viewer: Visitor, path: str) -> None:
    for behind in ("áé", "bm90IGpzb24", "WzEsIG51bGxd"):
        answer = viewer.get(f"{API}{path}?behind={behind}")
        assert answer.status_code == 400, answer.text
        assert "cursor" in answer.json()["detail"]


def test_pages_by_cursor_give_every_lead_once_and_whole(viewer: Visitor) -> None:
    heads = make_release()[0].signal.filter("is_lead_head").sort("lead_rank")
    seen: list[dict[str, Any]] = []
    following: str | None = ""
    while following is not None:
        told = ask(viewer, f"/signals?limit=7&behind={following}")
        assert told["count"] == heads.height
        seen += [lead["signal"] for lead in told["results"]]
        following = told["following"]
    assert [row["signal_id"] for row in seen] == heads["signal_id"].to_list()
    assert list(seen[0]) == load_contract("signal").column_names
    assert seen[0]["signal_reason"] == heads["signal_reason"][0]


def test_downloads_hold_what_the_list_holds(viewer: Visitor) -> None:
    heads = make_release()[0].signal.filter("is_lead_head", importer_code=484).sort("lead_rank")
    parquet = viewer.get(f"{API}/signals.parquet?importer=484")
    assert_frame_equal(pl.read_parquet(io.BytesIO(parquet.content)), heads)
    csv = pl.read_csv(viewer.get(f"{API}/signals.csv?importer=484").content, infer_schema=False)
    assert csv["signal_id"].to_list() == heads["signal_id"].to_list()
    assert set(csv["importer_name"]) == {"Mexico"}


def test_a_download_of_nothing_has_its_heading(viewer: Visitor) -> None:
    text = viewer.get(f"{API}/signals.csv?substance=nothing").text
    assert text.startswith("signal_id,")
    assert len(text.splitlines()) == 1


def test_who_has_the_answer_of_this_release_is_told_so(viewer: Visitor) -> None:
    first = viewer.get(f"{API}/release")
    ask(viewer, "/release", 304, headers={"If-None-Match": first.headers["etag"]})
    ask(viewer, "/release", 200, headers={"If-None-Match": '"another"'})
    assert viewer.get(f"{API}/run").headers["etag"] != first.headers["etag"]


def test_a_lead_whole(viewer: Visitor) -> None:
    tables, _ = make_release()
    signal = tables.signal.filter("is_lead_head", lead_rank=1).row(0, named=True)
    told = ask(viewer, f"/signals/{signal['signal_id']}")
    assert told["signal"]["lead_id"] == signal["lead_id"]
    assert len(told["evidence"]) == tables.signal_evidence.filter(signal_id=signal["signal_id"]).height
    assert {period["period"] for period in told["periods"]} >= {signal["period"]}
    ask(viewer, "/signals/0000000000000000", 404)
    ask(viewer, "/signals/nonsense", 422)


def test_a_decision_is_added_and_never_by_who_may_not(viewer: Visitor, investigator: Visitor) -> None:
    signal_id = make_release()[0].signal["signal_id"][0]
    path = f"/signals/{signal_id}/decisions"
    send(viewer, path, 403, {"decision": "confirmed"})
    send(investigator, path, 400, {"decision": "dismissed"})
    send(investigator, path, 400, {"decision": "anything"})
    send(investigator, path, 400, {"decision": "confirmed", "reason": "Seen.\0"})
    send(investigator, path, 201, {"decision": "dismissed", "reason_code": "timing"})
    assert [one["decision"] for one in ask(investigator, path)] == ["dismissed"]
    send(investigator, f"/signals/{signal_id}/notes", 201, {"note_text": "Seen."})
    assert [one["kind"] for one in ask(investigator, path)] == ["note", "decision"]


def test_what_a_company_page_shows_the_api_gives(investigator: Visitor, viewer: Visitor, served: Served) -> None:
    path = f"/companies/{entity_id('importer')}"
    told = ask(investigator, path)
    assert told["entity"]["entity_name"] == "Qalem Química S.A. de C.V."
    assert [one["licence_number"] for one in told["licences"]] == ["LIC-2024-7"]
    assert {one["notification_number"] for one in told["notifications"]} == {"PEN-1", "PEN-2", "PEN-3"}
    assert told["upstream"][0]["step_count"] == 1
    assert ask(investigator, "/company-signals")["count"] == 5
    assert ask(investigator, "/company-signals?rule=family_basket")["count"] == 1
    ask(viewer, path, 403)
    ask(served.signed_in("investigator"), path, 403)


def test_the_declarations_behind_a_lead_and_decisions_on_companies(investigator: Visitor, viewer: Visitor) -> None:
    first = make_release()[0].signal.filter("is_lead_head", lead_rank=1)["signal_id"][0]
    assert len(ask(investigator, f"/company-signals/behind/{first}")) == 5
    ask(viewer, f"/company-signals/behind/{first}", 403)
    send(investigator, "/company-signals/0000000000000001/decisions", 201, {"decision": "confirmed", "reason": "Seen."})
    send(viewer, "/company-signals/0000000000000001/decisions", 403, {"decision": "confirmed"})


def test_every_time_names_its_zone(investigator: Visitor) -> None:
    company = ask(investigator, f"/companies/{entity_id('importer')}")
    assert company["licences"][0]["retrieved_at"] == "2025-01-05T00:00:00Z"


def test_refusals_before_the_application_are_json_too(investigator: Visitor) -> None:
    answer = investigator.get(f"{API}/search?q=%00")
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_search_names_companies_to_investigators_alone(viewer: Visitor, investigator: Visitor) -> None:
    assert {one["kind"] for one in ask(investigator, "/search?q=qalem quimca")["results"]} == {"company"}
    assert ask(viewer, "/search?q=qalem quimca")["results"] == []
    assert ask(viewer, "/search?q=24-0000001")["declarations"] == []


def test_many_names_are_matched_in_the_form_of_yente(investigator: Visitor) -> None:
    queries = {
        "slip": {"schema": "Company", "properties": {"name": ["Qalem Quimca"], "country": ["mx"]}},
        "abroad": {"schema": "Company", "properties": {"name": ["Qalem Quimca"], "country": ["de"]}},
        "number": {"schema": "LegalEntity", "properties": {"taxNumber": ["QEXP800101AB1"]}},
        "nobody": {"schema": "Company", "properties": {"name": ["Zzzzz Wwwww"]}},
    }
    told = send(investigator, "/match", 200, {"queries": queries})["responses"]
    first = told["slip"]["results"][0]
    assert (first["id"], first["match"], first["schema"], first["properties"]["country"]) == (
        entity_id("importer"),
        True,
        "Company",
        ["mx"],
    )
    assert told["abroad"]["results"][0]["score"] < first["score"]
    assert told["number"]["results"][0]["id"] == entity_id("exporter")
    assert told["nobody"]["results"] == []
    send(investigator, "/match", 422, {"queries": {}})
    send(investigator, "/match", 422, {"queries": {str(at): queries["slip"] for at in range(101)}})


def test_the_description_declares_every_column_with_its_meaning(viewer: Visitor) -> None:
    described = ask(viewer, "/openapi.json")["components"]["schemas"]["SignalRow"]["properties"]
    for column in load_contract("signal").columns:
        assert column.meaning in described[column.name]["description"]


def test_the_description_tells_the_ways_in_and_the_headers(viewer: Visitor) -> None:
    described = ask(viewer, "/openapi.json")
    assert set(described["components"]["securitySchemes"]) == {"token", "session"}
    company = described["paths"]["/api/v1/companies/{entity_id}"]["get"]
    assert company["security"] == [{"token": []}, {"session": []}]
    assert {"x-purpose", "x-case-number"} <= {parameter["name"] for parameter in company["parameters"]}
    run = described["paths"]["/api/v1/run"]["get"]
    assert "if-none-match" in {parameter["name"] for parameter in run["parameters"]}
    assert "ETag" in run["responses"]["200"]["headers"]


def test_a_method_that_is_not_taken_is_told_with_those_that_are(viewer: Visitor) -> None:
    for path in (f"{API}/release", "/signals"):
        answer = viewer.client.delete(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_the_tables_of_the_run_in_pieces(viewer: Visitor) -> None:
    tables, _ = make_release()
    held = {"reporters": tables.reporter_reliability, "detectable": tables.detectable_excess, "unlocated": tables.unlocated_trade}
    for path, table in held.items():
        rows = [row for skip in range(0, table.height + 1, 50) for row in ask(viewer, f"/run/{path}?limit=50&skip={skip}")]
        assert len(rows) == len({str(row) for row in rows}) == table.height, path
    assert ask(viewer, "/run/freshness") == []


def test_how_many_leads_have_what(viewer: Visitor) -> None:
    heads = make_release()[0].signal.filter("is_lead_head")
    told = ask(viewer, "/signal-counts")
    assert sum(told["statuses"].values()) == heads.height
    counted = {choice["value"]: choice["leads"] for choice in told["choices"]["importer_code"]}
    assert counted == dict(heads["importer_code"].value_counts().iter_rows())


def test_the_parts_of_a_score_add_up_and_a_series_tells_its_routes(viewer: Visitor) -> None:
    lead = make_release()[0].signal.filter(is_lead_head=True, lead_rank=2).row(0, named=True)
    parts = ask(viewer, f"/signals/{lead['signal_id']}")["parts"]
    assert lead["rule"] in {part["rule"] for part in parts}
    assert sum(part["share"] for part in parts) == pytest.approx(1.0)
    series = make_release()[0].baseline.filter(series_level="importer").row(0, named=True)
    told = ask(viewer, f"/countries/{series['importer_code']}/{series['commodity_code']}")
    assert {"exporter_code", "import_net_weight_kg", "export_net_weight_kg"} == set(told["partners"][0])


def test_a_company_tells_where_its_leads_stand(investigator: Visitor) -> None:
    told = ask(investigator, f"/companies/{entity_id('importer')}")
    assert set(told["statuses"]) == {lead["signal_id"] for lead in told["leads"]}
