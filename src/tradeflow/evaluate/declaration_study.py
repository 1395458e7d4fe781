"""Labelled declarations: how well the learner and the forest rank a later period, and what a loop of weekly inspections learns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.model.declaration import InspectionOptions, score_declarations
from tradeflow.model.outcome_figures import ranking_figures
from tradeflow.own_table.declaration_reading import OwnDeclarations, read_declarations

Array = NDArray[np.float64]

LEARN, JUDGE = "df_syn_train_eng.csv", "df_syn_valid_eng.csv"
STRATEGIES = {"random": 1.0, "learner alone": 0.0, "nine parts learner, one part random": 0.1}
"""Name -> share of the inspections drawn by chance."""
INSPECTED_SHARE = 0.10
REFIT_WEEKS = 4
"""Weeks between two fits: a fit a week would tell the same and cost four times as much."""
LAST_WEEKS = 13


@dataclass(frozen=True)
class FeedbackRow:
    """Share of inspections that found something, over all weeks and over the last ones."""

    strategy: str
    weeks: int
    inspections: int
    precision: float
    precision_last: float
    base_rate: float


def judge_published_parts(folder: Path) -> dict[str, dict[str, float]]:
    """Learn from the published training part, rank the validation part; figures by score."""
    learnt = read_declarations(folder / LEARN, needs_outcome=True)
    judged = read_declarations(folder / JUDGE, needs_outcome=True)
    spelling = learnt.spelling | judged.spelling
    result = score_declarations(learnt.rows, judged.rows.drop("is_fraud"), spelling, InspectionOptions())
    scored = result.scores.join(judged.rows.select("declaration_id", "is_fraud"), on="declaration_id")
    outcome = scored["is_fraud"].cast(pl.Float64).to_numpy()
    names = {"learner": "fraud_probability", "isolation forest alone": "isolation_percentile"}
    return {name: ranking_figures(outcome, scored[column].to_numpy()) for name, column in names.items()}


def simulate_feedback(folder: Path, weeks: int | None, seed: int) -> list[FeedbackRow]:
    """Inspect a tenth of each week's declarations by each strategy; only what was inspected is ever learnt from."""
    parts = [read_declarations(folder / name, needs_outcome=True) for name in (LEARN, JUDGE)]
    shared = [name for name in parts[0].rows.columns if name in parts[1].rows.columns]
    rows = pl.concat([part.rows.select(shared) for part in parts]).sort("declaration_date", "declaration_id")
    day = rows["declaration_date"].to_physical().to_numpy()
    week = (day - day.min()) // 7
    last = int(week.max()) if weeks is None else weeks - 1
    kept = pl.Series(week <= last)
    return [_inspect(rows.filter(kept), week[: int(kept.sum())], parts[0], strategy, seed) for strategy in STRATEGIES]


def _inspect(rows: pl.DataFrame, week: NDArray[np.int_], part: OwnDeclarations, strategy: str, seed: int) -> FeedbackRow:
    random = np.random.default_rng(seed)
    is_inspected = np.zeros(rows.height, dtype=np.bool_)
    for start in range(0, int(week.max()) + 1, REFIT_WEEKS):
        block = np.flatnonzero((week >= start) & (week < start + REFIT_WEEKS))
        preference = _preference(rows, block, is_inspected, part, strategy)
        for one in np.unique(week[block]):
            here = np.flatnonzero(week[block] == one)
            is_inspected[block[here[_choose(random, preference[here], STRATEGIES[strategy])]]] = True
    found = rows["is_fraud"].cast(pl.Float64).to_numpy()
    is_late = week > week.max() - LAST_WEEKS
    return FeedbackRow(
        strategy,
        int(week.max()) + 1,
        int(is_inspected.sum()),
        float(found[is_inspected].mean()),
        float(found[is_inspected & is_late].mean()),
        float(found.mean()),
    )


def _preference(
    rows: pl.DataFrame, block: NDArray[np.int_], is_inspected: NDArray[np.bool_], part: OwnDeclarations, strategy: str
) -> Array:
    """Return the learner's probabilities for the block; nothing is preferred while too little is known to learn from."""
    past = rows.head(int(block[0])).with_columns(pl.when(pl.Series(is_inspected[: block[0]])).then("is_fraud").alias("is_fraud"))
    if strategy == "random" or past["is_fraud"].sum() < _MIN_FOUND:
        return np.zeros(len(block))
    now = rows[block].drop("is_fraud")
    scores = score_declarations(past, now, part.spelling, InspectionOptions(trees=10)).scores
    joined = now.select("declaration_id").join(scores, on="declaration_id", how="left", maintain_order="left")
    return np.asarray(joined["fraud_probability"].to_numpy())


_MIN_FOUND = 50
"""Inspections that found something, below which the learner is not asked."""


def _choose(random: np.random.Generator, preference: Array, random_share: float) -> NDArray[np.int_]:
    """Choose a tenth: the most preferred (by lot where nothing is preferred), the stated share of them purely by lot."""
    count = round(len(preference) * INSPECTED_SHARE)
    by_lot = round(count * random_share)
    order = np.lexsort((random.random(len(preference)), -preference))
    chosen, rest = order[: count - by_lot], order[count - by_lot :]
    return np.concatenate([chosen, random.permutation(rest)[:by_lot]]).astype(np.intp)
