"""The rule on permissions: what an importer declares, held against the licences, end-use declarations and white list on record."""

from __future__ import annotations

import polars as pl

from tradeflow.signals.company.tables import CompanyTables, each_substance, month_number, share_of_others, sum_trailing

_ITEM = ["snapshot_id", "row_number", "substance_code"]
_TRADE = ["reporter_code", "substance_code"]
_COMPANY = ["entity_id", *_TRADE]
_LICENCES = ["import", "trade"]


def unlicensed_importer(tables: CompanyTables) -> pl.DataFrame:
    """An importer declares a watched substance for which no permission is on record that day, or more of it than its permission allows.

    A table of permissions speaks of the areas of their holders, there of the substances of the 1988 Convention's tables and those that
    permissions name, from its first day on: elsewhere nothing is proposed.
    The more of what others import is covered by it, the more an absence says (_strength).
    """
    imports = tables.company_item.filter(pl.col("flow_code").is_in(["M", "RM"])).rename({"importer_entity_id": "entity_id"})
    permissions = each_substance(
        tables.licensed_operator.filter(pl.col("licence_kind") != "export"), imports["substance_code"]
    )  # fmt: skip
    listed = tables.substances.filter(pl.col("un_1988_table").is_in(["I", "II"]))["substance_code"]
    governed = _governed(imports.drop_nulls("entity_id"), permissions, listed)
    held = _valid_permissions(governed, permissions, tables.tolerances.licence_grace_days)
    judged = governed.join(held, on=_ITEM, how="left").with_columns(pl.col("_held_count").is_not_null().alias("_is_covered"))
    told = {"subject": pl.lit("company"), "party_role": pl.lit("importer")}
    candidates = [_without(judged, permissions), _above_limit(judged, tables.tolerances.quantity_ratio)]
    return pl.concat(candidates, how="diagonal_relaxed").with_columns(**told)


def _governed(imports: pl.DataFrame, permissions: pl.DataFrame, listed: pl.Series) -> pl.DataFrame:
    """Keep what is declared in an area and of a substance on which the table speaks, from the first day that it knows."""
    is_named = ~pl.col("_covers_all") | pl.col("substance_code").is_in(listed.implode())
    spoken = permissions.filter(is_named).group_by(pl.col("area_code").alias("reporter_code"), "substance_code").agg(
        pl.col("valid_from").min().alias("_first_known_on")
    )  # fmt: skip
    return imports.join(spoken, on=_TRADE).filter(pl.col("declaration_date") >= pl.col("_first_known_on"))


def _valid_permissions(items: pl.DataFrame, permissions: pl.DataFrame, grace_days: int) -> pl.DataFrame:
    """Return _ITEM, _held_count and _limit_kg of the items that a permission covers; a renewal is waited for so many days.

    _limit_kg: the yearly limits of the licences held that day, added up; none where one of them sets none.
    """
    held = items.select(*_ITEM, "entity_id", "declaration_date").join(permissions, on=["entity_id", "substance_code"])
    day = pl.col("declaration_date")
    last_day = pl.col("valid_to").dt.offset_by(f"{grace_days}d").fill_null(day)
    licensed = pl.col("annual_limit_kg").filter(pl.col("licence_kind").is_in(_LICENCES))
    limit = pl.when((licensed.len() > 0) & (licensed.null_count() == 0)).then(licensed.sum())
    return held.filter((day >= pl.col("valid_from")) & (day <= last_day)).group_by(_ITEM).agg(
        pl.len().alias("_held_count"), limit.alias("_limit_kg")
    )  # fmt: skip


def _without(judged: pl.DataFrame, permissions: pl.DataFrame) -> pl.DataFrame:
    """Return a candidate per company, substance and month with an item that nothing on record covers, over the twelve months to it."""
    uncovered = judged.filter(~pl.col("_is_covered"))
    monthly = uncovered.group_by(*_COMPANY, "period").agg(
        pl.col("net_weight_kg").sum().alias("observed_kg"), pl.col("value_usd").sum().alias("observed_value_usd"),
        pl.len().cast(pl.Int64).alias("_items"),
    )  # fmt: skip
    trailing = sum_trailing(monthly, _COMPANY, ["observed_kg", "observed_value_usd", "_items"])
    others = share_of_others(judged, "_is_covered")
    last_day = uncovered.group_by(*_COMPANY, "period").agg(pl.col("declaration_date").max().alias("_last_day"), pl.col("family").first())
    told = trailing.join(others, on=[*_COMPANY, "period"]).join(last_day, on=[*_COMPANY, "period"])
    return _with_record(told, permissions).with_columns(
        pl.lit("none").alias("_fact"), pl.col("observed_kg").alias("excess_kg"), pl.col("_others_share").alias("_strength"),
        pl.lit(12, pl.Int32).alias("window_periods"),
    )  # fmt: skip


def _with_record(candidates: pl.DataFrame, permissions: pl.DataFrame) -> pl.DataFrame:
    """Add what else is on record: _ended_on, the last day of the newest permission before; _elsewhere, substances of its permissions."""
    row = candidates.with_row_index("_row")
    same = row.select("_row", "entity_id", "substance_code", "_last_day").join(permissions, on=["entity_id", "substance_code"])
    ended = same.filter(pl.col("valid_to") < pl.col("_last_day")).group_by("_row").agg(pl.col("valid_to").max().alias("_ended_on"))
    named = permissions.filter(~pl.col("_covers_all")).group_by("entity_id").agg(pl.col("substance_code").n_unique().alias("_elsewhere"))
    joined = row.join(ended, on="_row", how="left").join(named, on="entity_id", how="left")
    return joined.with_columns(pl.col("_elsewhere").fill_null(0)).drop("_row")


def _above_limit(judged: pl.DataFrame, quantity_ratio: float) -> pl.DataFrame:
    """Return a candidate per company, substance and month from which on the year's imports are above the yearly limit on record."""
    year = pl.col("declaration_date").dt.year()
    of_year = [*_COMPANY, "_year"]
    ordered = judged.filter("_is_covered").with_columns(year.alias("_year")).sort(*of_year, "declaration_date", *_ITEM[:2])
    running = ordered.with_columns(
        pl.col("net_weight_kg").fill_null(0).cum_sum().over(of_year).alias("observed_kg"),
        pl.col("value_usd").fill_null(0).cum_sum().over(of_year).alias("observed_value_usd"),
        pl.when(~pl.col("_limit_kg").is_null().cum_max().over(of_year))
        .then(pl.col("_limit_kg").cum_max().over(of_year))
        .alias("expected_kg"),
        pl.int_range(1, pl.len() + 1).over(of_year).alias("_items"),
    )
    passed = running.filter(pl.col("observed_kg") > pl.col("expected_kg") * (1 + quantity_ratio))
    newest = passed.group_by(*_COMPANY, "period", maintain_order=True).last()
    excess = pl.col("observed_kg") - pl.col("expected_kg")
    return newest.select(
        *_COMPANY, "period", "family", "observed_kg", "observed_value_usd", "expected_kg", excess.alias("excess_kg"), "_items",
        pl.col("declaration_date").alias("_last_day"), pl.date("_year", 1, 1).alias("_first_day"), pl.lit("above_limit").alias("_fact"),
        (excess / pl.col("observed_kg")).alias("_strength"), (month_number() % 12 + 1).cast(pl.Int32).alias("window_periods"),
    )  # fmt: skip
