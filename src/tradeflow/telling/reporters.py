"""The report's ranking of reporters: how steady each is in each role, and what is behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from tradeflow import amounts as say
from tradeflow.telling import wording
from tradeflow.telling.names import name_area
from tradeflow.telling.standing import ALL_CHAPTERS, rank_reporters

_WIDEST_SHOWN = 3
_CHAPTERS_SHOWN = 4
_FLOWS_TO_JUDGE_A_CORRIDOR = 10
_SIDES = {"X": ("exporter", "importer"), "M": ("importer", "exporter")}
_SLIPS = {"X": "export_slip_count", "M": "import_slip_count"}


@dataclass(frozen=True)
class ReporterRow:
    """One reporter in one role; spreads are standard deviations of a log error, shares run from 0 to 1, None is not known."""

    reporter: str
    flow_code: str
    place: int | None
    weight_sigma: float | None
    weight_interval: str
    value_sigma: float | None
    value_interval: str
    partners: int
    flows: int
    unconfirmed_share: float | None
    unrecorded_share: float | None
    slips: int
    widest: list[str]
    chapters: list[str]


def reporter_rows(reporter_reliability: pl.DataFrame, corridor: pl.DataFrame) -> list[ReporterRow]:
    """Return one row per reporter and role, exports before imports, the steadiest weights first."""
    behind = {flow_code: _behind(corridor, flow_code) for flow_code in _SIDES}
    ranked = rank_reporters(reporter_reliability)
    by_role: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}
    for row in ranked.filter(pl.col("product_group") == ALL_CHAPTERS).iter_rows(named=True):
        by_role.setdefault((row["flow_code"], row["reporter_code"]), {})[row["measure"]] = row
    chapters = _chapters(ranked)
    rows = [
        _reporter_row(reporter, flow_code, measures, behind[flow_code].get(reporter, {}), chapters.get((flow_code, reporter), []))
        for (flow_code, reporter), measures in by_role.items()
        if flow_code in _SIDES
    ]
    return sorted(rows, key=lambda row: (row.flow_code != "X", row.place is None, row.place, row.reporter))


def _reporter_row(
    reporter: int, flow_code: str, measures: dict[str, dict[str, Any]], behind: dict[str, Any], chapters: list[str]
) -> ReporterRow:
    weight, value = measures.get("net_weight", {}), measures.get("value", {})
    known = weight or value
    return ReporterRow(
        reporter=name_area(reporter),
        flow_code=flow_code,
        place=weight.get("place"),
        weight_sigma=weight.get("log_error_sigma"),
        weight_interval=_say_interval(weight),
        value_sigma=value.get("log_error_sigma"),
        value_interval=_say_interval(value),
        partners=known["pair_count"],
        flows=known["observation_count"],
        unconfirmed_share=behind.get("unconfirmed"),
        unrecorded_share=behind.get("unrecorded"),
        slips=behind.get("slips", 0),
        widest=[_say_corridor(partner, sigma) for partner, sigma in zip(behind.get("partners", []), behind.get("sigmas", []), strict=True)],
        chapters=chapters,
    )


def _say_interval(standing: dict[str, Any]) -> str:
    return wording.say_spread_interval(standing["sigma_lower"], standing["sigma_upper"]) if standing else ""


def _chapters(ranked: pl.DataFrame) -> dict[tuple[str, int], list[str]]:
    """Return each reporter's spread of weights by HS chapter, those with most flows, by role and reporter."""
    weights = ranked.filter((pl.col("measure") == "net_weight") & (pl.col("product_group") != ALL_CHAPTERS))
    largest = weights.sort("observation_count", "product_group", descending=[True, False]).group_by(
        "flow_code", "reporter_code", maintain_order=True
    )
    found: dict[tuple[str, int], list[str]] = {}
    for row in largest.head(_CHAPTERS_SHOWN).iter_rows(named=True):
        spread = say.say_spread(row["log_error_sigma"], "×")
        found.setdefault((row["flow_code"], row["reporter_code"]), []).append(f"{row['product_group']} {spread}")
    return found


def _behind(corridor: pl.DataFrame, flow_code: str) -> dict[int, dict[str, Any]]:
    """Sum a role's corridors by reporter: shares of flows that one side alone reports, weights out of scale, the widest corridors."""
    side, other = _SIDES[flow_code]
    judged = corridor.sort("gap_log_sigma", descending=True, nulls_last=True)
    is_wide = (pl.col("two_sided_count") >= _FLOWS_TO_JUDGE_A_CORRIDOR) & pl.col("gap_log_sigma").is_not_null()
    summed = judged.group_by(f"{side}_code").agg(
        _share(f"{side}_orphan_count").alias("unconfirmed"),
        _share(f"{other}_orphan_count").alias("unrecorded"),
        pl.col(_SLIPS[flow_code]).sum().alias("slips"),
        pl.col(f"{other}_code").filter(is_wide).head(_WIDEST_SHOWN).alias("partners"),
        pl.col("gap_log_sigma").filter(is_wide).head(_WIDEST_SHOWN).alias("sigmas"),
    )
    return {row[f"{side}_code"]: row for row in summed.iter_rows(named=True)}


def _share(orphans: str) -> pl.Expr:
    alone = pl.col(orphans).sum()
    whole = alone + pl.col("two_sided_count").sum()
    return pl.when(whole > 0).then(alone / whole)


def _say_corridor(partner: int, sigma: float) -> str:
    return f"{name_area(partner)} {say.say_spread(sigma, '×')}"
