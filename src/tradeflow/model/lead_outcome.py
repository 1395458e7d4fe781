"""Learns from what people decided on leads: earlier decisions in, the probability that people would confirm a lead out.

The learner is that of inspections (`outcome`): calibrated and tried out on later decisions than it has seen. It orders leads only where, in
that trial, it ranks better than the lead's own score by more than a standard error of the difference (DeLong et al. 1988).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from tradeflow.model.outcome import Flags, Inputs, OutcomeModel, Trial, learn_outcomes
from tradeflow.model.past_record import Array, PastRecord, Whole, cross_groups, number_values

SUBJECTS = ("rule", "importer_code", "exporter_code", "commodity_code", "substance_code", "entity_id")
"""What a lead has a record under: what people decided earlier on leads of the same rule, importer and so on, alone and by pairs."""
_PRIOR_DECISIONS = 4.0
"""A record of few decisions is drawn to that of all leads as if by so many more."""
VERDICTS = {"confirmed": 1.0, "dismissed": 0.0}


@dataclass(frozen=True)
class LearnedLeads:
    """A learner of one kind of lead, the decisions that it knows, and its trial beside the lead's own score."""

    decided: pl.DataFrame
    model: OutcomeModel
    trial: Trial
    learned_auc: float
    score_auc: float
    difference_error: float

    @property
    def subjects(self) -> list[str]:
        """Those of SUBJECTS that leads of this kind have."""
        return _subjects(self.decided)

    @property
    def is_better(self) -> bool:
        """Whether leads are ordered by it."""
        return self.learned_auc - self.score_auc > self.difference_error


def find_verdicts(decisions: pl.DataFrame, signal_kind: str) -> pl.DataFrame:
    """Return the rows of `lead_decision` of one kind that say confirmed or dismissed, oldest first."""
    is_verdict = pl.col("lead_decision").is_in(list(VERDICTS)) & pl.col("lead_score").is_not_null()
    return decisions.filter((pl.col("signal_kind") == signal_kind) & is_verdict).sort("decided_at", "signal_id")


def learn_lead_outcomes(verdicts: pl.DataFrame, *, seed: int) -> LearnedLeads:
    """Learn from `find_verdicts`; ValueError where they are too few or too near one another in time."""
    outcome = verdicts["lead_decision"].replace_strict(VERDICTS, return_dtype=pl.Float64).to_numpy()
    days = _days(verdicts["decided_at"])
    told = verdicts.select("lead_score", *_subjects(verdicts))
    model, trial = learn_outcomes(lambda is_known: _describe(told, outcome, days, is_known), outcome, days, seed=seed)
    tried = outcome[trial.rows] == 1
    learned_auc, score_auc, error = compare_rankings(tried, trial.log_odds, verdicts["lead_score"].to_numpy()[trial.rows])
    return LearnedLeads(verdicts, model, trial, learned_auc, score_auc, error)


def estimate_confirmed(learned: LearnedLeads, heads: pl.DataFrame) -> pl.DataFrame:
    """Return lead_id and confirmed_probability of each lead; `heads` are the strongest signals of leads of the kind that was learned."""
    wanted = ["lead_score", *learned.subjects]
    rows = pl.concat([learned.decided.select(wanted), heads.select(wanted)])
    known = learned.decided["lead_decision"].replace_strict(VERDICTS, return_dtype=pl.Float64).to_numpy()
    outcome = np.concatenate([known, np.full(heads.height, np.nan)])
    decided_on = _days(learned.decided["decided_at"])
    days = np.concatenate([decided_on, np.full(heads.height, decided_on.max() + 1)])
    inputs = _describe(rows, outcome, days, ~np.isnan(outcome))[len(known) :]
    return heads.select("lead_id").with_columns(confirmed_probability=pl.Series(learned.model.probability(inputs), dtype=pl.Float64))


def compare_rankings(outcome: Flags, one: Array, other: Array) -> tuple[float, float, float]:
    """Return the areas under the ROC curves of two scores of the same rows, and the standard error of their difference."""
    ones, others = _placements(outcome, one), _placements(outcome, other)
    difference = [first - second for first, second in zip(ones, others, strict=True)]
    error = np.sqrt(sum(each.var(ddof=1) / len(each) if len(each) > 1 else np.inf for each in difference))
    return float(ones[0].mean()), float(others[0].mean()), float(error)


def _placements(outcome: Flags, score: Array) -> tuple[Array, Array]:
    """For each confirmed row the share of dismissed ones below it, for each dismissed row the share of confirmed ones above; ties half."""
    confirmed, dismissed = score[outcome][:, None], score[~outcome][None, :]
    wins = (confirmed > dismissed) + 0.5 * (confirmed == dismissed)
    return wins.mean(axis=1), wins.mean(axis=0)


def _days(decided_at: pl.Series) -> Whole:
    return decided_at.dt.epoch("d").to_numpy().astype(np.int64)


def _subjects(verdicts: pl.DataFrame) -> list[str]:
    return [name for name in SUBJECTS if verdicts[name].null_count() < verdicts.height]


def _describe(rows: pl.DataFrame, outcome: Array, days: Whole, is_known: Flags) -> Inputs:
    """Return the score of each lead and, for each of its subjects, how many decisions were known before its day and what they said."""
    counted = is_known & ~np.isnan(outcome)
    decided, confirmed = counted.astype(np.float64), np.where(counted, np.nan_to_num(outcome), 0.0)
    everything = PastRecord(np.zeros(rows.height, dtype=np.int64), days)
    usual = (everything.sum_before(confirmed) + 1) / (everything.sum_before(decided) + 2)
    columns = [rows["lead_score"].to_numpy()]
    for groups in _groups(rows.drop("lead_score")):
        past = PastRecord(groups, days)
        count = past.sum_before(decided)
        columns += [np.log1p(count), (past.sum_before(confirmed) + _PRIOR_DECISIONS * usual) / (count + _PRIOR_DECISIONS)]
    return np.column_stack(columns).astype(np.float32)


def _groups(subjects: pl.DataFrame) -> Sequence[Whole]:
    told = [number_values(column) for column in subjects.iter_columns()]
    return [*told, *(cross_groups(pair) for pair in combinations(told, 2))]
