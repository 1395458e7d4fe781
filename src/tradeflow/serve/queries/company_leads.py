"""The leads on companies: the ranked list, and one of them with its source rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import polars as pl
import sqlalchemy as sa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tradeflow.contract import load_contract
from tradeflow.exceptions import NotFoundError
from tradeflow.serve.queries.frames import mappings, read_rows
from tradeflow.serve.queries.lead_filter import STATUS, Code, Switch, Text, blank_is_none, is_new
from tradeflow.serve.queries.paging import Order
from tradeflow.serve.queries.signals import MOST_COUNTED
from tradeflow.serve.store import Disposition
from tradeflow.serving_database import KNOWN_COMPANY_SIGNAL, TABLES

SIGNAL = TABLES["company_signal"]
RULES: tuple[str, ...] = tuple(str(rule) for rule in load_contract("company_signal").column("rule").valid_values)
_PAGE = 50
_EARLIER_SHOWN = 12


class CompanyLeadFilter(BaseModel):
    """Fields that are empty narrow nothing."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    rule: Annotated[Text, Field(description="Leads of which a signal broke this rule.")] = None
    substance: Annotated[Text, Field(description="Substance code.")] = None
    area: Annotated[Code, Field(description="Area that declared, UN M49 code.")] = None
    entity: Annotated[Text, Field(description="Id of a company that the lead tells of.")] = None
    role: Annotated[
        Literal["importer", "exporter", "broker", "consignee"] | None,
        BeforeValidator(blank_is_none),
        Field(description="Its role."),
    ] = None
    status: Annotated[
        Literal["open", "confirmed", "dismissed", "passed_on"] | None,
        BeforeValidator(blank_is_none),
        Field(description="Where people's decisions left the lead."),
    ] = None
    new: Annotated[Switch, Field(description="Only leads that no earlier release told.")] = None
    behind: Annotated[Text, Field(description="Cursor of the page before: `following` of its answer.")] = None

    @property
    def stated(self) -> dict[str, Any]:
        """The fields that narrow, as a URL holds them."""
        fields = self.model_dump(exclude={"behind"})
        return {name: ("1" if value is True else value) for name, value in fields.items() if value is not None and value is not False}

    @property
    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """What holds of the head of every lead in the list."""
        equal = {SIGNAL.c.substance_code: self.substance, SIGNAL.c.party_role: self.role, SIGNAL.c.reporter_code: self.area}
        found = [SIGNAL.c.is_lead_head, *(column == value for column, value in equal.items() if value is not None)]
        if self.rule is not None:
            other = SIGNAL.alias("other")
            found.append(SIGNAL.c.lead_id.in_(sa.select(other.c.lead_id).where(other.c.rule == self.rule)))
        if self.entity is not None:
            found.append((SIGNAL.c.entity_id == self.entity) | (SIGNAL.c.related_entity_id == self.entity))
        if self.new:
            found.append(is_new(SIGNAL, KNOWN_COMPANY_SIGNAL))
        if self.status is not None:
            found.append(sa.func.coalesce(STATUS.c.status, "open") == self.status)
        return found


@dataclass(frozen=True)
class CompanyLeadPage:
    """Some leads with `status` and `is_new`, how many there are (at most one more than MOST_COUNTED), and the cursor behind the last."""

    rows: list[dict[str, Any]]
    count: int
    following: str | None


@dataclass(frozen=True)
class CompanyLead:
    """A signal, the others of its lead, its source rows, and what people decided earlier on other signals of its company."""

    signal: dict[str, Any]
    others: list[dict[str, Any]]
    evidence: pl.DataFrame
    earlier: list[dict[str, Any]]

    @property
    def entity_ids(self) -> list[str]:
        """Ids of the companies that the lead tells of."""
        return sorted({row[name] for row in (self.signal, *self.others) for name in ("entity_id", "related_entity_id")} - {None})


def list_company_leads(connection: sa.Connection, asked: CompanyLeadFilter, limit: int = _PAGE) -> CompanyLeadPage:
    """Return one page of the leads on companies that pass a filter, by rank."""
    order = Order(SIGNAL.c.lead_rank, SIGNAL.c.lead_rank)
    joined = SIGNAL.outerjoin(STATUS, STATUS.c.signal_id == SIGNAL.c.signal_id)
    status = sa.func.coalesce(STATUS.c.status, "open").label("status")
    question = sa.select(SIGNAL, status, is_new(SIGNAL, KNOWN_COMPANY_SIGNAL).label("is_new")).select_from(joined).where(*asked.conditions)
    some = sa.select(sa.literal(1)).select_from(joined).where(*asked.conditions).limit(MOST_COUNTED + 1)
    page = question.order_by(*order.by).limit(limit + 1)
    found = mappings(connection, page.where(order.behind(asked.behind)) if asked.behind else page)
    count = connection.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0
    return CompanyLeadPage(found[:limit], count, order.cursor_of(found[limit - 1]) if len(found) > limit else None)


def read_company_signal(connection: sa.Connection, signal_id: str) -> dict[str, Any]:
    """Return a company signal's row; NotFoundError where the release has none of this id."""
    found = mappings(connection, sa.select(SIGNAL).where(SIGNAL.c.signal_id == signal_id))
    if not found:
        raise NotFoundError(f"no company signal {signal_id!r} in this release; an earlier one may have had it")
    return found[0]


def read_company_lead(connection: sa.Connection, signal: dict[str, Any]) -> CompanyLead:
    """Return a signal with the others of its lead and its source rows."""
    others = mappings(
        connection,
        sa.select(SIGNAL)
        .where(SIGNAL.c.lead_id == signal["lead_id"], SIGNAL.c.signal_id != signal["signal_id"])
        .order_by(SIGNAL.c.anomaly_score.desc()),
    )
    evidence = read_rows(connection, "company_signal_evidence", TABLES["company_signal_evidence"].c.signal_id == signal["signal_id"])
    evidence = evidence.sort("evidence_role", "declaration_date", "row_number", nulls_last=True)
    return CompanyLead(signal, others, evidence, list_earlier_decisions(connection, signal))


def list_earlier_decisions(connection: sa.Connection, signal: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the newest decision on each other signal of a company, newest first; not all are still in the release (`is_served`)."""
    told = Disposition.__table__.c
    same = (told.entity_id == signal["entity_id"]) & (told.signal_id != signal["signal_id"]) & (told.signal_kind == "company")
    newest = sa.select(sa.func.max(told.disposition_id)).where(same).group_by(told.signal_id)
    shown = [
        told[name] for name in ("signal_id", "rule", "substance_code", "period", "decision", "reason_code", "decided_at", "release_id")
    ]
    question = (
        sa.select(*shown, SIGNAL.c.signal_id.is_not(None).label("is_served"))
        .select_from(Disposition.__table__.outerjoin(SIGNAL, SIGNAL.c.signal_id == told.signal_id))
        .where(told.disposition_id.in_(newest))
    )
    return mappings(connection, question.order_by(told.decided_at.desc()).limit(_EARLIER_SHOWN))


def list_declarations_behind(connection: sa.Connection, signal_id: str, limit: int = 200) -> list[dict[str, Any]]:
    """Return the declared items that make up a lead on a country, the heaviest first."""
    behind = TABLES["signal_declaration"]
    weight = sa.func.coalesce(behind.c.net_weight_kg, 0)
    return mappings(connection, sa.select(behind).where(behind.c.signal_id == signal_id).order_by(weight.desc()).limit(limit))
