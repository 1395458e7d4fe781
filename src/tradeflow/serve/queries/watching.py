"""What somebody watches: a country, a substance, an HS code or a company, and the leads on it that no earlier release told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from tradeflow.exceptions import NotFoundError
from tradeflow.serve.queries.company import find_entity, name_entities
from tradeflow.serve.queries.company_leads import CompanyLeadFilter, CompanyLeadPage, list_company_leads
from tradeflow.serve.queries.frames import mappings
from tradeflow.serve.queries.lead_filter import LeadFilter
from tradeflow.serve.queries.signals import LeadRow, count_leads, list_leads
from tradeflow.serve.store import WatchItem
from tradeflow.telling.names import area_names, name_area, name_substance, spell_code, substance_names

NEW_SHOWN = 5
_NO_COMPANIES = CompanyLeadPage([], 0, None)
_HS_CODE = re.compile("[0-9]{2,6}")
_COUNTRY_FIELDS = {"area": "area", "substance": "substance", "commodity": "commodity"}
_COMPANY_FIELDS = {"area": "area", "substance": "substance", "entity": "entity"}


@dataclass(frozen=True)
class WatchedThing:
    """One thing on a watch list with the leads on it: how many, how many are new, and the first of the new ones."""

    item: dict[str, Any]
    label: str
    lead_count: int = 0
    new_count: int = 0
    new: list[LeadRow] = field(default_factory=list)
    companies: CompanyLeadPage = _NO_COMPANIES
    new_companies: CompanyLeadPage = _NO_COMPANIES

    @property
    def fields(self) -> dict[str, Any]:
        """The filter of the leads on countries, as a URL holds it; empty where none are about it."""
        return _fields(_COUNTRY_FIELDS, self.item)

    @property
    def company_fields(self) -> dict[str, Any]:
        """The filter of the leads on companies; empty where none are about it."""
        return _fields(_COMPANY_FIELDS, self.item)


def list_watch_items(connection: sa.Connection, account_id: int) -> list[dict[str, Any]]:
    """Return what somebody watches, the newest first."""
    item = WatchItem.__table__
    return mappings(connection, sa.select(item).where(item.c.account_id == account_id).order_by(item.c.watch_id.desc()))


def read_watched(connection: sa.Connection, items: list[dict[str, Any]], *, with_companies: bool) -> list[WatchedThing]:
    """Return each thing with the leads on it, those with new ones first; companies and leads on them only where they are asked for."""
    shown = [item for item in items if with_companies or item["watch_kind"] != "entity"]
    things = [_read_thing(connection, item, with_companies) for item in shown]
    return sorted(things, key=lambda thing: -(thing.new_count + thing.new_companies.count))


def check_target(connection: sa.Connection, watch_kind: str, target: str) -> None:
    """Hold what is to be watched to what there is; NotFoundError."""
    if watch_kind == "entity":
        find_entity(connection, target)
    known = {"area": {str(code) for code in area_names() if code}, "substance": set(substance_names())}
    if watch_kind in known and target not in known[watch_kind]:
        raise NotFoundError(f"no {watch_kind} {target!r}")
    if watch_kind == "commodity" and not _HS_CODE.fullmatch(target):
        raise NotFoundError(f"{target!r} is no HS code of two to six digits")


def _read_thing(connection: sa.Connection, item: dict[str, Any], with_companies: bool) -> WatchedThing:
    thing = WatchedThing(item, _label(connection, item))
    found: dict[str, Any] = {}
    if thing.fields:
        of_new = LeadFilter(**thing.fields, new=True)
        found["lead_count"] = count_leads(connection, LeadFilter(**thing.fields))
        found["new_count"] = count_leads(connection, of_new)
        found["new"] = list_leads(connection, of_new, limit=NEW_SHOWN).rows if found["new_count"] else []
    if thing.company_fields and with_companies:
        found["companies"] = list_company_leads(connection, CompanyLeadFilter(**thing.company_fields), NEW_SHOWN)
        found["new_companies"] = list_company_leads(connection, CompanyLeadFilter(**thing.company_fields, new=True), NEW_SHOWN)
    return WatchedThing(item, thing.label, **found)


def _label(connection: sa.Connection, item: dict[str, Any]) -> str:
    target: str = item["target"]
    if item["watch_kind"] == "entity":
        return name_entities(connection, {target}).get(target, target)
    if item["watch_kind"] == "area":
        return name_area(int(target))
    return spell_code(target) if item["watch_kind"] == "commodity" else name_substance(target) or target


def _fields(names: dict[str, str], item: dict[str, Any]) -> dict[str, Any]:
    return {names[item["watch_kind"]]: item["target"]} if item["watch_kind"] in names else {}
