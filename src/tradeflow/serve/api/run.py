"""How the run went, table by table: what the page of the run shows, row by row."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Query
from pydantic import BaseModel, Field

from tradeflow.serve.api import shapes
from tradeflow.serve.api.unchanged import MARKED
from tradeflow.serve.queries.frames import mappings
from tradeflow.serve.queries.run import read_freshness
from tradeflow.serve.queries.signals import count_statuses, read_choices
from tradeflow.serve.routers import api_router
from tradeflow.serve.visit import Reading
from tradeflow.serving_database import TABLES

router = api_router(tags=["release"])
Skip = Annotated[int, Query(ge=0, le=10_000_000, description="Rows to leave out, in the order of the table's key.")]
Limit = Annotated[int, Query(ge=1, le=5_000, description="Rows of one answer.")]


class Freshness(BaseModel):
    """What the lake holds now of one source; rows = conformed + quarantined + set aside."""

    source: str
    answers: int
    retrieved_at: Annotated[datetime, Field(description="When the last answer came.")]
    row_count: int
    conformed_count: int
    quarantined_count: int
    set_aside_count: int


class Choice(BaseModel):
    """A value that a field of the filter can take."""

    value: str | int
    leads: Annotated[int, Field(description="Leads of the release that have it.")]


class LeadCounts(BaseModel):
    """What the list of leads can be narrowed by."""

    release_id: str
    statuses: Annotated[dict[str, int], Field(description="Leads by where people left them.")]
    choices: Annotated[dict[str, list[Choice]], Field(description="The values of each column that a filter takes.")]


@router.get("/signal-counts")
def count_signals(visit: Reading) -> LeadCounts:
    """How many leads stand where, and how many have which rule, substance, code, country and period."""
    counted = read_choices(visit.connection, visit.release_id)
    choices = {name: [Choice(value=value, leads=count) for value, count in values] for name, values in counted.items()}
    return LeadCounts(release_id=visit.release_id, statuses=count_statuses(visit.connection, visit.release_id), choices=choices)


@router.get("/run/freshness")
def list_freshness(visit: Reading) -> list[Freshness]:
    """Each source with its answers and rows, of the lake as it is now."""
    return [Freshness(**row) for row in read_freshness(visit.lake)]


@router.get("/run/reporters", **MARKED)
def list_reporters(visit: Reading, skip: Skip = 0, limit: Limit = 1_000) -> list[shapes.row_of("reporter_reliability")]:  # type: ignore[valid-type]
    """How far each reporter's figures can be trusted."""
    return _rows(visit, "reporter_reliability", skip, limit)


@router.get("/run/detectable", **MARKED)
def list_detectable(visit: Reading, skip: Skip = 0, limit: Limit = 1_000) -> list[shapes.row_of("detectable_excess")]:  # type: ignore[valid-type]
    """From which excess on the imports of each code by each country would be called."""
    return _rows(visit, "detectable_excess", skip, limit)


@router.get("/run/unlocated", **MARKED)
def list_unlocated(visit: Reading, skip: Skip = 0, limit: Limit = 1_000) -> list[shapes.row_of("unlocated_trade")]:  # type: ignore[valid-type]
    """Trade that belongs to nobody by name."""
    return _rows(visit, "unlocated_trade", skip, limit)


def _rows(visit: Reading, table: str, skip: int, limit: int) -> list[dict[str, Any]]:
    rows = TABLES[table]
    return mappings(visit.connection, sa.select(rows).order_by(*rows.primary_key.columns).offset(skip).limit(limit))
