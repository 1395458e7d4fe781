"""What people decided, for the next run: the case store in, the rows of contract `lead_decision` out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from tradeflow.contract import load_contract
from tradeflow.exceptions import LakeError
from tradeflow.lake import RELEASE_FOLDER, Lake, serving_url
from tradeflow.serve.database import CASE_STORE_FILE
from tradeflow.serve.store import Disposition
from tradeflow.serving_database import open_database

_RENAMED = {"lead_decision": "decision", "dismissal_code": "reason_code", "decided_release_id": "release_id"}


def read_dispositions(lake: Lake, until: datetime | None) -> pl.DataFrame:
    """Return the newest decision on each signal that was taken by `until` (all where None), by time; no row where there is no case store.

    Neither who decided nor what they wrote leaves the case store.
    """
    url = serving_url(lake)
    if url.startswith("sqlite"):
        file = lake.root / RELEASE_FOLDER / CASE_STORE_FILE
        return _read(f"sqlite:///{file}", until, file) if file.is_file() else load_contract("lead_decision").empty_frame()
    return _read(url, until, None)


def _read(url: str, until: datetime | None, file: Path | None) -> pl.DataFrame:
    contract, engine = load_contract("lead_decision"), open_database(url)
    try:
        with engine.connect() as connection:
            is_there = sa.inspect(connection).has_table(Disposition.__tablename__)
            rows = connection.execute(_newest(contract.column_names, until)).tuples().all() if is_there else []
    except sa.exc.DBAPIError as error:
        told = " ".join(str(error.orig).split())
        raise LakeError(f"the decisions in {file or engine.url!r} cannot be read: {told}; let the user of this run read them") from error
    finally:
        engine.dispose()
    return pl.DataFrame([tuple(row) for row in rows], schema=contract.schema, orient="row").sort("decided_at", "signal_id")


def _newest(names: list[str], until: datetime | None) -> sa.Select[tuple[object, ...]]:
    taken = sa.select(sa.func.max(Disposition.disposition_id)).group_by(Disposition.signal_id)
    newest = taken if until is None else taken.where(Disposition.decided_at <= until)
    columns = [getattr(Disposition, _RENAMED.get(name, name)).label(name) for name in names]
    return sa.select(*columns).where(Disposition.disposition_id.in_(newest))
