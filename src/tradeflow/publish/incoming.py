"""What goes into a serving database of either kind: a release's tables, what is counted, searched and remembered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

import polars as pl
import polars.selectors as cs
import sqlalchemy as sa

from tradeflow.contract import load_contract
from tradeflow.publish.search_index import count_pieces, list_search_entries
from tradeflow.serving_database import COUNTED, KNOWN, LEAD_COUNT, RELEASE, SEARCH_ENTRY, SEARCH_PIECE, SERVING, TABLES
from tradeflow.telling.tables import ReleaseTables


@dataclass(frozen=True)
class Incoming:
    """A release on its way into the serving database."""

    release_id: str
    published_at: datetime
    tables: ReleaseTables
    manifest: dict[str, Any]

    @property
    def frames(self) -> Iterator[tuple[sa.Table, pl.DataFrame]]:
        """Each serving table that a release fills, with its rows."""
        for name, table in TABLES.items():
            yield table, getattr(self.tables, name)
        entries = list_search_entries(self.tables)
        yield SEARCH_ENTRY, entries
        yield SEARCH_PIECE, count_pieces(entries)
        yield LEAD_COUNT, count_leads(self.tables.signal)

    def is_served(self, connection: sa.Connection, schema_name: str | None = None) -> bool:
        """Tell whether this very release stands already, in tables that keep the contracts of this version."""
        if connection.scalar(sa.select(RELEASE.c.id)) != self.release_id:
            return False
        standing = sa.inspect(connection).get_multi_columns(schema=schema_name)
        kept = [table for table in SERVING.sorted_tables if table is not RELEASE or schema_name is None]
        return all([each["name"] for each in standing.get((schema_name, table.name), [])] == table.c.keys() for table in kept)

    def name_itself(self, connection: sa.Connection, schema_name: str | None = None) -> None:
        """Put the release's own row in the place of the one that stands."""
        connection.execute(sa.delete(RELEASE))
        listed = BytesIO()
        leads = list_leads(self.tables.signal, self._find_new(connection))
        leads.with_columns(cs.string().cast(pl.Categorical)).write_ipc(listed, compression="lz4")
        named = {"id": self.release_id, "published_at": self.published_at, "manifest": self.manifest}
        connection.execute(sa.insert(RELEASE).values(**named, listed_leads=listed.getvalue(), schema_name=schema_name))

    def remember(self, connection: sa.Connection, standing: str | None) -> None:
        """Fill the tables of what any release has told: a signal keeps the release that told it first, all else is as this one tells it.

        `standing` is the schema of the release before, None where there is none or its tables are of an older contract.
        """
        for name, known in KNOWN.items():
            _remember(connection, TABLES[name], known, _find_standing(connection, known, standing), self._stamp())

    def _find_new(self, connection: sa.Connection) -> list[str]:
        """Return the ids of the signals that no earlier release told; none where there was no earlier one."""
        first = KNOWN["signal"].c.first_release_id
        if connection.scalar(sa.select(first).where(first != self.release_id).limit(1)) is None:
            return []
        return list(connection.scalars(sa.select(KNOWN["signal"].c.signal_id).where(first == self.release_id)))

    def _stamp(self) -> dict[str, sa.ColumnElement[Any]]:
        return {
            "release_id": sa.literal(self.release_id, sa.Text()),
            "published_at": sa.literal(self.published_at, sa.DateTime(timezone=True)),
        }


def count_leads(signal: pl.DataFrame) -> pl.DataFrame:
    """Return how many leads and signals have each value of the columns that leads are narrowed by (contract `lead_count`)."""
    counted = [
        pl.col("is_lead_head").sum().alias("lead_count"), pl.len().alias("told_count"), pl.col("is_flagged").sum().alias("flagged_count")
    ]  # fmt: skip
    told = [
        signal.select(
            pl.lit(name).alias("counted_column"), pl.col(name).cast(pl.String).alias("counted_value"), "is_lead_head", "is_flagged"
        )
        .drop_nulls("counted_value")
        .group_by("counted_column", "counted_value")
        .agg(counted)
        for name in COUNTED
    ]
    return pl.concat(told).select(pl.col(name).cast(dtype) for name, dtype in load_contract("lead_count").schema.items())


def list_leads(signal: pl.DataFrame, new: list[str]) -> pl.DataFrame:
    """Return one row per lead, by rank, with what lists are narrowed and sorted by (contract `listed_lead`); `new` are ids of signals."""
    broken = signal.group_by("lead_id").agg(pl.col("rule").unique().sort().str.join(";").alias("broken_rules"))
    heads = signal.filter("is_lead_head").join(broken, on="lead_id").sort("lead_rank")
    told = heads.with_columns(pl.col("signal_id").is_in(pl.Series(new, dtype=pl.String).implode()).alias("is_new"))
    return told.select(pl.col(name).cast(dtype) for name, dtype in load_contract("listed_lead").schema.items())


def _find_standing(connection: sa.Connection, known: sa.Table, standing: str | None) -> sa.Table | None:
    inspector = sa.inspect(connection)
    if standing is None or not inspector.has_table(known.name, schema=standing):
        return None
    is_same = [column["name"] for column in inspector.get_columns(known.name, schema=standing)] == known.c.keys()
    return known.to_metadata(sa.MetaData(), schema=standing) if is_same else None


def _remember(
    connection: sa.Connection, told: sa.Table, known: sa.Table, before: sa.Table | None, stamp: dict[str, sa.ColumnElement[Any]]
) -> None:
    kept = [column for column in told.c if column.name in known.c]
    last = {f"last_{name}": value for name, value in stamp.items()}
    if before is None:
        first, rows = {f"first_{name}": value for name, value in stamp.items()}, sa.select()
    else:
        first = {f"first_{name}": sa.func.coalesce(before.c[f"first_{name}"], value) for name, value in stamp.items()}
        rows = sa.select().select_from(told.outerjoin(before, before.c.signal_id == told.c.signal_id))
    named = [*(column.name for column in kept), *first, *last]
    connection.execute(sa.insert(known).from_select(named, rows.add_columns(*kept, *first.values(), *last.values())))
    if before is not None:
        gone = ~sa.exists().where(told.c.signal_id == before.c.signal_id)
        connection.execute(sa.insert(known).from_select(known.c.keys(), sa.select(before).where(gone)))
