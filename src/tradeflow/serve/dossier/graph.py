"""A dossier for other investigators' tools: the company, those tied to it, and what passed between them, as FollowTheMoney."""

from __future__ import annotations

import json

import polars as pl
import sqlalchemy as sa

from tradeflow.serve.queries.company import CompanyFile
from tradeflow.serve.queries.frames import read_rows
from tradeflow.serving_database import TABLES
from tradeflow.telling.company_graph import CompanyRecords
from tradeflow.telling.follow_the_money import list_entities


def write_follow_the_money_lines(company: CompanyFile, connection: sa.Connection) -> bytes:
    """Return one entity a line: the newest declared items only, as on the page."""
    return b"".join(json.dumps(entity, ensure_ascii=False).encode() + b"\n" for entity in list_entities(_records(company, connection)))


def _records(company: CompanyFile, connection: sa.Connection) -> CompanyRecords:
    known = {company.entity_id, *company.called}
    return CompanyRecords(
        entity=read_rows(connection, "entity", TABLES["entity"].c.entity_id.in_(known)),
        entity_name=read_rows(connection, "entity_name", TABLES["entity_name"].c.entity_id.in_(known)),
        company_profile=company.profiles,
        company_link=company.links.drop("is_outward", "other_id"),
        company_item=company.items,
        company_signal=company.leads,
        licensed_operator=_licences(company, connection),
    )


def _licences(company: CompanyFile, connection: sa.Connection) -> pl.DataFrame:
    place = sa.tuple_(TABLES["licensed_operator"].c.snapshot_id, TABLES["licensed_operator"].c.row_number)
    own = [(row["snapshot_id"], row["row_number"]) for row in company.licences]
    rows = read_rows(connection, "licensed_operator", place.in_(own) if own else sa.false())
    return rows.with_columns(entity_id=pl.lit(company.entity_id))
