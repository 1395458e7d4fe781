"""The report in a real browser: what is opened, drawn, filtered, sorted, and that nothing is asked of anybody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.chromium import Page, find_chromium, open_chromium
from tests.publish.test_report import nasty_page
from tests.release_world import Made, replace_tables
from tradeflow.publish.report import render_report
from tradeflow.settings import Publish

pytestmark = pytest.mark.browser
_SHOWN = "[...document.querySelectorAll('tbody.lead')].filter(each => !each.hidden)"
_DRAWN = "document.querySelectorAll('details[open] .chart svg').length"


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    binary = find_chromium()
    if binary is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium on this machine; install chromium to open the report")
    with open_chromium(binary) as page:
        yield page


@pytest.fixture
def tab(browser: Page) -> Iterator[Page]:
    """The browser's tab; after the test, the page must have asked for nothing but itself and complained of nothing."""
    browser.complaints.clear()
    browser.requests.clear()
    yield browser
    assert browser.complaints == []
    assert {address.partition(":")[0] for address in browser.requests} <= {"file", "data", "about"}
    assert {address.rpartition("/")[2] for address in browser.requests if address.startswith("file")} == {"report.html"}


@pytest.fixture(scope="module")
def report(release_folder: Path) -> Path:
    return release_folder / "report.html"


@pytest.fixture(scope="module")
def heads(made: Made) -> pl.DataFrame:
    return made[0].signal.filter(pl.col("is_lead_head") & (pl.col("lead_rank") <= 50)).sort("lead_rank")


def test_address_of_a_lead_opens_it_and_draws_both_charts(tab: Page, report: Path, heads: pl.DataFrame) -> None:
    tab.open(report, f"#lead-{heads['signal_id'][2]}")
    tab.wait_for(f"{_DRAWN} === 2")
    assert tab.evaluate("document.querySelectorAll('tbody.lead > .more > td > details[open]').length") == 1
    assert tab.evaluate("document.querySelectorAll('.chart[data-chart=history] svg path').length") > 70


def test_every_lead_can_be_drawn(tab: Page, report: Path) -> None:
    tab.open(report)
    tab.evaluate("document.querySelectorAll('tbody.lead > .more > td > details').forEach(each => { each.open = true; })")
    places = tab.evaluate("document.querySelectorAll('.chart').length")
    assert places > 90
    tab.wait_for(f"document.querySelectorAll('.chart svg').length === {places}")


def test_lead_beyond_the_scale_has_its_figure_beside_it(tab: Page, made: Made, tmp_path: Path) -> None:
    tables, manifest = made
    huge = tables.signal.with_columns(pl.when(pl.col("lead_rank") == 2).then(9e9).otherwise("observed_kg").alias("observed_kg"))
    path = tmp_path / "report.html"
    path.write_text(render_report(replace_tables(tables, signal=huge), manifest, Publish(leads=2)), encoding="utf-8")
    tab.open(path)
    tab.evaluate("document.querySelectorAll('tbody.lead .figures')[1].click()")
    tab.wait_for(f"{_DRAWN} === 2")
    assert "9,000,000 t ↑" in tab.evaluate("document.querySelector('details[open] .chart[data-chart=history] svg').textContent")


def test_a_change_of_the_series_is_written_above_its_plot(tab: Page, made: Made, tmp_path: Path) -> None:
    tables, manifest = made
    lead = tables.signal.filter(pl.col("is_lead_head") & (pl.col("freq_code") == "M") & (pl.col("exporter_code") != 0)).sort("lead_rank")[0]
    told = {"series_level": "flow", "six_month_score": 81.0, "change_kind": "level_shift", "change_period": lead["period"][0]}
    change = lead.with_columns(pl.lit(value).alias(name) for name, value in told.items())
    path = tmp_path / "report.html"
    path.write_text(render_report(replace_tables(tables, series_change=change), manifest, Publish(leads=50)), encoding="utf-8")
    tab.open(path, f"#lead-{lead['signal_id'][0]}", width=420)
    tab.wait_for(f"{_DRAWN} === 2")
    texts = "[...document.querySelectorAll('details[open] .chart[data-chart=history] svg text')]"
    assert tab.evaluate(f"{texts}.filter(each => each.textContent.startsWith('another level from ')).length") == 1
    marked = f"{texts}.find(each => each.textContent.startsWith('another level from ')).getBoundingClientRect()"
    assert 0 < tab.evaluate(f"{marked}.left") < tab.evaluate(f"{marked}.right") < 420


def test_chart_library_waits_until_a_lead_is_opened(tab: Page, report: Path) -> None:
    tab.open(report)
    assert tab.evaluate("typeof window.vegaEmbed") == "undefined"
    tab.evaluate("document.querySelector('tbody.lead .figures').click()")
    tab.wait_for(f"{_DRAWN} === 2")


