"""The ranked table of leads: its rows, how many there are, and what they can be narrowed by."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tradeflow.serve.queries.frames import mappings
from tradeflow.serve.queries.lead_filter import SIGNAL, STATUS, STATUSES, LeadFilter, is_new
from tradeflow.serve.store import Account
from tradeflow.serving_database import COUNTED, KNOWN_SIGNAL, LEAD_COUNT
from tradeflow.telling import wording
from tradeflow.telling.names import name_area, name_commodity, name_substance

MOST_COUNTED = 10_000
"""A longer list is only said to be longer: counting it would take longer than reading its first page."""


Choices = dict[str, list[tuple[Any, int]]]
_read: dict[tuple[str, str], Choices] = {}


@dataclass(frozen=True)
class LeadRow:
    """One line of the table: the lead's head signal, its names, the other rules that it broke, and where people left it."""

    signal: dict[str, Any]
    importer: str
    exporter: str
    commodity: str
    substance: str | None
    other_rules: tuple[str, ...]
    status: str
    assignee: str | None
    is_new: bool

    @property
    def other_words(self) -> str:
        """The other rules in words."""
        return ", ".join(map(wording.say_rule, self.other_rules))


@dataclass(frozen=True)
class LeadPage:
    """Some rows of the list and the cursor behind the last of them; None where nothing follows."""

    rows: list[LeadRow]
    following: str | None


def list_leads(connection: sa.Connection, lead_filter: LeadFilter, *, limit: int = 50) -> LeadPage:
    """Return one page of the leads that pass a filter, in its order."""
    order = lead_filter.order
    question = _leads(lead_filter).order_by(*order.by).limit(limit + 1)
    if lead_filter.behind:
        question = question.where(order.behind(lead_filter.behind))
    found = mappings(connection, question)
    rows = found[:limit]
    rules = _rules_of(connection, [row["lead_id"] for row in rows])
    return LeadPage([_lead_row(row, rules) for row in rows], order.cursor_of(rows[-1]) if len(found) > limit else None)


def select_heads(lead_filter: LeadFilter) -> sa.Select[Any]:
    """Return the question for the head signals of all leads that pass a filter, in its order."""
    return _from_heads(sa.select(SIGNAL)).where(*lead_filter.conditions).order_by(*lead_filter.order.by)


def count_leads(connection: sa.Connection, lead_filter: LeadFilter) -> int:
    """Return how many leads pass a filter, at most one more than MOST_COUNTED."""
    some = _from_heads(sa.select(sa.literal(1))).where(*lead_filter.conditions).limit(MOST_COUNTED + 1)
    return connection.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0


def count_statuses(connection: sa.Connection, release_id: str) -> dict[str, int]:
    """Return how many leads of the release stand where; those that nobody decided on are open."""
    leads = sum(count for _, count in read_choices(connection, release_id)["rule"])
    is_head = sa.exists().where(SIGNAL.c.signal_id == STATUS.c.signal_id, SIGNAL.c.is_lead_head)  # people decide on few: begin with those
    decided = sa.select(STATUS.c.status, sa.func.count()).where(STATUS.c.status != "open", is_head).group_by(STATUS.c.status)
    counted = dict(connection.execute(decided).tuples().all())
    return {status: counted.get(status, 0) for status in STATUSES} | {"open": leads - sum(counted.values())}


def read_choices(connection: sa.Connection, release_id: str) -> Choices:
    """Return each value that the release's leads have in a column of COUNTED, with the number of leads; read once per release."""
    key = (str(connection.engine.url), release_id)
    found = _read.get(key)
    if found is None:
        found = _read_choices(connection)
        _read.clear()
        _read[key] = found
    return found


def _read_choices(connection: sa.Connection) -> Choices:
    counted = LEAD_COUNT.c
    question = sa.select(counted.counted_column, counted.counted_value, counted.lead_count).where(counted.lead_count > 0)
    found: Choices = {name: [] for name in COUNTED}
    for column, value, count in connection.execute(question):
        found[column].append((SIGNAL.c[column].type.python_type(value), count))
    return found


def _from_heads(question: sa.Select[Any]) -> sa.Select[Any]:
    return question.select_from(SIGNAL.outerjoin(STATUS, STATUS.c.signal_id == SIGNAL.c.signal_id))


def _leads(lead_filter: LeadFilter) -> sa.Select[Any]:
    assignee = sa.select(Account.name).where(Account.account_id == STATUS.c.assigned_to).scalar_subquery()
    status = sa.func.coalesce(STATUS.c.status, "open")
    question = sa.select(SIGNAL, status.label("status"), assignee.label("assignee"), is_new(SIGNAL, KNOWN_SIGNAL).label("is_new"))
    return _from_heads(question).where(*lead_filter.conditions)


def _rules_of(connection: sa.Connection, lead_ids: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    asked = sa.select(SIGNAL.c.lead_id, SIGNAL.c.rule).where(SIGNAL.c.lead_id.in_(lead_ids)).distinct()
    for lead_id, rule in connection.execute(asked):
        found[lead_id].add(rule)
    return found


def _lead_row(row: dict[str, Any], rules: dict[str, set[str]]) -> LeadRow:
    return LeadRow(
        signal=row,
        importer=name_area(row["importer_code"]),
        exporter=name_area(row["exporter_code"]),
        commodity=name_commodity(row["commodity_code"]),
        substance=name_substance(row["substance_code"]),
        other_rules=tuple(sorted(rules[row["lead_id"]] - {row["rule"]})),
        status=row.pop("status"),
        assignee=row.pop("assignee"),
        is_new=bool(row.pop("is_new")),
    )
