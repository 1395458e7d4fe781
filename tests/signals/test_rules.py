"""Each rule's table of cases: the flow that is strange in that way scores highest, its innocent look-alike does not."""

import math
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import polars as pl
import pytest

from tests.signals.tables import ACETONE, CHINA, EPHEDRINE, INDIA, MEXICO, USA, coverage, evidence, expectation, flow_score, months, pair
from tradeflow.contract import load_contract
from tradeflow.signals import RULES, Evidence, propose_candidates, rule_meanings
from tradeflow.signals.excess_rules import excess_family

STRANGE = CHINA
INNOCENT = INDIA


def scores(tables: Evidence, rule: str, period: int = 202401) -> dict[int, float]:
    """Score of each exporter's route in `period`."""
    told = propose_candidates(tables, [rule]).filter(pl.col("period") == period)
    return dict(told.select("exporter_code", "score").iter_rows())


def ordinary(exporter: int, count: int = 12, last: int = 202312, **other: Any) -> list[dict[str, Any]]:
    return [pair(exporter_code=exporter, period=period, **other) for period in months(count, last)]


def test_each_rule_publishes_the_first_sentence_of_its_docstring() -> None:
    meanings = rule_meanings()
    assert list(meanings) == list(RULES) == list(load_contract("candidate").column("rule").valid_values)
    for name, meaning in meanings.items():
        assert meaning == (RULES[name].__doc__ or "").strip().split("\n")[0]
        assert meaning.endswith(".")
        assert meaning[0].isupper()
        assert ". " not in meaning


# --- excess_import -------------------------------------------------------------------------------------------------------------


def excess(observed_kg: float, z: float, usd: float, exporter: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    now = pair(observed_kg, observed_kg, exporter_code=exporter, import_value_usd=usd)
    return [*ordinary(exporter), now], expectation(observed_kg, z, exporter_code=exporter)


@pytest.mark.parametrize(
    ("innocent_kg", "innocent_z", "innocent_usd"),
    [(1100.0, 0.3, 2200.0), (1_000_000.0, 20.0, 2000.0), (300.0, -3.0, 600.0)],
    ids=["an ordinary month", "a weight mis-keyed a thousandfold at the usual value", "a month of little trade"],
)
def test_excess_import(innocent_kg: float, innocent_z: float, innocent_usd: float) -> None:
    (strange_pairs, strange), (pairs, innocent) = (
        excess(6000.0, 5.0, 12_000.0, STRANGE),
        excess(innocent_kg, innocent_z, innocent_usd, INNOCENT),
    )
    told = scores(evidence([*strange_pairs, *pairs], [strange, innocent]), "excess_import")
    assert told[STRANGE] == pytest.approx(5.0)
    assert told[INNOCENT] < 1


def test_excess_by_weight_alone_counts_only_as_far_as_the_value_goes() -> None:
    """Six times the kilograms at three times the value: ln 3 / ln 6 of the deviation."""
    pairs, judged = excess(6000.0, 5.0, 6000.0, STRANGE)
    assert scores(evidence(pairs, [judged]), "excess_import")[STRANGE] == pytest.approx(5 * math.log(3) / math.log(6))


def test_excess_of_an_importer_is_judged_over_all_its_partners() -> None:
    tables = evidence(
        [*ordinary(STRANGE), *ordinary(INNOCENT), pair(3000, 3000), pair(3000, 3000, exporter_code=INNOCENT)],
        [expectation(6000.0, 4.0, series_level="importer", exporter_code=0, expected_kg=2000.0, lower_kg=1500.0, upper_kg=3000.0)],
    )
    told = propose_candidates(tables, ["excess_import"]).row(0, named=True)
    assert (told["subject"], told["exporter_code"], told["score"], told["excess_kg"]) == ("importer", 0, 4.0, 4000.0)
    assert told["observed_value_usd"] == 12_000.0
    assert told["mirror_net_weight_kg"] is None


def test_excess_tells_what_the_exporter_reports() -> None:
    tables = evidence([*ordinary(STRANGE), pair(1100, 6000)], [expectation(6000.0, 4.0)])
    assert propose_candidates(tables, ["excess_import"])["mirror_net_weight_kg"].to_list() == [1100.0]


def test_an_excess_that_lasts_is_told_over_its_window_with_an_interval_that_narrows() -> None:
    lasting = [expectation(3000.0, 2.0, period=period) for period in months(6)]
    told = propose_candidates(evidence([pair(3000, 3000, period=p) for p in months(18)], lasting), ["excess_import"])
    row = told.filter(pl.col("period") == 202401).row(0, named=True)
    assert (row["window_periods"], row["observed_kg"], row["expected_kg"], row["excess_kg"]) == (6, 18_000.0, 6000.0, 12_000.0)
    assert row["score"] == pytest.approx(2 * math.sqrt(6))
    # Each month's limits lie a factor of two away; six independent months together less: 2^(1 / sqrt 6).
    assert row["upper_kg"] == pytest.approx(6000 * 2 ** (1 / math.sqrt(6)))
    assert row["lower_kg"] == pytest.approx(6000 / 2 ** (1 / math.sqrt(6)))


def chance_of(z: float) -> float:
    """Return the chance of a shortfall whose standard normal deviate is z."""
    return NormalDist().cdf(z)


# --- mirror_gap ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "innocent",
    [
        {"import_kg": 990.0, "shortfall_p_value": chance_of(-0.2)},
        {"import_kg": 5000.0, "shortfall_p_value": chance_of(6.0)},
    ],
    ids=["both sides agree", "the importer records more"],
)
def test_mirror_gap(innocent: dict[str, Any]) -> None:
    strange = pair(1000, 150, shortfall_p_value=chance_of(-5.0))
    told = scores(evidence([strange, pair(1000, innocent.pop("import_kg"), exporter_code=INNOCENT, **innocent)]), "mirror_gap")
    assert told[STRANGE] == pytest.approx(5.0)
    assert told[INNOCENT] < 1


