"""The rule on consignments that follow one another closely and are each small."""

from __future__ import annotations

import polars as pl

from tradeflow.signals.company.tables import CompanyTables, declaring_party, month_number, name_group

_COMPANY = ["entity_id", "party_role", "reporter_code", "substance_code"]
_TRADE = ["party_role", "reporter_code", "substance_code"]
_YEAR_DAYS = 365
_PRIOR_DAYS = 90
"""Days of the others' usual pace that a company's own pace is drawn to."""
_LEAST_LIKE = 10
"""Earlier consignments of others from which on their median says what is usual."""


def split_consignment(tables: CompanyTables) -> pl.DataFrame:
    """Several consignments of a substance to or from one company within days, each below the usual size or threshold, together above it.

    score = how far their number is beyond the company's pace (Poisson deviance, n ln(n / m) - (n - m)) + n ln 2, the chance that n
    ordinary ones all lie below the middle. Months without such a run score 0: they are what a score is compared with.
    """
    days = tables.tolerances.split_days
    consignments = _consignments(tables.company_item)
    runs = _runs(consignments, days).join(_usual_size(consignments), on=[*_TRADE, "period"], how="left")
    limit = pl.col("substance_code").replace_strict(tables.tolerances.threshold_kg, default=None, return_dtype=pl.Float64)
    sized = runs.with_columns(limit.alias("_threshold_kg"), pl.coalesce(limit, "_usual_kg").alias("_limit_kg"))
    is_run = (pl.col("_items") > 1) & (pl.col("_largest_kg") < pl.col("_limit_kg")) & (pl.col("observed_kg") >= pl.col("_limit_kg"))
    more, awaited = pl.col("_items") - 1, pl.col("_awaited")
    beyond = pl.when(more > awaited).then(more * (more / awaited).log() - (more - awaited)).otherwise(0.0)
    scored = sized.with_columns(
        pl.when(is_run.fill_null(value=False)).then(beyond + pl.col("_items") * pl.lit(2.0).log()).otherwise(0.0).alias("score")
    )
    best = scored.sort("score", "_last_day").group_by(*_COMPANY, "period", maintain_order=True).last()
    return best.with_columns(
        pl.lit("company").alias("subject"), pl.lit(1, pl.Int32).alias("window_periods"), pl.col("observed_kg").alias("excess_kg"),
        name_group("company months", tables.substances),
    )  # fmt: skip


def _consignments(items: pl.DataFrame) -> pl.DataFrame:
    """Return one row per company, declaration and substance, in order of days."""
    day = pl.col("declaration_date")
    return (
        declaring_party(items)
        .group_by(*_COMPANY, "declaration_id", "declaration_date", "period")
        .agg(
            pl.col("net_weight_kg").sum().alias("_kg"),
            pl.col("value_usd").sum().alias("_usd"),
            pl.col("family", "broker_entity_id", "related_entity_id").first(),
        )
        .filter(pl.col("_kg") > 0)
        .sort(*_COMPANY, day, "declaration_id")
    )


def _runs(consignments: pl.DataFrame, days: int) -> pl.DataFrame:
    """Return the consignments of the days up to each, and how many more the company's pace of the year before leads to await."""
    day = "declaration_date"
    run = consignments.rolling(day, period=f"{days}d", group_by=_COMPANY).agg(
        pl.len().cast(pl.Int64).alias("_items"), pl.col("_kg").sum().alias("observed_kg"), pl.col("_kg").max().alias("_largest_kg"),
        pl.col("_usd").sum().alias("observed_value_usd"), pl.col(day).min().alias("_first_day"), pl.col(day).max().alias("_last_day"),
        pl.col("broker_entity_id").n_unique().alias("_brokers"), pl.col("related_entity_id").n_unique().alias("_partners"),
        pl.col("family", "period").last(), pl.col("related_entity_id").last(),
    )  # fmt: skip
    year = consignments.rolling(day, period=f"{_YEAR_DAYS}d", group_by=_COMPANY).agg(pl.len().alias("_in_year"))
    # Both keep the order of the rows.
    paced = run.with_columns(year["_in_year"]).with_columns((pl.col("_in_year") - pl.col("_items")).alias("_before"))
    others = pl.col("_before").mean().over(_TRADE) / _YEAR_DAYS
    pace = (pl.col("_before") + _PRIOR_DAYS * others) / (_YEAR_DAYS + _PRIOR_DAYS)
    return paced.with_columns((pace * days).clip(lower_bound=0.01).alias("_awaited"))


def _usual_size(consignments: pl.DataFrame) -> pl.DataFrame:
    """Return the median weight of a consignment in the twelve months before, by _TRADE and period."""
    months = pl.int_ranges(month_number() + 1, month_number() + 13)
    earlier = consignments.select(*_TRADE, "_kg", months.alias("_month")).explode("_month")
    usual = earlier.group_by(*_TRADE, "_month").agg(pl.col("_kg").median().alias("_usual_kg"), pl.len().alias("_like"))
    asked = consignments.select(*_TRADE, "period", month_number().alias("_month")).unique()
    return asked.join(usual.filter(pl.col("_like") >= _LEAST_LIKE), on=[*_TRADE, "_month"]).select(*_TRADE, "period", "_usual_kg")
