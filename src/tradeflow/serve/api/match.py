"""Many names at once, asked and answered in the form of yente's /match, so that its clients need no new code."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from tradeflow.contract import load_codelist
from tradeflow.serve.queries.frames import mappings
from tradeflow.serve.queries.search import search
from tradeflow.serve.routers import api_router
from tradeflow.serve.visit import UnderPurpose
from tradeflow.serving_database import TABLES

router = api_router(tags=["companies"])
_OTHER_COUNTRY = 0.85
"""What a likeness is worth where the countries differ: companies move, and declarants slip."""
Text = Annotated[str, Field(max_length=200)]


class Example(BaseModel):
    """Who is looked for: names, countries, numbers."""

    model_config = ConfigDict(populate_by_name=True)

    schema_name: Literal["Company", "LegalEntity", "Organization", "PublicBody", "Thing"] = Field(alias="schema", default="Company")
    properties: dict[Annotated[str, Field(max_length=40)], Annotated[list[Text], Field(max_length=10)]]


class Queries(BaseModel):
    """Up to a hundred questions under names of the asker's."""

    queries: Annotated[dict[Annotated[str, Field(max_length=100)], Example], Field(min_length=1, max_length=100)]


class Match(BaseModel):
    """A company that may be the one looked for."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    caption: str
    schema_name: str = Field(alias="schema", default="Company")
    properties: dict[str, list[str]]
    datasets: list[str]
    score: Annotated[float, Field(ge=0, le=1)]
    match: Annotated[bool, Field(description="The score reaches the threshold.")]


class Total(BaseModel):
    """How many companies were near."""

    value: int
    relation: Literal["eq"] = "eq"


class Answer(BaseModel):
    """The companies near to one question, the likest first."""

    status: int = 200
    results: list[Match]
    total: Total
    query: Example


class Answers(BaseModel):
    """An answer for each question."""

    responses: dict[str, Answer]
    limit: int
    release_id: str


@router.post("/match")
def match_names(
    visit: UnderPurpose,
    asked: Queries,
    limit: Annotated[int, Query(ge=1, le=20)] = 5,
    threshold: Annotated[float, Query(ge=0, le=1, allow_inf_nan=False)] = 0.85,
) -> Answers:
    """The companies nearest to each of many names."""
    visit.asked(queries={name: example.properties for name, example in asked.queries.items()})
    answers = {name: _answer(visit.connection, example, limit, threshold) for name, example in asked.queries.items()}
    visit.returned("company", [match.id for answer in answers.values() for match in answer.results])
    return Answers(responses=answers, limit=limit, release_id=visit.release_id)


def _answer(connection: sa.Connection, example: Example, limit: int, threshold: float) -> Answer:
    texts = [text for name in ("name", "alias", "taxNumber", "registrationNumber") for text in example.properties.get(name, [])]
    likeness: dict[str, float] = {}
    for text in texts:
        for found in search(connection, text, kinds=("company",), limit=limit):
            likeness[found.target] = max(likeness.get(found.target, 0.0), found.likeness / 100)
    countries = {_iso3(country) for country in example.properties.get("country", []) + example.properties.get("jurisdiction", [])}
    entities = _read_entities(connection, set(likeness))
    matches = [_match(entity, likeness[entity["entity_id"]], countries, threshold) for entity in entities]
    matches.sort(key=lambda match: (-match.score, match.id))
    return Answer(results=matches[:limit], total=Total(value=len(matches)), query=example)


def _match(entity: dict[str, Any], likeness: float, countries: set[str], threshold: float) -> Match:
    is_elsewhere = bool(countries) and entity["party_country"] is not None and entity["party_country"] not in countries
    score = round(min(1.0, likeness * (_OTHER_COUNTRY if is_elsewhere else 1.0)), 3)
    country = _iso2(entity["party_country"])
    told = {"name": entity["entity_name"], "country": country, "taxNumber": entity["entity_number"]}
    return Match(
        id=entity["entity_id"],
        caption=entity["entity_name"] or entity["entity_id"],
        properties={name: [text] for name, text in told.items() if text},
        datasets=["tradeflow"],
        score=score,
        match=score >= threshold,
    )


def _read_entities(connection: sa.Connection, ids: set[str]) -> list[dict[str, Any]]:
    entity = TABLES["entity"]
    return mappings(connection, sa.select(entity).where(entity.c.entity_id.in_(ids))) if ids else []


def _iso3(country: str) -> str:
    """Return the code that companies are filed under; yente's clients send two letters."""
    asked = country.strip().upper()
    return next((iso3 for iso2, iso3 in _country_codes() if iso2 == asked), asked)


def _iso2(country: str | None) -> str | None:
    return next((iso2.lower() for iso2, iso3 in _country_codes() if iso3 == country), country)


@functools.cache
def _country_codes() -> list[tuple[str, str]]:
    return load_codelist("area").drop_nulls(["iso2", "iso3"]).select("iso2", "iso3").rows()
