"""The analyst's pages: the ranked table, one lead, and what is decided on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Form, Query, Response
from sqlalchemy.orm import Session

from tradeflow.serve import casework
from tradeflow.serve.access import Right
from tradeflow.serve.pages.watching import name_watched
from tradeflow.serve.queries.lead import list_decisions, list_earlier_leads, read_lead, read_signal, read_status
from tradeflow.serve.queries.lead_filter import LeadFilter, families
from tradeflow.serve.queries.precision import read_precision
from tradeflow.serve.queries.signals import count_statuses, list_leads, read_choices
from tradeflow.serve.queries.views import list_views
from tradeflow.serve.routers import page_router
from tradeflow.serve.translations import translator
from tradeflow.serve.visit import Deciding, Reading, Visit
from tradeflow.telling import wording
from tradeflow.telling.language import t, tell_in
from tradeflow.telling.names import name_area, name_importer, name_substance, spell_code

router = page_router()
Asked = Annotated[LeadFilter, Query()]
Text = Annotated[str, Form(max_length=casework.LONGEST_TEXT)]


@router.get("/signals")
def show_signals(visit: Reading, asked: Asked) -> Response:
    """The ranked table, narrowed and sorted by the fields of its address."""
    with tell_in(translator(visit.language)):
        found = list_leads(visit.connection, asked)
        visit.returned("signal", [row.signal["signal_id"] for row in found.rows])
        return visit.page(
            "signals.html",
            asked=asked,
            found=found,
            statuses=count_statuses(visit.connection, visit.release_id),
            choices=_choices(visit),
            views=list_views(visit.connection, visit.person.account_id, "country"),
            precision=read_precision(visit.connection)[0],
        )


@router.get("/signals/{signal_id}")
def show_signal(visit: Reading, signal_id: str) -> Response:
    """One lead on a page of its own."""
    with tell_in(translator(visit.language)):
        return visit.page("lead_page.html", is_piece=False, **_lead_values(visit, signal_id))


@router.get("/signals/{signal_id}/dossier")
def show_dossier(visit: Reading, signal_id: str) -> Response:
    """The same, as the piece that opens inside the table."""
    with tell_in(translator(visit.language)):
        return visit.page("lead_piece.html", is_piece=True, **_lead_values(visit, signal_id))


@router.post("/signals/{signal_id}/decisions")
def decide(
    visit: Deciding, signal_id: str, decision: Annotated[str, Form()], reason: Text = "", reason_code: Text = "", passed_to: Text = ""
) -> Response:
    """Add a decision."""
    signal = read_signal(visit.connection, signal_id)
    visit.asked(decision=decision, reason=reason, reason_code=reason_code, passed_to=passed_to)
    casework.decide_lead(
        visit.case_store, visit.person, signal=signal, signal_kind="country", release_id=visit.release_id,
        decision=decision, reason=reason, reason_code=reason_code, passed_to=passed_to,
    )  # fmt: skip
    return visit.go(f"/signals/{signal_id}#decisions")


@router.post("/signals/{signal_id}/notes")
def note(visit: Deciding, signal_id: str, note_text: Text) -> Response:
    """Add a remark."""
    read_signal(visit.connection, signal_id)
    visit.asked(note_text=note_text)
    casework.note_lead(visit.case_store, visit.person, signal_id=signal_id, note_text=note_text)
    return visit.go(f"/signals/{signal_id}#decisions")


@router.post("/signals/{signal_id}/assignments")
def assign(visit: Deciding, signal_id: str, assigned_to: Text = "") -> Response:
    """Ask somebody to look at it, or nobody."""
    read_signal(visit.connection, signal_id)
    visit.asked(assigned_to=assigned_to)
    account_id = int(assigned_to) if assigned_to.isascii() and assigned_to.isdigit() else None
    casework.assign_lead(visit.case_store, visit.person, signal_id=signal_id, assigned_to=account_id)
    return visit.go(f"/signals/{signal_id}#decisions")


@router.get("/precision")
def show_precision(visit: Reading) -> Response:
    """What the decisions say of the lists, rule by rule."""
    of_companies = read_precision(visit.connection, "company") if visit.may(Right.READ_COMPANIES) else None
    return visit.page("precision.html", rules=read_precision(visit.connection), of_companies=of_companies)


def _lead_values(visit: Visit, signal_id: str) -> dict[str, Any]:
    signal = read_signal(visit.connection, signal_id)
    visit.returned("signal", [signal_id])
    standing, assignee = read_status(visit.connection, signal_id)
    return {
        "lead": read_lead(visit.connection, signal),
        "standing": standing,
        "assignee": assignee,
        "decisions": list_decisions(visit.connection, signal_id),
        "earlier": list_earlier_leads(visit.connection, signal),
        "watched": name_watched(visit),
        "people": casework.deciders(Session(visit.connection)) if visit.may("decide") else [],
        "reasons": casework.DISMISSAL_REASONS,
    }


def _choices(visit: Visit) -> dict[str, list[tuple[Any, str]]]:
    """Return what each field of the filter can be, as (value, words), in the order of the words."""
    counted = read_choices(visit.connection, visit.release_id)
    words: dict[str, tuple[str, Callable[[Any], str | None]]] = {
        "rule": ("rule", wording.say_rule),
        "substance": ("substance_code", name_substance),
        "commodity": ("commodity_code", spell_code),
        "importer": ("importer_code", name_importer),
        "exporter": ("exporter_code", name_area),
    }
    named = {field: [(value, f"{say(value)} ({count:,})") for value, count in counted[column]] for field, (column, say) in words.items()}
    found = {field: sorted(choices, key=lambda choice: choice[1].casefold()) for field, choices in named.items()}
    found["family"] = [(family, t(family.replace("_", " "))) for family in families()]
    found["period"] = [(period, f"{period // 100}-{period % 100:02d}" if period > 9999 else str(period)) for period, _ in counted["period"]]
    return found
