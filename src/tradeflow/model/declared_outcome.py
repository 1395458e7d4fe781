"""Declared items with the outcomes of inspections in; the items of the judged time ranked, figures by outcome and model cards out.

What is judged is later than all that is learned from: the newest months of known outcomes are held back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from tradeflow.contract import load_codelist, load_contract
from tradeflow.model.declaration import InspectionOptions, outcome_of, score_declarations
from tradeflow.model.declaration_card import LEARNER, describe_models
from tradeflow.model.model_card import Card, cards_frame
from tradeflow.model.outcome_figures import INSPECTED_SHARES, top_rows
from tradeflow.model.past_record import Array

_ITEM = ["source", "reporter_code", "declaration_id", "item_number"]
_RANKINGS = {"learner": "fraud_probability", "isolation_forest": "isolation_percentile"}


@dataclass(frozen=True)
class JudgedOutcomes:
    """Frames in the columns of contracts `ranked_declaration`, `outcome_figure` and `outcome_model_card`."""

    ranked: pl.DataFrame
    figures: pl.DataFrame
    cards: pl.DataFrame


def find_judged_start(inspected_days: pl.Series, judged_months: int) -> date:
    """Return the first day of the newest `judged_months` calendar months that hold an inspected declaration."""
    newest = inspected_days.dt.month_start().max()
    assert isinstance(newest, date)
    months = newest.year * 12 + newest.month - judged_months
    return date(months // 12, months % 12 + 1, 1)


def judge_outcomes(declared: pl.DataFrame, judged_start: date, options: InspectionOptions) -> JudgedOutcomes:
    """Learn from the inspected items before `judged_start`, rank all that follow; `declared` has the columns of `customs_declaration`.

    ValueError where an outcome is too rare to learn from, or nothing was inspected in the judged time.
    """
    items = declared.with_columns(_lot_name()).pipe(_as_inspected)
    is_before = pl.col("declaration_date") < judged_start
    learnt, judged = items.filter(is_before & pl.col("is_fraud").is_not_null()), items.filter(~is_before)
    if learnt.is_empty() or judged["is_fraud"].null_count() == judged.height:
        raise ValueError(f"inspections are known only on one side of {judged_start}, from which on they are judged")
    result = score_declarations(learnt, judged, {}, options)
    whose = declared.with_columns(_lot_name()).select("_lot", "snapshot_id", "row_number", *_ITEM, "is_fraud")
    ranked = _rank(result.scores.rename({"declaration_id": "_lot"}).join(whose, on="_lot", maintain_order="left"))
    return JudgedOutcomes(ranked, _figures(ranked, learnt), cards_frame(describe_models(result, {}, options)))


def explain_no_judgement(reason: str) -> JudgedOutcomes:
    """Return no rank and no figure, and a card that says why nothing was learned."""
    card = Card(LEARNER)
    card.text("limits", "nothing was learned", reason)
    ranked, figures = (load_contract(name).empty_frame() for name in ("ranked_declaration", "outcome_figure"))
    return JudgedOutcomes(ranked, figures, cards_frame([card]))


def _lot_name() -> pl.Expr:
    """The item's name by which lots are drawn: the same whoever sends it again, and in whatever file."""
    return pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in _ITEM], separator="|").alias("_lot")


def _as_inspected(declared: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of contract `inspected_declaration` that say anything, an item under the name of its lot."""
    areas = load_codelist("area").select("area_code", pl.coalesce("iso3", "area_name").alias("_area"))
    countries = {"departure": "departure_code", "origin": "origin_code"}
    letters = [pl.col(code).replace_strict(areas["area_code"], areas["_area"]).alias(name) for name, code in countries.items()]
    named = declared.with_columns(pl.col("_lot").alias("declaration_id"), *letters)
    wanted = {name: dtype for name, dtype in load_contract("inspected_declaration").schema.items() if name in named.columns}
    said = [name for name in wanted if named[name].null_count() < named.height]
    return named.select(pl.col(name).cast(wanted[name]) for name in said)


def _rank(scored: pl.DataFrame) -> pl.DataFrame:
    by_probability = scored.sort("fraud_probability", "declaration_id", "_lot", descending=[True, False, False])
    placed = by_probability.with_row_index("declaration_rank", offset=1).cast({"declaration_rank": pl.Int64})
    return placed.select(load_contract("ranked_declaration").column_names)


def _figures(ranked: pl.DataFrame, learnt: pl.DataFrame) -> pl.DataFrame:
    judged = ranked.filter(pl.col("is_fraud").is_not_null())
    outcome = outcome_of(judged)
    rows = [
        _figure(name, outcome, top_rows(judged[column].to_numpy(), share))
        for name, column in _RANKINGS.items()
        for share in INSPECTED_SHARES
    ]
    drawn = np.flatnonzero((judged["inspection_ground"] == "random").fill_null(value=False).to_numpy())
    rows += [_figure("audit_sample", outcome, drawn)] if len(drawn) else []
    spans = {
        f"{name}_{end}_date": getattr(days["declaration_date"], find)()
        for name, days in (("learned", learnt), ("judged", judged))
        for end, find in (("first", "min"), ("last", "max"))
    }
    same = {"judged_count": len(outcome), "judged_outcome_ratio": float(outcome.mean()), "learned_count": learnt.height} | spans
    return pl.DataFrame([row | same for row in rows], schema=load_contract("outcome_figure").schema)


def _figure(ranking: str, outcome: Array, chosen: np.ndarray) -> dict[str, object]:
    found = int(outcome[chosen].sum())
    return {
        "ranking": ranking,
        "inspected_ratio": len(chosen) / len(outcome),
        "inspected_count": len(chosen),
        "found_count": found,
        "precision_ratio": found / len(chosen),
        "recall_ratio": found / outcome.sum() if outcome.any() else None,
    }
