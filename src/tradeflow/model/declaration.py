"""`declaration_score`: how probable a bad outcome is, how unusual the declaration is, and why; learnt from inspected declarations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from tradeflow.contract import load_contract
from tradeflow.model.contribution import boosted_contributions
from tradeflow.model.declaration_features import Described, Flags, describe_declarations
from tradeflow.model.declaration_isolation import Isolation, isolate_declarations
from tradeflow.model.driver import Wording, tell_isolation_driver, tell_outcome_drivers
from tradeflow.model.inspection import inspection_ground
from tradeflow.model.outcome import BLOCK_ROWS, Inputs, OutcomeModel, Trial, learn_outcomes
from tradeflow.model.past_record import Array, Whole


@dataclass(frozen=True)
class InspectionOptions:
    """Trees and seed of the models; the share of declarations inspected, and of those the share drawn by chance."""

    trees: int = 100
    seed: int = 1
    inspected_share: float = 0.10
    audit_share: float = 0.10


@dataclass(frozen=True)
class ScoredDeclarations:
    """Contract `declaration_score`, most probable first; and what the model cards are made from.

    `described` and `isolation` have the rows of `scored`, which is sorted by day and id.
    """

    scores: pl.DataFrame
    learnt: pl.DataFrame
    scored: pl.DataFrame
    model: OutcomeModel
    trial: Trial
    described: Described
    isolation: Isolation


def outcome_of(rows: pl.DataFrame) -> Array:
    """Return 1, 0 or NaN (not inspected) from `is_fraud`."""
    outcome: Array = rows["is_fraud"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return outcome


def days_of(rows: pl.DataFrame) -> Whole:
    """Return `declaration_date` as whole days."""
    return rows["declaration_date"].to_physical().to_numpy().astype(np.int64)


def describe_when_known(rows: pl.DataFrame, is_known: Flags) -> Described:
    """Describe `rows` as they were when only the outcomes of `is_known` were: the history ends with the last of their days."""
    days = days_of(rows)
    return describe_declarations(rows, outcome_of(rows), days <= days[is_known].max())


def score_declarations(
    learnt: pl.DataFrame, scored: pl.DataFrame, spelling: dict[str, str], options: InspectionOptions
) -> ScoredDeclarations:
    """Learn from `learnt` (contract `inspected_declaration`, `is_fraud` null where nobody inspected) and score `scored`.

    Everything that is known of a scored row comes from `learnt`, from days before its own; outcomes in `scored` are not read, and a scored
    row does not depend on the others. `spelling`: how the user's table calls our columns. ValueError where an outcome is too rare.
    """
    learnt, scored = (rows.sort("declaration_date", "declaration_id") for rows in (learnt, scored))
    columns = [name for name in learnt.columns if name in scored.columns and name != "is_fraud"]
    describe = partial(_inputs_when_known, learnt.select(*columns, "is_fraud"))
    model, trial = learn_outcomes(describe, outcome_of(learnt), days_of(learnt), seed=options.seed)
    rows = pl.concat([learnt.select(columns), scored.select(columns)])
    is_history = np.arange(rows.height) < learnt.height
    outcome = np.concatenate([outcome_of(learnt), np.full(scored.height, np.nan)])
    described = _only(describe_declarations(rows, outcome, is_history), ~is_history)
    isolation = isolate_declarations(rows, is_history, trees=options.trees, seed=options.seed)
    isolation = _only_isolated(isolation, ~is_history)
    scores = _tell_scores(scored.select(columns), model, described, isolation, spelling, options)
    return ScoredDeclarations(scores, learnt, scored, model, trial, described, isolation)


def _inputs_when_known(rows: pl.DataFrame, is_known: Flags) -> Inputs:
    return describe_when_known(rows, is_known).inputs


def _only(described: Described, chosen: Flags) -> Described:
    return Described(described.inputs[chosen], described.features, described.average_rate[chosen])


def _only_isolated(isolation: Isolation, chosen: Flags) -> Isolation:
    return Isolation(
        isolation.score[chosen],
        isolation.percentile[chosen],
        isolation.group.filter(pl.Series(chosen)),
        isolation.inputs[chosen],
        isolation.features,
        isolation.contributions[chosen],
    )


def _tell_scores(
    rows: pl.DataFrame,
    model: OutcomeModel,
    described: Described,
    isolation: Isolation,
    spelling: dict[str, str],
    options: InspectionOptions,
) -> pl.DataFrame:
    probability = model.probability(described.inputs)
    wording = Wording(spelling, rows)
    ground = inspection_ground(
        rows["declaration_id"],
        probability,
        inspected_share=options.inspected_share,
        audit_share=options.audit_share,
        seed=options.seed,
    )
    scores = pl.DataFrame(
        {
            "declaration_id": rows["declaration_id"],
            "declaration_date": rows["declaration_date"],
            "fraud_probability": probability,
            "inspection_ground": ground,
            "isolation_percentile": isolation.percentile,
            "comparable_group": isolation.group,
            "isolation_driver": tell_isolation_driver(isolation.contributions, isolation.inputs, isolation.features, wording),
        }
    ).hstack(_outcome_drivers(model, described, wording))
    return scores.select(load_contract("declaration_score").column_names).sort(
        ["fraud_probability", "declaration_id"], descending=[True, False]
    )


def _outcome_drivers(model: OutcomeModel, described: Described, wording: Wording) -> pl.DataFrame:
    """Tell the drivers of all rows, a block at a time."""
    parts = []
    for start in range(0, len(described.inputs), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        part = Described(described.inputs[block], described.features, described.average_rate[block])
        contributions = boosted_contributions(model.trees, part.inputs)
        parts.append(tell_outcome_drivers(contributions, part, Wording(wording.spelling, wording.cells[block])))
    return pl.concat(parts)
