"""The investigator's pages: what the box finds, the leads on companies, and one company with all that is known of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, Query, Response
from sqlalchemy.orm import Session

from tradeflow.serve import casework
from tradeflow.serve.access import ForbiddenError, Right
from tradeflow.serve.company_view import BAR_HEIGHT, BAR_WIDTH, HEIGHT, MONTHS_SHOWN, WIDTH, draw_months, draw_network
from tradeflow.serve.dossier import KINDS, MOST_ITEMS, write_dossier
from tradeflow.serve.pages.watching import name_watched
from tradeflow.serve.queries.company import find_entity, ids_in, name_entities, read_company
from tradeflow.serve.queries.company_leads import (
    CompanyLeadFilter,
    list_company_leads,
    list_declarations_behind,
    read_company_lead,
    read_company_signal,
)
from tradeflow.serve.queries.lead import list_decisions, read_signal, read_status
from tradeflow.serve.queries.search import KINDS as SEARCH_KINDS
from tradeflow.serve.queries.search import find_declarations, find_signals, search
from tradeflow.serve.queries.upstream import MOST_STEPS, UpstreamQuestion, read_upstream
from tradeflow.serve.queries.views import list_views
from tradeflow.serve.routers import page_router
from tradeflow.serve.visit import Reading, UnderPurpose, Visit

router = page_router()
Text = Annotated[str, Form(max_length=casework.LONGEST_TEXT)]


@router.get("/search")
def show_found(visit: Reading, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """What one box finds; companies and declarations only for who may read them."""
    may_companies = visit.may(Right.READ_COMPANIES)
    kinds = SEARCH_KINDS if may_companies else tuple(kind for kind in SEARCH_KINDS if kind != "company")
    found = search(visit.connection, q, kinds=kinds, limit=40)
    declarations = find_declarations(visit.connection, q) if may_companies else []
    signals = find_signals(visit.connection, q)
    visit.returned("signal", signals)
    visit.returned("company", [each.target for each in found if each.kind == "company"])
    visit.returned("declaration", [row["declaration_id"] for row in declarations])
    by_kind = {kind: [each for each in found if each.kind == kind] for kind in kinds}
    return visit.page("search.html", q=q, by_kind=by_kind, declarations=declarations, signals=signals)


@router.get("/companies")
def show_companies(visit: UnderPurpose, asked: Annotated[CompanyLeadFilter, Query()]) -> Response:
    """The leads on companies, by rank."""
    found = list_company_leads(visit.connection, asked)
    visit.returned("company_signal", [row["signal_id"] for row in found.rows])
    visit.returned("company", [row["entity_id"] for row in found.rows])
    views = list_views(visit.connection, visit.person.account_id, "company")
    return visit.page("companies.html", asked=asked, found=found, views=views)


@router.get("/companies/{entity_id}")
def show_company(visit: UnderPurpose, entity_id: str) -> Response:
    """One company."""
    merged_into = find_entity(visit.connection, entity_id)["merged_into_id"]
    if merged_into:
        return visit.go(f"/companies/{merged_into}")
    company = read_company(visit.connection, entity_id)
    visit.returned("company", [entity_id, *company.other_ids])
    return visit.page(
        "company.html",
        company=company,
        months=draw_months(company.months),
        nodes=draw_network(company),
        size={"width": WIDTH, "height": HEIGHT, "bar_width": BAR_WIDTH, "bar_height": BAR_HEIGHT, "months": MONTHS_SHOWN},
        **_casework(visit, company.leads["signal_id"].to_list()),
    )


@router.get("/companies/{entity_id}/upstream")
def show_upstream(visit: UnderPurpose, entity_id: str, asked: Annotated[UpstreamQuestion, Query()]) -> Response:
    """The walk upstream, further or of one substance."""
    entity = find_entity(visit.connection, entity_id)
    walked = read_upstream(visit.connection, entity_id, steps=asked.steps, substance=asked.substance)
    ids = ids_in(walked.trade) | {entity_id}
    visit.returned("company", sorted(ids))
    called = name_entities(visit.connection, ids)
    return visit.page("upstream.html", entity=entity, walked=walked, asked=asked, called=called, most_steps=MOST_STEPS)


@router.get("/companies/{entity_id}/dossier.{kind}")
def send_dossier(visit: UnderPurpose, entity_id: str, kind: str) -> Response:
    """All that the page shows as PDF, XLSX or FollowTheMoney."""
    find_entity(visit.connection, entity_id)
    company = read_company(visit.connection, entity_id, most_items=MOST_ITEMS)
    visit.action = "export"
    visit.returned("company", [entity_id, *company.other_ids])
    content = write_dossier(kind, company, visit)
    headers = {"Content-Disposition": f'attachment; filename="company-{entity_id}-{visit.release_id}.{KINDS[kind].ending}"'}
    return Response(content, media_type=KINDS[kind].media_type, headers=headers | {"Cache-Control": "no-store"})


@router.get("/company-signals/behind/{signal_id}")
def show_declarations_behind(visit: UnderPurpose, signal_id: str) -> Response:
    """The declared items that make up a lead on a country."""
    signal = read_signal(visit.connection, signal_id)
    rows = list_declarations_behind(visit.connection, signal_id)
    visit.returned("declaration", [row["declaration_id"] for row in rows])
    ids = {row[f"{role}_entity_id"] for row in rows for role in ("importer", "exporter")} - {None}
    visit.returned("company", sorted(ids))
    return visit.page("declarations.html", signal=signal, rows=rows, called=name_entities(visit.connection, ids))


@router.get("/company-signals/{signal_id}")
def show_company_lead(visit: UnderPurpose, signal_id: str) -> Response:
    """One lead on a company with its source rows."""
    signal = read_company_signal(visit.connection, signal_id)
    visit.returned("company_signal", [signal_id])
    lead = read_company_lead(visit.connection, signal)
    visit.returned("company", lead.entity_ids)
    return visit.page("company_lead.html", lead=lead, **_casework(visit, [signal_id]))


@router.post("/company-signals/{signal_id}/decisions")
def decide(
    visit: UnderPurpose, signal_id: str, decision: Annotated[str, Form()], reason: Text = "", reason_code: Text = "", passed_to: Text = ""
) -> Response:
    """Add a decision."""
    signal = _to_decide(visit, signal_id)
    visit.asked(decision=decision, reason=reason, reason_code=reason_code, passed_to=passed_to)
    casework.decide_lead(
        visit.case_store, visit.person, signal=signal, signal_kind="company", release_id=visit.release_id,
        decision=decision, reason=reason, reason_code=reason_code, passed_to=passed_to,
    )  # fmt: skip
    return visit.go(f"/company-signals/{signal_id}#decisions")


@router.post("/company-signals/{signal_id}/notes")
def note(visit: UnderPurpose, signal_id: str, note_text: Text) -> Response:
    """Add a remark."""
    _to_decide(visit, signal_id)
    visit.asked(note_text=note_text)
    casework.note_lead(visit.case_store, visit.person, signal_id=signal_id, note_text=note_text)
    return visit.go(f"/company-signals/{signal_id}#decisions")


@router.post("/company-signals/{signal_id}/assignments")
def assign(visit: UnderPurpose, signal_id: str, assigned_to: Text = "") -> Response:
    """Ask somebody to look at it, or nobody."""
    _to_decide(visit, signal_id)
    visit.asked(assigned_to=assigned_to)
    casework.assign_lead(
        visit.case_store, visit.person, signal_id=signal_id, assigned_to=int(assigned_to) if assigned_to.isdecimal() else None
    )
    return visit.go(f"/company-signals/{signal_id}#decisions")


def _to_decide(visit: Visit, signal_id: str) -> dict[str, Any]:
    if not visit.may(Right.DECIDE):
        raise ForbiddenError(Right.DECIDE)
    return read_company_signal(visit.connection, signal_id)


def _casework(visit: Visit, signal_ids: list[str]) -> dict[str, Any]:
    """Return where people left each signal and what they said of it."""
    statuses = {signal_id: read_status(visit.connection, signal_id) for signal_id in signal_ids}
    told = {signal_id: list_decisions(visit.connection, signal_id) for signal_id in signal_ids}
    people = casework.deciders(Session(visit.connection)) if visit.may(Right.DECIDE) else []
    return {
        "watched": name_watched(visit),
        "is_piece": False,
        "statuses": statuses,
        "told": told,
        "people": people,
        "reasons": casework.DISMISSAL_REASONS,
    }
