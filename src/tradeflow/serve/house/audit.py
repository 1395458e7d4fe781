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
ACTION_WORDS = {
    "read": "read",
    "change": "changed",
    "begin_sign_in": "went to the sign-in service",
    "sign_in": "signed in",
    "sign_out": "signed out",
    "change_password": "changed the password",
    "state_purpose": "stated a purpose",
    "end_purpose": "ended the purpose",
    "add_token": "made a token",
    "revoke_token": "took a token back",
    "add_account": "added an account",
    "change_role": "changed a role",
    "reset_password": "gave a new password",
    "open_account": "opened an account",
    "close_account": "closed an account",
    "export_audit": "exported the log",
    "anchor_anew": "anchored the log anew",
}


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
    return visit.page("house/audit.html", entries=entries, is_full=len(entries) == _ROWS, actor=actor, path=path, action_words=ACTION_WORDS)
