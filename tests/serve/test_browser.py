"""Both journeys in a real Chromium, in both languages: from the table to a decision, from a name to a dossier."""

from __future__ import annotations

import json
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
from tradeflow.serve.access import ROLES
from tradeflow.serve.app import create_app
from tradeflow.settings import Serve, Settings

pytestmark = pytest.mark.browser
SCREENS = {"wide and light": (1400, "light"), "narrow and dark": (420, "dark")}
LANGUAGES = ("en", "es")


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
    page.evaluate(f"document.querySelector('#name').value = {json.dumps(role)}")
    page.evaluate(f"document.querySelector('#password').value = {json.dumps(PASSWORD)}")
    page.follow("document.querySelector('form.narrow button').click()")
    assert page.evaluate("document.documentElement.lang") == language


def text_of(page: Page, selector: str = "main") -> str:
    return str(page.evaluate(f"document.querySelector({json.dumps(selector)}).innerText"))


def click(page: Page, selector: str) -> None:
    page.follow(f"document.querySelector({json.dumps(selector)}).click()")


def assert_clean(page: Page, site: Site) -> None:
    """Nothing was refused by the content policy, nothing failed, and nobody outside was asked."""
    assert page.complaints == []
    assert {address for address in page.requests if not address.startswith((site.address, "about:", "data:", "blob:"))} == set()


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
    browser.evaluate("document.querySelector('[name=case_number]').value = 'C-7'")
    click(browser, "form[action='/purpose'] button[type=submit], form[action='/purpose'] button")
    assert browser.evaluate("location.pathname") == f"/companies/{entity_id('importer')}"
    assert "QALEM QUIMICA SA DE CV" in text_of(browser)
    begins = "fetch(document.querySelector(\"a[href$='dossier.pdf']\").href).then((a) => a.text()).then((text) => text.slice(0, 5))"
    assert browser.evaluate(begins) == "%PDF-"
    assert_clean(browser, site)


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
    assert_clean(browser, site)


@pytest.mark.parametrize("screen", SCREENS)
def test_no_page_has_a_fault_for_who_cannot_see_it_or_is_cut(browser: Page, site: Site, screen: str) -> None:
    """axe-core finds nothing, and no page is wider than the screen."""
    width, scheme = SCREENS[screen]
    browser.set_screen(width, 1000, {"prefers-color-scheme": scheme})
    axe = (files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
    sign_in(browser, site, "investigator")
    browser.go(f"{site.address}/purpose")
    browser.evaluate("document.querySelector('[name=case_number]').value = 'C-7'")
    click(browser, "form[action='/purpose'] button[type=submit], form[action='/purpose'] button")
    for path in pages():
        browser.go(site.address + path)
        browser.evaluate("for (const details of document.querySelectorAll('main details:not([data-piece])')) details.open = true")
        browser.evaluate(f"{axe}; 0")
        found = browser.evaluate("axe.run().then((told) => told.violations.map((each) => `${each.id}: ${each.nodes[0].html}`))")
        assert found == [], path
        assert browser.evaluate("document.documentElement.scrollWidth") <= width, path
    assert_clean(browser, site)


def pages() -> list[str]:
    signal, series = make_release()[0].signal, make_release()[0].baseline.filter(series_level="importer").row(0, named=True)
    lead = signal.filter("is_lead_head", lead_rank=5)["signal_id"][0]
    country = f"/countries/{series['importer_code']}"
    company = f"/companies/{entity_id('importer')}"
    of_all = ["/signals", f"/signals/{lead}", "/precision", "/run", country, f"{country}/{series['commodity_code']}", "/search?q=aceton"]
    return [*of_all, "/companies", company, "/company-signals/0000000000000001", "/account"]


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
