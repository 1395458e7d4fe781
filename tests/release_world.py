"""A release to publish: sixty leads of all six rules over regular, intermittent and short series, and what stands behind them."""

from __future__ import annotations

import hashlib
import math
import random
from datetime import UTC, datetime
from typing import Any

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.telling.tables import ReleaseTables

RULES = ("excess_import", "mirror_gap", "missing_mirror", "new_route", "unit_value_outlier", "isolated_flow")
IMPORTERS = (484, 76, 710, 276, 764, 32, 170, 604)
EXPORTERS = (156, 842, 699, 528, 410, 757)
PART_OF_ALL = 124
"""The exporter whose rows stand for all of an importer's in its leads."""
CODES = {
    "291411": ("acetone", "own"),
    "284161": ("potassium_permanganate", "own"),
    "291524": ("acetic_anhydride", "own"),
    "290230": ("toluene", "own"),
    "290539": (None, "shared"),
    "292250": (None, "shared"),
    "280610": ("hydrochloric_acid", "own"),
}
FOREST_FEATURES = ("unit_value_ratio", "z_seasonal", "log_kg", "importer_share_ratio")
LEADING_FEATURE = {
    "excess_import": "z_seasonal",
    "mirror_gap": "z_kg",
    "missing_mirror": "partner_report_probability",
    "new_route": "observed_kg",
    "unit_value_outlier": "unit_value_usd_per_kg",
}
PERIODS = [year * 100 + month for year in range(2019, 2025) for month in range(1, 13)]
Rows = dict[str, list[dict[str, Any]]]
Made = tuple[ReleaseTables, dict[str, Any]]
MADE = ("signal", "signal_feature", "signal_evidence", "baseline", "mirror_pair", "mirror_correction", "mirror_window")
COMPARISON = "5,000 earlier periods of route series of HS chapter 29"
NASTY = '<img src=x onerror="alert(1)"></script><script>alert(2)</script>'


def make_release(leads: int = 60, seed: int = 7) -> tuple[ReleaseTables, dict[str, Any]]:
    """Return the tables and the manifest of a release of so many leads."""
    chance = random.Random(seed)
    made: Rows = {name: [] for name in (*MADE, "trade_history")}
    taken: set[tuple[int, int, str]] = set()
    for rank in range(1, leads + 1):
        _add_lead(made, taken, chance, rank)
    tables = ReleaseTables(
        **{name: pl.DataFrame(_with_defaults(name, rows), schema=_schema(name), orient="row") for name, rows in made.items()},
        reporter_reliability=_reliability(chance),
        corridor=_corridors(chance),
        detectable_excess=_detectable(chance),
        requirement_use=load_contract("requirement_use").empty_frame(),
        unlocated_trade=_unlocated(),
        model_card=_model_card(),
        coverage=_coverage(),
        quarantine_count=_quarantine(),
    )
    return tables, make_manifest(tables)


def make_manifest(tables: ReleaseTables) -> dict[str, Any]:
    """Return the manifest of a simulated run."""
    from tradeflow.signals import rule_meanings

    flagged = int(tables.signal["is_flagged"].sum())
    return {
        "release_id": "2025-02-14-3f9a1c",
        "as_of": "2025-02-14",
        "code_version": "0.1.0+ab12cd3",
        "made_at": "2025-02-14T06:12:44+00:00",
        "periods": {"first": 201901, "last": 202412},
        "is_simulated": True,
        "counts": {
            "rows_in": 1_662_480, "rows_conformed": 1_541_022, "rows_quarantined": 3_114, "rows_set_aside": 118_344,
            "mirror_pairs": 702_113, "series": 18_402, "candidates": 9_120, "signals": tables.signal.height, "flagged": flagged,
        },
        "expected_false": 4.3,
        "expected_false_by_rule": dict(zip(RULES, (1.1, 0.8, 0.7, 0.6, 0.6, 0.5), strict=True)),
        "quarantine": [],
        "table_versions": {"trade_flow": 3, "mirror_pair": 3, "baseline": 2, "flow_score": 2, "signal": 5},
        "settings": {"signals": {"q_limit": 0.1, "weights": dict.fromkeys(RULES, 1.0)}, "publish": {"leads": 50}},
        "stage_seconds": {"pull": 3.1, "conform": 14.2, "reconcile": 9.6, "model": 31.4, "signals": 2.2, "publish": 4.0},
        "rules": {rule: rule_meanings()[rule] for rule in RULES},
        "problems": [],
        "planted": {"found": 11, "missed": ["case-07 (mirror_gap)"]},
    }  # fmt: skip


