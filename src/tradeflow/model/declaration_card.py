"""The model cards of scored declarations: how the learner did out of time, what it owes to repeated combinations, and the forest's part."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from tradeflow.model.contribution import boosted_contributions
from tradeflow.model.declaration import InspectionOptions, ScoredDeclarations, days_of, describe_when_known, outcome_of
from tradeflow.model.declaration_features import Described, Flags
from tradeflow.model.declaration_isolation import EXPLAINED_PERCENTILE
from tradeflow.model.driver import merge_records, spell_measure
from tradeflow.model.isolation import SAMPLE_ROWS
from tradeflow.model.model_card import Card
from tradeflow.model.outcome import fit_trees, predict_log_odds
from tradeflow.model.outcome_figures import calibration_error, ranking_figures, reliability
from tradeflow.model.past_record import Array, Whole

LEARNER = "declarations: gradient-boosted trees on inspection outcomes"
FOREST = "declarations: isolation forest"
SHARED_ROWS = 20_000
"""Scored rows from which the mean shares are taken."""
_LIMITS = {
    "what it learns": "what inspections found, not what was there: what nobody looks for or finds cannot be learnt",
    "for whom the probability holds": "declarations like those that were inspected; it is too high for others where only suspects were",
    "change": "a new scheme is unknown until it is inspected; the share drawn by chance is what finds it",
    "use": "a lead for an inspection, never a finding about a company",
}


def describe_models(scored: ScoredDeclarations, spelling: dict[str, str], options: InspectionOptions) -> list[Card]:
    """Return the cards of the learner and of the forest, figures from this run alone."""
    learner, forest = Card(LEARNER), Card(FOREST)
    _tell_rows(learner, scored)
    _tell_features(learner, scored, spelling)
    _tell_trial(learner, scored)
    _tell_what_is_owed(learner, scored, spelling, options)
    _tell_scored(learner, scored)
    _tell_calibration(learner, scored)
    for item, text in _LIMITS.items():
        learner.text("limits", item, text)
    _tell_forest(forest, scored, options)
    return [learner, forest]


def _tell_rows(card: Card, scored: ScoredDeclarations) -> None:
    outcome = outcome_of(scored.learnt)
    card.figure("data", "declarations learnt from", scored.learnt.height)
    card.figure("data", "of them inspected", int((~np.isnan(outcome)).sum()))
    card.figure("data", "rate of outcomes among the inspected", float(np.nanmean(outcome)))
    card.figure("data", "declarations scored", scored.scored.height)
    for name, rows in (("learnt from", scored.learnt), ("scored", scored.scored)):
        card.text("dates", name, _tell_days(rows))
    for number, start in enumerate(scored.trial.starts, 1):
        card.text("dates", f"trial block {number} begins", str(date(1970, 1, 1) + timedelta(days=start)))
    last = scored.learnt["declaration_date"].max()
    early = scored.scored.filter(pl.col("declaration_date") <= last).height
    if early:
        card.figure("limits", "scored rows dated within the learning period", early, "the trees have seen outcomes of their own time")


def _tell_days(rows: pl.DataFrame) -> str:
    first, last = rows.select(first=pl.col("declaration_date").min(), last=pl.col("declaration_date").max()).row(0)
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _tell_features(card: Card, scored: ScoredDeclarations, spelling: dict[str, str]) -> None:
    features = scored.described.features
    card.figure("features", "inputs", len(features))
    single = [each.columns[0] for each in features if each.kind == "record" and len(each.columns) == 1]
    card.text("features", "columns with a record", ", ".join(spelling.get(name, name) for name in single))
    card.figure("features", "combinations with a record", sum(each.kind == "record" and len(each.columns) > 1 for each in features))
    card.text("features", "how records are made", "from inspections of days before the row's own, shrunk to the average; never its own day")
    for columns, share in _mean_shares(scored):
        card.figure("features", f"mean share in the drivers: {' + '.join(spell_measure(name, spelling) for name in columns)}", share)


def _mean_shares(scored: ScoredDeclarations) -> list[tuple[tuple[str, ...], float]]:
    """Return the ten combinations whose records and prices raised the scored rows' probabilities most, with their mean share."""
    rows = slice(0, SHARED_ROWS)
    contributions, kept = merge_records(boosted_contributions(scored.model.trees, scored.described.inputs[rows]), scored.described.features)
    raised = np.maximum(contributions, 0.0)
    share = (raised / np.maximum(raised.sum(axis=1, keepdims=True), 1e-12)).mean(axis=0)
    named = [(each.columns or (each.measure,), float(share[at])) for at, each in enumerate(kept)]
    by_columns = {columns: sum(part for other, part in named if other == columns) for columns, _ in named}
    return sorted(by_columns.items(), key=lambda each: (-each[1], each[0]))[:10]


def _tell_trial(card: Card, scored: ScoredDeclarations) -> None:
    outcome, trial = outcome_of(scored.learnt), scored.trial
    for number in range(len(trial.starts)):
        within = trial.block == number
        _tell_ranking(card, f"trial block {number + 1}", outcome[trial.rows[within]], trial.log_odds[within])
    if "inspection_ground" in scored.learnt.columns:
        chance = (scored.learnt["inspection_ground"] == "random").fill_null(False).to_numpy()[trial.rows]
        _tell_ranking(card, "trial blocks, inspections drawn by chance", outcome[trial.rows[chance]], trial.log_odds[chance])


