"""Why companies are opened: asked before the first one, kept for a while, written beside each in the log."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Form, Response

from tradeflow.exceptions import TradeflowError
from tradeflow.serve.access import Right
from tradeflow.serve.links import own_path
from tradeflow.serve.routers import page_router
from tradeflow.serve.sessions import end_purpose, state_purpose
from tradeflow.serve.visit import Visit, visit_with
from tradeflow.telling.language import t

router = page_router()
MayInvestigate = Annotated[Visit, Depends(visit_with(Right.READ_COMPANIES, needs_release=False))]


@router.get("/purpose")
def show_purpose(visit: MayInvestigate, next: str = "/") -> Response:  # noqa: A002
    """Ask for a purpose or a case number."""
    return visit.page("house/purpose.html", next_path=own_path(next), fault=None, purpose="", case_number="")


@router.post("/purpose")
def set_purpose(
    visit: MayInvestigate,
    purpose: Annotated[str, Form(max_length=500)] = "",
    case_number: Annotated[str, Form(max_length=64)] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """Keep it for the time that the settings give, and lead on to what was asked for."""
    visit.action = "state_purpose"
    visit.asked(purpose=purpose, case_number=case_number)
    assert visit.signed_in is not None
    try:
        state_purpose(visit.case_store, visit.signed_in, purpose, case_number, visit.settings.serve)
    except TradeflowError as error:
        visit.close()
        answers = {"fault": t(str(error)), "purpose": purpose, "case_number": case_number}
        return visit.page("house/purpose.html", 400, next_path=own_path(next), **answers)
    return visit.go(own_path(next))


@router.post("/purpose/end")
def close_purpose(visit: MayInvestigate) -> Response:
    """Close the case: the next company asks again."""
    visit.action = "end_purpose"
    assert visit.signed_in is not None
    end_purpose(visit.case_store, visit.signed_in)
    return visit.go("/")
