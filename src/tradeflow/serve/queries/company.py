"""Everything that the release holds about one company."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa

from tradeflow.exceptions import NotFoundError
from tradeflow.serve.queries.frames import mappings, read_rows, read_rows_of
from tradeflow.serve.queries.upstream import Upstream, read_upstream
from tradeflow.serving_database import TABLES

ROLES = ("importer", "exporter", "broker", "consignee", "notify_party")
ITEMS_SHOWN = 50
_A_MONTH = timedelta(days=31)


@dataclass(frozen=True)
class CompanyFile:
    """One company; frames have their contracts' columns, with names of companies beside ids where `names` has them."""

    entity: dict[str, Any]
    names: pl.DataFrame
    joined: pl.DataFrame
    profiles: pl.DataFrame
    licences: list[dict[str, Any]]
    notifications: list[dict[str, Any]]
    leads: pl.DataFrame
    months: pl.DataFrame
    links: pl.DataFrame
    shares: pl.DataFrame
    items: pl.DataFrame
    item_count: int
    walked: Upstream
    called: dict[str, str]

    @property
    def entity_id(self) -> str:
        """Id of the company."""
        return str(self.entity["entity_id"])

    @property
    def upstream(self) -> pl.DataFrame:
        """Who stands behind what the company received, as far as the walk went."""
        return self.walked.trade

    @property
    def other_ids(self) -> list[str]:
        """Ids of the other companies that the file tells of: whoever reads it has seen them too."""
        return sorted(ids_in(self.joined, self.leads, self.links, self.shares, self.items, self.upstream) - {self.entity_id})


def read_company(connection: sa.Connection, entity_id: str, *, most_items: int = ITEMS_SHOWN) -> CompanyFile:
    """Return all about a company, of its declared items the newest; NotFoundError where the release has none of this id."""
    entity = find_entity(connection, entity_id)
    item = TABLES["company_item"].c
    own = sa.or_(*(item[f"{role}_entity_id"] == entity_id for role in ROLES))
    items = _newest_items(connection, own, most_items)
    links = _links(connection, entity_id)
    walked = read_upstream(connection, entity_id)
    leads = read_leads_of(connection, entity_id)
    return CompanyFile(
        entity=entity,
        names=_of(connection, "entity_name", "entity_id", entity_id).sort("mention_count", descending=True),
        joined=_joined(connection, entity_id),
        profiles=_of(connection, "company_profile", "entity_id", entity_id).sort("item_count", descending=True),
        licences=_records(connection, "licensed_operator", entity_id),
        notifications=_with_declared(connection, _records(connection, "pre_export_notification", entity_id)),
        leads=leads,
        months=_of(connection, "company_month", "entity_id", entity_id).sort("period", "substance_code", "party_role"),
        links=links,
        shares=_of(connection, "broker_share", "broker_entity_id", entity_id).sort("period", "share_ratio", descending=True),
        items=items,
        item_count=connection.scalar(sa.select(sa.func.count()).where(own)) or 0,
        walked=walked,
        called=name_entities(connection, ids_in(items, links, walked.trade, leads)),
    )


def find_entity(connection: sa.Connection, entity_id: str) -> dict[str, Any]:
    """Return a company's row; one that was merged into another carries that one's id in `merged_into_id`."""
    entity = TABLES["entity"]
    found = mappings(connection, sa.select(entity).where(entity.c.entity_id == entity_id))
    if not found:
        raise NotFoundError(f"no company {entity_id!r} in this release")
    return found[0]


def read_leads_of(connection: sa.Connection, entity_id: str) -> pl.DataFrame:
    """Return the leads that name a company, as their subject or beside it, by rank."""
    signal = TABLES["company_signal"].c
    named = sa.or_(signal.entity_id == entity_id, signal.related_entity_id == entity_id)
    return read_rows(connection, "company_signal", named).sort("lead_rank", "anomaly_score", descending=[False, True])


def name_entities(connection: sa.Connection, ids: set[str]) -> dict[str, str]:
    """Return the name of each company, by its id."""
    named = read_rows_of(connection, "entity", "entity_id", ids).drop_nulls("entity_name")
    return dict(named.select("entity_id", "entity_name").iter_rows())


