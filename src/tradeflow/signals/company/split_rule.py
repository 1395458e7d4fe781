"""The rule on consignments that follow one another closely, each small and all alike."""

from __future__ import annotations

import polars as pl

from tradeflow.signals.company.tables import CompanyTables, declaring_party, name_group

_COMPANY = ["entity_id", "party_role", "reporter_code", "substance_code"]
_TRADE = ["party_role", "reporter_code", "substance_code"]
_YEAR_DAYS = 365
_PRIOR_DAYS = 90
"""Days of the others' usual pace that a company's own pace is drawn to."""
_PRIOR_ITEMS = 4
"""Earlier consignments of a company at which its own sizes count as much as those of all."""
_LEAST_SPREAD = 0.05


def split_consignment(tables: CompanyTables) -> pl.DataFrame:
    """Several consignments of a substance to or from one company within days: more than its pace, each below its usual size, all alike.

    score = D(n, m) + n g^2 / 2 + (n - 1)(r - 1 - ln r) / 2, each part as -ln of a chance: of n consignments where m are awaited (Poisson
    deviance n ln(n / m) - (n - m)); of so small ones (g: how far the largest's log weight is below the company's usual, in its spread); of
    so even ones (r: the variance of log weights over the usual one, below 1). Together they make up a usual consignment, to within one
    spread. A stated threshold stands in the usual size's place: each below it, together above. Months without a run score 0: they are what
    a score is compared with.
    """
    consignments = _with_habit(_consignments(tables.company_item))
    longest = tables.tolerances.split_days
    runs = pl.concat([_runs(consignments, days) for days in (longest // 4, longest // 2, longest)])
    scored = runs.with_columns(_threshold(tables.tolerances.threshold_kg)).with_columns(_score().alias("score"))
    best = scored.sort("score", "_last_day").group_by(*_COMPANY, "period", maintain_order=True).last()
    return best.with_columns(
        pl.lit("company").alias("subject"),
        pl.lit(1, pl.Int32).alias("window_periods"),
        pl.col("observed_kg").alias("excess_kg"),
        name_group("company months", tables.substances),
    )


def _consignments(items: pl.DataFrame) -> pl.DataFrame:
    """Return one row per company, declaration and substance, in order of days."""
    weighed = declaring_party(items).group_by(*_COMPANY, "declaration_id", "declaration_date", "period").agg(
        pl.col("net_weight_kg").sum().alias("_kg"), pl.col("value_usd").sum().alias("_usd"),
        pl.col("family", "broker_entity_id", "related_entity_id").first(),
    )  # fmt: skip
    known = weighed.filter(pl.col("_kg") > 0).with_columns(pl.col("_kg").log().alias("_log"))
    return known.sort(*_COMPANY, "declaration_date", "declaration_id")


def _with_habit(consignments: pl.DataFrame) -> pl.DataFrame:
    """Add _middle and _variance of the log weights of the company's earlier consignments, drawn to those of all earlier ones."""
    log = pl.col("_log")
    every = consignments.sort("declaration_date", *_COMPANY, "declaration_id").with_columns(
        *_moments_before(log, _TRADE, "_all"), *_moments_before(log, _COMPANY, "_own")
    )  # fmt: skip
    prior, n = pl.lit(_PRIOR_ITEMS), pl.col("_own_count")
    middle = (pl.col("_own_sum") + prior * pl.col("_all_mean")) / (n + prior)
    within = pl.col("_own_squares") - 2 * middle * pl.col("_own_sum") + n * middle**2
    variance = (within + prior * pl.col("_all_variance")) / (n + prior)
    drawn = every.with_columns(middle.alias("_middle"), variance.clip(lower_bound=_LEAST_SPREAD**2).alias("_variance"))
    return drawn.sort(*_COMPANY, "declaration_date", "declaration_id")


def _moments_before(value: pl.Expr, key: list[str], name: str) -> list[pl.Expr]:
    """Return count, sum, sum of squares, mean and variance of the rows before each, in the order of days."""
    count = pl.int_range(pl.len()).over(key)
    total, squares = (each.cum_sum().over(key) - each for each in (value, value**2))
    mean = pl.when(count > 0).then(total / count)
    variance = pl.when(count > 1).then((squares / count - mean**2).clip(lower_bound=0))
    told = {"count": count, "sum": total, "squares": squares, "mean": mean, "variance": variance}
    return [figure.alias(f"{name}_{what}") for what, figure in told.items()]


def _runs(consignments: pl.DataFrame, days: int) -> pl.DataFrame:
    """Return the consignments of the days up to each, and how many more the company's pace of the year before leads to await."""
    day = "declaration_date"
    run = consignments.rolling(day, period=f"{days}d", group_by=_COMPANY).agg(
        pl.len().cast(pl.Int64).alias("_items"), pl.col("_kg").sum().alias("observed_kg"), pl.col("_kg").max().alias("_largest_kg"),
        pl.col("_log").var(ddof=0).fill_null(0.0).alias("_spread"),
        # What was usual before the run began.
        pl.col("_middle", "_variance").first(),
        pl.col("_usd").sum().alias("observed_value_usd"), pl.col(day).min().alias("_first_day"), pl.col(day).max().alias("_last_day"),
        pl.col("broker_entity_id").n_unique().alias("_brokers"), pl.col("family", "period", "related_entity_id").last(),
    )  # fmt: skip
    year = consignments.rolling(day, period=f"{_YEAR_DAYS}d", group_by=_COMPANY).agg(pl.len().alias("_in_year"))
    # Both keep the order of the rows.
    paced = run.with_columns((year["_in_year"].cast(pl.Int64) - run["_items"]).alias("_before"))
    dated = paced.sort("_last_day", *_COMPANY).with_columns(_moments_before(pl.col("_before"), _TRADE, "_pace"))
    others = pl.col("_pace_mean").fill_null(0) / _YEAR_DAYS
    pace = (pl.col("_before") + _PRIOR_DAYS * others) / (_YEAR_DAYS + _PRIOR_DAYS)
    return dated.with_columns((pace * days).clip(lower_bound=0.01).alias("_awaited"), pl.col("_middle").exp().alias("_usual_kg"))


def _threshold(threshold_kg: dict[str, float]) -> pl.Expr:
    limit = pl.col("substance_code").replace_strict(threshold_kg, default=None, return_dtype=pl.Float64)
    return limit.alias("_threshold_kg")


def _score() -> pl.Expr:
    count, awaited, limit = pl.col("_items"), pl.col("_awaited"), pl.col("_threshold_kg")
    more = count - 1
    pace = pl.when(more > awaited).then(more * (more / awaited).log() - (more - awaited)).otherwise(0.0)
    below = (pl.col("_middle") - pl.col("_largest_kg").log()).clip(lower_bound=0) / pl.col("_variance").sqrt()
    ratio = (pl.max_horizontal("_spread", pl.lit(_LEAST_SPREAD**2)) / pl.col("_variance")).clip(upper_bound=1.0)
    alike = more * (ratio - 1 - ratio.log()) / 2
    is_under = (pl.col("_largest_kg") < limit) & (pl.col("observed_kg") >= limit)
    makes_one = pl.col("observed_kg").log() >= pl.col("_middle") - pl.col("_variance").sqrt()
    is_small = pl.when(limit.is_null()).then((below > 0) & makes_one).otherwise(is_under)
    size = pl.when(limit.is_null()).then(count * below**2 / 2).otherwise(count * pl.lit(2.0).log())
    return pl.when((is_small & (count > 1)).fill_null(value=False)).then(pace + size + alike).otherwise(0.0)
