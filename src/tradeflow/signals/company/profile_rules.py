"""The rules on what a company is: its size, its line of business, and what it gathers."""

from __future__ import annotations

import polars as pl

from tradeflow.signals.company.tables import CompanyTables, declaring_party, family_of, month_number, name_group, usual_before

_DORMANT_MONTHS = 12
"""Months without the substance after which a company buys it as if for the first time."""
_TELLING_ITEMS = 10
"""Earlier items that tell a line of business: more of them would make every beginning stranger the later it is."""
_BASKET_MONTHS = 6


def out_of_profile(tables: CompanyTables) -> pl.DataFrame:
    """A company trades more of a substance than its own past and companies of its size explain, or begins with it outside its business.

    score = z^2 / 2 of the month's weight (-ln of the normal tail, for z above 0; of the weight that its value buys at the usual unit value
    where that is less: a weight mis-keyed a thousandfold leaves the value where it was) and, where the company begins or begins anew,
    -ln of how ordinary that is: the share of the substance's HS chapters in all its earlier declared items, drawn to the share q of
    watched traders among the other companies of its main chapter, (held + 2 q) / (items + 2) with q = (traders + 1) / (companies + 2)
    and as if there were ten items where there are more.
    """
    months = _with_supported_z(_declaring_months(tables).filter(pl.col("net_weight_kg") > 0), tables.company_item)
    begins = pl.col("is_first_trade") | (pl.col("months_since_last_trade") > _DORMANT_MONTHS)
    items = pl.min_horizontal("past_item_count", pl.lit(_TELLING_ITEMS))
    in_line = ((pl.col("_line_traders") + 1) / (pl.col("_line_companies") + 2)).fill_null(0.5)
    ordinary = (pl.col("past_chapter_share_ratio").fill_null(0) * items + 2 * in_line) / (items + 2)
    size = pl.col("_z").fill_null(0).clip(lower_bound=0) ** 2 / 2
    excess = pl.col("net_weight_kg") - pl.col("expected_kg")
    beside = months.join(_lines(tables), on=["entity_id", "party_role"], how="left")
    return beside.with_columns(
        (size + pl.when(begins).then(-ordinary.log()).otherwise(0.0)).alias("score"),
        begins.alias("_begins"),
        pl.lit("company").alias("subject"),
        pl.lit(1, pl.Int32).alias("window_periods"),
        pl.col("net_weight_kg").alias("observed_kg"),
        pl.col("value_usd").alias("observed_value_usd"),
        pl.when(excess > 0).then(excess).alias("excess_kg"),
        name_group("company months", tables.substances),
        family_of(tables.substances),
    )


def _declaring_months(tables: CompanyTables) -> pl.DataFrame:
    """Return the months of who declares: importers of imports and exporters of exports. Of the company abroad only this side is seen."""
    key = ["entity_id", "party_role", "substance_code", "period"]
    return tables.company_month.join(declaring_party(tables.company_item).select(key).unique(), on=key, how="semi")


