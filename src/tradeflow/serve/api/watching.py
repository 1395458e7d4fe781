"""One's own watch list, and saved views of the tables of leads."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Body, Depends, Path, Query
from pydantic import BaseModel, Field

from tradeflow.serve import casework
from tradeflow.serve.opening import hold_to_kind, hold_to_table, may_open_companies
from tradeflow.serve.queries.signals import MOST_COUNTED
from tradeflow.serve.queries.views import list_views
from tradeflow.serve.queries.watching import NEW_SHOWN, WatchedThing, check_target, list_watch_items, read_watched
from tradeflow.serve.routers import api_router
from tradeflow.serve.visit import Reading, declare_purpose

router = api_router(tags=["own lists"])
_UNDER_PURPOSE = [Depends(declare_purpose)]
Count = Annotated[int, Field(description=f"{MOST_COUNTED + 1} stands for more than {MOST_COUNTED}.")]
ItemId = Annotated[int, Path(ge=1, le=2**31 - 1)]
SignalKind = Literal["country", "company"]


class NewWatchItem(BaseModel):
    """Something to watch."""

    watch_kind: Literal["area", "substance", "commodity", "entity"]
    target: Annotated[str, Field(max_length=64, description="UN M49, substance or HS code, or id of a company.")]


class Watched(NewWatchItem):
    """Something that is watched, with the leads on it; those on companies only under a purpose."""

    watch_id: int
    created_at: datetime
    label: str
    lead_count: Count
    new_count: Annotated[int, Field(description="Of them, leads that no earlier release told.")]
    new_signal_ids: Annotated[list[str], Field(description=f"The first {NEW_SHOWN} of the new ones, by rank.")]
    company_lead_count: Count
    new_company_lead_count: int
    new_company_signal_ids: Annotated[list[str], Field(description=f"The first {NEW_SHOWN} of the new ones, by rank.")]


class WatchList(BaseModel):
    """All that one watches."""

    release_id: str
    hidden: Annotated[int, Field(description="Companies on the list that are not shown, as no purpose was given.")]
    results: list[Watched]


class NewView(BaseModel):
    """The filter of a table under a name."""

    signal_kind: SignalKind = "country"
    name: Annotated[str, Field(min_length=1, max_length=64)]
    query: Annotated[str, Field(max_length=2000, description="The filter's fields, as the address of the page holds them.")]
    is_shared: bool = False


class View(NewView):
    """A saved view: one's own, or one that somebody shares."""

    view_id: int
    owner: str


@router.get("/watched", dependencies=_UNDER_PURPOSE)
def list_watched(visit: Reading) -> WatchList:
    """One's own watch list; companies on it only under a purpose."""
    items = list_watch_items(visit.connection, visit.person.account_id)
    things = read_watched(visit.connection, items, with_companies=may_open_companies(visit))
    results = [_watched(thing) for thing in things]
    visit.returned("signal", [signal_id for each in results for signal_id in each.new_signal_ids])
    visit.returned("company_signal", [signal_id for each in results for signal_id in each.new_company_signal_ids])
    visit.returned("company", [each.target for each in results if each.watch_kind == "entity"])
    return WatchList(release_id=visit.release_id, hidden=len(items) - len(things), results=results)


@router.post("/watched", status_code=201, dependencies=_UNDER_PURPOSE)
def add_watched(visit: Reading, wanted: Annotated[NewWatchItem, Body()]) -> Watched:
    """Watch something; what is watched already stays as it is."""
    hold_to_kind(visit, wanted.watch_kind)
    visit.asked(**wanted.model_dump())
    check_target(visit.connection, wanted.watch_kind, wanted.target)
    item = casework.watch(visit.case_store, visit.person, watch_kind=wanted.watch_kind, target=wanted.target)
    told = {name: getattr(item, name) for name in ("watch_id", "watch_kind", "target", "created_at")}
    return _watched(read_watched(visit.connection, [told], with_companies=may_open_companies(visit))[0])


@router.delete("/watched/{watch_id}", status_code=204)
def remove_watched(visit: Reading, watch_id: ItemId) -> None:
    """Watch something no longer."""
    casework.unwatch(visit.case_store, visit.person, watch_id)


@router.get("/views", dependencies=_UNDER_PURPOSE)
def list_saved(
    visit: Reading, signal_kind: Annotated[SignalKind, Query(description="The table that they narrow.")] = "country"
) -> list[View]:
    """One's own views and those that others share."""
    hold_to_table(visit, signal_kind)
    rows = list_views(visit.connection, visit.person.account_id, signal_kind)
    return [View(**{name: row[name] for name in View.model_fields}) for row in rows]


@router.post("/views", status_code=201, dependencies=_UNDER_PURPOSE)
def add_view(visit: Reading, wanted: Annotated[NewView, Body()]) -> View:
    """Keep a filter under a name; one's own view of this name is replaced."""
    hold_to_table(visit, wanted.signal_kind)
    visit.asked(**wanted.model_dump())
    view = casework.save_view(visit.case_store, visit.person, **wanted.model_dump())
    return View(**wanted.model_dump() | {"name": view.name}, view_id=view.view_id, owner=visit.person.name)


@router.delete("/views/{view_id}", status_code=204)
def remove_view(visit: Reading, view_id: ItemId) -> None:
    """Remove one of one's own views."""
    casework.remove_view(visit.case_store, visit.person, view_id)


def _watched(thing: WatchedThing) -> Watched:
    told: dict[str, Any] = {name: thing.item[name] for name in ("watch_id", "watch_kind", "target", "created_at")}
    return Watched(
        **told,
        label=thing.label,
        lead_count=thing.lead_count,
        new_count=thing.new_count,
        new_signal_ids=[row.signal["signal_id"] for row in thing.new],
        company_lead_count=thing.companies.count,
        new_company_lead_count=thing.new_companies.count,
        new_company_signal_ids=[row["signal_id"] for row in thing.new_companies.rows],
    )
