"""The step that says what companies trade: their watched items, months, profiles, ties and brokers."""

from __future__ import annotations

import logging

from tradeflow.contract import load_codelist
from tradeflow.lake import Lake
from tradeflow.model.broker_share import share_brokers
from tradeflow.model.company_month import model_company_months
from tradeflow.model.company_profile import profile_companies
from tradeflow.resolve.activity import count_activity
from tradeflow.resolve.company_item import list_company_items
from tradeflow.resolve.company_link import link_companies
from tradeflow.steps.companies import load_name_lists, load_placeholders
from tradeflow.steps.declarations import known_declarations
from tradeflow.steps.handles import Known, Made, commit, hash_texts, read_handed, standing

_log = logging.getLogger("tradeflow")
COMPANY_TABLES = ("company_item", "company_month", "company_profile", "company_link", "broker_share")


def follow_companies(lake: Lake, known: Known, named: Made, resolved: Made) -> Made:
    """Make COMPANY_TABLES from the declarations, the substances that they name (`named`) and the companies on them (`resolved`)."""
    made_from = [f"{each.table} {each.version} {each.inputs_key}" for each in (*named.tables, *resolved.tables)]
    key = hash_texts("company trade", known.answers_key, *made_from)
    if stands := standing(lake, key, *COMPANY_TABLES):
        return Made(stands, is_new=False)
    declarations, areas, substances = known_declarations(lake, known), load_codelist("area"), load_codelist("substance")
    names = read_handed(lake, resolved, "entity_name").collect()
    worded = read_handed(lake, named, "declared_substance").collect()
    items = list_company_items(declarations, worded, names, areas=areas, commodities=load_codelist("commodity"), substances=substances)
    _log.info(f"following {items.height:,} declared items of watched substances")
    by_chapter, in_all = count_activity(declarations, names, areas)
    tables = {
        "company_item": items,
        "company_month": model_company_months(items, by_chapter, substances),
        "company_profile": profile_companies(items, by_chapter, in_all),
        "company_link": link_companies(items, names, load_name_lists(), load_placeholders()),
        "broker_share": share_brokers(items, by_chapter),
    }
    return Made(commit(lake, key, **tables), is_new=True)
