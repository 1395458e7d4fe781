"""The rule on pre-export notifications: what left, held against what was told beforehand."""

from __future__ import annotations

import polars as pl

from tradeflow.signals.company.tables import CompanyTables, Tolerances, share_of_others, tell_item

_ITEM = ["snapshot_id", "row_number", "substance_code"]
_KEY = ["entity_id", "reporter_code", "substance_code"]
_GRAM = 1e-3
_STOPPED = ["objected", "withdrawn"]


def unnotified_export(tables: CompanyTables) -> pl.DataFrame:
    """A company exports a watched substance with no notification on record near enough in time, or more than was notified.

    A table of notifications speaks of the areas that send any, of the substances of the 1988 Convention's tables and those that it names,
    from its first day to its last. The more of what others export is notified, the more an absence says (_strength).
    """
    slack = tables.tolerances
    stands = ~pl.col("notification_status").is_in(_STOPPED)
    notified = _planned(tables.pre_export_notification.filter(stands), slack.notification_early_days)
    stopped = _planned(tables.pre_export_notification.filter(~stands), slack.notification_early_days)
    balanced = _balance(_spoken_of(tables), notified, slack)
    # A small consignment beside a large one is within the slack of the large one's notification.
    is_notified = pl.col("_beyond_kg") <= slack.quantity_ratio * pl.max_horizontal("net_weight_kg", "_near_kg")
    judged = balanced.with_columns(is_notified.alias("_is_notified"))
    others = share_of_others(judged, "_is_notified")
    found = _near_stopped(judged.filter(~pl.col("_is_notified")), stopped, slack).join(others, on=[*_KEY, "period"], how="left")
    share = pl.col("_beyond_kg") / pl.col("net_weight_kg")
    return tell_item(found).with_columns(
        pl.when(pl.col("_near_kg") > 0).then(pl.lit("above")).otherwise(pl.lit("none")).alias("_fact"),
        pl.lit("exporter").alias("party_role"),
        pl.col("_beyond_kg").alias("excess_kg"),
        pl.col("_near_kg").alias("expected_kg"),
        (pl.col("_others_share") * share).alias("_strength"),
    )


def _planned(notifications: pl.DataFrame, early_days: int) -> pl.DataFrame:
    """Return the notifications of known exporters by _KEY with _due in their order.

    Where no day is planned, goods may leave from the day of notice on.
    """
    due = pl.coalesce("expected_on", pl.col("notified_on").dt.offset_by(f"{early_days}d"))
    return notifications.drop_nulls("exporter_entity_id").select(
        pl.col("exporter_entity_id").alias("entity_id"), pl.col("exporting_area_code").alias("reporter_code"), "substance_code",
        "notification_number", "notification_status", "notified_kg", due.alias("_due"),
    ).sort("_due", "notification_number")  # fmt: skip


def _spoken_of(tables: CompanyTables) -> pl.DataFrame:
    """Return the exports on which the table of notifications speaks: area, substance, and days between its first and its last notice."""
    notifications = tables.pre_export_notification
    area, days = pl.col("exporting_area_code").alias("reporter_code"), tables.tolerances.notification_days
    span = notifications.group_by(area).agg(pl.col("notified_on").min().alias("_from"), pl.col("notified_on").max().alias("_to"))
    named = notifications.select(area, "substance_code").unique().with_columns(pl.lit(value=True).alias("_is_named"))
    listed = tables.substances.filter(pl.col("un_1988_table").is_in(["I", "II"]))["substance_code"].implode()
    exports = tables.company_item.filter((pl.col("flow_code") == "X") & (pl.col("net_weight_kg") > 0)).drop_nulls("exporter_entity_id")
    day = pl.col("declaration_date")
    return (
        exports.rename({"exporter_entity_id": "entity_id", "importer_entity_id": "related_entity_id"})
        .join(span, on="reporter_code")
        .join(named, on=["reporter_code", "substance_code"], how="left")
        .filter((pl.col("_is_named") | pl.col("substance_code").is_in(listed)).fill_null(value=False))
        # A notice may come long before its goods; the newest ones are not known yet.
        .filter((day >= pl.col("_from").dt.offset_by(f"{days}d")) & (day <= pl.col("_to")))
    )


def _balance(exports: pl.DataFrame, notified: pl.DataFrame, slack: Tolerances) -> pl.DataFrame:
    """Add _near_kg, what is notified near each export, and _beyond_kg, how much of it no notification can stand for.

    A notification stands for exports from some days before to some days after its planned day, each of its kilograms once. What exports i
    to j lack at the least is their weight less all that is notified for their days, N(day_j + early) - N(day_i - late - 1). What the
    first j lack together is the most that runs beside one another lack (Hall 1935: the days of a notification are one stretch, so runs
    are enough). It is found run by run until no further run adds to it; what an export adds to it is beyond what was notified.
    """
    summed = notified.select(*_KEY, "_due", pl.col("notified_kg").cum_sum().over(_KEY).alias("_told"))
    day, kg = pl.col("declaration_date"), pl.col("net_weight_kg")
    until, before = day.dt.offset_by(f"{slack.notification_early_days}d"), day.dt.offset_by(f"-{slack.notification_days + 1}d")
    ordered = exports.sort(*_KEY, "declaration_date", *_ITEM[:2]).with_columns(until.alias("_until"), before.alias("_before"))
    known = _told_by(_told_by(ordered, summed, "_until"), summed, "_before").with_columns(kg.cum_sum().over(_KEY).alias("_exported"))
    return _lack_together(known).with_columns(
        (pl.col("_lack") - pl.col("_lack").shift(1, fill_value=0.0).over(_KEY)).alias("_beyond_kg"),
        (pl.col("_told_until") - pl.col("_told_before")).alias("_near_kg"),
    )


def _lack_together(exports: pl.DataFrame) -> pl.DataFrame:
    """Add _lack: what the exports of a company and substance up to each row lack together."""
    lack, start = pl.col("_lack"), pl.col("_exported") - pl.col("net_weight_kg") - pl.col("_told_before")
    # The lowest start of a run so far, what was lacking before the run counted in.
    lowest = (start - lack.shift(1, fill_value=0.0).over(_KEY)).cum_min().over(_KEY)
    found = exports.with_columns(pl.lit(0.0).alias("_lack"))
    while True:
        more = found.with_columns(
            (pl.col("_exported") - pl.col("_told_until") - lowest).clip(lower_bound=0).cum_max().over(_KEY).alias("_lack")
        )
        if not ((more["_lack"] - found["_lack"]) > _GRAM).any():
            return more
        found = more


def _told_by(exports: pl.DataFrame, summed: pl.DataFrame, day: str) -> pl.DataFrame:
    """Add how much was notified for days up to another one: _told_until or _told_before."""
    at = exports.join_asof(summed, left_on=day, right_on="_due", by=_KEY, check_sortedness=False)
    return at.with_columns(pl.col("_told").fill_null(0.0).alias(f"_told{day}")).drop("_told", "_due")


def _near_stopped(exports: pl.DataFrame, stopped: pl.DataFrame, slack: Tolerances) -> pl.DataFrame:
    """Add the number and status of the nearest notification that was objected to or withdrawn."""
    named = stopped.select(
        *_KEY, "_due", pl.col("notification_number").alias("_stopped_number"), pl.col("notification_status").alias("_stopped")
    )
    return exports.sort("declaration_date", *_ITEM).join_asof(
        named, left_on="declaration_date", right_on="_due", by=_KEY, strategy="nearest", tolerance=f"{slack.notification_days}d",
        check_sortedness=False,
    )  # fmt: skip