def _of(connection: sa.Connection, table: str, column: str, entity_id: str) -> pl.DataFrame:
    return read_rows(connection, table, TABLES[table].c[column] == entity_id)


def _newest_items(connection: sa.Connection, own: sa.ColumnElement[bool], most_items: int) -> pl.DataFrame:
    item = TABLES["company_item"].c
    newest = sa.select(item.snapshot_id, item.row_number).where(own).order_by(item.declaration_date.desc()).limit(most_items).subquery()
    place = sa.tuple_(item.snapshot_id, item.row_number)
    found = read_rows(connection, "company_item", place.in_(sa.select(newest)), own)
    return found.sort("declaration_date", "declaration_id", "item_number", descending=[True, False, False])


def _links(connection: sa.Connection, entity_id: str) -> pl.DataFrame:
    """Return the links from and to a company; `is_outward` says which, `other_id` is who stands at the other end."""
    link = TABLES["company_link"].c
    rows = read_rows(connection, "company_link", sa.or_(link.entity_id == entity_id, link.linked_entity_id == entity_id))
    is_outward = pl.col("entity_id") == entity_id
    other = pl.when(is_outward).then("linked_entity_id").otherwise("entity_id")
    placed = rows.with_columns(is_outward.alias("is_outward"), other.alias("other_id"))
    return placed.sort("net_weight_kg", "declaration_count", "other_id", descending=[True, True, False], nulls_last=True)


def _joined(connection: sa.Connection, entity_id: str) -> pl.DataFrame:
    """Return which spellings were held to be the same company and why, the weakest ground first; then the near ones that were not."""
    link = TABLES["entity_link"].c
    rows = read_rows(connection, "entity_link", sa.or_(link.left_entity_id == entity_id, link.right_entity_id == entity_id))
    return rows.sort("is_merged", "link_score", descending=[True, False], nulls_last=True)


def _records(connection: sa.Connection, table: str, entity_id: str) -> list[dict[str, Any]]:
    """Return the rows of a table of licences or notifications that name a company, with its role in each."""
    party, record = TABLES["record_party"].c, TABLES[table].c
    same = (party.snapshot_id == record.snapshot_id) & (party.row_number == record.row_number) & (party.record_table == table)
    question = sa.select(TABLES[table], party.party_role).join(TABLES["record_party"], same).where(party.entity_id == entity_id)
    newest = record.valid_from if "valid_from" in record else record.notified_on
    return mappings(connection, question.order_by(newest.desc()))


def _with_declared(connection: sa.Connection, notifications: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put beside each notification what its exporter declared of the substance to its importer around the day that was planned.

    A month to each side, wider than the rule on notifications looks, so that a near miss shows.
    """
    return [row | _declared_under(connection, row) for row in notifications]


def _declared_under(connection: sa.Connection, row: dict[str, Any]) -> dict[str, Any]:
    item, party = TABLES["company_item"].c, TABLES["record_party"].c
    named = sa.select(party.party_role, party.entity_id).where(
        party.record_table == "pre_export_notification", party.snapshot_id == row["snapshot_id"], party.row_number == row["row_number"]
    )  # fmt: skip
    ends = dict(connection.execute(named).tuples().all())
    due = row["expected_on"] or row["notified_on"]
    around = item.declaration_date.between(*(due + step for step in (-_A_MONTH, _A_MONTH)))
    same = [item[f"{role}_entity_id"] == ends.get(role) for role in ("exporter", "importer") if ends.get(role)]
    summed = sa.select(sa.func.count(), sa.func.sum(item.net_weight_kg)).where(item.substance_code == row["substance_code"], around, *same)
    count, declared_kg = connection.execute(summed).one()
    return {"declared_count": count, "declared_kg": declared_kg}


def ids_in(*frames: pl.DataFrame) -> set[str]:
    """Return the ids of all companies that frames tell of."""
    columns = [frame[name] for frame in frames for name in frame.columns if name.endswith("entity_id") or name == "other_id"]
    return {each for column in columns for each in column.unique() if each is not None}
