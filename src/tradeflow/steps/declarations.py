"""The step for sources with declarations: the watched substances that goods descriptions name, beside the declared code."""

from __future__ import annotations

import logging

import polars as pl

from tradeflow.conform import link_declared_items, name_substances, select_known_declarations
from tradeflow.contract import load_contract
from tradeflow.lake import Lake
from tradeflow.steps.handles import Known, Made, commit, hash_texts, read_handed, standing

_log = logging.getLogger("tradeflow")
DECLARATIONS = "customs_declaration"


def has_declarations(known: Known) -> bool:
    """Tell whether any source of the lake holds declarations."""
    return any(version.table == DECLARATIONS for version in known.tables)


def known_declarations(lake: Lake, known: Known) -> pl.LazyFrame:
    """Return the rows of `customs_declaration` that the run sees, each declaration in its newest form."""
    snapshots = read_handed(lake, known, "snapshot").select("snapshot_id", "source", "query_key", "retrieved_at").collect()
    return select_known_declarations(read_handed(lake, known, DECLARATIONS), snapshots, known.as_of)


def name_declared_substances(lake: Lake, known: Known) -> Made:
    """Make `named_substance` and `declared_substance`; nothing where no source holds declarations."""
    if not has_declarations(known):
        return Made((), is_new=False)
    key = hash_texts("declarations", known.answers_key)
    if stands := standing(lake, key, "named_substance", "declared_substance"):
        return Made(stands, is_new=False)
    rows = known_declarations(lake, known)
    descriptions = rows.select("description").unique().drop_nulls().collect(engine="streaming")["description"].sort()
    _log.info(f"reading {descriptions.len():,} goods descriptions")
    named = name_substances(descriptions)
    used = [name for name in (*load_contract("declared_substance").column_names, "hs6_code") if name in load_contract(DECLARATIONS).schema]
    told = named.lazy().select("description").unique()
    telling = rows.select(sorted({*used, "description"})).join(told, on="description", how="semi").collect(engine="streaming")
    return Made(commit(lake, key, named_substance=named, declared_substance=link_declared_items(telling, named)), is_new=True)
