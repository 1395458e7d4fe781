"""How well a hidden side's later reports are foretold, by simple methods and by ours; held-out experiments in, figures out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from tradeflow.evaluate.mirror_judges import LEVELS
from tradeflow.evaluate.mirror_real import CORRIDOR, FITTED_ONCE, FLOW, FROZEN, MEASURES, ROLLING, SPLITS, HeldOut, held_out_years
from tradeflow.reconcile.pairs import PAIR_KEY

PREDICTED = {"value": "predicted_value_usd", "kg": "predicted_net_weight_kg"}
SIMPLE_METHODS = (
    "other side as it is", "other side, 1.06", "reporter's median ratio", "corridor's median ratio", "corridor and code's median ratio",
    "median ratios, shrunk", "same month a year before", "mean of it and other side",
)  # fmt: skip
_SHRINKING_FLOWS = 5

Learn = Callable[[pl.DataFrame, pl.DataFrame], Any]
"""history and the shown sides' rows in; what was learnt out."""
Foretell = Callable[[Any, pl.DataFrame, pl.DataFrame], pl.DataFrame]
"""What was learnt, history and the shown sides' rows in; the rows with hidden_side, predictions and their intervals out, in any order."""


def predict_simply(experiment: HeldOut, measure: str) -> pl.DataFrame:
    """Return `PAIR_KEY`, year, log_shown, log_true and one column per simple method: its predicted logarithm of the hidden side.

    Only rows of which both sides carry the measure. Medians of ln(hidden / shown) come from `history` and fall back from corridor and code
    to the corridor, the hidden side's reporter, and all.
    """
    past = _log_ratios(experiment.history, experiment.hidden, measure)
    rows = _judged_rows(experiment, measure)
    reporter = "importer_code" if experiment.hidden == "import" else "exporter_code"
    for name, key in {"_flow": FLOW, "_corridor": CORRIDOR, "_reporter": [reporter]}.items():
        medians = past.group_by(key).agg(pl.col("_ratio").median().alias(name), pl.len().alias(f"{name}_n"))
        rows = rows.join(medians, on=key, how="left", maintain_order="left")
    overall = past["_ratio"].median() or 0.0
    rows = _join_same_month(rows, experiment, measure)
    shown = pl.col("log_shown")
    reporter_ratio = pl.col("_reporter").fill_null(overall)
    corridor_ratio = pl.col("_corridor").fill_null(reporter_ratio)
    factor = 1.06 if experiment.hidden == "import" else 1 / 1.06
    methods = {
        "other side as it is": shown,
        "other side, 1.06": shown + pl.lit(factor).log() * (measure == "value"),
        "reporter's median ratio": shown + reporter_ratio,
        "corridor's median ratio": shown + corridor_ratio,
        "corridor and code's median ratio": shown + pl.col("_flow").fill_null(corridor_ratio),
        "median ratios, shrunk": shown + _shrink("_flow", _shrink("_corridor", reporter_ratio)),
        "same month a year before": pl.col("_log_before").fill_null(shown),
        "mean of it and other side": (pl.col("_log_before").fill_null(shown) + shown) / 2,
    }
    return rows.with_columns(**methods).drop(pl.selectors.starts_with("_"))


def _shrink(name: str, towards: pl.Expr) -> pl.Expr:
    count = pl.col(f"{name}_n").fill_null(0)
    return (count * pl.col(name).fill_null(0) + _SHRINKING_FLOWS * towards) / (count + _SHRINKING_FLOWS)


def _sides(hidden: str, measure: str) -> tuple[str, str]:
    """Return the columns of the hidden and of the shown side."""
    export, imported = MEASURES[measure]
    return (imported, export) if hidden == "import" else (export, imported)


def _log_ratios(history: pl.DataFrame, hidden: str, measure: str) -> pl.DataFrame:
    own, other = _sides(hidden, measure)
    both = history.filter((pl.col(own) > 0) & (pl.col(other) > 0))
    return both.select(*FLOW, (pl.col(own) / pl.col(other)).log().alias("_ratio"))


