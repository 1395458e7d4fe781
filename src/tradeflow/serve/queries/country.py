"""What one country buys of one code: against expectation, from both sides, with what could be seen and what has come in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import polars as pl
import sqlalchemy as sa

from tradeflow.exceptions import NotFoundError
from tradeflow.serve.queries.frames import mappings, read_rows
from tradeflow.serve.queries.lead_filter import SIGNAL
from tradeflow.serving_database import TABLES
from tradeflow.telling.chart_figures import history_figures, mirror_figures
from tradeflow.telling.lead import newest_months
from tradeflow.telling.lead_months import lead_months, reporting_side
from tradeflow.telling.names import name_area, name_commodity
from tradeflow.telling.sections import CoverageRow, coverage_matrix
from tradeflow.telling.standing import ALL_CHAPTERS, rank_reporters, say_standing, standing_of
from tradeflow.telling.tables import empty_tables

_OF_SERIES = ("baseline", "mirror_pair", "mirror_correction", "trade_history")
_PARTNERS_SHOWN = 20


@dataclass(frozen=True)
class Series:
    """All imports of a code by one country, told as a lead is told; and what surrounds them."""

    signal: dict[str, Any]
    importer: str
    exporter: str
    commodity: str
    months: list[dict[str, Any]]
    charts: dict[str, Any]
    has_mirror: bool
    history_side: str
    correction: list[tuple[str, str]]
    standing: str | None
    detectable: dict[str, Any] | None
    requirements: list[dict[str, Any]]
    coverage: tuple[list[str], list[CoverageRow]]
    unlocated: list[dict[str, Any]]


def list_codes(connection: sa.Connection, importer_code: int) -> list[dict[str, Any]]:
    """Return each code that a country is judged on, with its frequency, newest period, leads, and the score of the first of them."""
    baseline, leads = TABLES["baseline"].c, SIGNAL.c
    judged = (
        sa.select(baseline.commodity_code, baseline.freq_code, sa.func.max(baseline.period).label("period"))
        .where(baseline.importer_code == importer_code, baseline.series_level == "importer")
        .group_by(baseline.commodity_code, baseline.freq_code)
    )
    counted = (
        sa.select(leads.commodity_code, sa.func.count().label("lead_count"), sa.func.max(leads.lead_score).label("lead_score"))
        .where(leads.is_lead_head, leads.importer_code == importer_code)
        .group_by(leads.commodity_code)
    )
    told = {row["commodity_code"]: row for row in mappings(connection, counted)}
    rows = [row | told.get(row["commodity_code"], {"lead_count": 0, "lead_score": None}) for row in mappings(connection, judged)]
    return sorted(rows, key=lambda row: (-(row["lead_score"] or 0.0), row["commodity_code"], row["freq_code"]))


def read_series(connection: sa.Connection, importer_code: int, commodity_code: str) -> Series:
    """Return what a country buys of a code, monthly where it is judged by month; NotFoundError where it is not judged at all."""
    freq_code = _frequency(connection, importer_code, commodity_code)
    asked = {"importer_code": importer_code, "exporter_code": 0, "commodity_code": commodity_code, "freq_code": freq_code}
    found = {table: read_rows(connection, table, *_series(table, asked)) for table in _OF_SERIES}
    coverage = read_rows(connection, "coverage", TABLES["coverage"].c.reporter_code == importer_code)
    reliability = read_rows(connection, "reporter_reliability", _ranked_with(commodity_code))
    tables = replace(empty_tables(), **found, coverage=coverage)
    signal = asked | {"subject": "importer", "period": found["baseline"]["period"].max(), "window_periods": 1, "observed_kg": None}
    months = lead_months(signal, tables).with_columns(is_lead_period=False)
    side = reporting_side(signal, tables)
    standing = standing_of(rank_reporters(reliability), importer_code, "M", commodity_code)
    return Series(
        signal=signal,
        importer=name_area(importer_code),
        exporter=name_area(0),
        commodity=name_commodity(commodity_code),
        months=newest_months(months),
        charts={"history": history_figures(signal, months, side), "mirror": mirror_figures(months)},
        has_mirror=months["mirror_status"].is_not_null().any(),
        history_side=side,
        correction=[],
        standing=say_standing(standing) if standing else None,
        detectable=_first(connection, "detectable_excess", asked),
        requirements=read_rows(connection, "requirement_use", *_series("requirement_use", asked)).sort("requirement_year").to_dicts(),
        coverage=coverage_matrix(coverage.filter(pl.col("freq_code") == freq_code)),
        unlocated=_unlocated(connection, asked),
    )


def list_partners(connection: sa.Connection, importer_code: int, commodity_code: str) -> list[dict[str, Any]]:
    """Return the exporters whose routes the release holds, with what both sides reported in the newest twelve periods, most first."""
    pair = TABLES["mirror_pair"].c
    same = (pair.importer_code == importer_code) & (pair.commodity_code == commodity_code)
    periods = sa.select(pair.period).where(same).distinct().order_by(pair.period.desc()).limit(12)
    imported = sa.func.sum(pair.import_net_weight_kg)
    question = (
        sa.select(
            pair.exporter_code, imported.label("import_net_weight_kg"), sa.func.sum(pair.export_net_weight_kg).label("export_net_weight_kg")
        )
        .where(same, pair.period.in_(periods))
        .group_by(pair.exporter_code)
        .order_by(sa.func.coalesce(imported, 0).desc())
        .limit(_PARTNERS_SHOWN)
    )
    return mappings(connection, question)


def _frequency(connection: sa.Connection, importer_code: int, commodity_code: str) -> str:
    baseline = TABLES["baseline"].c
    question = sa.select(baseline.freq_code).where(
        baseline.importer_code == importer_code, baseline.commodity_code == commodity_code, baseline.series_level == "importer"
    )
    found = list(connection.scalars(question.distinct()))
    if not found:
        raise NotFoundError(
            f"{name_area(importer_code)} is not judged on HS {commodity_code}: too little is reported, or the code is not watched"
        )
    return "M" if "M" in found else str(found[0])


def _series(table: str, asked: dict[str, Any]) -> list[sa.ColumnElement[bool]]:
    columns = TABLES[table].c
    return [columns[name] == asked[name] for name in ("importer_code", "commodity_code", "freq_code") if name in columns]


def _first(connection: sa.Connection, table: str, asked: dict[str, Any]) -> dict[str, Any] | None:
    rows = read_rows(connection, table, *_series(table, asked), limit=1)
    return rows.row(0, named=True) if rows.height else None


def _ranked_with(commodity_code: str) -> sa.ColumnElement[bool]:
    columns = TABLES["reporter_reliability"].c
    return columns.product_group.in_([commodity_code[:2], ALL_CHAPTERS]) & (columns.measure == "net_weight")


def _unlocated(connection: sa.Connection, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Sum what the importer reports of the code without a named partner or without the code in detail, by kind."""
    columns = TABLES["unlocated_trade"].c
    question = sa.select(
        columns.unlocated_kind,
        sa.func.count(columns.period.distinct()).label("periods"),
        sa.func.sum(columns.unlocated_net_weight_kg).label("unlocated_net_weight_kg"),
        sa.func.sum(columns.unlocated_value_usd).label("unlocated_value_usd"),
    )
    same = (
        (columns.reporter_code == asked["importer_code"]) & (columns.commodity_code == asked["commodity_code"]) & (columns.flow_code == "M")
    )
    return mappings(connection, question.where(same).group_by(columns.unlocated_kind))
