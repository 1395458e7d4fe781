"""What a list of leads is narrowed by and sorted by: one set of fields for the page's URL, the API and saved views."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

import polars as pl
import sqlalchemy as sa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tradeflow.contract import load_codelist
from tradeflow.serve.store import LeadStatus
from tradeflow.serving_database import RELEASE, TABLES

SIGNAL = TABLES["signal"]
STATUS = LeadStatus.__table__
STATUSES = ("open", "confirmed", "dismissed", "passed_on")
_SORTS = {
    "rank": ("lead_rank", False),
    "period": ("period", True),
    "observed": ("observed_kg", True),
    "expected": ("expected_kg", True),
    "excess": ("excess_kg", True),
    "q": ("q_value", False),
}
"""Each sort's column, and whether the largest comes first."""


def blank_is_none(given: Any) -> Any:
    """Take an empty field of a form for none."""
    return None if isinstance(given, str) and not given.strip() else given


Text = Annotated[Annotated[str, Field(max_length=200)] | None, BeforeValidator(blank_is_none)]
Code = Annotated[Annotated[int, Field(ge=0, le=100_000)] | None, BeforeValidator(blank_is_none)]
Period = Annotated[Annotated[int, Field(ge=1962, le=210_012)] | None, BeforeValidator(blank_is_none)]
Score = Annotated[Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None, BeforeValidator(blank_is_none)]
Switch = Annotated[bool | None, BeforeValidator(blank_is_none)]


class LeadFilter(BaseModel):
    """Fields that are empty narrow nothing."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    rule: Annotated[Text, Field(description="Leads of which a signal broke this rule.")] = None
    substance: Annotated[Text, Field(description="Substance code.")] = None
    family: Annotated[Text, Field(description="Family of substances; leads on codes that hold one of them.")] = None
    commodity: Annotated[Text, Field(description="HS code or the beginning of one.")] = None
    importer: Annotated[Code, Field(description="Importing area, UN M49 code; 0 stands for leads about all importers together.")] = None
    exporter: Annotated[Code, Field(description="Exporting area, UN M49 code; 0 stands for leads about all exporters together.")] = None
    area: Annotated[Code, Field(description="Area at either end, UN M49 code.")] = None
    since: Annotated[Period, Field(description="First period, YYYYMM or YYYY.")] = None
    until: Annotated[Period, Field(description="Last period, YYYYMM or YYYY.")] = None
    score: Annotated[Score, Field(description="Least score of the lead.")] = None
    status: Annotated[
        Literal["open", "confirmed", "dismissed", "passed_on"] | None,
        BeforeValidator(blank_is_none),
        Field(description="Where people's decisions left the lead."),
    ] = None
    assigned: Annotated[Code, Field(description="Account that was asked to look at the lead.")] = None
    flagged: Annotated[Switch, Field(description="Only leads within the limit of the false discovery rate.")] = None
    new: Annotated[Switch, Field(description="Only leads that no earlier release told.")] = None
    sort: Annotated[
        Literal["rank", "period", "observed", "expected", "excess", "q"] | None,
        BeforeValidator(blank_is_none),
        Field(description="What comes first; by default the rank."),
    ] = None

    behind: Annotated[Text, Field(description="Cursor of the page before: `following` of its answer.")] = None

    @property
    def order(self) -> tuple[str, bool]:
        """The column that leads are sorted by, and whether the largest comes first; the rank decides between equals."""
        return _SORTS[self.sort or "rank"]

    @property
    def stated(self) -> dict[str, Any]:
        """The fields that narrow or sort, as a URL holds them."""
        fields = self.model_dump(exclude={"behind"})
        return {name: ("1" if value is True else value) for name, value in fields.items() if value is not None and value is not False}


def is_new(signal: sa.Table, remembered: sa.Table) -> sa.ColumnElement[bool]:
    """Tell the signals that no earlier release told; where there was no earlier one, nothing is new."""
    served = sa.select(RELEASE.c.id).scalar_subquery()
    known = remembered.c
    told_first = sa.exists().where(known.signal_id == signal.c.signal_id, known.first_release_id == served)
    # Both ends of an index, where a search for what differs would read a million rows that do not.
    ends = (sa.select(end(known.first_release_id)).scalar_subquery() for end in (sa.func.min, sa.func.max))
    return told_first & sa.or_(*(end != served for end in ends))


@cache
def families() -> dict[str, list[str]]:
    """Return the substances of each family."""
    named = load_codelist("substance").drop_nulls("family").with_columns(pl.col("family").str.split(";")).explode("family")
    grouped = named.sort("family", "substance_code").group_by("family", maintain_order=True).agg("substance_code")
    return {str(family): list(substances) for family, substances in grouped.iter_rows()}
