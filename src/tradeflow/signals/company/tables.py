"""What the rules on companies read, and what several of them ask of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

HABIT_MONTHS = 12
"""Months, the row's own the last of them, over which is counted what others do."""


@dataclass(frozen=True)
class Tolerances:
    """What `settings.Signals` allows for the ordinary slack of paper and of trade, as plain values."""

    notification_days: int = 60
    notification_early_days: int = 10
    licence_grace_days: int = 30
    quantity_ratio: float = 0.10
    split_days: int = 30
    threshold_kg: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class JudgedMonths:
    """From which periods (YYYYMM) candidates are compared and scored, and the newest of all."""

    calibration_start: int
    scored_start: int
    newest: int


@dataclass(frozen=True)
class CompanyTables:
    """The tables that rules on companies read.

    licensed_operator: with entity_id and area_code of the company. pre_export_notification: with exporter_entity_id.
    isolation: snapshot_id, row_number, substance_code, isolation_score, comparable_group of items.
    substances: code list `substance` with _codes, the HS subheadings of each.
    """

    company_item: pl.DataFrame
    declared_substance: pl.DataFrame
    company_month: pl.DataFrame
    company_profile: pl.DataFrame
    broker_share: pl.DataFrame
    licensed_operator: pl.DataFrame
    pre_export_notification: pl.DataFrame
    isolation: pl.DataFrame
    substances: pl.DataFrame
    months: JudgedMonths
    tolerances: Tolerances


def declaring_party(items: pl.DataFrame) -> pl.DataFrame:
    """Add entity_id, party_role and related_entity_id: the importer of an import, the exporter of an export, and the other side."""
    is_import = pl.col("flow_code").is_in(["M", "RM"]).fill_null(value=True)
    importer, exporter = pl.col("importer_entity_id"), pl.col("exporter_entity_id")
    named = items.with_columns(
        pl.when(is_import).then(importer).otherwise(exporter).alias("entity_id"),
        pl.when(is_import).then(pl.lit("importer")).otherwise(pl.lit("exporter")).alias("party_role"),
        pl.when(is_import).then(exporter).otherwise(importer).alias("related_entity_id"),
    )
    return named.drop_nulls("entity_id")


def month_number(period: str = "period") -> pl.Expr:
    """Count the months of a YYYYMM period, so that neighbours differ by one."""
    whole = pl.col(period).cast(pl.Int64)
    return whole // 100 * 12 + whole % 100 - 1


def period_of_month(month: str) -> pl.Expr:
    """Turn a count of months into its YYYYMM period."""
    return (pl.col(month) // 12 * 100 + pl.col(month) % 12 + 1).cast(pl.Int32)


def sum_trailing(monthly: pl.DataFrame, key: list[str], columns: list[str], months: int = HABIT_MONTHS) -> pl.DataFrame:
    """Return key, period and the columns added up over the months that end with the period; a row per period that has one."""
    numbered = monthly.with_columns(month_number().alias("_month")).sort(*key, "_month")
    rolled = numbered.rolling("_month", period=f"{months}i", group_by=key).agg(pl.col(columns).sum())
    return rolled.with_columns(period_of_month("_month").alias("period")).drop("_month")


def share_of_others(items: pl.DataFrame, is_so: str) -> pl.DataFrame:
    """Return reporter_code, substance_code, entity_id, period, and of other companies' items of the substance in the twelve months
    _others and _others_held, of which `is_so` holds; of all substances of the area _of_area and _held_of_area.

    _others_share: (held + 2 a) / (items + 2), where a is (held + 1) / (items + 2) of all substances of the area: where nobody else declares
    anything, absence on a list says as little as a coin.
    """
    area = _count_others(items, is_so, ["reporter_code"]).rename({"_others": "_of_area", "_others_held": "_held_of_area"})
    own = _count_others(items, is_so, ["reporter_code", "substance_code"])
    usual = (pl.col("_held_of_area") + 1) / (pl.col("_of_area") + 2)
    share = (pl.col("_others_held") + 2 * usual) / (pl.col("_others") + 2)
    beside = own.join(area, on=["reporter_code", "entity_id", "period"])
    return beside.with_columns(share.alias("_others_share"))


def _count_others(items: pl.DataFrame, is_so: str, key: list[str]) -> pl.DataFrame:
    counts = [pl.len().cast(pl.Int64).alias("_others"), pl.col(is_so).sum().cast(pl.Int64).alias("_others_held")]
    own_months = items.group_by(*key, "entity_id", "period").agg(counts)
    whole = sum_trailing(items.group_by(*key, "period").agg(counts), key, ["_others", "_others_held"])
    own = sum_trailing(own_months, [*key, "entity_id"], ["_others", "_others_held"])
    beside = own.join(whole, on=[*key, "period"], suffix="_all")
    left = [(pl.col(f"{name}_all") - pl.col(name)).alias(name) for name in ("_others", "_others_held")]
    return beside.select(*key, "entity_id", "period", *left)


def each_substance(permissions: pl.DataFrame, substances: pl.Series) -> pl.DataFrame:
    """Put a row per substance in the place of one that names none and so covers them all."""
    covered = pl.DataFrame({"_covered": [substances.unique().sort()]}, schema={"_covered": pl.List(pl.String)})
    listed = permissions.join(covered, how="cross").with_columns(
        pl.when(pl.col("substance_code").is_null()).then("_covered").otherwise(pl.concat_list("substance_code")).alias("substance_code"),
        pl.col("substance_code").is_null().alias("_covers_all"),
    )
    return listed.drop("_covered").explode("substance_code", empty_as_null=False)


def name_group(kind: str, substances: pl.DataFrame) -> pl.Expr:
    """Name what a candidate is compared with, for `model.grouping`: its kind and substance; the next wider group is all of its kind."""
    names = dict(substances.select("substance_code", "substance_name").iter_rows())
    return pl.concat_str(pl.lit(f"{kind} of the substance "), pl.col("substance_code").replace(names)).alias("comparable_group")


def tell_item(items: pl.DataFrame) -> pl.DataFrame:
    """Add what a candidate about one declared item says of itself; the whole of it is the excess until its rule knows better."""
    day = pl.col("declaration_date")
    return items.with_columns(
        pl.lit("declaration").alias("subject"), pl.col("net_weight_kg").alias("observed_kg"), pl.col("net_weight_kg").alias("excess_kg"),
        pl.col("value_usd").alias("observed_value_usd"), pl.lit(1, pl.Int32).alias("window_periods"),
        day.alias("_first_day"), day.alias("_last_day"),
    )  # fmt: skip


def family_of(substances: pl.DataFrame) -> pl.Expr:
    """Return the family of substance_code, as the code list has it."""
    families = dict(substances.select("substance_code", "family").drop_nulls().iter_rows())
    return pl.col("substance_code").replace_strict(families, default=None, return_dtype=pl.String).alias("family")


def usual_before(items: pl.DataFrame, column: str, key: list[str]) -> pl.DataFrame:
    """Return key, _month, and of the twelve months before it the column's median, absolute deviation and number of items."""
    asked = items.select(*key, "_month").unique()
    later = pl.int_ranges(pl.col("_month") + 1, pl.col("_month") + 1 + HABIT_MONTHS)
    before = items.select(*key, column, later.alias("_month")).explode("_month").join(asked, on=[*key, "_month"], how="semi")
    middle = pl.col(column).median()
    return before.group_by(*key, "_month").agg(
        middle.alias("_middle"), (pl.col(column) - middle).abs().median().alias("_spread"), pl.len().alias("_like")
    )
