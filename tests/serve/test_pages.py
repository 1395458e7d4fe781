from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.company_world import NAMES, add_companies, entity_id
from tests.release_world import NASTY, make_release, replace_tables
from tests.serve.conftest import NOW, Served, Visitor
from tests.serve.with_companies import made_with_companies, open_with_companies, state_purpose
from tradeflow.lake import serving_url
from tradeflow.publish.serving import serve_release
from tradeflow.serve.store import AuditEntry


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, cheap_hashing: None) -> Iterator[Served]:
    served = open_with_companies(tmp_path_factory.mktemp("pages"))
    yield served
    served.app.state.house.stores.dispose()


@pytest.fixture(scope="module")
def analyst(served: Served) -> Visitor:
    return served.signed_in("analyst")


@pytest.fixture(scope="module")
def viewer(served: Served) -> Visitor:
    return served.signed_in("viewer")


@pytest.fixture(scope="module")
def investigator(served: Served) -> Visitor:
    return state_purpose(served.signed_in("investigator"))


def page(visitor: Visitor, path: str, status: int = 200) -> str:
    answer = visitor.get(path)
    assert answer.status_code == status, (path, answer.status_code, answer.text[:300])
    return str(answer.text)


def signals_on(text: str) -> list[str]:
    return re.findall(r'id="lead-([0-9a-f]{16})"', text)


def head(rank: int) -> str:
    tables, _ = make_release()
    return str(tables.signal.filter(is_lead_head=True, lead_rank=rank)["signal_id"][0])


def test_the_table_shows_every_lead_once_over_its_pages(viewer: Visitor) -> None:
    tables, _ = make_release()
    seen, path = [], "/signals"
    for _ in range(9):
        text = page(viewer, path)
        seen += signals_on(text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        if following is None:
            break
        path = html.unescape(following[1])
    assert seen == tables.signal.filter("is_lead_head").sort("lead_rank")["signal_id"].to_list()


@pytest.mark.parametrize("sort", ["rank", "period", "observed", "expected", "excess", "q"])
def test_each_order_loses_no_lead_between_pages(viewer: Visitor, sort: str) -> None:
    first = page(viewer, f"/signals?sort={sort}")
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    assert len({*signals_on(first), *signals_on(page(viewer, html.unescape(following[1])))}) == 60


def test_fields_of_the_address_narrow_the_list(viewer: Visitor) -> None:
    signal = make_release()[0].signal
    heads = signal.filter("is_lead_head")
    broke = heads.join(signal.filter(rule="new_route"), on="lead_id", how="semi")
    for fields, kept in [
        ("importer=484", heads.filter(importer_code=484)),
        ("commodity=2914.11", heads.filter(commodity_code="291411")),
        ("substance=acetone", heads.filter(substance_code="acetone")),
        ("rule=new_route", broke),
        ("status=confirmed", heads.head(0)),
    ]:
        assert set(signals_on(page(viewer, f"/signals?{fields}"))) == set(kept["signal_id"]), fields


def test_a_form_with_empty_fields_narrows_nothing(viewer: Visitor) -> None:
    assert len(signals_on(page(viewer, "/signals?rule=&importer=&score=&since=&status=&sort=&flagged="))) == 50


@pytest.mark.parametrize("fields", ["behind=nonsense", "score=nan", "importer=-1", "sort=anything", "since=x", "behind=W251bGwsIDFd"])
def test_a_field_that_cannot_be_read_is_refused_in_words(viewer: Visitor, fields: str) -> None:
    answer = viewer.get(f"/signals?{fields}")
    assert answer.status_code in (400, 422)
    assert "This did not work" in answer.text


def test_a_lead_tells_its_sentence_figures_and_source_rows(viewer: Visitor) -> None:
    tables, _ = make_release()
    signal_id = head(1)
    text = html.unescape(page(viewer, f"/signals/{signal_id}"))
    assert tables.signal.filter(signal_id=signal_id)["signal_reason"][0] in text
    for snapshot_id in tables.signal_evidence.filter(signal_id=signal_id)["snapshot_id"]:
        assert snapshot_id in text
    piece = page(viewer, f"/signals/{signal_id}/dossier")
    assert "<html" not in piece
    assert "What drove the score" in piece


def test_who_only_reads_sees_no_form_of_a_decision(viewer: Visitor, analyst: Visitor) -> None:
    assert "Confirm the lead" not in page(viewer, f"/signals/{head(2)}")
    assert "Confirm the lead" in page(analyst, f"/signals/{head(2)}")


def test_decisions_stand_beside_each_other_and_count_in_the_list(analyst: Visitor) -> None:
    path = f"/signals/{head(3)}"
    assert analyst.post(f"{path}/decisions", decision="dismissed").status_code == 400
    assert analyst.post(f"{path}/decisions", decision="dismissed", reason_code="timing", reason=NASTY).status_code == 303
    assert analyst.post(f"{path}/decisions", decision="confirmed", reason="It came back.").status_code == 303
    assert analyst.post(f"{path}/notes", note_text="Asked the office.").status_code == 303
    text = page(analyst, path)
    assert text.count("decided:") == 2
    assert html.escape(NASTY, quote=False).replace('"', "&#34;") in text
    assert NASTY not in text
    assert "Asked the office." in text
    assert signals_on(page(analyst, "/signals?status=confirmed")) == [head(3)]
    assert "1 of 1 decided leads were confirmed" in page(analyst, "/signals")


def test_a_lead_is_asked_of_somebody(served: Served, analyst: Visitor) -> None:
    colleague = served.signed_in("analyst")
    number = re.search(rf'value="(\d+)"[^>]*>{colleague.name}', page(analyst, f"/signals/{head(4)}"))
    assert number is not None
    assert analyst.post(f"/signals/{head(4)}/assignments", assigned_to=number[1]).status_code == 303
    assert signals_on(page(colleague, f"/signals?assigned={number[1]}")) == [head(4)]


def test_a_view_is_kept_shared_and_removed_by_its_owner(viewer: Visitor, analyst: Visitor) -> None:
    assert analyst.post("/views", name="Mexico", query="importer=484", is_shared="true").status_code == 303
    text = page(viewer, "/signals")
    assert '<a href="/signals?importer=484">Mexico</a>' in text
    view_id = re.search(r"/views/(\d+)/remove", page(analyst, "/signals"))
    assert view_id is not None
    viewer.post(f"/views/{view_id[1]}/remove")
    assert "Mexico</a>" in page(viewer, "/signals")
    analyst.post(f"/views/{view_id[1]}/remove")
    assert "Mexico</a>" not in page(viewer, "/signals")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("aceton", "Acetone"),
        ("anhidrido acetico", "anhídrido acético"),
        ("108-24-7", "108-24-7"),
        ("2914.11", "291411"),
        ("mexiko", "Mexico"),
    ],
)
def test_the_box_finds_substances_codes_and_countries_for_everybody(viewer: Visitor, asked: str, found: str) -> None:
    assert f">{found}<" in page(viewer, f"/search?q={asked}")