def unrecorded(month: int, exporter: int = STRANGE) -> dict[str, Any]:
    """A month of whose goods the importer seems to have recorded nothing, though it reports the route: there is no z."""
    return pair(1000, 100, period=month, exporter_code=exporter, shortfall_p_value=None, alignment_label="not_recorded")


def test_goods_unrecorded_month_after_month_say_more_than_once() -> None:
    every, once = months(6), months(6)[-1:]
    past = [pair(period=month) for month in months(30, 202307)]
    calm = [*past, *(pair(period=month, exporter_code=INNOCENT) for month in months(35, 202312))]
    told = scores(evidence([*(unrecorded(month) for month in every), *calm, unrecorded(once[0], INNOCENT)]), "mirror_gap")
    assert told[STRANGE] > told[INNOCENT] + 1 > 1


def test_where_goods_are_always_unrecorded_another_such_month_says_less() -> None:
    habit = [unrecorded(month) for month in months(30)]
    told = scores(evidence([*habit, *(pair(period=month, exporter_code=INNOCENT) for month in months(29, 202312)),
                            unrecorded(202401, INNOCENT)]), "mirror_gap")  # fmt: skip
    assert told[STRANGE] < 0 < told[INNOCENT]


def test_no_later_month_tells_how_often_goods_are_unrecorded() -> None:
    now = [unrecorded(month) for month in months(3)]
    before = scores(evidence(now), "mirror_gap", months(3)[0])
    assert scores(evidence([*now[:1], pair(period=months(3)[1])]), "mirror_gap", months(3)[0]) == before


def test_a_gap_without_a_weight_is_judged_by_value_and_told_in_derived_weights() -> None:
    """Ten other months tell two dollars a kilogram; of the gap's own month the importer states the value alone."""
    past = months(11)[:-1]
    silent = pair(1000, None, import_value_usd=300.0, mirror_status="both", shortfall_p_value=chance_of(-4.0))
    told = propose_candidates(evidence([*(pair(period=month) for month in past), silent]), ["mirror_gap"])
    row = told.filter(pl.col("period") == 202401).row(0, named=True)
    assert (row["observed_kg"], row["excess_kg"], row["weight_basis"]) == (150.0, 850.0, "value_over_unit_value")
    assert told.filter(pl.col("period") == past[-1])["weight_basis"].item() == "as_reported"


