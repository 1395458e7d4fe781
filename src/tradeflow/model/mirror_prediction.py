"""Foretells what the silent side of a trade will report, with intervals: pairs of the past and one side's later reports in.

The model (`mirror_learning`) learns on the past itself: each of the last years is foretold from the years before it. Both directions and
both measures are learnt together: what a route's value teaches holds for its weight. Examples count as often as their like is asked for,
so that a past of few years does not teach that nothing is known of a route.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tradeflow.model.mirror_features import ROUTE, Question, as_features, ask, describe_past, describe_shown, take_logs
from tradeflow.model.mirror_learning import FOLDS, Examples, Floats, Learnt, learn

LEVELS = (50, 80, 90, 99)
"""Per cent of the hidden reports that an interval is meant to cover."""
MIN_TRAINING_ROWS = 200
_KEY = ["freq_code", "period", *ROUTE]
_CUTOFFS = range(1, 9)
"""Years before the end of the past from which the rest of it is foretold."""
_MOST_ROWS = 40_000
_SIDES = {"import": "export", "export": "import"}
_MEASURES = ("value_usd", "net_weight_kg")
_EVIDENCE = {"count_0": (1, 4, 9, 21), "count_hidden": (1, 4, 13)}
"""What is known of a route: months with both sides, and with the hidden side; from these counts on a row is of the next class."""
_MOST_OFTEN = 20.0


class TooShortPastError(ValueError):
    """Too few pairs with both sides follow a year of figures to learn from."""


@dataclass(frozen=True)
class _Task:
    """One question, what there is to learn it from (with _weight), and the rows that are asked."""

    question: Question
    examples: pl.DataFrame
    asked: pl.DataFrame


def predict_other_side(history: pl.DataFrame, one_sided: pl.DataFrame) -> pl.DataFrame:
    """Return the key of each row of `one_sided` with predicted_value_usd and predicted_net_weight_kg of its hidden side.

    Both tables are monthly pairs: freq_code, period, exporter_code, importer_code, commodity_code, export_value_usd, import_value_usd,
    export_net_weight_kg, import_net_weight_kg. `history` ends with a whole year; `one_sided` is later and lacks one side. Beside each
    prediction stand the limits of its intervals (predicted_value_usd_lower_50, ...), null where the shown side lacks the measure.
    TooShortPastError where the past holds fewer than `MIN_TRAINING_ROWS` pairs to learn from.
    """
    rows = {hidden: _lacking(one_sided, hidden) for hidden in _SIDES}
    tasks = {(hidden, measure): _set_task(history, rows[hidden], hidden, measure) for hidden in _SIDES for measure in _MEASURES}
    found = sum(task.examples.height for (_, measure), task in tasks.items() if measure == "value_usd") // len(_SIDES)
    if found < MIN_TRAINING_ROWS:
        raise TooShortPastError(f"{found} pairs of both sides follow a year of figures; {MIN_TRAINING_ROWS} are needed to learn from")
    learnt = learn(_as_examples(list(tasks.values())))
    told = []
    for hidden, asked in rows.items():
        numbered = [(number, task, measure) for number, ((side, measure), task) in enumerate(tasks.items()) if side == hidden]
        told.append(asked.select(_KEY).hstack([column for each in numbered for column in _answer(learnt, *each, asked).get_columns()]))
    return pl.concat(told)


def _lacking(one_sided: pl.DataFrame, hidden: str) -> pl.DataFrame:
    return one_sided.filter(pl.col(f"{_SIDES[hidden]}_value_usd").is_not_null() & pl.col(f"{hidden}_value_usd").is_null())


def _set_task(history: pl.DataFrame, rows: pl.DataFrame, hidden: str, measure: str) -> _Task:
    question = ask(hidden, measure)
    past, later = take_logs(history, question), take_logs(rows, question)
    cutoff = int(past["_year"].to_numpy().max())
    asked = _describe(pl.concat([past, later]), past, later.drop_nulls("_shown"), question, cutoff)
    horizon = max(1, int(asked["age"].to_numpy().max(initial=1)))
    return _Task(question, _find_examples(past, asked, question, cutoff, horizon), asked)


def _find_examples(past: pl.DataFrame, asked: pl.DataFrame, question: Question, cutoff: int, horizon: int) -> pl.DataFrame:
    """Return the pairs of the last years with what was known at the end of a year before each, as far ahead as is asked, weighted."""
    shown = past.drop_nulls("_shown")
    parts = []
    for known_to in (cutoff - back for back in _CUTOFFS):
        later = shown.filter(pl.col("_year").is_between(known_to + 1, known_to + horizon))
        if later.height and (past["_year"] <= known_to).any():
            parts.append(describe_past(past, later, question, known_to))
    if not parts:
        return pl.DataFrame(schema=asked.schema | {"_weight": pl.Float64})
    weighed = _weigh(pl.concat(parts), asked)
    kept = weighed.filter(pl.struct(*ROUTE, "_index", "age").hash(seed=1) % max(weighed.height, 1) < _MOST_ROWS)
    return _join_shown(kept, past, question)


def _weigh(described: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with both sides and _weight: how often their like is asked and will be answered, over how often it is here.

    Alike are rows with the same age and as much evidence. How often a row is answered is read off the described rows.
    """
    oldest = described["age"].max()
    alike = [pl.min_horizontal("age", pl.lit(oldest)).alias("_age"), *(_class_of(*each).alias(f"_{each[0]}") for each in _EVIDENCE.items())]
    keys = ["_age", *(f"_{name}" for name in _EVIDENCE)]
    classed = described.with_columns(alike)
    here = classed.group_by(keys).agg(pl.len().alias("_all"), pl.col("_hidden").count().alias("_both"))
    wanted = asked.select(alike).group_by(keys).agg(pl.len().alias("_asked"))
    share = (pl.col("_asked").fill_null(0) / pl.col("_all")).alias("_weight")
    weights = here.filter(pl.col("_both") > 0).join(wanted, on=keys, how="left").select(*keys, share)
    joined = classed.drop_nulls("_hidden").join(weights, on=keys, how="left", maintain_order="left")
    mean = pl.col("_weight").mean()
    relative = pl.when(mean > 0).then(pl.col("_weight") / mean).otherwise(1.0).clip(1 / _MOST_OFTEN, _MOST_OFTEN)
    return joined.with_columns(relative.alias("_weight")).drop(keys)