@pytest.mark.parametrize("asked", ["qalem quimca", "QALEM", "克林化工", "quart khimia", "QIMP800101AB1", "24-0000001"])
def test_companies_and_declarations_are_found_by_investigators_alone(viewer: Visitor, investigator: Visitor, asked: str) -> None:
    assert "/companies/" in page(investigator, f"/search?q={asked}")
    text = page(viewer, f"/search?q={asked}")
    assert "/companies/" not in text
    assert not any(name in html.unescape(text).replace(asked, "") for names in NAMES.values() for name in names)


def test_a_company_page_holds_all_that_is_known(investigator: Visitor) -> None:
    text = html.unescape(page(investigator, f"/companies/{entity_id('importer')}"))
    for told in (
        *NAMES["importer"],
        "LIC-2024-7",
        "PEN-1",
        "objected to",
        "one name in one country, where it stands under one number at most",
        "Agencia Aduanal Qamar",
        "<svg",
    ):
        assert told in text, told
    assert "Outside its size or business" in text
    assert investigator.get("/companies/nobody").status_code == 404


def test_names_from_declarations_are_never_markup(investigator: Visitor) -> None:
    for path in (f"/companies/{entity_id('nasty')}", "/companies", "/search?q=qaz", f"/companies/{entity_id('broker')}"):
        text = page(investigator, path)
        assert "onerror" in text, path
        assert "<img" not in text
        assert "<script>" not in text


def test_a_decision_on_a_company_lead_needs_an_investigator_with_a_purpose(served: Served, investigator: Visitor, analyst: Visitor) -> None:
    path = "/company-signals/0000000000000001/decisions"
    assert analyst.post(path, decision="confirmed", reason="x").status_code == 403
    assert served.signed_in("investigator").post(path, decision="confirmed", reason="x").headers["location"].startswith("/purpose")
    assert investigator.post(path, decision="confirmed", reason="Seen before.").status_code == 303
    assert "Seen before." in page(investigator, "/company-signals/0000000000000001")


def test_the_declarations_behind_a_country_lead_are_for_investigators(viewer: Visitor, investigator: Visitor) -> None:
    path = f"/company-signals/behind/{head(1)}"
    assert viewer.get(path).status_code == 403
    assert path not in page(viewer, f"/signals/{head(1)}")
    assert path in page(investigator, f"/signals/{head(1)}")
    assert "24-0000001" in page(investigator, path)
    assert "only statistics are" in page(investigator, f"/company-signals/behind/{head(2)}")