def test_a_shipment_booked_in_the_next_month_cancels_out() -> None:
    carried = [pair(1000, 100, shortfall_p_value=chance_of(-4.0), period=202312), pair(1000, 1900, shortfall_p_value=chance_of(4.0))]
    assert scores(evidence(carried), "mirror_gap")[CHINA] == pytest.approx(0)


def test_no_more_is_missing_than_left() -> None:
    generous = pair(1000, 100, shortfall_p_value=chance_of(-5.0), route_gap_log=0.5)
    row = propose_candidates(evidence([generous]), ["mirror_gap"]).row(0, named=True)
    assert row["expected_kg"] == pytest.approx(1000 * math.exp(0.5))
    assert row["excess_kg"] == pytest.approx(900)
    spread = 1.645 * math.sqrt(0.04)
    assert (row["lower_kg"], row["upper_kg"]) == pytest.approx((1000 * math.exp(0.5 - spread), 1000 * math.exp(0.5 + spread)))


def test_the_habitual_shortfall_of_a_route_is_not_missing() -> None:
    row = propose_candidates(
        evidence([pair(1000, 300, shortfall_p_value=chance_of(-3.0), route_gap_log=math.log(0.5))]), ["mirror_gap"]
    ).row(0, named=True)
    assert row["excess_kg"] == pytest.approx(200)


# --- missing_mirror ------------------------------------------------------------------------------------------------------------


def missing(probability: float = 0.9, **other: Any) -> dict[str, Any]:
    return pair(1000, None, **{"mirror_reason": "not_recorded", "partner_report_probability": probability} | other)


@pytest.mark.parametrize(
    "innocent",
    [
        [missing(0.05, exporter_code=INNOCENT)],
        [*ordinary(INNOCENT, export_kg=50_000, import_kg=50_000), missing(0.9, exporter_code=INNOCENT)],
    ],
    ids=["the partner seldom records such trade", "a remnant of the route's usual trade"],
)
def test_missing_mirror(innocent: list[dict[str, Any]]) -> None:
    told = scores(evidence([*ordinary(STRANGE), missing(), *innocent]), "missing_mirror")
    assert told[STRANGE] == pytest.approx(-math.log(0.1))
    assert told[INNOCENT] < told[STRANGE] - 2


@pytest.mark.parametrize(
    "reason",
    [
        *("not_reported_yet", "partner_never_reports", "no_record_of_code", "suppressed", "below_threshold"),
        *("recorded_later", "recorded_earlier", None),
    ],
)
def test_only_what_was_not_recorded_is_missing(reason: str | None) -> None:
    assert scores(evidence([missing(mirror_reason=reason)] if reason else [pair()]), "missing_mirror") == {}


@pytest.mark.parametrize(("kg", "is_slip"), [(None, False), (1000.0, True)], ids=["no weight", "a weight of the wrong scale"])
def test_a_missing_mirror_without_usable_weight_is_told_by_its_value(kg: float | None, is_slip: bool) -> None:
    row = missing(is_export_weight_out_of_scale=is_slip, export_net_weight_kg=kg)
    month_before = missing(period=202312)
    told = propose_candidates(evidence([month_before, row]), ["missing_mirror"]).filter(pl.col("period") == 202401).row(0, named=True)
    assert (told["window_periods"], told["observed_kg"], told["excess_kg"], told["observed_value_usd"]) == (3, None, None, 4000.0)


# --- new_route -----------------------------------------------------------------------------------------------------------------

OTHERS = [pair(1000.0, 1000.0, exporter_code=USA, importer_code=importer, period=202301) for importer in range(1, 30)]
"""Enough shipments of a tonne to know what is usual."""


def opened(
    *, kg: float | None = 100_000.0, before: list[int] | None = None, covered: list[dict[str, Any]] | None = None, **other: Any
) -> Evidence:
    """A shipment of 100 t on a route that carried a tonne in the months of `before`."""
    earlier = [pair(1000.0, 1000.0, period=period) for period in before or []]
    both = [*coverage(60), *coverage(60, reporter=CHINA, flow_code="X")]
    return evidence([*OTHERS, *earlier, pair(kg, kg) | other], covered=both if covered is None else covered)


