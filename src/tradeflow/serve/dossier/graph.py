"""A dossier for other investigators' tools: the company, those tied to it, and what passed between them, as FollowTheMoney."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import sqlalchemy as sa

from tradeflow.serve.database import Release
from tradeflow.serve.dossier.trade import say_items
from tradeflow.serve.queries.company import CompanyFile
from tradeflow.serve.queries.frames import read_rows, read_rows_of
from tradeflow.serving_database import TABLES
from tradeflow.telling.company_graph import CompanyRecords
from tradeflow.telling.follow_the_money import PUBLISHER, list_entities
from tradeflow.telling.wording import READING_NOTE


def write_follow_the_money_lines(company: CompanyFile, release: Release) -> bytes:
    """Return one entity a line: a note on how to read it, the company, who is tied to it, and its newest declared items."""
    entities = [_note(company, release), *list_entities(_records(company, release.connection))]
    return b"".join(json.dumps(entity, ensure_ascii=False).encode() + b"\n" for entity in entities)


def _note(company: CompanyFile, release: Release) -> dict[str, object]:
    """Say what the file is, on which data, and that a lead is no finding."""
    manifest = release.manifest
    as_of = manifest.get("as_of") or manifest.get("made_at")
    told = {
        "name": f"Dossier from release {release.release_id}",
        "description": READING_NOTE,
        "summary": f"Data as of {as_of}; code {manifest.get('code_version')}. {say_items(company)}",
        "entity": f"tradeflow-company-{company.entity_id}",
        "publisher": PUBLISHER,
        "retrievedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    }
    properties = {name: [text] for name, text in told.items()}
    return {"id": f"tradeflow-note-{company.entity_id}-{release.release_id}", "schema": "Note", "properties": properties}


def _records(company: CompanyFile, connection: sa.Connection) -> CompanyRecords:
    known = {company.entity_id, *company.called}
    return CompanyRecords(
        entity=read_rows_of(connection, "entity", "entity_id", known),
        entity_name=read_rows_of(connection, "entity_name", "entity_id", known),
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
