"""What is known of a route when one side of its trade is foretold: pairs in, one row of features per report of the shown side out.

Everything is a logarithm or a count. Of the hidden side only what lies up to a cutoff year is looked at; of the shown side all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

ROUTE = ["exporter_code", "importer_code", "commodity_code"]
ORDER = ["_index", *ROUTE]
"""Rows in time's order, and in one order whatever the order they came in: sums of fractions differ by it in their last digits."""

_NEAR_MONTHS = (-12, -3, -2, -1, 1, 2, 3, 12)
_LAST_MONTHS = 12
_LARGEST_SUM_RATIO = 6.0
"""Of a logarithm: one side said next to nothing."""


@dataclass(frozen=True)
class Question:
    """Which measure of which side is asked for: the hidden side's column, the shown side's, and what else the shown side says."""

    hidden: str
    shown: str
    shown_value: str
    shown_kg: str
    other_measure: tuple[str, str]
    """The hidden and the shown side's column of the measure that is not asked for."""
    hidden_reporter: str
    shown_reporter: str

    @property
    def ratio_keys(self) -> list[list[str]]:
        """Groups whose usual ratio of both sides is known from the past, from the narrowest to the widest."""
        both = [self.hidden_reporter, self.shown_reporter]
        return [ROUTE, both, *([each, "commodity_code"] for each in both), *([each] for each in both), ["commodity_code"]]

    @property
    def sum_keys(self) -> list[list[str]]:
        """Groups whose sums of both sides are compared over months: goods that arrive a month later count in both."""
        return [ROUTE, [self.hidden_reporter, "commodity_code"], [self.hidden_reporter, self.shown_reporter]]


def ask(hidden_side: str, measure: str) -> Question:
    """Return the question for "import" or "export" and "value_usd" or "net_weight_kg"."""
    shown_side = "export" if hidden_side == "import" else "import"
    reporter = {"import": "importer_code", "export": "exporter_code"}
    other = "net_weight_kg" if measure == "value_usd" else "value_usd"
    return Question(
        f"{hidden_side}_{measure}", f"{shown_side}_{measure}", f"{shown_side}_value_usd", f"{shown_side}_net_weight_kg",
        (f"{hidden_side}_{other}", f"{shown_side}_{other}"), reporter[hidden_side], reporter[shown_side],
    )  # fmt: skip


def take_logs(pairs: pl.DataFrame, question: Question) -> pl.DataFrame:
    """Return `ROUTE`, period, _year, _month, _index (months since year 0) and the logs _hidden, _shown, _value, _kg.

    Also _other_ratio: ln(hidden / shown) of the other measure. The rows stand in `ORDER`.
    """
    columns = {"_hidden": question.hidden, "_shown": question.shown, "_value": question.shown_value, "_kg": question.shown_kg}
    logs = [pl.when(pl.col(source) > 0).then(pl.col(source).log()).alias(name) for name, source in columns.items()]
    year, month = pl.col("period") // 100, pl.col("period") % 100
    dates = [year.alias("_year"), month.alias("_month"), (year * 12 + month).alias("_index")]
    hidden, shown = question.other_measure
    other = pl.when((pl.col(hidden) > 0) & (pl.col(shown) > 0)).then((pl.col(hidden) / pl.col(shown)).log()).alias("_other_ratio")
    return pairs.select(*ROUTE, "period", *dates, *logs, other).sort(ORDER)


def describe_shown(logs: pl.DataFrame, question: Question) -> pl.DataFrame:
    """Return `ROUTE`, _index and what the shown side alone tells: months around, the year, its unit value, both countries' totals."""
    shown = logs.filter(pl.col("_shown").is_not_null()).select(*ROUTE, "_index", "_year", "_shown", "_value", "_kg")
    described = shown
    for step in _NEAR_MONTHS:
        near = shown.select(*ROUTE, pl.col("_index") - step, pl.col("_shown").alias(f"near_{step}"))
        described = described.join(near, on=[*ROUTE, "_index"], how="left", maintain_order="left")
    amount = pl.col("_shown").exp()
    around = pl.mean_horizontal(amount, *(pl.col(f"near_{step}").exp() for step in (-2, -1, 1, 2)))
    unit_value = pl.col("_value") - pl.col("_kg")
    totals = []
    for role, reporter in (("hidden", question.hidden_reporter), ("shown", question.shown_reporter)):
        cell = [reporter, "commodity_code", "_index"]
        totals += [amount.sum().over(cell).log().alias(f"level_total_{role}"), pl.len().over(cell).alias(f"partners_{role}")]
    told = described.with_columns(
        around.log().alias("level_around"), pl.col("_shown").mean().over([*ROUTE, "_year"]).alias("level_year"),
        pl.len().over([*ROUTE, "_year"]).alias("months_in_year"),
        (unit_value - unit_value.median().over("commodity_code")).alias("unit_value"), *totals,
    )  # fmt: skip
    return told.rename({f"near_{step}": f"level_near_{step}" for step in _NEAR_MONTHS}).drop("_year", "_shown", "_value", "_kg")


