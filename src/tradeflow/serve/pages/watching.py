"""The watch list: what is new on the countries, substances, codes and companies that somebody follows."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Response

from tradeflow.serve import casework
from tradeflow.serve.links import own_path
from tradeflow.serve.opening import hold_to_kind, may_open_companies
from tradeflow.serve.queries.watching import check_target, list_watch_items, read_watched
from tradeflow.serve.routers import page_router
from tradeflow.serve.translations import translator
from tradeflow.serve.visit import Reading, Visit
from tradeflow.telling.language import tell_in

router = page_router()
Text = Annotated[str, Form(max_length=casework.LONGEST_TEXT)]


@router.get("/watched")
def show_watched(visit: Reading) -> Response:
    """One's own watch list; companies on it only under a purpose."""
    items = list_watch_items(visit.connection, visit.person.account_id)
    with tell_in(translator(visit.language)):
        things = read_watched(visit.connection, items, with_companies=may_open_companies(visit))
        visit.returned("signal", [row.signal["signal_id"] for thing in things for row in thing.new])
        rows = [row for thing in things for row in thing.new_companies.rows]
        visit.returned("company_signal", [row["signal_id"] for row in rows])
        named = {thing.item["target"] for thing in things if thing.item["watch_kind"] == "entity"}
        visit.returned("company", sorted(named | {row["entity_id"] for row in rows}))
        return visit.page("watched.html", things=things, hidden=len(items) - len(things), may_open_companies=may_open_companies(visit))


@router.post("/watched")
def watch(visit: Reading, watch_kind: Text, target: Text, next: Text = "/watched") -> Response:  # noqa: A002 (the field's name)
    """Put something on it."""
    hold_to_kind(visit, watch_kind)
    visit.asked(watch_kind=watch_kind, target=target)
    check_target(visit.connection, watch_kind, target)
    casework.watch(visit.case_store, visit.person, watch_kind=watch_kind, target=target)
    return visit.go(own_path(next))


@router.post("/watched/{watch_id}/remove")
def unwatch(visit: Reading, watch_id: int, next: Text = "/watched") -> Response:  # noqa: A002 (the field's name)
    """Take something off it."""
    visit.asked(watch_id=watch_id)
    casework.unwatch(visit.case_store, visit.person, watch_id)
    return visit.go(own_path(next))


def name_watched(visit: Visit) -> dict[tuple[str, str], int]:
    """Return the id of each thing on one's watch list, by its kind and target."""
    items = list_watch_items(visit.connection, visit.person.account_id)
    return {(item["watch_kind"], item["target"]): item["watch_id"] for item in items}
