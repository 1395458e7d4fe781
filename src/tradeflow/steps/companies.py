"""The step that resolves who the declarations name; ids and people's decisions hold over runs."""

from __future__ import annotations

import datetime
import importlib.util
import logging
from hashlib import sha256
from pathlib import Path

import polars as pl

from tradeflow.conform import CONTROL_RECORDS
from tradeflow.contract import load_codelist, load_contract
from tradeflow.exceptions import SourceError
from tradeflow.lake import Lake, read_table, table_version
from tradeflow.resolve.declared import list_appearances
from tradeflow.resolve.entity import Known as KnownNames
from tradeflow.resolve.entity import Linker, resolve_parties
from tradeflow.resolve.recorded import count_record_parties, link_record_parties, list_record_parties
from tradeflow.resolve.spelling import NameLists
from tradeflow.settings import Companies
from tradeflow.steps.control_records import known_records
from tradeflow.steps.declarations import known_declarations
from tradeflow.steps.handles import Known, Made, commit, hash_texts, standing
from tradeflow.steps.kept_table import read_kept

_log = logging.getLogger("tradeflow")
_TABLES = ("entity", "entity_name", "entity_link", "record_party")


def resolve_companies(options: Companies, lake: Lake, known: Known, today: datetime.date) -> Made:
    """Make _TABLES from the declarations and control records that the run sees and what earlier runs called the companies on them."""
    decided = sha256(options.decisions.read_bytes()).hexdigest() if options.decisions and options.decisions.is_file() else ""
    key = hash_texts("companies", known.answers_key, decided, options.linker)
    if stands := standing(lake, key, *_TABLES):
        return Made(stands, is_new=False)
    areas = load_codelist("area")
    recorded = list_record_parties({table: known_records(lake, known, table) for table in CONTROL_RECORDS}, areas)
    declared = list_appearances(known_declarations(lake, known), areas)
    appearances = pl.concat([declared, count_record_parties(recorded).select(declared.columns)])
    _log.info(f"resolving {appearances.height:,} spellings of companies")
    linker = find_splink() if options.linker == "splink" else None
    found = resolve_parties(
        appearances, load_name_lists(), load_placeholders(), _read_names(lake, options.decisions), today=today, linker=linker
    )
    for note in found.notes:
        _log.warning(note)
    of_records = link_record_parties(recorded, found.entity_name)
    tables = {"entity": found.entity, "entity_name": found.entity_name, "entity_link": found.entity_link, "record_party": of_records}
    return Made(commit(lake, key, **tables), is_new=True)


def find_splink() -> Linker:
    """Return the linker by learned weights; SourceError where the extra `companies` is not installed."""
    if importlib.util.find_spec("splink") is None:
        raise SourceError("linking by Splink needs the extra `companies`: pip install 'tradeflow[companies]'")
    from tradeflow.resolve.learned import link_by_weights

    return link_by_weights


def load_name_lists() -> NameLists:
    """Return the code lists that names and addresses are spelt by."""
    return NameLists(load_codelist("legal_form"), load_codelist("name_word"), load_codelist("address_word"))


def load_placeholders() -> pl.Series:
    """Return what stands where a number should and is none."""
    return load_codelist("number_placeholder")["placeholder_number"]


def _read_names(lake: Lake, decisions: Path | None) -> KnownNames:
    tables = {name: load_contract(name).empty_frame() for name in ("entity_name", "entity", "entity_decision")}
    for name in ("entity_name", "entity"):
        if table_version(lake, name) is not None:
            tables[name] = read_table(lake, name).collect()
    if decisions is not None:
        tables["entity_decision"] = read_kept(decisions, load_contract("entity_decision"))
    return KnownNames(**tables)
