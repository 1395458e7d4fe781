"""The report: one HTML file that asks for nothing from outside, readable without script, on paper, in light and in dark."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup

from tradeflow.settings import Publish
from tradeflow.telling import sections, wording
from tradeflow.telling.charts import chart_script, chart_specifications
from tradeflow.telling.company_lead import read_company_leads
from tradeflow.telling.detectability import detectable_codes
from tradeflow.telling.lead import Lead, read_leads
from tradeflow.telling.reporters import reporter_rows
from tradeflow.telling.scope import say_scope
from tradeflow.telling.tables import ReleaseTables
from tradeflow.telling.templating import FILTERS, GLOBALS, TEMPLATES, read_static

_HEAD_FACTS = ("release_id", "as_of", "periods", "is_simulated", "problems", "expected_false")
"""What the page's head asks of the manifest; a fact that is not there is left out."""


def render_report(tables: ReleaseTables, manifest: Mapping[str, Any], settings: Publish) -> str:
    """Take a release's tables and manifest; hand over the page."""
    leads = read_leads(tables, settings.leads)
    periods, coverage = sections.coverage_matrix(tables.coverage)
    return _environment().get_template("report.html.j2").render(
        title=settings.title,
        manifest=dict.fromkeys(_HEAD_FACTS) | dict(manifest),
        reading_note=wording.READING_NOTE,
        scope=say_scope(manifest),
        leads=leads,
        filters=_filter_choices(leads),
        lead_count=tables.signal["lead_id"].n_unique(),
        key_figures=sections.key_figures(tables, manifest),
        row_path=sections.row_path(manifest),
        planted=sections.planted_words(manifest),
        rules=sections.rule_rows(tables, manifest),
        company_leads=read_company_leads(tables, settings.leads),
        company_lead_count=tables.company_signal["lead_id"].n_unique(),
        company_rules=sections.company_rule_rows(tables, manifest),
        outcomes=sections.outcome_rows(manifest),
        detectable=detectable_codes(tables.detectable_excess),
        coverage_periods=periods,
        coverage=coverage,
        quarantine=sections.quarantine_rows(tables),
        reporters=reporter_rows(tables.reporter_reliability, tables.corridor),
        unlocated=sections.unlocated_rows(tables.unlocated_trade),
        model_cards=sections.model_cards(tables.model_card),
        stage_times=sections.stage_times(manifest),
        run_facts=sections.run_facts(manifest),
        figures=embed_json({lead.signal["signal_id"]: lead.charts for lead in leads}),
        specifications=embed_json(chart_specifications()),
        chart_script=_script(chart_script()),
        page_script=_script(read_static("sortable.js") + read_static("charts.js") + _read_part("report.js")),
        style=Markup(read_static("style.css")),
    )  # fmt: skip


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader("tradeflow.publish"), TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    environment.globals |= GLOBALS
    return environment


def _read_part(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0]


def embed_json(document: Any) -> Markup:
    """Return JSON that cannot end the element that it stands in."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _script(text: str) -> dict[str, Markup]:
    """Return a script with the digest by which the page's security policy knows it; any other script does not run."""
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError("a script holds text that would end its element")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return {"text": Markup(text), "digest": Markup(f"sha256-{digest}")}


def _filter_choices(leads: list[Lead]) -> dict[str, list[tuple[Any, str]]]:
    """Return the values that the shown leads have, as (value, words) by filter."""
    return {
        "rule": sorted({(lead.signal["rule"], wording.say_rule(lead.signal["rule"])) for lead in leads}, key=lambda each: each[1]),
        "commodity": sorted({(lead.signal["commodity_code"], f"{lead.signal['commodity_code']} {lead.commodity}") for lead in leads}),
        "importer": sorted({(lead.signal["importer_code"], lead.importer) for lead in leads}, key=lambda each: each[1]),
    }
