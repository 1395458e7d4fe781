import math

import polars as pl
import pytest

from tests.signals.tables import ACETONE, CHINA, EPHEDRINE, INDIA, MEXICO, USA, candidate, candidates
from tradeflow.contract import load_contract
from tradeflow.signals import Names, RankOptions, rank_leads

WATCHED = pl.DataFrame({"commodity_code": [ACETONE, EPHEDRINE], "substance_code": ["acetone", None], "exposure": ["own", "shared"]})
OPTIONS = RankOptions(weights={"new_route": 0.5}, exposure_weights={"own": 1.0, "shared": 0.6, "none": 0.3}, leads_per_code=0)


def rank(*rows: dict, options: RankOptions = OPTIONS) -> pl.DataFrame:
    return rank_leads(candidates(*rows), WATCHED, Names({}, {}), options)


def test_signals_keep_their_contract() -> None:
    told = rank(candidate(), candidate(period=202312, q_value=0.5))
    assert dict(told.schema) == load_contract("signal").schema
    assert told.select("is_flagged", "is_lead_head", "signal_count", "excess_ratio").rows() == [
        (True, True, 1, 5.0),
        (False, False, 1, 5.0),
    ]


@pytest.mark.parametrize(
    ("changed", "is_listed"),
    [
        ({}, True),
        ({"is_scored": False}, False),
        ({"q_value": 0.2, "p_value": 0.02}, False),
        ({"q_value": 0.2, "p_value": 0.01}, True),
        ({"q_value": 0.1, "p_value": 0.02}, True),
        ({"excess_kg": 99.0}, False),
        ({"excess_kg": None, "observed_kg": 99.0}, False),
        ({"excess_kg": None, "observed_kg": None}, True),
    ],
)  # fmt: skip
def test_what_is_listed(changed: dict, is_listed: bool) -> None:
    assert rank(candidate(**changed)).height == is_listed


@pytest.mark.parametrize(("commodity", "listed"), [(ACETONE, [0.02, 0.3]), ("999999", [])])
def test_the_strangest_importers_of_a_watched_code_are_listed_though_nothing_is_rare(commodity: str, listed: list[float]) -> None:
    by_importer = [(MEXICO, 0.3), (MEXICO, 0.9), (CHINA, 0.02), (USA, 0.5)]
    rows = [
        candidate(importer_code=importer, exporter_code=INDIA, commodity_code=commodity, p_value=p, q_value=1.0, period=202401 + place)
        for place, (importer, p) in enumerate(by_importer)
    ]
    told = rank(*rows, options=RankOptions(leads_per_code=2))
    assert sorted(told["p_value"]) == listed
    assert not told["is_flagged"].any()


def test_what_is_listed_of_a_watched_code_is_what_will_stand_highest() -> None:
    """A rule of little weight finds rarer things: they would stand below."""
    weak = candidate(rule="new_route", exporter_code=CHINA, p_value=0.02, q_value=1.0)
    strong = candidate(importer_code=CHINA, exporter_code=INDIA, p_value=0.03, q_value=1.0)
    told = rank(weak, strong, options=RankOptions(weights={"new_route": 0.5}, leads_per_code=1))
    assert told["rule"].to_list() == ["excess_import"]


def test_both_sides_reports_of_one_excess_count_once() -> None:
    one = rank(candidate(p_value=0.005))["lead_score"].item()
    beside = {
        rule: rank(candidate(p_value=0.005), candidate(rule=rule, p_value=0.005))["lead_score"][0]
        for rule in ("excess_export", "mirror_gap")
    }
    assert beside["excess_export"] == one < beside["mirror_gap"]


def test_a_lead_holds_all_signals_of_its_route_and_code() -> None:
    told = rank(
        candidate(), candidate(rule="mirror_gap", period=202312), candidate(exporter_code=INDIA), candidate(commodity_code=EPHEDRINE)
    )
    assert told["lead_id"].n_unique() == 3
    by_lead = told.group_by("lead_id").agg(pl.len().alias("n"), pl.col("is_lead_head").sum().alias("heads"))
    assert sorted(by_lead.select("n", "heads").rows()) == [(1, 1), (1, 1), (2, 1)]


@pytest.mark.parametrize(
    ("beside", "is_told"),
    [({}, True), ({"p_value": 0.21}, False), ({"period": 202302}, False), ({"exporter_code": INDIA}, False)],
    ids=["somewhat unusual", "ordinary", "another time", "another route"],
)
def test_what_is_somewhat_unusual_at_the_same_time_stands_with_a_listed_signal(beside: dict, is_told: bool) -> None:
    unwatched = {"commodity_code": "284161"}
    gap = candidate(rule="mirror_gap", p_value=0.2, q_value=0.9, window_periods=3, **unwatched) | beside
    told = rank(candidate(**unwatched), gap)
    assert (told.height == 2) == is_told
    assert not rank(gap).height
    assert told["lead_score"][0] >= rank(candidate(**unwatched))["lead_score"][0]