@pytest.mark.parametrize(
    ("before", "kg", "group"),
    [
        ([], 100_000.0, "first shipments"),
        ([202112], 100_000.0, "first shipments"),
        ([202201], 100_000.0, "shipments on hardly used routes"),
        (months(5, 202312), 100_000.0, "shipments on hardly used routes"),
        (months(6, 202312), 100_000.0, None),
        ([], None, None),
    ],
    ids=["never before", "not for two years", "within two years", "five times", "an old route", "without weight"],
)
def test_new_route(before: list[int], kg: float | None, group: str | None) -> None:
    told = propose_candidates(opened(kg=kg, before=before), ["new_route"]).filter(pl.col("period") == 202401)
    assert told["comparable_group"].to_list() == ([] if group is None else [f"{group} of HS {ACETONE}"])


def test_a_first_shipment_is_judged_by_what_its_two_ends_usually_trade() -> None:
    usual = [pair(kg, kg, exporter_code=exporter, importer_code=9, period=202306) for exporter, kg in ((STRANGE, 1000.0), (INNOCENT, 1e5))]
    now = [pair(100_000.0, 100_000.0, exporter_code=exporter) for exporter in (STRANGE, INNOCENT)]
    told = scores(evidence([*OTHERS, *usual, *now]), "new_route")
    assert told[STRANGE] > told[INNOCENT] + 1


def test_few_shipments_make_the_expectation_their_own() -> None:
    expected = [
        propose_candidates(opened(before=before, import_net_weight_kg=kg), ["new_route"]).filter(pl.col("period") == 202401)
        for before, kg in (([], 1e5), (months(5, 202312), 1e5))
    ]
    # ln 1000 is everybody's usual: nothing draws the route elsewhere, and what is known better is surer.
    assert [row["expected_kg"].item() for row in expected] == [pytest.approx(1000), pytest.approx(1000)]
    assert [row["score"].item() for row in expected] == [
        pytest.approx(math.log(100) / math.sqrt(2)),
        pytest.approx(math.log(100) / math.sqrt(7 / 6)),
    ]


def test_a_shipment_is_told_once_whatever_else_its_reporter_publishes() -> None:
    covered = [row for flow_code in ("X", "RX", "RM") for row in coverage(60, CHINA, flow_code)]
    told = propose_candidates(
        opened(import_net_weight_kg=None, import_value_usd=None, mirror_status="exporter_only", covered=covered), ["new_route"]
    )
    assert told.filter(pl.col("period") == 202401).height == 1


def test_no_later_month_opens_a_route() -> None:
    tables = opened()
    later = replace(tables, mirror_pair=pl.concat([tables.mirror_pair, evidence([pair(9e6, 9e6, period=202402)]).mirror_pair]))
    assert scores(later, "new_route") == scores(tables, "new_route")


def test_the_exporter_alone_tells_a_new_route_where_the_importer_is_silent() -> None:
    silent = {"import_net_weight_kg": None, "import_value_usd": None, "mirror_status": "exporter_only"}
    told = propose_candidates(opened(**silent), ["new_route"]).filter(pl.col("period") == 202401).row(0, named=True)
    assert (told["exporter_code"], told["observed_kg"], told["observed_value_usd"]) == (CHINA, 100_000.0, 200_000.0)
    assert (told["mirror_status"], told["mirror_net_weight_kg"]) == ("exporter_only", None)


def test_a_route_is_not_new_to_a_reporter_of_which_little_is_known() -> None:
    for known, told in ((18, []), (19, [CHINA])):
        assert list(scores(opened(covered=coverage(known)), "new_route")) == told


def test_a_weight_of_the_wrong_scale_opens_no_route_of_its_size() -> None:
    slip = opened(export_net_weight_kg=1000.0, import_net_weight_kg=1e6, is_import_weight_out_of_scale=True)
    row = propose_candidates(slip, ["new_route"]).filter(pl.col("period") == 202401).row(0, named=True)
    assert (row["observed_kg"], row["weight_basis"], row["score"]) == (1000.0, "other_side", pytest.approx(0))


# --- excess_export -------------------------------------------------------------------------------------------------------------


