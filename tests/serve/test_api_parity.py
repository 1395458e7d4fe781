"""What a page shows or does, the API gives or takes: each page has its way in the API, with every field that it is asked with."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from tests.serve.with_companies import open_with_companies
from tradeflow.serve import api, pages

NO_DATA = {"GET /assets/charts.js", "GET /assets/charts.json"}
GIVEN_BY = {
    "GET /signals": ["GET /signals", "GET /signal-counts", "GET /views", "GET /precision", "GET /signals.csv", "GET /signals.parquet"],
    "GET /signals/{signal_id}": ["GET /signals/{signal_id}", "GET /signals/{signal_id}/decisions"],
    "GET /signals/{signal_id}/dossier": ["GET /signals/{signal_id}"],
    "POST /signals/{signal_id}/decisions": ["POST /signals/{signal_id}/decisions"],
    "POST /signals/{signal_id}/notes": ["POST /signals/{signal_id}/notes"],
    "POST /signals/{signal_id}/assignments": ["POST /signals/{signal_id}/assignments"],
    "POST /views": ["POST /views"],
    "POST /views/{view_id}/remove": ["DELETE /views/{view_id}"],
    "GET /precision": ["GET /precision"],
    "GET /watched": ["GET /watched"],
    "POST /watched": ["POST /watched"],
    "POST /watched/{watch_id}/remove": ["DELETE /watched/{watch_id}"],
    "GET /search": ["GET /search", "POST /match"],
    "GET /companies": ["GET /company-signals", "GET /views"],
    "GET /companies/{entity_id}": ["GET /companies/{entity_id}"],
    "GET /companies/{entity_id}/upstream": ["GET /companies/{entity_id}/upstream"],
    "GET /companies/{entity_id}/dossier.{kind}": ["GET /companies/{entity_id}/dossier.{kind}"],
    "GET /company-signals/behind/{signal_id}": ["GET /company-signals/behind/{signal_id}"],
    "GET /company-signals/{signal_id}": ["GET /company-signals/{signal_id}", "GET /company-signals/{signal_id}/decisions"],
    "POST /company-signals/{signal_id}/decisions": ["POST /company-signals/{signal_id}/decisions"],
    "POST /company-signals/{signal_id}/notes": ["POST /company-signals/{signal_id}/notes"],
    "POST /company-signals/{signal_id}/assignments": ["POST /company-signals/{signal_id}/assignments"],
    "GET /countries/{importer_code}": ["GET /countries/{importer_code}"],
    "GET /countries/{importer_code}/{commodity_code}": ["GET /countries/{importer_code}/{commodity_code}"],
    "GET /run": [
        "GET /run", "GET /release", "GET /run/freshness", "GET /run/reporters", "GET /run/detectable", "GET /run/unlocated",
        "GET /signal-counts",
    ],
    "GET /run/quarantine": ["GET /run/quarantine"],
}  # fmt: skip
"""For each route of a page, those of the API (below /api/v1) that together give what it shows."""


def routes(routers: list[Any]) -> dict[str, APIRoute]:
    found = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    return {f"{method} {route.path}": route for route in found for method in route.methods}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    served = open_with_companies(tmp_path_factory.mktemp("parity"))
    app: FastAPI = served.app
    served.app.state.house.stores.dispose()
    return app.openapi()


def test_each_page_has_its_way_in_the_api_and_the_reverse() -> None:
    offered = {name.replace(" /api/v1", " ") for name in routes(api.ROUTERS)}
    assert set(routes(pages.ROUTERS)) - NO_DATA == set(GIVEN_BY)
    assert {way for ways in GIVEN_BY.values() for way in ways} == offered


@pytest.mark.parametrize("page", [name for name in GIVEN_BY if name.startswith("GET")])
def test_what_a_page_is_asked_with_the_api_takes_too(page: str, described: dict[str, Any]) -> None:
    fields = routes(pages.ROUTERS)[page].dependant.query_params
    asked = {name for field in fields for name in getattr(field.field_info.annotation, "model_fields", {field.name: None})}
    method, _, path = GIVEN_BY[page][0].partition(" ")
    taken = {each["name"] for each in described["paths"][f"/api/v1{path}"][method.lower()].get("parameters", [])}
    assert asked <= taken
