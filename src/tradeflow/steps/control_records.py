"""What a run sees of licences, pre-export notifications and incidents."""

from __future__ import annotations

import polars as pl

from tradeflow.conform import select_known_records
from tradeflow.contract import load_contract
from tradeflow.lake import Lake
from tradeflow.steps.handles import Known, read_handed


def known_records(lake: Lake, known: Known, table: str) -> pl.DataFrame:
    """Return the rows of one of CONTROL_RECORDS that the run sees, each record in its newest form; no rows where nobody gave any."""
    if not any(version.table == table for version in known.tables):
        return load_contract(table).empty_frame()
    snapshots = read_handed(lake, known, "snapshot").select("snapshot_id", "source", "query_key", "retrieved_at").collect()
    return select_known_records(read_handed(lake, known, table), table, snapshots, known.as_of).collect()
