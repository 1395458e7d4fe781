from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from tests.signals.tables import ACETONE, CHINA, INDIA, MEXICO, USA, candidate, candidates, table
from tradeflow.contract import load_contract
from tradeflow.signals import RULES, Names, RankOptions, collect_evidence, collect_features, rank_leads

NO_WATCH = pl.DataFrame(schema={"commodity_code": pl.String, "substance_code": pl.String, "exposure": pl.String})


def signal(**other: Any) -> pl.DataFrame:
    return rank_leads(candidates(candidate(**other)), NO_WATCH, Names({}, {}), RankOptions())


def report(reporter: int, flow_code: str, partner: int, usd: float = 100.0, **other: Any) -> dict[str, Any]:
    return {"source": "test", "snapshot_id": "0123456789abcdef", "retrieved_at": datetime(2024, 6, 1, tzinfo=UTC), "freq_code": "M",
            "period": 202401, "reporter_code": reporter, "flow_code": flow_code, "partner_code": partner, "second_partner_code": 0,
            "commodity_code": ACETONE, "commodity_level": 6, "commodity_chapter": "29", "primary_value_usd": usd} | other  # fmt: skip


def find(signals: pl.DataFrame, *rows: dict[str, Any]) -> list[tuple[Any, ...]]:
    placed = table("trade_flow", *({"row_number": place} | row for place, row in enumerate(rows, 1)))
    told = collect_evidence(signals, placed.lazy())
    assert dict(told.schema) == load_contract("signal_evidence").schema
    return told.select("evidence_role", "flow_code", "reporter_code", "partner_code", "row_number").rows()


ELSEWHERE = [
    report(MEXICO, "M", USA), report(USA, "X", MEXICO), report(MEXICO, "M", CHINA, commodity_code="291812"), report(MEXICO, "X", CHINA),
    report(MEXICO, "M", CHINA, period=202312), report(MEXICO, "M", 0), report(MEXICO, "RM", CHINA), report(USA, "M", CHINA),
    report(MEXICO, "M", CHINA, freq_code="A", period=2024),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "observed"), [("excess_import", "M"), ("mirror_gap", "X"), ("new_route", "M"), ("excess_export", "X")])
def test_both_sides_of_a_route(rule: str, observed: str) -> None:
    role = {"M": "observed", "X": "mirror"} if observed == "M" else {"M": "mirror", "X": "observed"}
    told = find(signal(rule=rule), report(MEXICO, "M", CHINA, 90.0), report(CHINA, "X", MEXICO, 100.0), *ELSEWHERE)
    assert told == [(role["X"], "X", CHINA, MEXICO, 2), (role["M"], "M", MEXICO, CHINA, 1)]


def test_a_route_that_one_side_alone_tells_rests_on_that_side() -> None:
    told = find(signal(rule="new_route"), report(CHINA, "X", MEXICO, 100.0), *ELSEWHERE[:4])
    assert told == [("observed", "X", CHINA, MEXICO, 1)]


def test_an_importers_signal_rests_on_all_its_partners() -> None:
    rows = [
        report(MEXICO, "M", CHINA, 90.0),
        report(MEXICO, "M", INDIA, 80.0),
        report(INDIA, "X", MEXICO, 70.0),
        report(MEXICO, "M", 0, 170.0),
    ]
    told = find(signal(subject="importer", exporter_code=0), *rows)
    assert told == [("observed", "M", MEXICO, CHINA, 1), ("observed", "M", MEXICO, INDIA, 2), ("mirror", "X", INDIA, MEXICO, 3)]


def test_the_worlds_signal_rests_on_what_importers_report() -> None:
    rows = [report(MEXICO, "M", CHINA, 90.0), report(USA, "M", INDIA, 80.0), report(INDIA, "X", USA, 70.0), report(MEXICO, "M", 0, 90.0)]
    told = find(signal(subject="world", importer_code=0, exporter_code=0), *rows)
    assert told == [("observed", "M", MEXICO, CHINA, 1), ("observed", "M", USA, INDIA, 2)]


def test_a_family_rests_on_both_of_the_goods_that_rose_most() -> None:
    other = {"rule": "excess_family", "exporter_code": 0, "related_commodity_code": "291812"}
    told = find(signal(**other), report(MEXICO, "M", CHINA, 90.0), report(MEXICO, "M", INDIA, 80.0, commodity_code="291812"))
    assert [row[:3] for row in told] == [("observed", "M", MEXICO), ("related", "M", MEXICO)]


@pytest.mark.parametrize(("window", "places"), [(1, [5]), (3, [3, 4, 5]), (6, [2, 3, 4, 5])])
def test_a_window_rests_on_all_its_periods(window: int, places: list[int]) -> None:
    rows = [
        report(MEXICO, "M", CHINA, usd, period=period) for usd, period in ((1, 202307), (2, 202308), (3, 202311), (4, 202312), (5, 202401))
    ]
    assert sorted(row[-1] for row in find(signal(window_periods=window), *rows)) == places


def test_annual_windows_reach_back_in_years() -> None:
    rows = [report(MEXICO, "M", CHINA, freq_code="A", period=period) for period in (2020, 2021, 2022, 2023)]
    assert sorted(row[-1] for row in find(signal(freq_code="A", period=2023, window_periods=3), *rows)) == [2, 3, 4]


@pytest.mark.parametrize(("teller", "silent"), [("X", "M"), ("M", "X")])
def test_a_missing_mirror_rests_on_what_stands_alone(teller: str, silent: str) -> None:
    def told_by(flow_code: str, period: int) -> dict[str, Any]:
        reporter, partner = (CHINA, MEXICO) if flow_code == "X" else (MEXICO, CHINA)
        return report(reporter, flow_code, partner, period=period)

    rows = [told_by(teller, 202311), told_by(silent, 202311), told_by(silent, 202312), told_by(teller, 202401)]
    assert [row[::4] for row in find(signal(rule="missing_mirror", window_periods=3), *rows)] == [("observed", 4)]


def test_only_the_largest_rows_are_kept() -> None:
    rows = [report(MEXICO, "M", 1000 + place, float(place)) for place in range(60)]
    told = find(signal(subject="importer", exporter_code=0), *rows)
    assert [row[-1] for row in told] == list(range(60, 10, -1))


def test_features_of_the_forest_and_of_the_rule_alone() -> None:
    alone = signal(rule="isolated_flow")
    shares = alone.select("freq_code", "period", "exporter_code", "importer_code", "commodity_code").join(
        pl.DataFrame({"feature": ["log_kg", "z_kg"], "feature_value": [9.0, -3.0], "feature_share": [0.75, 0.25]}), how="cross"
    )
    both = collect_features(pl.concat([alone, signal(rule="mirror_gap"), signal(rule="unit_value_outlier")]), shares)
    told = {row[0]: row[1:] for row in both.select("feature", "feature_value", "feature_share").iter_rows()}
    assert told == {"log_kg": (9.0, 0.75), "z_kg": (-3.0, 0.25), "excess_ratio": (5.0, 1.0), "unit_value_usd_per_kg": (2.0, 1.0)}


def test_every_rule_has_a_leading_feature() -> None:
    signals = pl.concat([signal(rule=rule) for rule in RULES if rule != "isolated_flow"])
    shares = table("flow_score_feature")
    assert collect_features(signals, shares)["signal_id"].n_unique() == len(RULES) - 1
