"""Two tables of anyone's declarations in, inspected ones to learn from and others to score; scores, reasons and model cards out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradeflow.exceptions import SourceError
from tradeflow.model.declaration import InspectionOptions, score_declarations
from tradeflow.model.declaration_card import describe_models
from tradeflow.model.model_card import cards_frame, cards_markdown
from tradeflow.own_table.declaration_reading import OwnDeclarations, read_declarations
from tradeflow.own_table.writing import beside, refuse_name, write_table, write_text


@dataclass(frozen=True)
class Written:
    """What was written where, how many rows, and one line for each thing that a reader should know."""

    scores: Path
    card: Path
    rows: int
    notes: tuple[str, ...]


def score_own_declarations(learn: Path, score: Path, out: Path, options: InspectionOptions) -> Written:
    """Learn from one table, score the other, write OUT (`declaration_score`) and the model cards beside it; whole or not at all.

    Rows that cannot be used go to a file beside OUT with the reason. SourceError where nothing can be learnt or scored.
    """
    refuse_name(out)
    learnt, scored = read_declarations(learn, needs_outcome=True), read_declarations(score, needs_outcome=False)
    _refuse_strangers(learn, learnt, score, scored)
    try:
        result = score_declarations(learnt.rows, scored.rows, learnt.spelling | scored.spelling, options)
    except ValueError as error:
        raise SourceError(f"{learn}: {error}") from error
    spelling = learnt.spelling | scored.spelling
    cards = cards_frame(describe_models(result, spelling, options))
    write_table(result.scores, out)
    card = beside(out, "model_card.md")
    write_text(cards_markdown(cards), card)
    write_text(cards.write_json(), beside(out, "model_card.json"))
    notes = [*learnt.notes, *scored.notes]
    for name, path, table in (("learn", learn, learnt), ("score", score, scored)):
        notes += _keep_set_aside(path, table, beside(out, f"{name}.set_aside.csv"))
    return Written(out, card, result.scores.height, tuple(notes))


def _refuse_strangers(learn: Path, learnt: OwnDeclarations, score: Path, scored: OwnDeclarations) -> None:
    shared = set(learnt.spelling) & set(scored.spelling) - {"declaration_id", "declaration_date", "is_fraud", "inspection_ground"}
    if not shared:
        raise SourceError(f"{learn} and {score} share no column about the goods or the companies")


def _keep_set_aside(path: Path, table: OwnDeclarations, kept: Path) -> list[str]:
    if table.set_aside.is_empty():
        kept.unlink(missing_ok=True)
        return []
    write_table(table.set_aside, kept)
    rules = table.set_aside.group_by(pl.col("rule").str.split(";").list.first()).len().sort("len", descending=True)
    told = ", ".join(f"{rule} ({rows:,})" for rule, rows in rules.head(3).iter_rows())
    return [f"{path}: {table.set_aside.height:,} rows are not used: {told}; they are in {kept.name}"]
