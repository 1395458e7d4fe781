"""Both journeys in a real Chromium, in both languages: from the table to a decision, from a name to a dossier."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
import uvicorn
from sqlalchemy.orm import Session

from tests.chromium import Page, find_chromium, open_chromium
from tests.company_world import entity_id
from tests.release_world import make_release
from tests.serve.conftest import PASSWORD, publish
from tests.serve.with_companies import made_with_companies
from tradeflow.lake import Lake
from tradeflow.serve import accounts
from tradeflow.serve.access import RIGHTS, ROLES, Right
from tradeflow.serve.app import create_app
from tradeflow.settings import Serve, Settings

pytestmark = pytest.mark.browser
SCREENS = {"wide and light": (1400, "light"), "narrow and dark": (420, "dark")}
LANGUAGES = ("en", "es")
SOURCE_ROWS = {"en": "Source rows", "es": "Filas de origen"}


@dataclass
class Site:
    """The application at an address."""

    address: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, cheap_hashing: None) -> Iterator[Site]:
    """The application with an account for each role, at a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lake = Lake(tmp_path_factory.mktemp("site") / "lake")
    publish(lake, made_with_companies())
    app = create_app(Settings(serve=Serve(port=port, requests_per_minute=100_000, sign_ins_per_minute=1_000)), lake)
    with Session(app.state.house.stores.writing) as store, store.begin():
        for role in ROLES:
            accounts.add_account(store, role, role)
            account = accounts.find_account(store, role)
            account.password_hash, account.must_change_password = accounts._HASHER.hash(PASSWORD), False
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < end, "the server did not start"
        time.sleep(0.05)
    yield Site(f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join(timeout=30)


@pytest.fixture(scope="module")
def chromium() -> str | None:
    return find_chromium()


@pytest.fixture
def browser(chromium: str | None, require: Callable[[object, str], None]) -> Iterator[Page]:
    require(chromium, "no Chromium on this machine")
    assert chromium is not None
    with open_chromium(chromium) as page:
        yield page


def sign_in(page: Page, site: Site, role: str, language: str = "en") -> None:
    page.go(f"{site.address}/sign-in")
    if language == "es":
        page.follow("document.querySelector('form[action=\"/language\"] button').click()")
    fill_in(page, role, PASSWORD)
    assert page.evaluate("document.documentElement.lang") == language


def fill_in(page: Page, name: str, password: str) -> None:
    page.evaluate(f"document.querySelector('#name').value = {json.dumps(name)}")
    page.evaluate(f"document.querySelector('#password').value = {json.dumps(password)}")
    click(page, "form.narrow button")


def text_of(page: Page, selector: str = "main") -> str:
    return str(page.evaluate(f"document.querySelector({json.dumps(selector)}).innerText"))


def click(page: Page, selector: str) -> None:
    page.follow(f"document.querySelector({json.dumps(selector)}).click()")


def assert_clean(page: Page, site: Site) -> None:
    """Nothing was refused by the content policy, nothing failed, and nobody outside was asked."""
    assert page.complaints == []
    assert {address for address in page.requests if not address.startswith((site.address, "about:", "data:", "blob:"))} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_newcomer_comes_in_with_a_one_time_password(browser: Page, site: Site, language: str) -> None:
    """From an account that an administrator adds to the ranked table, which says how it is read."""
    sign_in(browser, site, "administrator", language)
    browser.go(f"{site.address}/users")
    browser.evaluate(f"document.querySelector(\"form[action='/users'] [name=name]\").value = 'newcomer {language}'")
    browser.evaluate("document.querySelector(\"form[action='/users'] [name=role]\").value = 'analyst'")
    click(browser, "form[action='/users'] button")
    once = browser.evaluate("document.querySelector('.done code').textContent")
    click(browser, "form[action='/sign-out'] button")
    fill_in(browser, f"newcomer {language}", once)
    assert browser.evaluate("location.pathname") == "/password"
    browser.evaluate(f"document.querySelector('#old').value = {json.dumps(once)}")
    browser.evaluate(f"document.querySelector('#new').value = {json.dumps(PASSWORD)}")
    click(browser, "form.narrow button")
    assert browser.evaluate("location.pathname") == "/signals"
    assert {"en": "How to read this table", "es": "Cómo leer esta tabla"}[language] in text_of(browser)
    assert_clean(browser, site)


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_the_table_to_a_decision(browser: Page, site: Site, language: str) -> None:
    rank = LANGUAGES.index(language) + 1
    signal_id = make_release()[0].signal.filter("is_lead_head", lead_rank=rank)["signal_id"][0]
    sign_in(browser, site, "analyst", language)
    browser.go(f"{site.address}/signals")
    browser.evaluate(f"document.querySelector('#lead-{signal_id} summary').focus()")
    browser.press("Enter")
    browser.wait_for(f"document.querySelectorAll('#lead-{signal_id} .chart svg').length === 2")
    browser.evaluate(f"document.querySelector('#lead-{signal_id} .act summary').click()")
    browser.evaluate(f"document.querySelector('#lead-{signal_id} .act textarea').value = 'Three sources agree.'")
    click(browser, f"#lead-{signal_id} .act button")
    assert browser.evaluate("location.pathname") == f"/signals/{signal_id}"
    assert "Three sources agree." in text_of(browser)
    assert {"en": "confirmed", "es": "confirmado"}[language] in text_of(browser, "#decisions")
    assert_clean(browser, site)


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_a_name_to_a_dossier(browser: Page, site: Site, language: str) -> None:
    sign_in(browser, site, "investigator", language)
    browser.evaluate("document.querySelector('#find').value = 'qalem quimca'")
    click(browser, ".find-box button")
    click(browser, "a[href^='/companies/']")
    assert browser.evaluate("location.pathname") == "/purpose"
    state_purpose(browser)
    assert browser.evaluate("location.pathname") == f"/companies/{entity_id('importer')}"
    assert "QALEM QUIMICA SA DE CV" in text_of(browser)
    begins = "fetch(document.querySelector(\"a[href$='dossier.pdf']\").href).then((a) => a.text()).then((text) => text.slice(0, 5))"
    assert browser.evaluate(begins) == "%PDF-"
    assert_clean(browser, site)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", ROLES)
def test_each_role_decides_on_a_lead_or_is_shown_no_way_to(browser: Page, site: Site, role: str, language: str) -> None:
    """From the table to a decision: who may not decide reads all of the lead, finds no form for it, and is refused where one is sent."""
    rank = 10 + 4 * LANGUAGES.index(language) + ROLES.index(role)
    signal_id = make_release()[0].signal.filter("is_lead_head", lead_rank=rank)["signal_id"][0]
    sign_in(browser, site, role, language)
    browser.go(f"{site.address}/signals/{signal_id}")
    assert SOURCE_ROWS[language] in text_of(browser)
    ways = browser.evaluate("document.querySelectorAll('.acts form').length")
    if Right.DECIDE in RIGHTS[role]:
        browser.evaluate("document.querySelectorAll('.act')[1].open = true")
        browser.evaluate("document.querySelector('select[name=reason_code]').value = 'timing'")
        click(browser, ".act[open] button")
        assert {"en": "dismissed", "es": "descartado"}[language] in text_of(browser, "#decisions")
    else:
        assert ways == 0
        assert send(browser, f"/signals/{signal_id}/decisions", decision="confirmed", reason="x") == 403
        assert browser.evaluate("document.querySelector('#decisions .told')") is None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", ROLES)
def test_each_role_comes_to_a_company_or_is_turned_away(browser: Page, site: Site, role: str, language: str) -> None:
    """From a name to a dossier: who may not read companies is shown no name in the search, no page and no file."""
    sign_in(browser, site, role, language)
    browser.evaluate("document.querySelector('#find').value = 'qalem quimca'")
    click(browser, ".find-box button")
    found = browser.evaluate("document.querySelectorAll(\"a[href^='/companies/']\").length")
    company = f"/companies/{entity_id('importer')}"
    if Right.READ_COMPANIES in RIGHTS[role]:
        assert found == 1
        browser.go(site.address + company)
        assert browser.evaluate("location.pathname") == "/purpose"
        state_purpose(browser)
        assert browser.evaluate("location.pathname") == company
        assert browser.evaluate("fetch(document.querySelector(\"a[href$='dossier.xlsx']\").href).then((a) => a.status)") == 200
    else:
        assert found == 0
        for path in (company, f"{company}/dossier.pdf", "/companies", "/company-signals/0000000000000001", "/purpose"):
            assert browser.evaluate(f"fetch('{path}').then((answer) => answer.status)") == 403, path
        assert "QALEM" not in text_of(browser, "body").upper().replace("QALEM QUIMCA", "")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_led_only_where_it_may_go(browser: Page, site: Site, role: str) -> None:
    sign_in(browser, site, role)
    browser.go(f"{site.address}/signals")
    places = browser.evaluate("[...document.querySelectorAll('.places a')].map((a) => a.getAttribute('href'))")
    assert ("/companies" in places) == (role == "investigator")
    assert ("/users" in places) == ("/audit" in places) == (role == "administrator")
    for place in places:
        browser.go(site.address + place)
        assert browser.evaluate("document.querySelector('h1') !== null")
        if browser.evaluate("location.pathname") != "/purpose":
            assert browser.evaluate("document.querySelector('.places [aria-current=page]').getAttribute('href')") == place
    assert_clean(browser, site)


def send(page: Page, path: str, **fields: str) -> int:
    """Send a form that the page does not show, with the session's own mark; return the status."""
    sent = {"csrf_token": page.evaluate("document.querySelector('[name=csrf_token]').value")} | fields
    body = f"new URLSearchParams({json.dumps(sent)})"
    return int(page.evaluate(f"fetch('{path}', {{method: 'POST', body: {body}}}).then((answer) => answer.status)"))


def state_purpose(page: Page) -> None:
    page.evaluate("document.querySelector('[name=case_number]').value = 'C-7'")
    click(page, "form[action='/purpose'] button")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_watched_is_told_and_let_go(browser: Page, site: Site, language: str) -> None:
    signal_id = make_release()[0].signal.filter("is_lead_head", lead_rank=1)["signal_id"][0]
    sign_in(browser, site, "viewer", language)
    browser.go(f"{site.address}/signals/{signal_id}")
    click(browser, ".watch button[aria-pressed=false]")
    assert browser.evaluate("location.pathname") == f"/signals/{signal_id}"
    assert browser.evaluate("document.querySelectorAll('.watch button[aria-pressed=true]').length") == 1
    browser.go(f"{site.address}/watched")
    assert browser.evaluate("document.querySelectorAll('section.watched').length") == 1
    click(browser, "section.watched form button")
    assert browser.evaluate("document.querySelectorAll('section.watched').length") == 0
    assert_clean(browser, site)


def test_no_english_is_left_on_a_spanish_page(browser: Page, site: Site) -> None:
    """No sentence of the release is marked as English, and none of the words that English text is made of stands there."""
    sign_in(browser, site, "investigator", "es")
    browser.go(f"{site.address}/purpose")
    state_purpose(browser)
    for path in sorted(set(pages()) - {"/run"}):  # names of broken rules and models' cards are the run's own words
        browser.go(site.address + path)
        assert browser.evaluate("[...document.querySelectorAll('main [lang=en]')].map((each) => each.textContent)") == [], path
        browser.evaluate("for (const details of document.querySelectorAll('main details')) details.open = true")
        assert re.findall(r"[^.]*\b(?:the|with|where|which|from|lead|months|earlier|to|of)\b[^.]*", text_of(browser)) == [], path


@pytest.mark.parametrize("screen", SCREENS)
def test_no_page_has_a_fault_for_who_cannot_see_it_or_is_cut(browser: Page, site: Site, screen: str) -> None:
    """axe-core finds nothing, and no page is wider than the screen."""
    width, scheme = SCREENS[screen]
    browser.set_screen(width, 1000, {"prefers-color-scheme": scheme})
    browser.go(f"{site.address}/sign-in")
    assert_no_fault(browser, width)
    sign_in(browser, site, "administrator")
    for path in ("/users", "/audit", "/account"):
        browser.go(site.address + path)
        assert_no_fault(browser, width)
    click(browser, "form[action='/sign-out'] button")
    sign_in(browser, site, "investigator")
    for watch_kind, target in (("area", "484"), ("substance", "acetone"), ("commodity", "2914")):
        assert send(browser, "/watched", watch_kind=watch_kind, target=target) == 200
    browser.go(f"{site.address}/purpose")
    state_purpose(browser)
    for path in pages():
        browser.go(site.address + path)
        assert_no_fault(browser, width)
    assert_clean(browser, site)


def assert_no_fault(browser: Page, width: int) -> None:
    browser.evaluate("for (const details of document.querySelectorAll('main details:not([data-piece])')) details.open = true")
    browser.evaluate(f"{(files('axe_core_python') / 'axe.min.js').read_text(encoding='utf-8')}; 0")
    found = browser.evaluate("axe.run().then((told) => told.violations.map((each) => `${each.id}: ${each.nodes[0].html}`))")
    path = browser.evaluate("location.pathname")
    assert found == [], path
    assert browser.evaluate("document.documentElement.scrollWidth") <= width, path


def pages() -> list[str]:
    signal, series = make_release()[0].signal, make_release()[0].baseline.filter(series_level="importer").row(0, named=True)
    lead = signal.filter("is_lead_head", lead_rank=5)["signal_id"][0]
    country = f"/countries/{series['importer_code']}"
    company = f"/companies/{entity_id('importer')}"
    of_all = ["/signals", f"/signals/{lead}", "/precision", "/run", country, f"{country}/{series['commodity_code']}", "/search?q=aceton"]
    behind = made_with_companies()[0].signal_declaration["signal_id"][0]
    of_companies = ["/companies", company, f"{company}/upstream", "/company-signals/0000000000000001", f"/company-signals/behind/{behind}"]
    return [*of_all, "/search", "/watched", *of_companies, "/account", "/password", "/purpose"]


def test_reading_needs_no_script(browser: Page, site: Site) -> None:
    sign_in(browser, site, "viewer")
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.go(f"{site.address}/signals")
    signal_id = make_release()[0].signal.filter("is_lead_head", lead_rank=1)["signal_id"][0]
    address = browser.evaluate(f"document.querySelector('#lead-{signal_id} .piece a').href")
    browser.go(address)
    assert "Source rows" in text_of(browser)
    assert "its figures stand in the table by period below" in str(browser.evaluate("document.querySelector('noscript').textContent"))


def test_a_lead_prints_whole(browser: Page, site: Site, tmp_path: Path) -> None:
    sign_in(browser, site, "viewer")
    signal_id = make_release()[0].signal.filter("is_lead_head", lead_rank=1)["signal_id"][0]
    browser.set_screen(media={"type": "print"})
    browser.go(f"{site.address}/signals/{signal_id}")
    assert browser.evaluate("getComputedStyle(document.querySelector('.bar-top')).display") == "none"
    assert "Source rows" in text_of(browser)
