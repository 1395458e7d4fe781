"""The shapes of answers: a row of a table is as its contract declares it, column by column."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime
from typing import Annotated, Any

import polars as pl
from pydantic import BaseModel, BeforeValidator, Field, create_model

from tradeflow.contract import Column, load_contract
from tradeflow.serve.casework import DISMISSAL_REASONS, STATUSES


def _in_utc(given: Any) -> Any:
    """Give a time its zone: all of ours are UTC, and SQLite keeps none."""
    return given.replace(tzinfo=UTC) if isinstance(given, datetime) and given.tzinfo is None else given


UtcTime = Annotated[datetime, BeforeValidator(_in_utc)]
_TYPES: dict[pl.DataType, Any] = {
    pl.String(): str,
    pl.Int32(): int,
    pl.Int64(): int,
    pl.Float64(): float,
    pl.Boolean(): bool,
    pl.Date(): date,
    pl.Datetime("us", "UTC"): UtcTime,
}


@functools.cache
def row_of(table: str) -> Any:
    """Return the model of one row of a table: the contract's columns with their meaning and unit."""
    fields: dict[str, Any] = {column.name: _field(column) for column in load_contract(table).columns}
    return create_model(f"{table.title().replace('_', '')}Row", **fields)


def _field(column: Column) -> Any:
    told = Field(description=f"{column.meaning} Unit: {column.unit}." if column.unit else column.meaning)
    if column.is_required:
        return Annotated[_TYPES[column.dtype], told], ...
    return Annotated[_TYPES[column.dtype] | None, told], None


class Release(BaseModel):
    """The release that answers."""

    release_id: str
    published_at: datetime
    as_of: str | None
    first_period: int | None
    last_period: int | None
    is_simulated: bool
    leads: int | None
    reading_note: str


class Precision(BaseModel):
    """What people's decisions say of the list, for one rule or all."""

    rule: str
    confirmed: int
    dismissed: int
    passed_on: int
    confirmed_share: float | None
    lower_share: Annotated[float | None, Field(description="Lower end of the 90% interval of the share (Wilson).")]
    upper_share: Annotated[float | None, Field(description="Upper end of the 90% interval of the share (Wilson).")]


class FoundThing(BaseModel):
    """One thing that a search found."""

    kind: Annotated[str, Field(description="company, substance, commodity or area.")]
    target: Annotated[str, Field(description="Its code or id.")]
    label: Annotated[str, Field(description="The name or number under which it was found.")]
    detail: str | None
    likeness: Annotated[float, Field(description="How like the name is to what was asked, 0 to 100.")]


class FoundDeclaration(BaseModel):
    """A declaration whose number begins with what was asked."""

    declaration_id: str
    declaration_date: date
    reporter_code: int | None
    importer_entity_id: str | None
    exporter_entity_id: str | None


class Found(BaseModel):
    """All that a search found; companies and declarations only for who may read them."""

    release_id: str
    results: list[FoundThing]
    declarations: list[FoundDeclaration]
    signals: list[str]


class Decided(BaseModel):
    """One thing that somebody decided, noted or asked for on a signal."""

    kind: Annotated[str, Field(description="decision, note or assignment.")]
    at: datetime
    person: str
    decision: str | None = None
    reason_code: str | None = None
    reason: str | None = None
    passed_to: str | None = None
    note_text: str | None = None
    assignee: str | None = None
    release_id: str | None = None


class NewDecision(BaseModel):
    """A decision to add."""

    decision: Annotated[str, Field(json_schema_extra={"enum": [*STATUSES]}, max_length=20)]
    reason: Annotated[str, Field(max_length=4000)] = ""
    reason_code: Annotated[str | None, Field(description=f"Needed to dismiss: {', '.join(DISMISSAL_REASONS)}.", max_length=40)] = None
    passed_to: Annotated[str | None, Field(description="Needed to pass on.", max_length=200)] = None


class NewNote(BaseModel):
    """A remark to add."""

    note_text: Annotated[str, Field(min_length=1, max_length=4000)]


class NewAssignment(BaseModel):
    """Who is asked to look at a lead."""

    assigned_to: Annotated[str | None, Field(max_length=64, description="Name of an account that may decide; null for nobody.")] = None


class ExplainedPeriod(BaseModel):
    """What one period of a lead's series says."""

    period: int
    observed_kg: float | None
    observed_state: Annotated[str, Field(description="reported, none (no trade), weight_missing or not_reported.")]
    expected_kg: float | None
    lower_kg: float | None
    upper_kg: float | None
    import_net_weight_kg: float | None
    export_net_weight_kg: float | None
    balanced_net_weight_kg: float | None
    is_lead_period: bool


class Fact(BaseModel):
    """A fact in words, as the page tells it."""

    fact: str
    text: str


class SeriesOfCountry(BaseModel):
    """A code that a country is judged on."""

    commodity_code: str
    freq_code: str
    period: int
    lead_count: int
    lead_score: float | None
