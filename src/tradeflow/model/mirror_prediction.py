"""Foretells what the silent side of a trade will report, with intervals: pairs of the past and one side's later reports in.

The model (`mirror_learning`) learns on the past itself (`mirror_examples`). Both directions and both measures are learnt together: what a
route's value teaches holds for its weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tradeflow.model.mirror_examples import find_examples
from tradeflow.model.mirror_features import ROUTE, Question, as_features, ask, describe_past, describe_shown, take_logs
from tradeflow.model.mirror_learning import FOLDS, Examples, Floats, Learnt, learn

LEVELS = (50, 80, 90, 99)
"""Per cent of the hidden reports that an interval is meant to cover."""
MIN_TRAINING_ROWS = 200
_KEY = ["freq_code", "period", *ROUTE]
_SIDES = {"import": "export", "export": "import"}
_MEASURES = ("value_usd", "net_weight_kg")
_QUESTIONS = [(hidden, measure) for hidden in _SIDES for measure in _MEASURES]


class TooShortPastError(ValueError):
    """Too few pairs with both sides follow a year of figures to learn from."""


@dataclass(frozen=True)
class _Task:
    """One question and rows of its: examples with both sides and _weight, or rows that are asked."""

    question: Question
    rows: pl.DataFrame


def predict_other_side(history: pl.DataFrame, one_sided: pl.DataFrame) -> pl.DataFrame:
    """Learn from `history` what `one_sided` asks for, and foretell it: `learn_silent_sides`, `foretell_silent_sides`."""
    return foretell_silent_sides(learn_silent_sides(history, one_sided), history, one_sided)


def learn_silent_sides(history: pl.DataFrame, one_sided: pl.DataFrame) -> Learnt:
    """Return what the past teaches for questions such as `one_sided` asks.

    Both tables are monthly pairs: freq_code, period, exporter_code, importer_code, commodity_code, export_value_usd, import_value_usd,
    export_net_weight_kg, import_net_weight_kg. `history` ends with a whole year; `one_sided` is later and lacks one side.
    TooShortPastError where the past holds fewer than `MIN_TRAINING_ROWS` pairs to learn from.
    """
    tasks = [_find_task(history, one_sided, *each) for each in _QUESTIONS]
    found = sum(task.rows.n_unique([*ROUTE, "_index"]) for task in tasks if task.question.hidden.endswith("value_usd")) // len(_SIDES)
    if found < MIN_TRAINING_ROWS:
        raise TooShortPastError(f"{found} pairs of both sides stand beside another year's; {MIN_TRAINING_ROWS} are needed to learn from")
    return learn(_as_examples(tasks))


def foretell_silent_sides(learnt: Learnt, history: pl.DataFrame, one_sided: pl.DataFrame) -> pl.DataFrame:
    """Return the key of each row of `one_sided`, hidden_side ("import" or "export"), predicted_value_usd and predicted_net_weight_kg.

    Tables as in `learn_silent_sides`; `history` may be longer than what was learnt from. Beside each prediction stand the limits of its
    intervals (predicted_value_usd_lower_50, ...), null where the shown side lacks the measure. A pair of which both sides are asked, each
    as if it were silent, stands in both tables' rows twice.
    """
    told = []
    for hidden in _SIDES:
        rows = _lacking(one_sided, hidden)
        answers = [_answer(learnt, number, history, rows, *each) for number, each in enumerate(_QUESTIONS) if each[0] == hidden]
        side = pl.lit(hidden).alias("hidden_side")
        told.append(rows.select(*_KEY, side).hstack([column for answer in answers for column in answer.get_columns()]))
    return pl.concat(told)


def _lacking(one_sided: pl.DataFrame, hidden: str) -> pl.DataFrame:
    return one_sided.filter(pl.col(f"{_SIDES[hidden]}_value_usd").is_not_null() & pl.col(f"{hidden}_value_usd").is_null())


def _describe_asked(history: pl.DataFrame, rows: pl.DataFrame, question: Question) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the logs of all that is known, and the rows asked for with what was known at the end of `history`."""
    past, later = take_logs(history, question), take_logs(rows, question)
    cutoff = int(past["_year"].to_numpy().max())
    return pl.concat([past, later]), describe_past(past, later.drop_nulls("_shown"), question, cutoff)


def _find_task(history: pl.DataFrame, one_sided: pl.DataFrame, hidden: str, measure: str) -> _Task:
    question = ask(hidden, measure)
    _, asked = _describe_asked(history, _lacking(one_sided, hidden), question)
    past = take_logs(history, question)
    return _Task(question, _join_shown(find_examples(past, asked, question), past, question))


def _join_shown(known: pl.DataFrame, shown: pl.DataFrame, question: Question) -> pl.DataFrame:
    return known.join(describe_shown(shown, question), on=[*ROUTE, "_index"], how="left", maintain_order="left")


def _as_examples(tasks: list[_Task]) -> Examples:
    """Join all tasks; a fold holds a route's whole years: the months of one err alike, so its other months would flatter the intervals."""
    rows = [task.rows for task in tasks]
    fold = [(each.select(pl.struct(*ROUTE, "_year").hash(seed=2)).to_series() % FOLDS).to_numpy() for each in rows]
    return Examples(
        np.vstack([_features(task) for task in tasks]),
        np.concatenate([(each["_hidden"] - each["_shown"]).to_numpy() for each in rows]),
        np.concatenate([each["_weight"].to_numpy() for each in rows]),
        np.concatenate(fold),
        np.repeat(np.arange(len(rows)), [each.height for each in rows]).astype(np.uint64),
    )


def _features(task: _Task) -> Floats:
    named = {"is_import_hidden": task.question.hidden.startswith("import"), "is_weight": task.question.hidden.endswith("kg")}
    told: Floats = as_features(task.rows).with_columns(pl.lit(float(each)).alias(name) for name, each in named.items()).to_numpy()
    return told


def _answer(learnt: Learnt, number: int, history: pl.DataFrame, rows: pl.DataFrame, hidden: str, measure: str) -> pl.DataFrame:
    """Return the prediction and its limits in the rows' order."""
    name, keys, question = f"predicted_{measure}", ["period", *ROUTE], ask(hidden, measure)
    known, described = _describe_asked(history, rows, question)
    asked = _join_shown(described, known, question)
    centre, scale = learnt.foretell(_features(_Task(question, asked))) if asked.height else (np.empty(0), np.empty(0))
    centre = centre + asked["_shown"].to_numpy()
    limits = {
        f"{name}_{side}_{level}": np.exp(centre + scale * learnt.quantile((50 + sign * level / 2) / 100, number))
        for level in LEVELS
        for side, sign in (("lower", -1), ("upper", 1))
    }
    told = asked.select(keys).with_columns(pl.Series(name, np.exp(centre)), *(pl.Series(*each) for each in limits.items()))
    return rows.select(keys).join(told, on=keys, how="left", maintain_order="left").drop(keys)