def test_a_country_and_a_code_of_it(viewer: Visitor) -> None:
    series = make_release()[0].baseline.filter(series_level="importer").row(0, named=True)
    text = page(viewer, f"/countries/{series['importer_code']}/{series['commodity_code']}")
    assert "What was reported, against what was expected" in text
    assert series["commodity_code"] in page(viewer, f"/countries/{series['importer_code']}")
    assert viewer.get("/countries/0").status_code == 404
    assert viewer.get("/countries/484/999999").status_code == 404


def test_the_run_tells_what_was_set_apart_and_keeps_declarations_from_who_may_not_see_them(viewer: Visitor, investigator: Visitor) -> None:
    assert "unknown partner code" in page(viewer, "/run")
    assert viewer.get("/run/quarantine?contract=source_customs_declaration&rule=x").status_code == 403
    assert investigator.get("/run/quarantine?contract=source_customs_declaration&rule=x").status_code == 200


def test_the_language_is_the_browsers_until_one_is_chosen(viewer: Visitor) -> None:
    text = str(viewer.get("/signals", headers={"Accept-Language": "es-MX,es;q=0.9"}).text)
    assert '<html lang="es">' in text
    assert "Indicios ordenados" in text


def test_decisions_outlive_a_release_and_new_leads_are_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    served = open_with_companies(tmp_path_factory.mktemp("two"))
    analyst = served.signed_in("analyst")
    assert signals_on(page(analyst, "/signals?new=1")) == []
    analyst.post(f"/signals/{head(1)}/decisions", decision="passed_on", passed_to="The office", reason="")
    tables, manifest = made_with_companies()
    kept = tables.signal.filter(~tables.signal["signal_id"].is_in([head(2)]))
    serve_release(serving_url(served.lake), "before", replace_tables(tables, signal=kept), manifest, published_at=NOW)
    serve_release(serving_url(served.lake), "after", add_companies(tables), manifest, published_at=NOW + timedelta(days=30))
    assert "to The office" in page(analyst, f"/signals/{head(1)}")
    assert signals_on(page(analyst, "/signals?status=passed_on")) == [head(1)]
    served.app.state.house.stores.dispose()


def test_a_reason_without_words_is_never_kept(analyst: Visitor) -> None:
    """Decisions are kept for good: one that no page can tell would take the lead's page away from everybody."""
    path = f"/signals/{signals_on(page(analyst, '/signals'))[-1]}"
    for decision in ("confirmed", "reopened", "dismissed"):
        assert analyst.post(f"{path}/decisions", decision=decision, reason="seen", reason_code="made_up").status_code == 400
    page(analyst, path)


def test_rows_that_name_companies_are_opened_under_a_purpose(served: Served) -> None:
    without, path = served.signed_in("investigator"), "/run/quarantine?contract=source_customs_declaration&rule=x"
    assert without.get(path).headers["location"].startswith("/purpose?next=%2Frun%2Fquarantine")
    assert without.get(f"/api/v1{path}").status_code == 403
    assert without.get("/run/quarantine?contract=trade_flow&rule=x").status_code == 200


@pytest.mark.parametrize("path", ["/companies", "/companies/{0}", "/search?q=qalem", "/company-signals/{1}"])
def test_the_log_says_which_companies_a_page_named(served: Served, investigator: Visitor, path: str) -> None:
    lead = re.search(r"/company-signals/([0-9a-f]{16})", page(investigator, "/companies"))
    assert lead is not None
    text = page(investigator, path.format(entity_id("importer"), lead[1]))
    with served.writing() as store:
        returned = store.scalars(sa.select(AuditEntry.returned).order_by(AuditEntry.entry_number.desc()).limit(1)).one()
    shown = set(re.findall(r'href="/companies/([^"/#?.]+)"', text))
    assert shown
    assert shown <= set(json.loads(returned)["company"]["ids"])


def test_what_is_not_there_is_told_in_the_language_of_the_page(investigator: Visitor) -> None:
    spanish = {"Accept-Language": "es"}
    told = {
        "/signals/0123456789abcdef": "En esta edición no hay ninguna señal",
        "/company-signals/0123456789abcdef": "En esta edición no hay ninguna señal",
        "/companies/0123456789abcdef": "En esta edición no hay ninguna empresa",
        "/countries/999": "No hay ningún área",
        "/countries/484/999999": "México no se examina en SA 999999",
        "/signals?behind=x": "El cursor de la página no se puede leer",
    }
    for path, words in told.items():
        assert words in investigator.get(path, headers=spanish).text, path
    assert "Brasil" in investigator.get("/countries/76", headers=spanish).text
    assert "Brazil" not in investigator.get("/countries/76", headers=spanish).text
    gone = investigator.client.post("/watched/99/remove", data={"csrf_token": investigator.csrf_token}, headers=spanish)
    assert "Esto no está en su lista de vigilancia." in gone.text
