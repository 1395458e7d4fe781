"""Search, companies and the leads on them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Body, Path, Query, Response
from pydantic import BaseModel, Field

from tradeflow.serve import casework
from tradeflow.serve.access import Right
from tradeflow.serve.api import shapes
from tradeflow.serve.api.signals import find_decider, tell_decided
from tradeflow.serve.dossier import KINDS, MOST_ITEMS, write_dossier
from tradeflow.serve.queries.company import find_entity, ids_in, name_entities, read_company
from tradeflow.serve.queries.company_leads import (
    CompanyLeadFilter,
    list_company_leads,
    list_declarations_behind,
    read_company_lead,
    read_company_signal,
)
from tradeflow.serve.queries.lead import read_signal, read_status
from tradeflow.serve.queries.search import KINDS as SEARCH_KINDS
from tradeflow.serve.queries.search import find_declarations, find_signals, search
from tradeflow.serve.queries.upstream import Upstream, UpstreamQuestion, read_upstream
from tradeflow.serve.routers import api_router
from tradeflow.serve.visit import Reading, UnderPurpose

router = api_router(tags=["companies"])
EntityId = Annotated[str, Path(max_length=64, description="Id of a company.")]
SignalId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="Id of a signal.")]


class CompanyLeadQuestion(CompanyLeadFilter):
    """A filter and how many leads a page holds."""

    limit: Annotated[int, Field(ge=1, le=500, description="Leads on a page.")] = 50


class ListedCompanyLead(shapes.row_of("company_signal")):  # type: ignore[misc]
    """The head signal of a lead, where people left it, and whether no earlier release told it."""

    status: str
    is_new: bool


class CompanyLeadList(BaseModel):
    """One page of leads on companies."""

    release_id: str
    count: int
    results: list[ListedCompanyLead]
    following: str | None


class EarlierDecision(BaseModel):
    """The newest decision on another signal of the same company."""

    signal_id: str
    rule: str
    substance_code: str | None
    period: int
    decision: str
    reason_code: str | None
    decided_at: datetime
    release_id: Annotated[str, Field(description="The release that the person looked at.")]
    is_served: Annotated[bool, Field(description="Whether this release still holds the signal.")]


class WholeCompanyLead(BaseModel):
    """A lead on a company with the others of its lead and its source rows."""

    release_id: str
    signal: shapes.row_of("company_signal")  # type: ignore[valid-type]
    status: str
    assignee: str | None
    others: list[shapes.row_of("company_signal")]  # type: ignore[valid-type]
    evidence: list[shapes.row_of("company_signal_evidence")]  # type: ignore[valid-type]
    decisions: list[shapes.Decided]
    earlier: list[EarlierDecision]


class Licence(shapes.row_of("licensed_operator")):  # type: ignore[misc]
    """A licence, and what the company is in it."""

    party_role: str


class Notification(shapes.row_of("pre_export_notification")):  # type: ignore[misc]
    """A notification, what the company is in it, and what was declared within a month of the planned day."""

    party_role: str
    declared_count: int
    declared_kg: float | None


class Walk(BaseModel):
    """The walk upstream from a company."""

    release_id: str
    upstream: list[shapes.row_of("upstream_trade")]  # type: ignore[valid-type]
    upstream_steps: Annotated[int, Field(description="Steps that were walked.")]
    upstream_items_left: Annotated[int, Field(description="Declared items of the last step that were left out.")]
    upstream_senders_left: Annotated[int, Field(description="Last senders, behind whom nobody looked.")]
    called: Annotated[dict[str, str], Field(description="Names of the companies, by id.")]


class Company(BaseModel):
    """All that the release holds about one company."""

    release_id: str
    entity: shapes.row_of("entity")  # type: ignore[valid-type]
    names: list[shapes.row_of("entity_name")]  # type: ignore[valid-type]
    joined: list[shapes.row_of("entity_link")]  # type: ignore[valid-type]
    profiles: list[shapes.row_of("company_profile")]  # type: ignore[valid-type]
    licences: list[Licence]
    notifications: list[Notification]
    leads: list[shapes.row_of("company_signal")]  # type: ignore[valid-type]
    statuses: Annotated[dict[str, str], Field(description="Where people left each of the leads, by signal.")]
    months: list[shapes.row_of("company_month")]  # type: ignore[valid-type]
    links: list[shapes.row_of("company_link")]  # type: ignore[valid-type]
    shares: list[shapes.row_of("broker_share")]  # type: ignore[valid-type]
    upstream: list[shapes.row_of("upstream_trade")]  # type: ignore[valid-type]
    upstream_items_left: Annotated[int, Field(description="Declared items that the walk left out; `/upstream` goes on.")]
    upstream_senders_left: Annotated[int, Field(description="Last senders behind whom nobody looked.")]
    items: Annotated[list[shapes.row_of("company_item")], Field(description="The newest declared items.")]  # type: ignore[valid-type]
    item_count: int
    called: Annotated[dict[str, str], Field(description="Names of the other companies, by id.")]


@router.get("/search")
def find(visit: Reading, q: Annotated[str, Query(max_length=200, description="A name, number or code.")]) -> shapes.Found:
    """What one box finds."""
    may_companies = visit.may(Right.READ_COMPANIES)
    kinds = SEARCH_KINDS if may_companies else tuple(kind for kind in SEARCH_KINDS if kind != "company")
    found = search(visit.connection, q, kinds=kinds, limit=40)
    declarations = find_declarations(visit.connection, q) if may_companies else []
    signals = find_signals(visit.connection, q)
    visit.returned("signal", signals)
    visit.returned("company", [each.target for each in found if each.kind == "company"])
    visit.returned("declaration", [row["declaration_id"] for row in declarations])
    things = [
        shapes.FoundThing(kind=each.kind, target=each.target, label=each.label, detail=each.detail, likeness=each.likeness)
        for each in found
    ]
    return shapes.Found(
        release_id=visit.release_id,
        results=things,
        declarations=[shapes.FoundDeclaration(**row) for row in declarations],
        signals=signals,
    )


@router.get("/company-signals")
def list_leads(visit: UnderPurpose, asked: Annotated[CompanyLeadQuestion, Query()]) -> CompanyLeadList:
    """The leads on companies, one page of them."""
    found = list_company_leads(visit.connection, asked, asked.limit)
    visit.returned("company_signal", [row["signal_id"] for row in found.rows])
    visit.returned("company", [row["entity_id"] for row in found.rows])
    return CompanyLeadList(release_id=visit.release_id, count=found.count, results=found.rows, following=found.following)


@router.get("/company-signals/behind/{signal_id}")
def list_behind(visit: UnderPurpose, signal_id: SignalId) -> list[shapes.row_of("signal_declaration")]:  # type: ignore[valid-type]
    """The heaviest declared items that make up a lead on a country."""
    read_signal(visit.connection, signal_id)
    rows = list_declarations_behind(visit.connection, signal_id)
    visit.returned("declaration", [row["declaration_id"] for row in rows])
    visit.returned("company", sorted({row[f"{role}_entity_id"] for row in rows for role in ("importer", "exporter")} - {None}))
    return rows


@router.get("/company-signals/{signal_id}")
def tell_lead(visit: UnderPurpose, signal_id: SignalId) -> WholeCompanyLead:
    """One lead on a company."""
    lead = read_company_lead(visit.connection, read_company_signal(visit.connection, signal_id))
    visit.returned("company_signal", [signal_id])
    visit.returned("company", lead.entity_ids)
    status, assignee = read_status(visit.connection, signal_id)
    return WholeCompanyLead(
        release_id=visit.release_id,
        signal=lead.signal,
        status=status,
        assignee=assignee,
        others=lead.others,
        evidence=lead.evidence.to_dicts(),
        decisions=tell_decided(visit, signal_id),
        earlier=[EarlierDecision(**row) for row in lead.earlier],
    )


@router.get("/company-signals/{signal_id}/decisions")
def tell_decisions(visit: UnderPurpose, signal_id: SignalId) -> list[shapes.Decided]:
    """What people decided, noted and asked for on a lead on a company, newest first."""
    read_company_signal(visit.connection, signal_id)
    visit.returned("company_signal", [signal_id])
    return tell_decided(visit, signal_id)


@router.post("/company-signals/{signal_id}/decisions", status_code=201)
def add_decision(visit: UnderPurpose, signal_id: SignalId, decided: Annotated[shapes.NewDecision, Body()]) -> shapes.NewDecision:
    """Add a decision on a lead on a company; what stands is never changed."""
    visit.hold_to(Right.DECIDE)
    signal = read_company_signal(visit.connection, signal_id)
    visit.asked(**decided.model_dump())
    casework.decide_lead(
        visit.case_store, visit.person, signal=signal, signal_kind="company", release_id=visit.release_id, **decided.model_dump()
    )
    return decided


@router.post("/company-signals/{signal_id}/notes", status_code=201)
def add_note(visit: UnderPurpose, signal_id: SignalId, noted: Annotated[shapes.NewNote, Body()]) -> shapes.NewNote:
    """Add a remark."""
    visit.hold_to(Right.DECIDE)
    read_company_signal(visit.connection, signal_id)
    visit.asked(**noted.model_dump())
    casework.note_lead(visit.case_store, visit.person, signal_id=signal_id, note_text=noted.note_text)
    return noted


@router.post("/company-signals/{signal_id}/assignments", status_code=201)
def assign(visit: UnderPurpose, signal_id: SignalId, asked: Annotated[shapes.NewAssignment, Body()]) -> shapes.NewAssignment:
    """Ask somebody to look at it, or nobody."""
    visit.hold_to(Right.DECIDE)
    read_company_signal(visit.connection, signal_id)
    visit.asked(**asked.model_dump())
    casework.assign_lead(visit.case_store, visit.person, signal_id=signal_id, assigned_to=find_decider(visit, asked.assigned_to))
    return asked


@router.get("/companies/{entity_id}")
def tell_company(visit: UnderPurpose, entity_id: EntityId) -> Company:
    """One company; one that was merged into another says so in `entity.merged_into_id`."""
    company = read_company(visit.connection, entity_id)
    visit.returned("company", [entity_id, *company.other_ids])
    frames = ("names", "joined", "profiles", "leads", "months", "links", "shares", "upstream", "items")
    tables: dict[str, Any] = {name: getattr(company, name).to_dicts() for name in frames}
    return Company(
        release_id=visit.release_id,
        entity=company.entity,
        licences=company.licences,
        notifications=company.notifications,
        statuses={signal_id: read_status(visit.connection, signal_id)[0] for signal_id in company.leads["signal_id"]},
        item_count=company.item_count,
        upstream_items_left=company.walked.items_left,
        upstream_senders_left=company.walked.senders_left,
        called=company.called,
        **tables,
    )


@router.get("/companies/{entity_id}/upstream")
def tell_upstream(visit: UnderPurpose, entity_id: EntityId, asked: Annotated[UpstreamQuestion, Query()]) -> Walk:
    """The walk upstream from a company, further or of one substance."""
    find_entity(visit.connection, entity_id)
    walked = read_upstream(visit.connection, entity_id, steps=asked.steps, substance=asked.substance)
    ids = ids_in(walked.trade) | {entity_id}
    visit.returned("company", sorted(ids))
    return _walk(walked, name_entities(visit.connection, ids), visit.release_id)


@router.get(
    "/companies/{entity_id}/dossier.{kind}",
    response_class=Response,
    responses={200: {"content": {kind.media_type: {"schema": {"type": "string", "format": "binary"}} for kind in KINDS.values()}}},
)
def send_dossier(visit: UnderPurpose, entity_id: EntityId, kind: Annotated[str, Path(description=", ".join(KINDS))]) -> Response:
    """All about a company as a file."""
    find_entity(visit.connection, entity_id)
    company = read_company(visit.connection, entity_id, most_items=MOST_ITEMS)
    content = write_dossier(kind, company, visit)
    visit.action = "export"
    visit.returned("company", [entity_id, *company.other_ids])
    name = f"company-{entity_id}-{visit.release_id}.{KINDS[kind].ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=KINDS[kind].media_type, headers=headers)


def _walk(walked: Upstream, called: dict[str, str], release_id: str) -> Walk:
    return Walk(
        release_id=release_id,
        upstream=walked.trade.to_dicts(),
        upstream_steps=walked.steps,
        upstream_items_left=walked.items_left,
        upstream_senders_left=walked.senders_left,
        called=called,
    )