def test_filters_narrow_the_table_and_say_so(tab: Page, report: Path, heads: pl.DataFrame) -> None:
    tab.open(report)
    tab.evaluate("const form = document.querySelector('.filters'); form.rule.value = 'mirror_gap'; form.dispatchEvent(new Event('input'))")
    gaps = heads.filter(pl.col("rule") == "mirror_gap")
    assert tab.evaluate(f"{_SHOWN}.length") == gaps.height
    assert tab.evaluate("document.getElementById('shown-count').textContent") == f"{gaps.height} of 50 leads shown"
    tab.evaluate("form.score.value = 80; form.dispatchEvent(new Event('input'))")
    assert tab.evaluate(f"{_SHOWN}.length") == gaps.filter(pl.col("lead_score") >= 80).height
    tab.evaluate("form.reset()")
    tab.wait_for(f"{_SHOWN}.length === 50")
    tab.evaluate("form.text.value = 'MEXICO acetone'; form.dispatchEvent(new Event('input'))")
    found = heads.filter((pl.col("importer_code") == 484) & (pl.col("commodity_code") == "291411"))
    assert tab.evaluate(f"{_SHOWN}.map(each => Number(each.dataset.rank))") == found["lead_rank"].to_list()
    tab.evaluate("form.text.value = 'no such thing'; form.dispatchEvent(new Event('input'))")
    assert tab.evaluate("document.getElementById('nothing-left').hidden") is False


def test_keyboard_sorts_and_opens(tab: Page, report: Path, heads: pl.DataFrame) -> None:
    tab.open(report)
    tab.evaluate("document.querySelector('th[data-sort=excess] button').focus()")
    tab.press("Enter")
    ranks = heads.sort("excess_kg", descending=True)["lead_rank"].to_list()
    assert tab.evaluate(f"{_SHOWN}.map(each => Number(each.dataset.rank))") == ranks
    assert tab.evaluate("document.querySelector('th[data-sort=excess]').ariaSort") == "descending"
    tab.press("Enter")
    assert tab.evaluate(f"{_SHOWN}.map(each => Number(each.dataset.excess))") == heads["excess_kg"].sort().to_list()
    tab.evaluate("document.querySelector('tbody.lead summary').focus()")
    tab.press("Enter")
    tab.wait_for(f"{_DRAWN} === 2")


def test_leads_without_a_figure_are_sorted_last_either_way(tab: Page, report: Path, heads: pl.DataFrame) -> None:
    tab.open(report)
    empty = heads["expected_kg"].null_count()
    assert empty > 0
    for _ in range(2):
        tab.evaluate("document.querySelector('th[data-sort=expected] button').click()")
        last = tab.evaluate(f"{_SHOWN}.slice(-{empty}).map(each => each.dataset.expected)")
        assert last == [""] * empty


def test_reporters_are_sorted_and_found(tab: Page, report: Path) -> None:
    tab.open(report)
    cells = "[...document.querySelectorAll('#reliability tbody tr')].filter(row => !row.hidden).map(row => row.cells[{}].dataset.value)"
    tab.evaluate("document.querySelectorAll('#reliability th button')[3].click()")
    spreads = [float(sigma) for sigma in tab.evaluate(cells.format(3))]
    assert spreads == sorted(spreads)
    tab.evaluate("document.querySelectorAll('#reliability th button')[3].click()")
    assert [float(sigma) for sigma in tab.evaluate(cells.format(3))] == spreads[::-1]
    tab.evaluate(
        "const find = document.querySelector('.find input'); find.value = 'Mexico IMPORTS'; find.dispatchEvent(new Event('input'))"
    )
    assert len(tab.evaluate(cells.format(3))) == 1


@pytest.mark.parametrize("width", [400, 700, 1000, 1400])
def test_page_is_never_wider_than_its_window(tab: Page, report: Path, heads: pl.DataFrame, width: int) -> None:
    tab.open(report, f"#lead-{heads['signal_id'][0]}", width=width)
    tab.wait_for(f"{_DRAWN} === 2")
    tab.evaluate(
        "document.querySelectorAll('section > details, tbody.lead[data-rank=\\'1\\'] details').forEach(each => { each.open = true; })"
    )
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_and_paper_change_the_colours(tab: Page, report: Path) -> None:
    grounds = []
    for media in ({}, {"prefers-color-scheme": "dark"}, {"type": "print", "prefers-color-scheme": "dark"}):
        tab.open(report, media=media)
        grounds.append(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(250, 249, 246)", "rgb(20, 24, 27)", "rgb(255, 255, 255)"]


def test_page_without_script_is_read_and_opened(tab: Page, report: Path) -> None:
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(report)
        assert tab.evaluate("getComputedStyle(document.querySelector('.filters')).display") == "none"
        assert tab.evaluate("document.querySelectorAll('tbody.lead summary').length") > 49
        tab.evaluate("document.querySelector('tbody.lead summary').click()")
        assert "figures stand in the table" in tab.evaluate("document.querySelector('details[open]').innerText")
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)


def test_hostile_values_run_nothing(tab: Page, few: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    path.write_text(nasty_page(few, monkeypatch), encoding="utf-8")
    tab.open(path)
    tab.evaluate("document.querySelector('tbody.lead summary').click()")
    tab.wait_for(f"{_DRAWN} === 2")
    assert tab.evaluate("document.querySelectorAll('img').length") == 0


def test_script_that_is_not_ours_does_not_run(browser: Page, report: Path) -> None:
    browser.open(report)
    browser.evaluate("const s = document.createElement('script'); s.textContent = 'window.foreign = 1'; document.head.append(s)")
    assert browser.evaluate("typeof window.foreign") == "undefined"
