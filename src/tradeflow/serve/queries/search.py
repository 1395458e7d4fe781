"""What one box finds: companies, substances, commodities, areas by their names and numbers, declarations and signals by their ids.

A name is found by its parts; where that finds little, by the pieces of three letters that it shares with what was typed, rarest first, so
that a slip of spelling does not hide it. Either way a bounded number of candidates is put in order by how alike they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import polars as pl
import sqlalchemy as sa
from rapidfuzz import fuzz

from tradeflow.folding import fold_text
from tradeflow.serve.queries.frames import mappings
from tradeflow.serve.queries.lead_filter import SIGNAL
from tradeflow.serving_database import SEARCH_ENTRY, SEARCH_PIECE, TABLES

ENTRY = SEARCH_ENTRY.c
KINDS = ("company", "substance", "commodity", "area")
_CANDIDATES = 300
_PIECES, _MOST_ENTRIES_OF_A_PIECE, _MOST_ENTRIES = 7, 20_000, 5_000
"""Of the pieces of three letters: how many are looked for, in how many entries each may stand, and all of them together."""
_LEAST_LIKENESS = 62.0
"""Out of 100; below it, names share letters by chance."""
_LEAST_LIKENESS_OF_NUMBERS = 84.0
"""Numbers that differ in two places name two things."""
_FEW = 10


@dataclass(frozen=True)
class Found:
    """One thing that was found: under which of its names or numbers, and how like that is to what was typed (0 to 100)."""

    kind: str
    target: str
    label: str
    detail: str | None
    likeness: float


def search(connection: sa.Connection, text: str, *, kinds: tuple[str, ...] = KINDS, limit: int = 20) -> list[Found]:
    """Return what is most like a text, at most so many; each thing once, under its likest name."""
    folded = fold(text)
    if not folded:
        return []
    candidates = _candidates(connection, folded, kinds)
    likeness = [_likeness(folded, row["search_text"]) for row in candidates]
    ranked = sorted(
        zip(likeness, candidates, strict=True), key=lambda pair: (-pair[0], -(pair[1]["mention_count"] or 0), pair[1]["search_number"])
    )
    least = _LEAST_LIKENESS_OF_NUMBERS if any(letter.isdigit() for letter in folded) else _LEAST_LIKENESS
    best: dict[tuple[str, str], Found] = {}
    for alike, row in ranked:
        if alike >= least:
            key = (row["search_kind"], row["search_target"])
            best.setdefault(key, Found(*key, row["search_label"], row["search_detail"], round(alike, 1)))
    return list(best.values())[:limit]


def find_declarations(connection: sa.Connection, text: str, limit: int = 10) -> list[dict[str, Any]]:
    """Return the declared items of watched substances whose declaration number begins with a text."""
    asked = text.strip()
    if len(asked) < 4 or not any(letter.isdigit() for letter in asked):
        return []
    item = TABLES["company_item"].c
    question = sa.select(item.declaration_id, item.declaration_date, item.reporter_code, item.importer_entity_id, item.exporter_entity_id)
    within = (item.declaration_id >= asked) & (item.declaration_id < asked + "\U0010ffff")
    return mappings(connection, question.where(within).distinct().order_by(item.declaration_id).limit(limit))


def find_signals(connection: sa.Connection, text: str, limit: int = 10) -> list[str]:
    """Return the ids of signals that begin with a text of six letters or more."""
    asked = text.strip().lower()
    if not re.fullmatch("[0-9a-f]{6,16}", asked):
        return []
    within = (SIGNAL.c.signal_id >= asked) & (SIGNAL.c.signal_id < asked + "g")
    return list(connection.scalars(sa.select(SIGNAL.c.signal_id).where(within).order_by(SIGNAL.c.signal_id).limit(limit)))


def fold(text: str) -> str:
    """Fold what was typed as the index's texts are folded."""
    folded: str = fold_text(pl.Series([text], dtype=pl.String))[0]
    return folded


def _likeness(one: str, other: str) -> float:
    """Compare whole texts, 0 to 100: blanks and the order of words count for little, words that only one has for a tenth."""
    if one == other:
        return 100.0
    return max(
        fuzz.ratio(one.replace(" ", ""), other.replace(" ", "")),
        0.95 * fuzz.token_sort_ratio(one, other),
        0.9 * fuzz.token_set_ratio(one, other),
    )


def _candidates(connection: sa.Connection, folded: str, kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    of_kinds = sa.select(SEARCH_ENTRY).where(ENTRY.search_kind.in_(kinds)).limit(_CANDIDATES)
    holding = _holding_in_postgres if connection.dialect.name == "postgresql" else _holding_in_sqlite
    found = mappings(connection, of_kinds.where(ENTRY.search_text == folded))
    if parts := [word for word in folded.split() if len(word) >= 3]:
        found += mappings(connection, holding(of_kinds, parts, sa.and_).order_by(None).order_by(ENTRY.mention_count.desc().nulls_last()))
    if len(found) < _FEW and (pieces := _rarest_pieces(connection, folded)):
        found += mappings(connection, holding(of_kinds, pieces, sa.or_))
    return list({row["search_number"]: row for row in found}.values())


def _holding_in_postgres(of_kinds: sa.Select[Any], parts: list[str], joined: Callable[..., sa.ColumnElement[bool]]) -> sa.Select[Any]:
    """Keep the entries that hold all or any of the parts, those with most of them first."""
    holds = [ENTRY.search_text.like(f"%{part}%") for part in parts]
    return of_kinds.where(joined(*holds)).order_by(sum((sa.cast(each, sa.Integer) for each in holds), sa.literal(0)).desc())


def _holding_in_sqlite(of_kinds: sa.Select[Any], parts: list[str], joined: Callable[..., sa.ColumnElement[bool]]) -> sa.Select[Any]:
    """Keep the entries that hold all or any of the parts, those first that hold most of what is rare."""
    index = sa.table("search_index", sa.column("rowid"))
    asked = (" AND " if joined is sa.and_ else " OR ").join(f'"{part}"' for part in parts)
    matching = sa.literal_column("search_index").op("MATCH", is_comparison=True)(asked)
    return of_kinds.join(index, index.c.rowid == ENTRY.search_number).where(matching).order_by(sa.text("search_index.rank"))


def _rarest_pieces(connection: sa.Connection, folded: str) -> list[str]:
    """Return the rarest pieces of a text, so few that what holds any of them can be put in order at once."""
    pieces = {folded[at : at + 3] for at in range(len(folded) - 2)}
    if connection.dialect.name == "postgresql":
        pieces = {piece for piece in pieces if " " not in piece}  # pg_trgm knows no piece that goes over the end of a word
    known = SEARCH_PIECE.c
    is_rare = known.piece.in_(pieces) & (known.entry_count <= _MOST_ENTRIES_OF_A_PIECE)
    rarest = connection.execute(sa.select(known.piece, known.entry_count).where(is_rare).order_by(known.entry_count).limit(_PIECES)).all()
    entries = accumulate(entry_count for _, entry_count in rarest)
    return [piece for (piece, _), so_far in zip(rarest, entries, strict=True) if so_far <= _MOST_ENTRIES or piece == rarest[0].piece]
