"""The audit log for those who may read it."""

from __future__ import annotations

import sqlalchemy as sa
from fastapi import Response
from sqlalchemy.orm import Session

from tradeflow.serve.routers import page_router
from tradeflow.serve.store import AuditEntry
from tradeflow.serve.visit import ReadingAudit

router = page_router()
_ROWS = 100


@router.get("/audit")
def show_audit(visit: ReadingAudit, before: int | None = None, actor: str = "", path: str = "") -> Response:
    """Show the newest entries, or those before one; of one person, or about one address."""
    question = sa.select(AuditEntry).order_by(AuditEntry.entry_number.desc()).limit(_ROWS)
    if before is not None:
        question = question.where(AuditEntry.entry_number < before)
    if actor:
        question = question.where(AuditEntry.actor == actor)
    if path:
        question = question.where(AuditEntry.path.contains(path, autoescape=True))
    with Session(visit.connection) as store:
        entries = list(store.scalars(question))
    visit.returned("audit_entry", [entry.entry_number for entry in entries])
    return visit.page("house/audit.html", entries=entries, is_full=len(entries) == _ROWS, actor=actor, path=path)
