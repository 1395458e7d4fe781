"""The step for declarations that were inspected: what the outcomes teach, and how well the newest of them would have been found."""

from __future__ import annotations

import logging

import polars as pl

from tradeflow.lake import Lake
from tradeflow.settings import Declarations
from tradeflow.steps.declarations import has_declarations, known_declarations
from tradeflow.steps.handles import Known, Made, commit, hash_texts, standing

_log = logging.getLogger("tradeflow")
OUTCOMES = ("ranked_declaration", "outcome_figure", "outcome_model_card")


def learn_from_outcomes(options: Declarations, lake: Lake, known: Known) -> Made:
    """Make `ranked_declaration`, `outcome_figure` and `outcome_model_card`; nothing where no declaration says what its inspection found."""
    if not has_declarations(known):
        return Made((), is_new=False)
    key = hash_texts("outcomes", known.answers_key, options.model_dump_json())
    if stands := standing(lake, key, *OUTCOMES):
        return Made(stands, is_new=False)
    declared = known_declarations(lake, known)
    inspected_days = declared.filter(pl.col("is_fraud").is_not_null()).select("declaration_date").collect()["declaration_date"]
    if inspected_days.is_empty():
        return Made((), is_new=False)
    return Made(commit(lake, key, **_judge(options, declared, inspected_days)), is_new=True)


def _judge(options: Declarations, declared: pl.LazyFrame, inspected_days: pl.Series) -> dict[str, pl.DataFrame]:
    from tradeflow.model.declaration import InspectionOptions
    from tradeflow.model.declared_outcome import explain_no_judgement, find_judged_start, judge_outcomes

    start = find_judged_start(inspected_days, options.judged_months)
    _log.info(f"learning from the outcomes of {inspected_days.len():,} inspections; those from {start} on are judged")
    is_used = pl.col("is_fraud").is_not_null() | (pl.col("declaration_date") >= start)
    chosen = InspectionOptions(inspected_share=options.inspected_share, audit_share=options.audit_share)
    try:
        judged = judge_outcomes(declared.filter(is_used).collect(), start, chosen)
    except ValueError as error:
        _log.warning(f"nothing was learned from the outcomes of inspections: {error}")
        judged = explain_no_judgement(str(error))
    return dict(zip(OUTCOMES, (judged.ranked, judged.figures, judged.cards), strict=True))