def describe_past(logs: pl.DataFrame, asked: pl.DataFrame, question: Question, cutoff: int) -> pl.DataFrame:
    """Return the rows of `asked` with what was reported by the end of `cutoff`: usual ratios, sums, the hidden level."""
    past = logs.filter(pl.col("_year") <= cutoff)
    newest = past.filter(pl.col("_year") == cutoff)
    months = past.group_by(*ROUTE, "_month").agg(pl.col("_hidden").mean().alias("level_same_months"))
    month = newest.select(*ROUTE, "_month", pl.col("_hidden").alias("level_same_month"))
    last_year = newest.group_by(ROUTE).agg(
        pl.col("_hidden").mean().alias("level_last_year"), pl.col("_shown").mean().alias("level_shown_last_year"),
        pl.col("_hidden").count().alias("count_last_year"),
    )  # fmt: skip
    known = [
        *_compare_reports(past, question), (past.group_by(ROUTE).agg(_route_history()), ROUTE), (months, [*ROUTE, "_month"]),
        (month, [*ROUTE, "_month"]), (last_year, ROUTE), *_compare_sums(past, question, "all"), *_compare_sums(newest, question, "last"),
    ]  # fmt: skip
    rows = asked
    for told, key in known:
        rows = rows.join(told, on=key, how="left", maintain_order="left")
    return rows.with_columns((pl.col("_year") - cutoff).alias("age"), (pl.col("_index") - pl.col("_last")).alias("since")).drop("_last")


def _compare_reports(past: pl.DataFrame, question: Question) -> Iterator[tuple[pl.DataFrame, list[str]]]:
    """Yield the usual ratio of both sides' reports, its spread and count, by each of the question's groups, and the group."""
    both = past.with_columns((pl.col("_hidden") - pl.col("_shown")).alias("_ratio")).drop_nulls("_ratio")
    spread = (pl.col("_ratio") - pl.col("_ratio").median()).abs().median()
    for number, key in enumerate(question.ratio_keys):
        usual = [pl.col("_ratio").median().alias(f"ratio_{number}"), spread.alias(f"spread_{number}"), pl.len().alias(f"count_{number}")]
        yield both.group_by(key).agg(usual), key


def _compare_sums(past: pl.DataFrame, question: Question, years: str) -> Iterator[tuple[pl.DataFrame, list[str]]]:
    """Yield the ratio of both sides' sums over all months, reported by both or by one, by each of the question's groups, and the group."""
    amounts = past.with_columns(pl.col("_hidden", "_shown").exp().fill_null(0.0))
    ratio = (pl.col("_hidden").sum() / pl.col("_shown").sum()).log().clip(-_LARGEST_SUM_RATIO, _LARGEST_SUM_RATIO).fill_nan(None)
    for number, key in enumerate(question.sum_keys):
        yield amounts.group_by(key).agg(ratio.alias(f"sums_{number}_{years}")), key


def _route_history() -> list[pl.Expr]:
    hidden, shown = pl.col("_hidden"), pl.col("_shown")
    return [
        hidden.median().alias("level_median"), hidden.mean().alias("level_mean"), hidden.drop_nulls().last().alias("level_last"),
        hidden.drop_nulls().tail(_LAST_MONTHS).mean().alias("level_last_months"), shown.median().alias("level_shown_median"),
        hidden.std().alias("hidden_deviation"), shown.std().alias("shown_deviation"), pl.corr(hidden, shown).alias("correlation"),
        hidden.count().alias("count_hidden"), shown.count().alias("count_shown"),
        (hidden.is_not_null() & shown.is_not_null()).mean().alias("rate_both"),
        pl.col("_other_ratio").median().alias("ratio_other"), pl.col("_other_ratio").count().alias("count_other"),
        pl.when(hidden.count() > 0).then((hidden.exp().sum() / pl.len()).log()).alias("level_monthly"),
        pl.col("_index").filter(hidden.is_not_null()).max().alias("_last"),
    ]  # fmt: skip


def as_features(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the features alone: levels relative to the shown report, the rest as it is."""
    shown = pl.col("_shown")
    levels = [(pl.col(name) - shown).alias(name) for name in rows.columns if name.startswith("level_")]
    others = [name for name in rows.columns if not name.startswith(("_", "level_")) and name not in (*ROUTE, "period")]
    given = [
        shown.alias("shown"),
        (pl.col("_value") - shown).alias("value"),
        (pl.col("_kg") - shown).alias("kg"),
        pl.col("_month").alias("month"),
    ]
    return rows.select(*given, *levels, *others).cast(pl.Float64).fill_nan(None)
