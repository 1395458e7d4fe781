"""The saved views that a person may use."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tradeflow.serve.queries.frames import mappings
from tradeflow.serve.store import Account, SavedView


def list_views(connection: sa.Connection, account_id: int) -> list[dict[str, Any]]:
    """Return one's own views and those that others share, by name."""
    question = sa.select(SavedView.__table__, Account.name.label("owner")).join(Account, Account.account_id == SavedView.account_id)
    return mappings(connection, question.where((SavedView.account_id == account_id) | SavedView.is_shared).order_by(SavedView.name))