def _schema(name: str) -> pl.Schema:
    return load_contract(name).schema


def _with_defaults(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give a required column that this world does not care about the smallest value that its contract allows."""
    if name == "trade_history":
        return rows
    required = [column for column in load_contract(name).columns if column.is_required]
    unnamed = {column.name: False if column.dtype == pl.Boolean else column.minimum for column in required}
    return [unnamed | row for row in rows]


def _id(*parts: Any) -> str:
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:16]


def _add_lead(made: Rows, taken: set[tuple[int, int, str]], chance: random.Random, rank: int) -> None:
    rule = RULES[(rank - 1) % len(RULES)]
    whole = rule == "excess_import"
    while True:
        importer = chance.choice(IMPORTERS)
        exporter = 0 if whole else chance.choice(EXPORTERS)
        code = chance.choice(list(CODES))
        if (importer, exporter, code) not in taken:
            break
    taken.add((importer, exporter, code))
    kind = "short" if rule == "new_route" else chance.choice(["regular", "regular", "intermittent"])
    series = _series(chance, kind, rule)
    lead_period = chance.choice(PERIODS[-9:-2])
    size = max((kg for kg in series.values() if kg), default=1000.0) * chance.uniform(2.2, 6.0) if kind != "short" else 48_000.0
    if rule in ("missing_mirror", "mirror_gap"):
        size = max(series.values()) * 1.1
        series[lead_period] = 0.0 if rule == "missing_mirror" else size * 0.22
    else:
        series[lead_period] = size
    route = {"freq_code": "M", "importer_code": importer, "exporter_code": exporter, "commodity_code": code}
    expected = _add_series(made, route, series, chance, rule, lead_period)
    _add_signals(made, route, rule, rank, lead_period, size, expected, chance)


def _series(chance: random.Random, kind: str, rule: str) -> dict[int, float]:
    level, amplitude = chance.uniform(2_000, 120_000), chance.uniform(0.1, 0.4)
    if kind == "short":
        return {period: level * chance.lognormvariate(0, 0.3) for period in PERIODS[-4:-1]}
    share = 1.0 if kind == "regular" else 0.28
    return {
        period: level * (1 + amplitude * math.sin(period % 100 / 12 * 6.28)) * chance.lognormvariate(0, 0.25)
        for period in PERIODS
        if chance.random() < share
    }


def _add_series(
    made: Rows, route: dict[str, Any], series: dict[int, float], chance: random.Random, rule: str, lead_period: int
) -> float | None:
    """Add the history, the expectation and both sides of one series; return what was expected of the lead's period."""
    usual = sorted(kg for period, kg in series.items() if period != lead_period)
    typical = usual[len(usual) // 2] if len(usual) > 6 else None
    published = [period for period in PERIODS if not (route["importer_code"] == 604 and period > 202410)]
    expected_of_lead = None
    for at, period in enumerate(PERIODS):
        kg = series.get(period) if period in published else None
        if kg:
            value = kg * chance.uniform(0.9, 1.4)
            stated = None if at % 29 == 11 else kg
            made["trade_history"].append(route | {"period": period, "flow_code": "M", "net_weight_kg": stated, "primary_value_usd": value})
        expected = typical * (1 + 0.2 * math.sin(period % 100 / 12 * 6.28)) if typical and at >= 24 else None
        if at >= 24:
            made["baseline"].append(
                route
                | {
                    "series_level": "importer" if route["exporter_code"] == 0 else "flow", "period": period,
                    "observed_kg": None if period not in published else (kg or 0.0), "expected_kg": expected,
                    "lower_kg": expected and expected * 0.55, "upper_kg": expected and expected * 1.75,
                    "trade_probability": 0.9, "z_seasonal": 0.1, "history_periods": at, "is_scored": at >= 60,
                }
            )  # fmt: skip
        if period == lead_period:
            expected_of_lead = expected
        if kg is not None:
            _add_mirror(made, route, period, kg or max(series.values()) * 1.1, rule, is_lead=period == lead_period, chance=chance)
    if route["exporter_code"]:
        _add_windows(made, route, series)
    return expected_of_lead


def _add_windows(made: Rows, route: dict[str, Any], series: dict[int, float]) -> None:
    for months in (3, 6, 12):
        kg = sum(series.get(period) or 0.0 for period in PERIODS[-months:])
        made["mirror_window"].append(
            route
            | {
                "period": PERIODS[-1], "window_months": months, "window_export_net_weight_kg": kg, "window_import_net_weight_kg": 0.9 * kg,
                "window_export_value_usd": 2 * kg, "window_import_value_usd": 1.8 * kg,
                "in_transit_start_net_weight_kg": 40.0, "in_transit_end_net_weight_kg": 60.0,
                "window_label": "whole" if months < 12 else "imports_lack_months",
                **({"window_weight_z": -0.8, "window_value_z": -0.7, "window_shortfall_p_value": 0.23} if kg and months < 12 else {}),
            }
        )  # fmt: skip


def _add_mirror(made: Rows, route: dict[str, Any], period: int, kg: float, rule: str, *, is_lead: bool, chance: random.Random) -> None:
    exporter_kg: float | None = kg * chance.lognormvariate(0, 0.08)
    status, reason = "both", None
    importer_kg: float | None = kg
    if is_lead and rule == "mirror_gap":
        exporter_kg = kg / 0.22
    if is_lead and rule == "missing_mirror":
        importer_kg, status, reason = None, "exporter_only", "not_recorded"
    elif period == 202412:
        exporter_kg, status, reason = None, "importer_only", "not_reported_yet"
    exporter = route["exporter_code"] or PART_OF_ALL
    made["mirror_pair"].append(
        route
        | {
            "period": period, "exporter_code": exporter, "export_net_weight_kg": exporter_kg, "import_net_weight_kg": importer_kg,
            "mirror_status": status, "mirror_reason": reason, "valuation_basis": "margin_estimated" if importer_kg else "no_import_report",
            "gap_explanation": "none", "export_weight_label": "as_reported", "corridor_gap_log": -0.02, "route_gap_log": -0.02,
            "gap_log_variance": 0.04, "route_past_periods": 12, "usual_gap_label": "of_route",
            "alignment_label": "aligned" if importer_kg and exporter_kg else "same_period",
            "import_aligned_net_weight_kg": importer_kg if exporter_kg else None,
            **_compared(importer_kg, exporter_kg),
        }
    )  # fmt: skip
    made["mirror_correction"].append(
        route
        | {
            "period": period, "exporter_code": exporter, "import_nes_kg": 12.0 if period % 7 == 0 else None,
        }
    )  # fmt: skip


def _compared(importer_kg: float | None, exporter_kg: float | None) -> dict[str, float | None]:
    if importer_kg is None or exporter_kg is None:
        return {"balanced_net_weight_kg": importer_kg or exporter_kg, "balanced_net_weight_log_variance": 0.05}
    change = math.log(importer_kg / exporter_kg) + 0.02
    balanced = {"balanced_net_weight_kg": importer_kg**0.4 * exporter_kg**0.6, "balanced_net_weight_log_variance": 0.02}
    return balanced | {
        "export_weight_share": 0.6,
        "corridor_change_log": change,
        "route_change_log": change,
        "z_kg": change / 0.2,
        "shortfall_p_value": math.erfc(abs(change) / 0.283),
    }


def _add_signals(
    made: Rows, route: dict[str, Any], rule: str, rank: int, period: int, kg: float, expected: float | None,
    chance: random.Random,
) -> None:  # fmt: skip
    lead_id = _id(*route.values())
    rules = [rule] + [other for other in RULES if other != rule and chance.random() < 0.12]
    score = max(97.5 - rank * 1.35, 3.0)
    for place, each in enumerate(rules):
        signal_id = _id(lead_id, each, period)
        substance, exposure = CODES[route["commodity_code"]]
        made["signal"].append(
            route
            | {
                "signal_id": signal_id, "lead_id": lead_id, "lead_rank": rank, "is_lead_head": place == 0, "signal_count": len(rules),
                "rule": each, "subject": "importer" if route["exporter_code"] == 0 else "flow", "period": period,
                "substance_code": substance, "exposure": exposure, "observed_kg": kg, "expected_kg": expected,
                "lower_kg": expected and expected * 0.55, "upper_kg": expected and expected * 1.75, "excess_kg": kg - (expected or 0),
                "excess_ratio": expected and kg / expected, "observed_value_usd": kg * 1.2, "unit_value_usd_per_kg": 1.2,
                "mirror_net_weight_kg": kg * 0.97, "mirror_value_usd": kg * 1.1, "p_value": 0.0002 * rank,
                "q_value": min(0.0021 * rank, 1.0), "comparison": COMPARISON,
                "anomaly_score": max(score - 4 * place, 0.0), "lead_score": score, 
                "window_periods": 3 if rank % 10 == 7 else 1, "is_flagged": rank <= 47,
                "signal_reason": _reason(route, period, kg, expected),
            }
        )  # fmt: skip
        names = FOREST_FEATURES if each == "isolated_flow" else (LEADING_FEATURE[each],)
        shares = sorted((chance.random() for _ in names), reverse=True)
        for name, share in zip(names, shares, strict=True):
            made["signal_feature"].append(
                {"signal_id": signal_id, "feature": name, "feature_value": share * 7.3, "feature_share": share / sum(shares)}
            )
        for place_in_source, role in enumerate(("observed", "mirror")):
            exporter = route["exporter_code"] or PART_OF_ALL
            reporter, partner = (route["importer_code"], exporter) if role == "observed" else (exporter, route["importer_code"])
            made["signal_evidence"].append(
                {
                    "signal_id": signal_id, "evidence_role": role, "snapshot_id": _id("snapshot", role),
                    "row_number": rank * 31 + place_in_source + 1,
                    "reporter_code": reporter, "partner_code": partner, "flow_code": "M" if role == "observed" else "X", "freq_code": "M",
                    "period": period, "commodity_code": route["commodity_code"], "net_weight_kg": kg, "primary_value_usd": kg * 1.2,
                }
            )  # fmt: skip


def _reason(route: dict[str, Any], period: int, kg: float, expected: float | None) -> str:
    from tradeflow.amounts import name_period, say_weight
    from tradeflow.telling.names import name_area, name_commodity

    code, exporter = route["commodity_code"], route["exporter_code"]
    origin = f" from {name_area(exporter)}" if exporter else ""
    told = (
        f", where its own history led to expect {say_weight(expected)} (90% interval {say_weight(expected / 2)} to "
        f"{say_weight(2 * expected)}): {say_weight(kg - expected)} more."
        if expected
        else ", a route that had carried none before, or none for two years; what its two ends usually trade would lead to expect about "
        "9.00 t."
    )
    return (
        f"{name_area(route['importer_code'])} reported importing {say_weight(kg)} of {name_commodity(code)} "
        f"(HS {code[:4]}.{code[4:]}){origin} in {name_period(period)}{told} "
        f"About 1 in 2,300 of {COMPARISON} look this unusual (q 0.012); a lead to check, not a finding."
    )


def _reliability(chance: random.Random) -> pl.DataFrame:
    rows = [
        {"reporter_code": area, "flow_code": flow, "measure": measure, "product_group": group, "pair_count": 20,
         "log_error_sigma": chance.uniform(0.06, 0.8), "log_error_sigma_se": 0.03, "observation_count": chance.randrange(200, 9000)}
        for area in (*IMPORTERS, *EXPORTERS)
        for flow in ("M", "X")
        for measure, group in (("net_weight", "all"), ("value", "all"), ("net_weight", "29"))
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=load_contract("reporter_reliability").schema)


def _corridors(chance: random.Random) -> pl.DataFrame:
    rows = [
        {"exporter_code": exporter, "importer_code": importer, "two_sided_count": chance.randrange(0, 300),
         "exporter_orphan_count": chance.randrange(0, 40), "importer_orphan_count": chance.randrange(0, 40),
         "export_slip_count": 0, "import_slip_count": chance.randrange(0, 3),
         "gap_log_median": chance.gauss(0, 0.1), "gap_log_sigma": chance.uniform(0.05, 1.5)}
        for exporter in EXPORTERS
        for importer in IMPORTERS
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=load_contract("corridor").schema)


def _model_card() -> pl.DataFrame:
    rows = [("seasonal_baseline", "data", "series", 18_402.0, None), ("seasonal_baseline", "limits", "history", None, "Eighteen months.")]
    return pl.DataFrame(rows, schema=load_contract("model_card").schema, orient="row")


def _unlocated() -> pl.DataFrame:
    row = {
        "freq_code": "M", "period": 202403, "reporter_code": EXPORTERS[0], "flow_code": "X", "partner_code": 899,
        "commodity_code": "291411", "unlocated_kind": "partner_pool", "unlocated_label": "partly_located",
        "whole_value_usd": 900.0, "located_value_usd": 600.0, "unlocated_value_usd": 300.0,
        "whole_net_weight_kg": 90.0, "located_net_weight_kg": 60.0, "unlocated_net_weight_kg": 30.0,
    }  # fmt: skip
    return pl.DataFrame([row], schema=load_contract("unlocated_trade").schema)


def _detectable(chance: random.Random) -> pl.DataFrame:
    rows = [
        {"freq_code": "M", "importer_code": importer, "commodity_code": code, "period": 202412, "expected_kg": 1000.0,
         "false_alarm_rate": 0.01, "power_rate": 0.8, "detectable_excess_ratio": 2.0, "detectable_excess_kg": 1000 * chance.uniform(0.2, 9),
         "sustained_excess_kg": 300.0, "sustained_excess_ratio": 0.3, "detectability": "too_noisy",
         "detectability_reason": "The trade varies too much for an excess of 25% to be seen, even over six months."}
        for importer in IMPORTERS
        for code in CODES
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=load_contract("detectable_excess").schema)


def _coverage() -> pl.DataFrame:
    late = {(604, "M"): 202410, (604, "X"): 202410, (699, "X"): 202411, (76, "X"): 202409}
    rows = [
        {"freq_code": "M", "period": period, "reporter_code": area, "flow_code": flow,
         "coverage_status": "reported" if period <= late.get((area, flow), 202412) else "not_reported_yet",
         "row_count": 40, "retrieved_at": datetime(2025, 2, 1, tzinfo=UTC)}
        for area in (*IMPORTERS, *EXPORTERS)
        for flow in ("M", "X")
        for period in PERIODS
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=load_contract("coverage").schema)


def _quarantine() -> pl.DataFrame:
    rows = [
        ("conform", "source_comtrade_api", "component_of_total", True, 118_344),
        ("conform", "source_comtrade_api", "unknown_partner_code", False, 2_001),
        ("conform", "trade_flow", "negative_net_weight", False, 1_113),
    ]
    return pl.DataFrame(rows, schema=load_contract("quarantine_count").schema, orient="row")


def replace_tables(tables: ReleaseTables, **replaced: pl.DataFrame) -> ReleaseTables:
    """Return the same release with some tables exchanged."""
    return ReleaseTables(**(vars(tables) | replaced))
