"""Anyone's table of company names in; the same rows with one id per company, and why names were put together, out."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradeflow.exceptions import SourceError
from tradeflow.own_table.party_reading import read_known, read_parties
from tradeflow.own_table.writing import beside, refuse_name, write_table
from tradeflow.resolve.entity import resolve_parties
from tradeflow.resolve.party import identify_parties
from tradeflow.steps.companies import find_splink, load_name_lists, load_placeholders


@dataclass(frozen=True)
class Written:
    """How much was written where, and one line for each thing that a reader should know."""

    rows: int
    companies: int
    links: Path
    doubts: int
    notes: tuple[str, ...]


def resolve_own_names(
    given: Path, out: Path, *, decisions: Path | None, previous: Path | None, today: datetime.date, by_splink: bool = False
) -> Written:
    """Resolve one table: write OUT (its rows with party_id, entity_id, entity_name) and beside it links, names and entities.

    The last two are what a later run keeps its ids by (`previous`). SourceError where a table cannot be used or a name is taken twice.
    """
    refuse_name(out)
    paths = [path.resolve() for path in (given, out, decisions) if path is not None]
    if len(set(paths)) < len(paths):
        raise SourceError(f"{out}: the tables read and written must be different files")
    table = read_parties(given)
    known = read_known(previous, decisions)
    linker = find_splink() if by_splink else None
    resolved = resolve_parties(table.appearances, load_name_lists(), load_placeholders(), known, today=today, linker=linker)
    ids = identify_parties(table.appearances)
    names = resolved.entity_name.select("party_id", "entity_id", "entity_name")
    rows = table.given.with_columns(ids).join(names, on="party_id", how="left", maintain_order="left")
    links = beside(out, f"links{out.suffix}")
    for frame, path in ((resolved.entity_link, links), (resolved.entity_name, beside(out, f"names{out.suffix}"))):
        write_table(frame, path)
    write_table(resolved.entity, beside(out, f"entities{out.suffix}"))
    write_table(rows, out)
    doubts = resolved.entity_link.filter(~pl.col("is_merged")).height
    return Written(rows.height, rows["entity_id"].drop_nulls().n_unique(), links, doubts, (*table.notes, *resolved.notes))
