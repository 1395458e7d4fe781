"""The saved views that a person may use."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tradeflow.serve.queries.frames import mappings
from tradeflow.serve.store import Account, SavedView


def list_views(connection: sa.Connection, account_id: int, signal_kind: str) -> list[dict[str, Any]]:
    """Return one's own views of a table of leads (country or company) and those that others share, by name, each with its `owner`."""
    question = sa.select(SavedView.__table__, Account.name.label("owner")).join(Account, Account.account_id == SavedView.account_id)
    mine = (SavedView.account_id == account_id) | SavedView.is_shared
    return mappings(connection, question.where(mine, SavedView.signal_kind == signal_kind).order_by(SavedView.name))