def test_score_grows_as_p_falls_with_the_weight_the_kilograms_and_the_exposure() -> None:
    def score(**changed: object) -> float:
        # beside another of the same rule and code, so that kilograms have a rank
        compared = {name: changed[name] for name in ("rule", "commodity_code") if name in changed}
        told = rank(candidate(importer_code=USA, exporter_code=INDIA, **compared), candidate(**changed))
        return told.filter(pl.col("exporter_code") == CHINA)["anomaly_score"].item()

    by_p = [score(p_value=p, q_value=0.0) for p in (0.5, 0.1, 1e-2, 1e-3, 1e-4)]
    assert by_p == sorted(by_p)
    assert len(set(by_p)) == 5
    assert score(p_value=1e-9) == score(p_value=1e-4)
    assert score(rule="new_route") == pytest.approx(score() / 2)
    assert score(excess_kg=9000.0) > score(excess_kg=500.0)
    assert score(commodity_code=EPHEDRINE) == pytest.approx(0.6 * score())


def test_exact_score_of_a_sure_and_large_signal() -> None:
    told = rank(candidate(excess_kg=9000.0, p_value=1e-2), candidate(importer_code=USA, exporter_code=INDIA, excess_kg=100.0, p_value=1e-4))
    assert told.filter(pl.col("exporter_code") == CHINA)["anomaly_score"].item() == pytest.approx(50)
    assert told.filter(pl.col("exporter_code") == INDIA)["anomaly_score"].item() == pytest.approx(100 * (0.4 + 0.6 / 2))


@pytest.mark.parametrize(
    ("beside", "chance"),
    [
        ({"exporter_code": INDIA}, 1 - 0.99**2),
        ({"exporter_code": INDIA, "period": 202312, "p_value": 1.0}, 1 - 0.99**2),
        ({"period": 202312}, 1e-2),
        ({"importer_code": USA, "exporter_code": INDIA}, 1e-2),
        ({"exporter_code": 0, "subject": "importer"}, 1e-2),
    ],
    ids=["another route", "another ordinary route", "another month", "another importer", "the importer's total"],
)
def test_sureness_is_the_chance_that_any_of_the_importers_series_is_as_strange(beside: dict, chance: float) -> None:
    told = rank(candidate(p_value=1e-2), candidate(p_value=1e-2) | beside)
    ours = told.filter((pl.col("exporter_code") == CHINA) & (pl.col("period") == 202401))
    assert ours["any_series_p_value"].item() == pytest.approx(chance)
    assert ours["judged_series"].item() == (2 if beside.get("exporter_code") == INDIA and "importer_code" not in beside else 1)
    # Of two alike in kilograms each is at three quarters.
    assert ours["anomaly_score"].item() == pytest.approx(100 * (0.4 + 0.6 * 0.75) * math.log10(chance) / -4)


def test_lead_score_joins_the_rules_and_counts_each_once() -> None:
    one = rank(candidate(p_value=1e-2), candidate(period=202312, p_value=1e-2))
    two = rank(candidate(p_value=1e-2), candidate(rule="mirror_gap", p_value=1e-2))
    strongest = one["anomaly_score"].max()
    assert one["lead_score"].max() == pytest.approx(strongest)
    assert two["lead_score"].max() == pytest.approx(100 * (1 - (1 - two["anomaly_score"][0] / 100) ** 2))


def test_a_flagged_lead_stands_above_every_other() -> None:
    sure = candidate(q_value=0.5, p_value=1e-9, excess_kg=1e9, observed_kg=1e9)
    told = rank(sure, candidate(exporter_code=INDIA, q_value=0.1, p_value=0.3, excess_kg=100.0))
    assert told.select("exporter_code", "lead_rank", "is_flagged").rows() == [(INDIA, 1, True), (CHINA, 2, False)]
    assert told["lead_score"][0] < told["lead_score"][1]


def test_the_head_is_the_flagged_signal_before_the_stronger_one() -> None:
    told = rank(candidate(q_value=0.5, p_value=1e-4), candidate(period=202312, q_value=0.05, p_value=1e-3))
    assert told.filter("is_lead_head")["period"].to_list() == [202312]


def test_ids_are_those_of_every_run_and_order_changes_nothing() -> None:
    rows = [candidate(exporter_code=exporter, period=period, rule=rule, excess_kg=1000.0 + exporter)
            for exporter in (CHINA, INDIA, USA) for period in (202312, 202401) for rule in ("excess_import", "mirror_gap")]  # fmt: skip
    assert rank(*rows).equals(rank(*reversed(rows)))
    alone, among = rank(candidate(score=9.0, p_value=1e-7)), rank(*rows)
    same = among.join(alone, on="signal_id")
    assert same.select("lead_id", "exporter_code", "period").rows() == [(alone["lead_id"][0], CHINA, 202401)]
    assert rank(candidate())["signal_id"].to_list() == ["dfd53a7d62e3b8ec"]


def test_nothing_listed_is_an_empty_table() -> None:
    assert rank(candidate(is_scored=False)).schema == load_contract("signal").schema


def test_an_unwatched_code_names_no_substance() -> None:
    told = rank(candidate(), candidate(commodity_code=EPHEDRINE), candidate(commodity_code="290110", importer_code=MEXICO))
    assert {row[0]: row[1:] for row in told.select("commodity_code", "substance_code", "exposure").iter_rows()} == {
        ACETONE: ("acetone", "own"), EPHEDRINE: (None, "shared"), "290110": (None, "none"),
    }  # fmt: skip
