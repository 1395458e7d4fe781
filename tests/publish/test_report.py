from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import polars as pl
import pytest

from tests.release_world import NASTY, Made, replace_tables
from tradeflow.publish.report import embed_json, render_report
from tradeflow.settings import Publish
from tradeflow.telling import names
from tradeflow.telling.tables import empty_tables

_VOID = {"meta", "link", "input", "br", "img", "hr"}


class Outline(HTMLParser):
    """Walks a page and complains of what is not closed; keeps elements, links and the text outside scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.standing: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)
        assert self.standing == [], "left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.standing.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.standing.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if self.standing and self.standing[-1] not in ("script", "style"):
            self.text.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(made: Made) -> str:
    return render_report(*made, Publish())


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    return Outline(page)


def test_page_asks_for_nothing_from_outside(page: str, outline: Outline) -> None:
    for tag, attributes in outline.elements:
        for attribute in ("src", "href", "action", "data", "poster", "srcset"):
            address = attributes.get(attribute) or "#"
            assert address.startswith("#") or (tag, address) == ("link", "data:,"), f"<{tag} {attribute}={address}>"
    assert not re.search(r"@import|url\(", re.findall(r"<style>(.*?)</style>", page, re.DOTALL)[0])
    policy = next(each["content"] or "" for each in outline.of("meta") if each.get("http-equiv"))
    assert policy.startswith("default-src 'none';")
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]


def test_page_without_script_holds_every_lead_shown(outline: Outline, made: Made) -> None:
    shown = made[0].signal.filter(pl.col("is_lead_head") & (pl.col("lead_rank") <= 50))
    text = " ".join(outline.text)
    for signal_id, reason in shown.select("signal_id", "signal_reason").iter_rows():
        assert reason in text
        assert f"tradeflow explain {signal_id}" in text
    assert len([each for each in outline.of("tbody") if each.get("class") == "lead"]) == 50


def test_settings_say_how_many_leads_are_shown(made: Made) -> None:
    few = Outline(render_report(*made, Publish(leads=3)))
    assert len([each for each in few.of("tbody") if each.get("class") == "lead"]) == 3
    assert "3 of 60 leads shown" in few.text


def test_headers_say_what_they_head_and_ids_are_unique(outline: Outline) -> None:
    assert all(each.get("scope") in ("col", "row") for each in outline.of("th"))
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = {attributes["aria-labelledby"] for _, attributes in outline.elements if "aria-labelledby" in attributes}
    assert labels <= set(ids)
    assert len(outline.of("h1")) == 1


def test_figures_of_the_charts_are_json(page: str, made: Made) -> None:
    text = re.search(r'id="figures">(.*?)</script>', page, re.DOTALL)
    assert text is not None
    figures = json.loads(text[1])
    assert set(figures) == set(made[0].signal.filter(pl.col("is_lead_head") & (pl.col("lead_rank") <= 50))["signal_id"])


def test_embedded_json_cannot_end_its_element() -> None:
    document = {"text": NASTY + "&<!-- \u2028"}
    embedded = embed_json(document)
    assert not set("<>&\u2028") & set(embedded)
    assert json.loads(embedded) == document


def nasty_page(made: Made, monkeypatch: pytest.MonkeyPatch) -> str:
    tables, manifest = made
    monkeypatch.setattr(names, "commodity_names", lambda: dict.fromkeys(tables.signal["commodity_code"], NASTY))
    monkeypatch.setattr(names, "area_names", lambda: dict.fromkeys([*tables.signal["importer_code"], 0], NASTY))
    nasty = pl.lit(NASTY)
    tables = replace_tables(
        tables,
        signal=tables.signal.with_columns(signal_reason=nasty, comparison=nasty, substance_code=None),
        signal_feature=tables.signal_feature.unique("signal_id").with_columns(feature=nasty),
        quarantine_count=tables.quarantine_count.with_columns(rule=nasty, contract=nasty),
    )
    told: dict[str, Any] = {"release_id": NASTY, "problems": [NASTY], "rules": {NASTY: NASTY}, "settings": {NASTY: NASTY}, "as_of": NASTY}
    return render_report(tables, manifest | told | {"stage_seconds": {NASTY: 1.0}}, Publish(title=NASTY))


def test_no_value_becomes_markup(few: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    nasty = nasty_page(few, monkeypatch)
    outline = Outline(nasty)
    assert outline.of("img") == []
    assert len(outline.of("script")) == len(re.findall("</script", nasty)) == 4
    assert NASTY in "".join(outline.text)


def test_release_without_leads_says_so(made: Made) -> None:
    tables = replace_tables(empty_tables(), coverage=made[0].coverage)
    page = render_report(tables, {"release_id": "r1"}, Publish())
    outline = Outline(page)
    text = " ".join(" ".join(outline.text).split())
    assert "No lead was found" in text
    assert "table is only as good as its coverage" in text
    assert "Brazil" in text
    assert not [each for each in outline.of("table") if each.get("class") == "leads"]


def luminance(colour: str) -> float:
    colour = colour if len(colour) == 7 else "#" + "".join(digit * 2 for digit in colour[1:])
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("text", ["ink", "muted", "accent", "flag"])
@pytest.mark.parametrize("ground", ["paper", "surface", "hover", "flag-soft"])
def test_text_stands_out_from_its_ground(page: str, scheme: int, text: str, ground: str) -> None:
    declared = re.findall(r":root\{(.*?)\}", page, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([a-z-]+):(#[0-9a-f]+)", declared))
    one, other = sorted((luminance(colours[text]), luminance(colours[ground])))
    assert (other + 0.05) / (one + 0.05) >= 4.5, f"WCAG 2.2, 1.4.3: {text} on {ground}"