def _judged_rows(experiment: HeldOut, measure: str) -> pl.DataFrame:
    own, other = _sides(experiment.hidden, measure)
    rows = experiment.shown.drop(own).join(experiment.truth.select(*PAIR_KEY, own), on=PAIR_KEY)
    both = rows.filter((pl.col(own) > 0) & (pl.col(other) > 0))
    return both.select(
        *PAIR_KEY, (pl.col("period") // 100).alias("year"), pl.col(other).log().alias("log_shown"), pl.col(own).log().alias("log_true")
    )


def _join_same_month(rows: pl.DataFrame, experiment: HeldOut, measure: str) -> pl.DataFrame:
    """Add _log_before: the hidden side's own figure of the same month of the last year that is known of it."""
    own, _ = _sides(experiment.hidden, measure)
    last_year = experiment.history.filter((pl.col("period") // 100 == experiment.first_year - 1) & (pl.col(own) > 0))
    before = last_year.select(*FLOW, (pl.col("period") % 100).alias("_month"), pl.col(own).log().alias("_log_before"))
    return rows.with_columns((pl.col("period") % 100).alias("_month")).join(before, on=[*FLOW, "_month"], how="left")


def judge_real_set(pairs: pl.DataFrame, learn: Learn, foretell: Foretell, splits: Sequence[str] = SPLITS) -> dict[str, pl.DataFrame]:
    """Return "real" (per split, hidden side and measure), "real_by_year" where every later year is judged, "real_by_size" if frozen."""
    tables: dict[str, list[pl.DataFrame]] = {"real": [], "real_by_year": [], "real_by_size": []}
    for split in splits:
        judged = _judge_split(pairs, learn, foretell, split).with_columns(pl.lit(split).alias("split"))
        tables["real"].append(summarise_predictions(judged, ["split", "hidden", "measure"]))
        if split != ROLLING:
            tables["real_by_year"].append(summarise_predictions(judged, ["split", "measure", "year"]))
        if split == FROZEN:
            tables["real_by_size"].append(summarise_predictions(judged, ["measure", "size_usd_or_kg"]))
    return {name: pl.concat(parts) for name, parts in tables.items() if parts}


def _judge_split(pairs: pl.DataFrame, learn: Learn, foretell: Foretell, split: str) -> pl.DataFrame:
    parts, learnt = [], None
    for experiments in held_out_years(pairs, split):
        history, shown = experiments[0].history, pl.concat([each.shown for each in experiments])
        if learnt is None or split != FITTED_ONCE:
            learnt = learn(history, shown)
        told = foretell(learnt, history, shown)
        for experiment in experiments:
            own = told.filter(pl.col("hidden_side") == experiment.hidden)
            for measure in MEASURES:
                rows = judge_predictions(experiment, measure, own)
                parts.append(rows.with_columns(pl.lit(experiment.hidden).alias("hidden"), pl.lit(measure).alias("measure")))
    return pl.concat(parts)


def judge_predictions(experiment: HeldOut, measure: str, told: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `predict_simply` with the column "tradeflow", our prediction's logarithm, and is_inside_50 ... of its intervals.

    A row that we do not foretell counts as foretold by the other side as it is, and as outside every interval.
    """
    rows = predict_simply(experiment, measure)
    name = PREDICTED[measure]
    bounds = {round(level * 100): [f"{name}_{side}_{round(level * 100)}" for side in ("lower", "upper")] for level in LEVELS}
    ours = told.select(*PAIR_KEY, name, *[each for pair in bounds.values() for each in pair])
    ours = ours.with_columns(pl.col("freq_code", "commodity_code").cast(pl.String))
    joined = rows.join(ours, on=PAIR_KEY, how="left", maintain_order="left")
    true = pl.col("log_true").exp()
    inside = [
        true.is_between(pl.col(lower), pl.col(upper)).fill_null(value=False).alias(f"is_inside_{level}")
        for level, (lower, upper) in bounds.items()
    ]
    size = (10 ** pl.col("log_shown").truediv(pl.lit(10.0).log()).floor()).clip(1e2, 1e6).round().cast(pl.Int64)
    kept = joined.select(*rows.columns, pl.col(name).log().fill_null(pl.col("log_shown")).alias("tradeflow"), *inside)
    return kept.with_columns(size.alias("size_usd_or_kg"))


def summarise_predictions(rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Return per group: rows, the median absolute log error of each method, and the share inside each interval."""
    error = [(pl.col(name) - pl.col("log_true")).abs().median().alias(name) for name in (*SIMPLE_METHODS, "tradeflow")]
    inside = [pl.col(f"is_inside_{round(level * 100)}").mean().alias(f"covered_{level:g}") for level in LEVELS]
    return rows.group_by(by).agg(pl.len().alias("rows"), *error, *inside).sort(by)
