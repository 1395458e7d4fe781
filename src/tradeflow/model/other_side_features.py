"""What is known about a report before it is made: the other side's figures around it, and how both sides used to differ.

Every figure is a logarithm; a level is stated as its difference from the other side's report of the same month, so that what is learnt on
one flow holds on another. Nothing of the hidden side after the cut enters.
"""

from __future__ import annotations

import polars as pl

FLOW = ["exporter_code", "importer_code", "commodity_code"]
_CORRIDOR = ["exporter_code", "importer_code"]
_NEIGHBOURS = (-3, -2, -1, 1, 2, 3)
_SHRINKING_FLOWS = 4
_COUNTS = ["flow_count", "corridor_count", "hidden_reporter_count", "shown_reporter_count", "hidden_count", "recent_count", "shown_count"]
_SPREADS = ["flow_spread", "corridor_spread", "hidden_reporter_spread", "shown_reporter_spread", "hidden_spread"]
_RATIOS = ["flow_ratio", "recent_ratio", "corridor_ratio", "hidden_reporter_ratio", "shown_reporter_ratio", "habit"]
_LEVELS = ["hidden_level", "recent_level", "season_level", "common_level", "shown_level", "year_level"]

FEATURES = [
    *_COUNTS, *_SPREADS, *_RATIOS, *_LEVELS, *(f"shown_{step}" for step in _NEIGHBOURS), "shown_near", "from_other_measure",
    "months_since_cut", "months_since_hidden", "shown_log",
]  # fmt: skip


def state_side(pairs: pl.DataFrame, hidden: str, shown: str, shown_other: str) -> pl.DataFrame:
    """Return FLOW, month (months since year 0), hidden_log, shown_log, and the shown side's other measure as this one's logarithm.

    hidden, shown: columns of the measure on both sides; shown_other: the shown side's other measure (its weight beside its value).
    """
    month = pl.col("period") // 100 * 12 + pl.col("period") % 100
    told = pairs.select(*FLOW, month.alias("month"), _log(hidden, "hidden_log"), _log(shown, "shown_log"), _log(shown_other, "other_log"))
    ratio = pl.col("shown_log") - pl.col("other_log")
    of_flow = told.group_by(FLOW).agg(ratio.median().alias("_flow"), ratio.count().alias("_count"))
    of_code = told.group_by("commodity_code").agg(ratio.median().alias("_code"))
    joined = told.join(of_flow, on=FLOW, how="left", maintain_order="left").join(
        of_code, on="commodity_code", how="left", maintain_order="left"
    )
    usual = _shrink(pl.col("_flow"), pl.col("_count"), pl.col("_code"))
    return joined.with_columns((pl.col("other_log") + usual - pl.col("shown_log")).alias("from_other_measure")).drop(
        "_flow", "_count", "_code"
    )


def _log(amount: str, name: str) -> pl.Expr:
    return pl.when(pl.col(amount) > 0).then(pl.col(amount).log()).alias(name)


def _shrink(own: pl.Expr, count: pl.Expr, towards: pl.Expr) -> pl.Expr:
    counted = count.fill_null(0)
    return (counted * own.fill_null(0) + _SHRINKING_FLOWS * towards.fill_null(0)) / (counted + _SHRINKING_FLOWS)


def describe_reports(known: pl.DataFrame, rows: pl.DataFrame, cut: int, hidden_reporter: str) -> pl.DataFrame:
    """Return `rows` with FEATURES, in their order.

    known: all that may be known, of the hidden side nothing after month `cut`; rows: reports of the shown side after it, both from
    `state_side`. hidden_reporter: exporter_code or importer_code.
    """
    before = known.filter(pl.col("month") <= cut)
    shown_reporter = "importer_code" if hidden_reporter == "exporter_code" else "exporter_code"
    told = rows
    both = before.with_columns((pl.col("hidden_log") - pl.col("shown_log")).alias("ratio")).filter(pl.col("ratio").is_not_null())
    for name, key in {
        "flow": FLOW, "corridor": _CORRIDOR, "hidden_reporter": [hidden_reporter], "shown_reporter": [shown_reporter],
    }.items():  # fmt: skip
        told = _join(told, both, key, _summary("ratio", name))
    told = _join(told, both, FLOW, [pl.col("hidden_log").median().alias("common_level")])
    told = _join(told, both.filter(pl.col("month") > cut - 24), FLOW, [pl.col("ratio").median().alias("recent_ratio")])
    own = before.filter(pl.col("hidden_log").is_not_null())
    hidden = [*_summary("hidden_log", "hidden"), pl.col("month").max().alias("_last_hidden")]
    told = _join(told, own, FLOW, hidden).rename({"hidden_ratio": "hidden_level"})
    recent = [pl.col("hidden_log").mean().alias("recent_level"), pl.len().alias("recent_count")]
    told = _join(told, own.filter(pl.col("month") > cut - 12), FLOW, recent)
    season = (pl.col("month") % 12).alias("_season")
    told = _join(
        told.with_columns(season), own.filter(pl.col("month") > cut - 36).with_columns(season), [*FLOW, "_season"],
        [pl.col("hidden_log").mean().alias("season_level")],
    )  # fmt: skip
    told = _join_shown(told, known, cut)
    return _relate(told, cut)


def _summary(column: str, name: str) -> list[pl.Expr]:
    value = pl.col(column)
    return [
        value.median().alias(f"{name}_ratio"), value.count().alias(f"{name}_count"), (value - value.median()).abs().median().alias(f"{name}_spread"),
    ]  # fmt: skip


def _join(rows: pl.DataFrame, known: pl.DataFrame, key: list[str], told: list[pl.Expr]) -> pl.DataFrame:
    return rows.join(known.group_by(key).agg(told), on=key, how="left", maintain_order="left")


def _join_shown(rows: pl.DataFrame, known: pl.DataFrame, cut: int) -> pl.DataFrame:
    """Add the shown side's own figures: of the months around, of the year, and its level before the cut."""
    shown = known.filter(pl.col("shown_log").is_not_null()).select(*FLOW, "month", "shown_log")
    for step in _NEIGHBOURS:
        shifted = shown.select(*FLOW, (pl.col("month") - step).alias("month"), pl.col("shown_log").alias(f"shown_{step}"))
        rows = rows.join(shifted, on=[*FLOW, "month"], how="left", maintain_order="left")
    rows = _join(
        rows, shown.filter(pl.col("month") <= cut), FLOW, [pl.col("shown_log").median().alias("shown_level"), pl.len().alias("shown_count")]
    )
    year = (pl.col("month") // 12).alias("_year")
    return _join(rows.with_columns(year), shown.with_columns(year), [*FLOW, "_year"], [pl.col("shown_log").mean().alias("year_level")])


def _relate(rows: pl.DataFrame, cut: int) -> pl.DataFrame:
    corridor = _shrink(pl.col("corridor_ratio"), pl.col("corridor_count"), pl.col("hidden_reporter_ratio"))
    neighbours = [f"shown_{step}" for step in _NEIGHBOURS]
    return rows.with_columns(
        _shrink(pl.col("flow_ratio"), pl.col("flow_count"), corridor).alias("habit"),
        *[(pl.col(name) - pl.col("shown_log")).alias(name) for name in (*_LEVELS, *neighbours)],
        (pl.col("month") - cut).alias("months_since_cut"),
        (pl.col("month") - pl.col("_last_hidden")).alias("months_since_hidden"),
    ).with_columns(pl.mean_horizontal(neighbours).alias("shown_near"))