def exported(z: float = 4.0, **other: Any) -> Evidence:
    """A month in which the exporter reports six tonnes where its history of the route led to expect one."""
    return evidence([*ordinary(CHINA), pair(6000.0, 1000.0) | other], [expectation(6000.0, z, series_level="export")])


@pytest.mark.parametrize(
    ("reason", "probability", "is_told"),
    [
        (None, None, True),
        ("not_reported_yet", None, True),
        ("partner_never_reports", None, True),
        ("not_recorded", 0.9, False),
        ("not_recorded", 0.5, True),
        ("recorded_later", 0.9, True),
    ],
)
def test_excess_export(reason: str | None, probability: float | None, is_told: bool) -> None:
    silent = {"import_net_weight_kg": None, "import_value_usd": None, "mirror_status": "exporter_only", "mirror_reason": reason,
              "partner_report_probability": probability}  # fmt: skip
    told = scores(exported(**(silent if reason else {})), "excess_export")
    assert told == ({CHINA: pytest.approx(4.0)} if is_told else {})


def test_what_the_importer_reports_stands_beside_the_exporters_excess() -> None:
    row = propose_candidates(exported(), ["excess_export"]).row(0, named=True)
    assert (row["observed_kg"], row["excess_kg"], row["mirror_net_weight_kg"]) == (6000.0, 5000.0, 1000.0)


def test_a_weight_that_the_exporter_mis_keyed_at_the_usual_value_is_no_excess() -> None:
    assert scores(exported(export_value_usd=2000.0), "excess_export")[CHINA] == pytest.approx(0, abs=1e-9)


def test_the_exporters_series_are_none_of_the_importers() -> None:
    assert scores(exported(), "excess_import") == {}


# --- unit_value_outlier --------------------------------------------------------------------------------------------------------


def prices(exporter: int, now: float, usual: float = 0.0) -> list[dict[str, Any]]:
    wobble = [0.05, -0.05, 0.1, -0.1, 0.0, 0.02]
    past = [
        flow_score(exporter_code=exporter, period=period, unit_value_ratio=usual + wobble[place % 6])
        for place, period in enumerate(months(23, 202312))
    ]
    return [*past, flow_score(exporter_code=exporter, unit_value_ratio=now, unit_value_usd_per_kg=2 * math.exp(now))]


@pytest.mark.parametrize("now", [math.log(8), -math.log(8)], ids=["eight times the price", "an eighth of it"])
@pytest.mark.parametrize(
    ("innocent_now", "innocent_usual", "mirror_kg"),
    [(0.05, 0.0, 1000), (math.log(8), math.log(8), 1000), (math.log(8), 0.0, 8000)],
    ids=["an ordinary price", "a route that is always so dear", "a weight mis-keyed by one side"],
)
def test_unit_value_outlier(now: float, innocent_now: float, innocent_usual: float, mirror_kg: float) -> None:
    strange = pair(1000, 1000, import_value_usd=2000 * math.exp(now), export_value_usd=2000 * math.exp(now))
    usd = 2000 * math.exp(innocent_now)
    innocent = pair(mirror_kg, 1000, exporter_code=INNOCENT, import_value_usd=usd, export_value_usd=usd)
    crowd = [row for exporter in range(1, 5) for row in prices(exporter, 0.0)]
    tables = evidence([strange, innocent], scores=[*prices(STRANGE, now), *prices(INNOCENT, innocent_now, innocent_usual), *crowd])
    told = scores(tables, "unit_value_outlier")
    assert told[STRANGE] > 8
    assert told[INNOCENT] < told[STRANGE] / 2


def test_an_odd_price_is_compared_with_those_that_as_many_sides_report() -> None:
    scores = [flow_score(), flow_score(exporter_code=INDIA)]
    told = propose_candidates(evidence([pair(), pair(None, 1000.0, exporter_code=INDIA)], scores=scores), ["unit_value_outlier"])
    groups = dict(told.select("exporter_code", "comparable_group").iter_rows())
    assert groups == {CHINA: "mirrored unit values of HS 291411", INDIA: "unmirrored unit values of HS 291411"}


