"""Leads: the list, downloads, one of them, and decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Body, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from tradeflow.exceptions import NotFoundError
from tradeflow.serve import casework
from tradeflow.serve.api import shapes
from tradeflow.serve.api.downloads import stream_csv, stream_parquet
from tradeflow.serve.queries.lead import list_decisions, list_earlier_leads, read_lead, read_signal, read_status
from tradeflow.serve.queries.lead_filter import LeadFilter
from tradeflow.serve.queries.signals import iterate_heads, list_leads
from tradeflow.serve.routers import api_router
from tradeflow.serve.visit import Deciding, Reading, Visit

router = api_router(tags=["signals"])
SignalId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="Id of a signal.")]


class LeadQuestion(LeadFilter):
    """A filter and how many leads a page holds."""

    limit: Annotated[int, Field(ge=1, le=500, description="Leads on a page.")] = 50


class ListedLead(BaseModel):
    """A lead in the list: its head signal and where people left it."""

    signal: shapes.row_of("signal")  # type: ignore[valid-type]
    other_rules: list[str]
    status: str
    assignee: str | None
    is_new: bool


class LeadList(BaseModel):
    """One page of leads."""

    release_id: str
    count: Annotated[int, Field(description="Leads that pass the filter.")]
    results: list[ListedLead]
    following: Annotated[str | None, Field(description="Cursor of the next page, to be sent as `behind`; null on the last page.")]


class EarlierLead(BaseModel):
    """What this or an earlier release told of the same importer and code."""

    known_signal: shapes.row_of("known_signal")  # type: ignore[valid-type]
    status: str


class ScorePart(BaseModel):
    """What one rule adds to the score of a lead."""

    rule: str
    strongest_score: float
    share: float


class WholeLead(BaseModel):
    """A signal with all that stands behind it."""

    release_id: str
    signal: shapes.row_of("signal")  # type: ignore[valid-type]
    status: str
    assignee: str | None
    facts: list[shapes.Fact]
    belief: list[str]
    correction: list[shapes.Fact]
    windows: list[shapes.row_of("mirror_window")]  # type: ignore[valid-type]
    periods: list[shapes.ExplainedPeriod]
    parts: Annotated[list[ScorePart], Field(description="What each rule adds to the score of the lead.")]
    features: list[shapes.row_of("signal_feature")]  # type: ignore[valid-type]
    evidence: list[shapes.row_of("signal_evidence")]  # type: ignore[valid-type]
    others: list[shapes.row_of("signal")]  # type: ignore[valid-type]
    earlier: list[EarlierLead]
    decisions: list[shapes.Decided]


@router.get("/signals")
def list_signals(visit: Reading, asked: Annotated[LeadQuestion, Query()]) -> LeadList:
    """The ranked leads that pass a filter, one page of them."""
    found = list_leads(visit.connection, asked, limit=asked.limit)
    visit.returned("signal", [row.signal["signal_id"] for row in found.rows])
    rows = [
        ListedLead(signal=row.signal, other_rules=list(row.other_rules), status=row.status, assignee=row.assignee, is_new=row.is_new)
        for row in found.rows
    ]
    return LeadList(release_id=visit.release_id, count=found.count, results=rows, following=found.following)


@router.get("/signals.csv", response_class=StreamingResponse, responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}})
def send_csv(visit: Reading, asked: Annotated[LeadFilter, Query()]) -> StreamingResponse:
    """All leads that pass a filter, with names beside codes and no cell that a spreadsheet would run."""
    return _send(visit, stream_csv(iterate_heads(visit.connection, asked)), "text/csv", "csv")


@router.get(
    "/signals.parquet",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}}}}},
)
def send_parquet(visit: Reading, asked: Annotated[LeadFilter, Query()]) -> StreamingResponse:
    """All leads that pass a filter, in the contract's columns."""
    return _send(visit, stream_parquet(iterate_heads(visit.connection, asked), "signal"), "application/vnd.apache.parquet", "parquet")


