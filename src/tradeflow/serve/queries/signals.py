"""The ranked table of leads: its rows, how many there are, and what they can be narrowed by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa

from tradeflow.contract import load_contract
from tradeflow.serve.queries.frames import mappings, read_rows
from tradeflow.serve.queries.lead_filter import SIGNAL, STATUS, STATUSES, LeadFilter
from tradeflow.serve.queries.lead_list import narrow, sort_leads
from tradeflow.serve.store import Account
from tradeflow.serving_database import COUNTED, LEAD_COUNT
from tradeflow.telling import wording
from tradeflow.telling.names import name_area, name_commodity, name_importer, name_substance

_ROWS_AT_ONCE = 5_000
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
    """Some rows of the list, the cursor behind the last of them (None where nothing follows), and how many the whole list has."""

    rows: list[LeadRow]
    following: str | None
    count: int


def list_leads(connection: sa.Connection, lead_filter: LeadFilter, *, limit: int = 50) -> LeadPage:
    """Return one page of the leads that pass a filter, in its order, and how many pass it."""
    passing = narrow(connection, lead_filter)
    listed, following = sort_leads(passing, lead_filter, limit)
    heads = _read_heads(connection, listed["lead_rank"].to_list())
    told = listed.select("lead_rank", pl.col("broken_rules").cast(pl.String), "is_new").iter_rows()
    rows = [_lead_row(heads[rank], rules.split(";"), is_new=is_new) for rank, rules, is_new in told]
    return LeadPage(rows, following, passing.height)


def iterate_heads(connection: sa.Connection, lead_filter: LeadFilter) -> Iterator[pl.DataFrame]:
    """Return the head signals of all leads that pass a filter, in its order, some thousands at a time; one empty frame where none does.

    The filter is read at once: a question that has no answer must be told before an answer has begun.
    """
    listed, _ = sort_leads(narrow(connection, lead_filter), lead_filter)
    return _read_on(connection, listed)


def _read_on(connection: sa.Connection, listed: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for ranks in listed.select("lead_rank").iter_slices(_ROWS_AT_ONCE):
        heads = read_rows(connection, "signal", SIGNAL.c.is_lead_head, SIGNAL.c.lead_rank.in_(ranks["lead_rank"].to_list()))
        yield ranks.join(heads, on="lead_rank", maintain_order="left").select(heads.columns)
    if listed.is_empty():
        yield load_contract("signal").empty_frame()


def count_leads(connection: sa.Connection, lead_filter: LeadFilter) -> int:
    """Return how many leads pass a filter."""
    return narrow(connection, lead_filter).height


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


def _read_heads(connection: sa.Connection, ranks: list[int]) -> dict[int, dict[str, Any]]:
    """Return the head signals of some leads by rank, each with where people left it."""
    assignee = sa.select(Account.name).where(Account.account_id == STATUS.c.assigned_to).scalar_subquery()
    status = sa.func.coalesce(STATUS.c.status, "open")
    question = sa.select(SIGNAL, status.label("status"), assignee.label("assignee"))
    question = question.select_from(SIGNAL.outerjoin(STATUS, STATUS.c.signal_id == SIGNAL.c.signal_id))
    found = mappings(connection, question.where(SIGNAL.c.is_lead_head, SIGNAL.c.lead_rank.in_(ranks)))
    return {row["lead_rank"]: row for row in found}


def _lead_row(row: dict[str, Any], rules: list[str], *, is_new: bool) -> LeadRow:
    return LeadRow(
        signal=row,
        importer=name_importer(row["importer_code"]),
        exporter=name_area(row["exporter_code"]),
        commodity=name_commodity(row["commodity_code"]),
        substance=name_substance(row["substance_code"]),
        other_rules=tuple(rule for rule in rules if rule != row["rule"]),
        status=row.pop("status"),
        assignee=row.pop("assignee"),
        is_new=is_new,
    )