def _class_of(name: str, starts: tuple[int, ...]) -> pl.Expr:
    return pl.sum_horizontal(pl.col(name).fill_null(0) >= start for start in starts)


def _describe(shown: pl.DataFrame, past: pl.DataFrame, asked: pl.DataFrame, question: Question, cutoff: int) -> pl.DataFrame:
    return _join_shown(describe_past(past, asked, question, cutoff), shown, question)


def _join_shown(known: pl.DataFrame, shown: pl.DataFrame, question: Question) -> pl.DataFrame:
    return known.join(describe_shown(shown, question), on=[*ROUTE, "_index"], how="left", maintain_order="left")


def _as_examples(tasks: list[_Task]) -> Examples:
    """Join all tasks; a fold holds a route's whole years: the months of one err alike, so its other months would flatter the intervals."""
    rows = [task.examples for task in tasks]
    fold = [(each.select(pl.struct(*ROUTE, "_year").hash(seed=2)).to_series() % FOLDS).to_numpy() for each in rows]
    return Examples(
        np.vstack([_features(task, task.examples) for task in tasks]),
        np.concatenate([(each["_hidden"] - each["_shown"]).to_numpy() for each in rows]),
        np.concatenate([each["_weight"].to_numpy() for each in rows]),
        np.concatenate(fold),
        np.repeat(np.arange(len(rows)), [each.height for each in rows]).astype(np.uint64),
    )


def _features(task: _Task, rows: pl.DataFrame) -> Floats:
    named = {"is_import_hidden": task.question.hidden.startswith("import"), "is_weight": task.question.hidden.endswith("kg")}
    told: Floats = as_features(rows).with_columns(pl.lit(float(each)).alias(name) for name, each in named.items()).to_numpy()
    return told


def _answer(learnt: Learnt, number: int, task: _Task, measure: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the prediction and its limits in the rows' order."""
    name = f"predicted_{measure}"
    keys = ["period", *ROUTE]
    centre, scale = learnt.foretell(_features(task, task.asked)) if task.asked.height else (np.empty(0), np.empty(0))
    centre = centre + task.asked["_shown"].to_numpy()
    limits = {
        f"{name}_{side}_{level}": np.exp(centre + scale * learnt.quantile((50 + sign * level / 2) / 100, number))
        for level in LEVELS
        for side, sign in (("lower", -1), ("upper", 1))
    }
    told = task.asked.select(keys).with_columns(pl.Series(name, np.exp(centre)), *(pl.Series(*each) for each in limits.items()))
    return rows.select(keys).join(told, on=keys, how="left", maintain_order="left").drop(keys)