def test_the_usual_unit_value_gives_the_expected_weight() -> None:
    tables = evidence([pair(1000, 1000, import_value_usd=16_000.0, export_value_usd=16_000.0)], scores=prices(STRANGE, math.log(8)))
    row = propose_candidates(tables, ["unit_value_outlier"]).filter(pl.col("period") == 202401).row(0, named=True)
    assert row["expected_kg"] == pytest.approx(8000)


# --- isolated_flow -------------------------------------------------------------------------------------------------------------


def test_isolated_flow() -> None:
    crowd = [
        flow_score(isolation_score=0.9),
        flow_score(exporter_code=INNOCENT, isolation_score=0.4),
        flow_score(exporter_code=USA, isolation_score=None),
    ]
    pairs = [pair(), pair(exporter_code=INNOCENT), pair(exporter_code=USA)]
    assert scores(evidence(pairs, scores=crowd), "isolated_flow") == {STRANGE: 0.9, INNOCENT: 0.4}


def test_a_weight_of_the_wrong_scale_is_not_called_isolated() -> None:
    slip = pair(1000, 1_000_000, is_import_weight_out_of_scale=True)
    assert scores(evidence([slip], scores=[flow_score(isolation_score=0.99)]), "isolated_flow") == {}


# --- all ---------------------------------------------------------------------------------------------------------------------


def test_candidates_keep_their_contract_and_know_which_are_scored() -> None:
    judged = [expectation(2000.0, 1.0, period=period) for period in months(40)]
    told = propose_candidates(evidence([pair(period=period) for period in months(40)], judged), list(RULES))
    assert dict(told.schema) == load_contract("candidate").schema
    excess_rows = told.filter(pl.col("rule") == "excess_import")
    assert excess_rows["period"].to_list() == months(36)
    assert excess_rows.filter("is_scored")["period"].to_list() == months(12)


def test_a_commodity_has_a_window_of_its_own() -> None:
    told = propose_candidates(
        evidence(baseline=[expectation(2000.0, 1.0), expectation(2000.0, 1.0, commodity_code=EPHEDRINE)]), ["excess_import"]
    )
    assert told["commodity_code"].to_list() == [ACETONE, EPHEDRINE]
    assert told["importer_code"].unique().to_list() == [MEXICO]


def goods(code: str, z: float, **other: Any) -> dict[str, Any]:
    return expectation(3000.0, z, series_level="importer", exporter_code=0, commodity_code=code) | other


def family_scores(*baseline: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Candidates on two families that share a code: (importer, family, code that rose most, the next, score)."""
    named = [("291411", "cocaine"), ("293941", "cocaine"), ("284161", "cocaine"), ("291411", "heroin"), ("291524", "heroin")]
    codes = pl.DataFrame(named, schema=["commodity_code", "family"], orient="row")
    rows = excess_family(replace(evidence([], list(baseline)), family=codes))
    return rows.sort("importer_code").select("importer_code", "family", "commodity_code", "related_commodity_code", "score").rows()


def test_a_family_is_as_strange_as_its_goods_without_the_strangest() -> None:
    three = (goods("291411", 1.0), goods("293941", 9.0), goods("284161", 3.0))
    assert family_scores(*three) == [(MEXICO, "cocaine", "293941", "284161", pytest.approx(4 / 2**0.5))]


@pytest.mark.parametrize(
    "rows", [(goods("291411", 9.0),), (goods("291411", 9.0), goods("291812", 9.0))], ids=["one of it", "one not of it"]
)
def test_one_of_its_goods_is_no_family(rows: tuple[dict[str, Any], ...]) -> None:
    assert family_scores(*rows) == []


def test_goods_of_two_families_are_told_of_the_stranger_one() -> None:
    found = family_scores(goods("291411", 5.0), goods("293941", 1.0), goods("291524", 2.0))
    assert [row[1:4] for row in found] == [("heroin", "291411", "291524")]


def test_the_worlds_series_is_compared_with_worlds() -> None:
    rows = [expectation(6000.0, 4.0, series_level="world", importer_code=0, exporter_code=0)]
    told = propose_candidates(evidence([], rows), ["excess_import"]).row(0, named=True)
    assert (told["subject"], told["score"], told["comparable_group"]) == ("world", 4.0, f"world series of HS {ACETONE}")