def _with_supported_z(months: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Add _z: z_company as far as the month's value at the usual unit value of the twelve months before supports it."""
    priced = items.filter((pl.col("unit_value_usd_per_kg") > 0) & pl.col("unit_value_usd_per_kg").is_finite())
    logs = priced.with_columns(pl.col("unit_value_usd_per_kg").log().alias("_log"), month_number().alias("_month"))
    usual = usual_before(logs, "_log", ["substance_code"]).select("substance_code", "_month", "_middle")
    beside = months.with_columns(month_number().alias("_month")).join(usual, on=["substance_code", "_month"], how="left")
    excess = (pl.col("net_weight_kg") / pl.col("expected_kg")).log()
    by_value = pl.when(pl.col("value_usd") > 0).then(pl.col("value_usd").log() - pl.col("_middle") - pl.col("expected_kg").log())
    supported = pl.when(excess > 0).then((by_value / excess).clip(0, 1)).fill_null(1.0)
    return beside.with_columns((pl.col("z_company") * supported).alias("_z")).drop("_month", "_middle")


def _lines(tables: CompanyTables) -> pl.DataFrame:
    """Return, per company and role, main_chapter, the number of other companies of that chapter, and how many trade anything watched.

    The main chapter is of all that is known of a company, so that a later month may change what line it is put in.
    """
    company = ["entity_id", "party_role"]
    watched = tables.company_month.select(company).unique().with_columns(pl.lit(value=True).alias("_is_trader"))
    known = tables.company_profile.drop_nulls("main_chapter").join(watched, on=company, how="left")
    line = ["party_role", "main_chapter"]
    is_trader = pl.col("_is_trader").fill_null(value=False)
    return known.select(
        *company,
        pl.col("main_chapter").alias("_main_chapter"),
        (pl.len().over(line).cast(pl.Int64) - 1).alias("_line_companies"),
        (is_trader.sum().over(line).cast(pl.Int64) - is_trader).alias("_line_traders"),
    )


def family_basket(tables: CompanyTables) -> pl.DataFrame:
    """A company gathers several substances of one drug family within half a year, some of them new to it.

    score = (substances of the family / all watched ones, of the half year) x sum over the new ones of -ln of the share of companies that
    ever traded it before. Company months with less than two substances, or none new, score 0.
    """
    traded = _traded_months(tables)
    basket = _baskets(traded)
    is_basket = (pl.col("_in_family") > 1) & (pl.col("_new") > 0)
    concentration = pl.col("_in_family") / pl.col("_all")
    return basket.with_columns(
        pl.when(is_basket).then(concentration * pl.col("_rarity")).otherwise(0.0).alias("score"),
        pl.lit("company").alias("subject"), pl.lit(_BASKET_MONTHS, pl.Int32).alias("window_periods"),
        pl.col("observed_kg").alias("excess_kg"),
        pl.lit("company half-years of all families").alias("comparable_group"),
    )  # fmt: skip


def _traded_months(tables: CompanyTables) -> pl.DataFrame:
    """Return a row per company, role, substance, family and month, with _rarity of the substance and whether it is new to the company."""
    months = _declaring_months(tables).select(
        "entity_id",
        "party_role",
        "substance_code",
        "period",
        "net_weight_kg",
        "value_usd",
        month_number().alias("_month"),
        family_of(tables.substances),
    )
    company = ["entity_id", "party_role"]
    began = months.group_by(*company, "substance_code").agg(pl.col("_month").min().alias("_began"))
    dated = months.join(began, on=[*company, "substance_code"]).with_columns(
        (pl.col("_month") - pl.col("_began") < _BASKET_MONTHS).alias("_is_new")
    )
    of_role = _companies_before(months, ["party_role"], "_companies")
    of_substance = _companies_before(months, ["party_role", "substance_code"], "_traders")
    shared = dated.join(of_role, on=["party_role", "_month"]).join(of_substance, on=["party_role", "substance_code", "_month"])
    rarity = -((pl.col("_traders") + 1) / (pl.col("_companies") + 2)).log()
    families = pl.col("family").str.split(";")
    return shared.with_columns(rarity.alias("_rarity"), families.alias("family")).explode("family").drop_nulls("family")


def _companies_before(months: pl.DataFrame, key: list[str], count: str) -> pl.DataFrame:
    """Return how many companies had traded before each month, by key."""
    first = (
        months.group_by(*key, "entity_id").agg(pl.col("_month").min()).group_by(*key, "_month").agg(pl.len().cast(pl.Int64).alias("_new"))
    )
    every = months.select(*key, "_month").unique().join(first, on=[*key, "_month"], how="left").sort(*key, "_month")
    before = (pl.col("_new").fill_null(0).cum_sum() - pl.col("_new").fill_null(0)).over(key)
    return every.select(*key, "_month", before.alias(count))


def _baskets(traded: pl.DataFrame) -> pl.DataFrame:
    """Return, per company, role, family and month with trade of it, what the half year to it holds."""
    company = ["entity_id", "party_role"]
    asked = traded.select(*company, "family", "_month", "period").unique()
    held = asked.join(traded.select(*company, pl.col("family").alias("_family"), pl.col("_month").alias("_then"), "substance_code",
        "net_weight_kg", "value_usd", "_rarity", "_is_new"), on=company)  # fmt: skip
    within = held.filter(pl.col("_then").is_between(pl.col("_month") - (_BASKET_MONTHS - 1), pl.col("_month")))
    every = within.group_by(*company, "family", "_month").agg(pl.col("substance_code").n_unique().alias("_all"))
    own = within.filter(pl.col("_family") == pl.col("family"))
    # One row per substance: its rarity when it was new.
    each = own.group_by(*company, "family", "_month", "period", "substance_code").agg(
        pl.col("net_weight_kg", "value_usd").sum(), pl.col("_is_new").all(), pl.col("_rarity").max()
    )
    new = pl.col("_is_new")
    baskets = each.sort("substance_code").group_by(*company, "family", "_month", "period", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("_in_family"), new.sum().cast(pl.Int64).alias("_new"), pl.col("_rarity").filter(new).sum(),
        pl.col("net_weight_kg").sum().alias("observed_kg"), pl.col("value_usd").sum().alias("observed_value_usd"),
        pl.col("substance_code").alias("_substances"), pl.col("substance_code").filter(new).alias("_new_substances"),
    )  # fmt: skip
    return baskets.join(every, on=[*company, "family", "_month"])
