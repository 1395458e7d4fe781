"""Saved views: the filters of a table of leads under a name."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Form, Response

from tradeflow.serve import casework
from tradeflow.serve.opening import hold_to_table
from tradeflow.serve.routers import page_router
from tradeflow.serve.visit import Reading

router = page_router()
Text = Annotated[str, Form(max_length=casework.LONGEST_TEXT)]
_TABLES = {"country": "/signals", "company": "/companies"}


@router.post("/views")
def save_view(
    visit: Reading,
    name: Text,
    query: Text = "",
    signal_kind: Annotated[Literal["country", "company"], Form()] = "country",
    is_shared: Annotated[bool, Form()] = False,
) -> Response:
    """Keep the table's fields under a name; those of the table of companies are for who may read it."""
    hold_to_table(visit, signal_kind)
    visit.asked(signal_kind=signal_kind, name=name, query=query, is_shared=is_shared)
    casework.save_view(visit.case_store, visit.person, signal_kind=signal_kind, name=name, query=query, is_shared=is_shared)
    return visit.go(_TABLES[signal_kind] + (f"?{query}" if query else ""))


@router.post("/views/{view_id}/remove")
def remove_view(visit: Reading, view_id: int) -> Response:
    """Remove one of one's own views."""
    visit.asked(view_id=view_id)
    return visit.go(_TABLES[casework.remove_view(visit.case_store, visit.person, view_id)])
