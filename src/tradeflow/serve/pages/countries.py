"""A country's page, and what it buys of one code."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from tradeflow.exceptions import NotFoundError
from tradeflow.serve.pages.watching import name_watched
from tradeflow.serve.queries.country import list_codes, list_partners, read_series
from tradeflow.serve.queries.lead_filter import LeadFilter
from tradeflow.serve.queries.signals import list_leads
from tradeflow.serve.routers import page_router
from tradeflow.serve.translations import translator
from tradeflow.serve.visit import Reading, Visit
from tradeflow.telling.language import tell_in
from tradeflow.telling.names import area_names

router = page_router()


@router.get("/countries/{importer_code}")
def show_country(visit: Reading, importer_code: int) -> Response:
    """The codes that a country is judged on, those with the strongest leads first."""
    if importer_code not in area_names() or importer_code == 0:
        raise NotFoundError(f"no area {importer_code}")
    codes = list_codes(visit.connection, importer_code)
    visit.returned("series", [row["commodity_code"] for row in codes])
    return visit.page("country.html", importer_code=importer_code, codes=codes, **_watching(visit))


@router.get("/countries/{importer_code}/{commodity_code}")
def show_series(visit: Reading, importer_code: int, commodity_code: str) -> Response:
    """Imports of a code against expectation, both sides, and how far the figures can be trusted."""
    with tell_in(translator(visit.language)):
        series = read_series(visit.connection, importer_code, commodity_code)
        visit.returned("series", [f"{importer_code}/{commodity_code}"])
        leads = list_leads(visit.connection, LeadFilter(importer=importer_code, commodity=commodity_code), limit=20)
        partners = list_partners(visit.connection, importer_code, commodity_code)
        return visit.page("series.html", series=series, leads=leads.rows, partners=partners, **_watching(visit))


def _watching(visit: Visit) -> dict[str, Any]:
    return {"watched": name_watched(visit), "is_piece": False}