def _tell_ranking(card: Card, prefix: str, outcome: Array, score: Array) -> None:
    if 0 < outcome.sum() < len(outcome):
        card.figures("figures", prefix, ranking_figures(outcome, score))
    else:
        card.figure("figures", f"{prefix}: rows", len(outcome), "too few outcomes of both kinds for figures")


def _tell_what_is_owed(card: Card, scored: ScoredDeclarations, spelling: dict[str, str], options: InspectionOptions) -> None:
    """Leave out wide combinations and then all, in the last trial block, and rank by the widest alone."""
    trial, outcome, days = scored.trial, outcome_of(scored.learnt), days_of(scored.learnt)
    rows = trial.rows[trial.block == len(trial.starts) - 1]
    before = ~np.isnan(outcome) & (days < trial.starts[-1])
    described = describe_when_known(scored.learnt.select(_used(scored)), before)
    for name, widest in (("no combination of three columns or more", 2), ("single columns only", 1)):
        kept = [at for at, each in enumerate(described.features) if each.kind in ("stated", "usual") or len(each.columns) <= widest]
        inputs = described.inputs[:, kept]
        score = predict_log_odds(fit_trees(inputs[before], outcome[before], seed=options.seed), inputs[rows])
        _tell_ranking(card, f"last trial block, {name}", outcome[rows], score)
    _tell_widest(card, described, outcome, rows, spelling)


def _used(scored: ScoredDeclarations) -> list[str]:
    return [name for name in scored.learnt.columns if name in scored.scored.columns or name == "is_fraud"]


def _tell_widest(card: Card, described: Described, outcome: Array, rows: Whole, spelling: dict[str, str]) -> None:
    combinations: Sequence[tuple[str, ...]] = [each.columns for each in described.features if each.kind == "record"]
    if not combinations:
        return
    widest = max(combinations, key=len)
    name = " + ".join(spelling.get(each, each) for each in widest)
    record = described.inputs[rows, described.place("record", widest)].astype(np.float64)
    seen = described.inputs[rows, described.place("inspected", widest)] > 0
    _tell_ranking(card, f"last trial block, record of {name} alone", outcome[rows], record)
    card.figure("limits", f"share of the last trial block whose {name} had been inspected before", float(seen.mean()), _OWED)


_OWED = (
    "what the figures owe to combinations that recur is the distance to the lines that leave them out; synthetic tables repeat them "
    "more than trade does, so figures on them are no evidence about the field"
)


def _tell_scored(card: Card, scored: ScoredDeclarations) -> None:
    """Tell the figures on the scored rows where their table happens to hold outcomes: they were used for nothing else."""
    if "is_fraud" not in scored.scored.columns:
        return
    joined = scored.scores.join(scored.scored.select("declaration_id", "is_fraud").drop_nulls(), on="declaration_id")
    if joined.height:
        outcome, probability = outcome_of(joined), joined["fraud_probability"].to_numpy()
        _tell_ranking(card, "scored rows with an outcome", outcome, probability)
        card.figure("calibration", "scored rows: expected calibration error", calibration_error(outcome, probability))


def _tell_calibration(card: Card, scored: ScoredDeclarations) -> None:
    trial = scored.trial
    card.figure("calibration", "intercept on the log-odds", scored.model.intercept)
    card.figure("calibration", "slope on the log-odds", scored.model.slope, "fitted on all trial blocks")
    within: Flags = ~np.isnan(trial.probability)
    if not within.any():
        return
    outcome = outcome_of(scored.learnt)[trial.rows[within]]
    card.figure("calibration", "expected calibration error", calibration_error(outcome, trial.probability[within]), "last trial block")
    for number, (said, found, rows) in enumerate(reliability(outcome, trial.probability[within]), 1):
        card.figure("calibration", f"last trial block, group {number}: rate of outcomes", found, f"said {said:.3f}, {rows:,} rows")


def _tell_forest(card: Card, scored: ScoredDeclarations, options: InspectionOptions) -> None:
    card.figure("data", "declarations of history", scored.learnt.height, "the later half grows the forests and gives the percentiles")
    card.figure("data", "comparable groups", scored.isolation.group.n_unique())
    card.text("dates", "history", _tell_days(scored.learnt))
    card.figure("features", "inputs", len(scored.isolation.features))
    card.figure("features", "trees a group", options.trees, f"{SAMPLE_ROWS} rows each, seed {options.seed}")
    percentile = scored.isolation.percentile
    above = float((percentile >= EXPLAINED_PERCENTILE).mean())
    card.figure("calibration", f"share of scored rows at percentile {EXPLAINED_PERCENTILE:.0f} and above", above, "as the history: 0.05")
    if "is_fraud" in scored.scored.columns:
        outcome = outcome_of(scored.scored)
        known = ~np.isnan(outcome)
        _tell_ranking(card, "scored rows with an outcome", outcome[known], percentile[known])
    card.text("limits", "what it finds", "what is alone in the crowd, not what is irregular: where outcomes exist, rank by them")