@router.get("/signals/{signal_id}")
def tell_signal(visit: Reading, signal_id: SignalId) -> WholeLead:
    """A signal with its series, both sides, features, source rows, earlier leads and decisions."""
    signal = read_signal(visit.connection, signal_id)
    visit.returned("signal", [signal_id])
    lead = read_lead(visit.connection, signal)
    status, assignee = read_status(visit.connection, signal_id)
    return WholeLead(
        release_id=visit.release_id,
        signal=signal,
        status=status,
        assignee=assignee,
        facts=[shapes.Fact(fact=fact, text=text) for fact, text in lead.facts],
        belief=lead.belief,
        correction=[shapes.Fact(fact=fact, text=text) for fact, text in lead.correction],
        windows=lead.windows,
        periods=[{name: month[name] for name in shapes.ExplainedPeriod.model_fields} for month in lead.months],
        parts=[ScorePart(rule=rule, strongest_score=strongest, share=share) for rule, strongest, share in lead.parts],
        features=lead.features,
        evidence=lead.evidence,
        others=lead.others,
        earlier=[EarlierLead(known_signal=row, status=row["status"]) for row in list_earlier_leads(visit.connection, signal)],
        decisions=tell_decided(visit, signal_id),
    )


@router.get("/signals/{signal_id}/decisions")
def tell_decisions(visit: Reading, signal_id: SignalId) -> list[shapes.Decided]:
    """What people decided, noted and asked for on a signal, newest first."""
    read_signal(visit.connection, signal_id)
    return tell_decided(visit, signal_id)


@router.post("/signals/{signal_id}/decisions", status_code=201)
def add_decision(visit: Deciding, signal_id: SignalId, decided: Annotated[shapes.NewDecision, Body()]) -> shapes.NewDecision:
    """Add a decision; what stands is never changed."""
    signal = read_signal(visit.connection, signal_id)
    visit.asked(**decided.model_dump())
    casework.decide_lead(
        visit.case_store, visit.person, signal=signal, signal_kind="country", release_id=visit.release_id, **decided.model_dump()
    )
    return decided


@router.post("/signals/{signal_id}/notes", status_code=201)
def add_note(visit: Deciding, signal_id: SignalId, noted: Annotated[shapes.NewNote, Body()]) -> shapes.NewNote:
    """Add a remark."""
    read_signal(visit.connection, signal_id)
    visit.asked(**noted.model_dump())
    casework.note_lead(visit.case_store, visit.person, signal_id=signal_id, note_text=noted.note_text)
    return noted


@router.post("/signals/{signal_id}/assignments", status_code=201)
def assign(visit: Deciding, signal_id: SignalId, asked: Annotated[shapes.NewAssignment, Body()]) -> shapes.NewAssignment:
    """Ask somebody to look at it, or nobody."""
    read_signal(visit.connection, signal_id)
    visit.asked(**asked.model_dump())
    casework.assign_lead(visit.case_store, visit.person, signal_id=signal_id, assigned_to=find_decider(visit, asked.assigned_to))
    return asked


def find_decider(visit: Visit, name: str | None) -> int | None:
    """Return the account of a name that may decide, or None for nobody; NotFoundError."""
    named = {account.name: account.account_id for account in casework.deciders(visit.case_store)}
    if name is not None and name not in named:
        raise NotFoundError("This account cannot be asked to look at leads.")
    return None if name is None else named[name]


def tell_decided(visit: Visit, signal_id: str) -> list[shapes.Decided]:
    """Return what people decided, noted and asked for on a signal."""
    return [shapes.Decided.model_validate(row) for row in list_decisions(visit.connection, signal_id)]


def _send(visit: Visit, pieces: Iterator[bytes], media_type: str, ending: str) -> StreamingResponse:
    visit.action = "export"
    name = f"signals-{visit.release_id}.{ending}"
    headers: dict[str, Any] = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(pieces, media_type=media_type, headers=headers)
