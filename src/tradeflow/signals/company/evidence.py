"""From a lead on a company back to the source rows: items of declarations, notifications, permissions, incidents."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.signals.company.tables import CompanyTables, each_substance, month_number, period_of_month

_ROWS_PER_ROLE = 50
"""Source rows kept per signal and role: a year of a large company may rest on thousands; the heaviest carry it."""
_YEAR_DAYS = 365


def collect_company_evidence(leads: pl.DataFrame, tables: CompanyTables, incidents: pl.DataFrame) -> pl.DataFrame:
    """Return `company_signal_evidence`; leads as `rank_company_leads` has them, incidents with entity_id of whom they name."""
    asked = _asked(leads)
    parts = [
        _items(asked, tables.company_item),
        _notifications(asked, tables.pre_export_notification),
        _permissions(asked, tables),
        _incidents(asked, incidents),
    ]
    columns = load_contract("company_signal_evidence").schema
    empty = [pl.DataFrame(schema=columns)]
    every = pl.concat([*empty, *parts], how="diagonal_relaxed").select([pl.col(name).cast(dtype) for name, dtype in columns.items()])
    ordered = every.sort(
        "signal_id", "evidence_role", "net_weight_kg", "snapshot_id", "row_number", descending=[False, False, True, False, False],
        nulls_last=True,
    ).unique(["signal_id", "snapshot_id", "row_number"], keep="first", maintain_order=True)  # fmt: skip
    return ordered.filter(pl.int_range(pl.len()).over("signal_id", "evidence_role") < _ROWS_PER_ROLE)


def _asked(leads: pl.DataFrame) -> pl.DataFrame:
    """Return one row per signal and substance, with the first and last day that it is about."""
    month = month_number()
    begin = (month - pl.col("window_periods").cast(pl.Int64) + 1).alias("_month")
    spanned = leads.with_columns(begin).with_columns(period_of_month("_month").alias("_begin"))
    days = [
        pl.coalesce(own, pl.date(pl.col(period) // 100, pl.col(period) % 100, 1).dt.month_start() if is_first
                    else pl.date(pl.col(period) // 100, pl.col(period) % 100, 1).dt.month_end()).alias(f"_{name}")
        for own, period, is_first, name in (("_first_day", "_begin", True, "since"), ("_last_day", "period", False, "until"))
    ]  # fmt: skip
    key = ["signal_id", "rule", "entity_id", "party_role", "reporter_code", "declaration_id", "item_number"]
    return spanned.select(*key, *days, pl.col("_substances").alias("substance_code")).explode("substance_code", empty_as_null=False)


def _items(asked: pl.DataFrame, company_item: pl.DataFrame) -> pl.DataFrame:
    """Return the items that name the company in its role, of the substance and the days."""
    roles = asked["party_role"].unique().sort()
    parts = [_items_of_role(asked.filter(pl.col("party_role") == role), company_item, role) for role in roles]
    return pl.concat(parts).with_columns(pl.lit("observed").alias("evidence_role")) if parts else company_item.clear()


def _items_of_role(asked: pl.DataFrame, company_item: pl.DataFrame, role: str) -> pl.DataFrame:
    named = company_item.select(
        pl.col(f"{role}_entity_id").alias("entity_id"), "substance_code", "source", "snapshot_id", "row_number", "declaration_date",
        "net_weight_kg", "value_usd", "flow_code", pl.col("reporter_code", "declaration_id", "item_number").name.prefix("_of_"),
    )  # fmt: skip
    found = asked.join(named, on=["entity_id", "substance_code"])
    same = [
        pl.col(name).is_null() | (pl.col(name) == pl.col(f"_of_{name}")).fill_null(value=False)
        for name in ("reporter_code", "declaration_id", "item_number")
    ]
    flow = {"importer": "M", "exporter": "X"}.get(role)
    within = pl.col("declaration_date").is_between(pl.col("_since"), pl.col("_until"))
    kept = found.filter(within, *same, pl.lit(value=True) if flow is None else pl.col("flow_code") == flow)
    return kept.with_columns(pl.col("_of_declaration_id").alias("declaration_id"), pl.col("_of_item_number").alias("item_number"))


def _notifications(asked: pl.DataFrame, notifications: pl.DataFrame) -> pl.DataFrame:
    """Return the notifications of the company and substance that were planned within a year of an unnotified export."""
    due = pl.coalesce("expected_on", "notified_on")
    told = notifications.select(
        pl.col("exporter_entity_id").alias("entity_id"), "substance_code", "source", "snapshot_id", "row_number", due.alias("_due"),
        pl.col("notified_kg").alias("net_weight_kg"),
    )  # fmt: skip
    found = asked.filter(pl.col("rule") == "unnotified_export").drop("declaration_id", "item_number")
    near = found.join(told, on=["entity_id", "substance_code"]).filter(
        pl.col("_due").is_between(pl.col("_since").dt.offset_by(f"-{_YEAR_DAYS}d"), pl.col("_until").dt.offset_by(f"{_YEAR_DAYS}d"))
    )
    return near.with_columns(pl.lit("notified").alias("evidence_role"))


def _permissions(asked: pl.DataFrame, tables: CompanyTables) -> pl.DataFrame:
    held = each_substance(tables.licensed_operator, tables.substances["substance_code"])
    own = asked.filter(pl.col("rule") == "unlicensed_importer").drop("declaration_id", "item_number")
    found = own.join(held.select("entity_id", "substance_code", "source", "snapshot_id", "row_number"), on=["entity_id", "substance_code"])
    return found.with_columns(pl.lit("licence").alias("evidence_role"))


def _incidents(asked: pl.DataFrame, incidents: pl.DataFrame) -> pl.DataFrame:
    """Return the incidents that name the company for the substance, before the lead's last day."""
    told = incidents.drop_nulls("entity_id").select(
        "entity_id", "substance_code", "source", "snapshot_id", "row_number", "incident_date", pl.col("quantity_kg").alias("net_weight_kg")
    )
    known = asked.drop("declaration_id", "item_number").join(told, on=["entity_id", "substance_code"])
    return known.filter(pl.col("incident_date") <= pl.col("_until")).with_columns(pl.lit("incident").alias("evidence_role"))
