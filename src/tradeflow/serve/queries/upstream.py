"""The walk upstream from a company: as far as it was asked for, and what of it was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import polars as pl
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from tradeflow.serve.queries.frames import read_rows
from tradeflow.serve.queries.lead_filter import Text
from tradeflow.serving_database import TABLES
from tradeflow.telling.upstream import walk_upstream

STEPS_WALKED = 4
MOST_STEPS = 10
_MOST_ITEMS = 20_000
_ITEM = TABLES["company_item"].c


class UpstreamQuestion(BaseModel):
    """How far the walk goes, and whether it keeps to one substance."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    steps: Annotated[int, Field(ge=1, le=MOST_STEPS, description="Steps upstream.")] = STEPS_WALKED
    substance: Annotated[Text, Field(description="Substance code; without it, all watched substances.")] = None


@dataclass(frozen=True)
class Upstream:
    """The walk (`upstream_trade`), its steps, the items read for it, those left out, and the last senders behind whom nobody looked."""

    trade: pl.DataFrame
    steps: int
    items_read: int
    items_left: int
    senders_left: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out and the walk came to its end."""
        return not self.items_left and not self.senders_left


def read_upstream(connection: sa.Connection, entity_id: str, *, steps: int = STEPS_WALKED, substance: str | None = None) -> Upstream:
    """Walk upstream from a company, so many steps, over all watched substances or one; at most 20,000 items are read for it."""
    frontier, seen, left = {entity_id}, {entity_id}, 0
    found: list[pl.DataFrame] = []
    for _ in range(steps):
        received = _received_by(frontier, substance)
        room = _MOST_ITEMS - sum(each.height for each in found)
        found.append(read_rows(connection, "company_item", *received, limit=room))
        left = 0 if found[-1].height < room else _count(connection, received) - found[-1].height
        frontier = {sender for sender in found[-1]["exporter_entity_id"].unique() if sender is not None} - seen
        seen |= frontier
        if not frontier or left:
            break
    items = pl.concat(found).unique(["snapshot_id", "row_number", "substance_code"], maintain_order=True)
    trade = walk_upstream(items, entity_id, most_steps=steps)
    return Upstream(trade, steps, items.height, left, len(frontier))


def _received_by(companies: set[str], substance: str | None) -> list[sa.ColumnElement[bool]]:
    received = _ITEM.importer_entity_id.in_(companies) | _ITEM.consignee_entity_id.in_(companies)
    return [received] if substance is None else [received, _ITEM.substance_code == substance]


def _count(connection: sa.Connection, conditions: list[sa.ColumnElement[bool]]) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(TABLES["company_item"]).where(*conditions)) or 0
