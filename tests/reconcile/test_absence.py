import polars as pl
import pytest

from tests.reconcile.trade_rows import (
    ACETONE,
    CHINA,
    GERMANY,
    INDIA,
    MEXICO,
    NO_FOB_REPORTERS,
    USA,
    commodity_coverage_of,
    coverage_of,
    flow,
    reconcile,
    trade_flow,
)
from tradeflow.reconcile import ReconcileOptions, reconcile_trade_flow


def reason(*rows: dict, late: tuple[tuple[int, str, int], ...] = ()) -> dict[tuple[int, int, int], str | None]:
    told = trade_flow(*rows)
    pairs, _ = reconcile(told, coverage=coverage_of(told, *late))
    return {row[:3]: row[3] for row in pairs.select("exporter_code", "importer_code", "period", "mirror_reason").iter_rows()}


def test_the_reasons_for_a_missing_importer() -> None:
    """One table: who is silent and why."""
    publishes = flow(MEXICO, "M", USA, 5000)
    export = flow(CHINA, "X", MEXICO, 50_000)
    here = (CHINA, MEXICO, 202401)
    assert reason(publishes, export)[here] == "not_recorded"
    assert reason(export)[here] == "partner_never_reports"
    assert reason(publishes, flow(MEXICO, "M", USA, 50, period=202312), export, late=((MEXICO, "M", 202401),))[here] == "not_reported_yet"
    assert reason(publishes, flow(CHINA, "X", MEXICO, 999))[here] == "below_threshold"
    assert reason(publishes, export, flow(MEXICO, "M", CHINA, 50_000))[here] is None


def test_the_reasons_for_a_missing_exporter() -> None:
    publishes, imported, here = flow(CHINA, "X", USA, 5000), flow(MEXICO, "M", CHINA, 50_000), (CHINA, MEXICO, 202401)
    assert reason(publishes, imported)[here] == "not_recorded"
    assert reason(imported)[here] == "partner_never_reports"
    assert reason(publishes, imported, late=((CHINA, "X", 202401),))[here] == "not_reported_yet"
    assert reason(publishes, flow(MEXICO, "M", CHINA, 999))[here] == "below_threshold"


@pytest.mark.parametrize(
    ("left", "arrived", "reasons"),
    [
        (202311, 202401, ("recorded_later", "recorded_earlier")),
        (202312, 202401, ("recorded_later", "recorded_earlier")),
        (202310, 202401, ("not_recorded", "not_recorded")),
        (202401, 202312, ("not_recorded", "not_recorded")),
    ],
    ids=["two months later", "the next month, over the year's end", "three months later", "arrives before it leaves"],
)
def test_a_mirror_in_a_nearby_month_is_no_miss(left: int, arrived: int, reasons: tuple[str, str]) -> None:
    months = (202310, 202311, 202312, 202401)
    publish = [flow(reporter, code, USA, 5000, period=month) for month in months for reporter, code in ((MEXICO, "M"), (CHINA, "X"))]
    told = reason(*publish, flow(CHINA, "X", MEXICO, 50_000, period=left), flow(MEXICO, "M", CHINA, 50_000, period=arrived))
    assert (told[CHINA, MEXICO, left], told[CHINA, MEXICO, arrived]) == reasons


def test_a_code_that_was_not_pulled_is_not_missing() -> None:
    rows = trade_flow(flow(MEXICO, "M", USA, 5000, commodity_code="291812"), flow(CHINA, "X", MEXICO, 50_000))
    pulled = commodity_coverage_of(rows).filter((pl.col("commodity_code") != ACETONE) | (pl.col("flow_code") == "X"))
    pairs, *_ = reconcile_trade_flow(rows.lazy(), coverage_of(rows), pulled, NO_FOB_REPORTERS, ReconcileOptions())
    assert pairs.filter(pl.col("exporter_code") == CHINA)["mirror_reason"].to_list() == ["not_reported_yet"]


@pytest.mark.parametrize(
    ("importers", "own", "expected"),
    [
        ([MEXICO, USA, INDIA], [], "no_record_of_code"),
        ([MEXICO, USA], [], "not_recorded"),
        ([MEXICO, USA, INDIA], [GERMANY], "not_recorded"),
    ],
    ids=["three partners report it", "two do", "it reports the code to somebody"],
)
def test_a_reporter_without_any_row_of_a_code_that_many_partners_report_has_withheld_it(
    importers: list[int], own: list[int], expected: str
) -> None:
    publishes = flow(CHINA, "X", GERMANY, 5000, commodity_code="291812")
    told = reason(publishes, *(flow(importer, "M", CHINA, 50_000) for importer in importers), *(flow(CHINA, "X", to, 50_000) for to in own))
    assert told[CHINA, MEXICO, 202401] == expected


def probability(rows: list[dict], exporter: int = CHINA, importer: int = MEXICO, period: int = 202401) -> float:
    pairs, _ = reconcile(trade_flow(*rows))
    here = (pl.col("exporter_code") == exporter) & (pl.col("importer_code") == importer) & (pl.col("period") == period)
    return pairs.filter(here & (pl.col("commodity_code") == ACETONE))["partner_report_probability"].item()


def trades(count: int, importer: int, exporter: int, *, are_seen: bool, usd: float = 50_000, first: int = 290000) -> list[dict]:
    """Exports of `count` other codes, which the importer records or not."""
    told = [(exporter, "X", importer)] + ([(importer, "M", exporter)] if are_seen else [])
    return [flow(*who, usd, commodity_code=f"{first + k}") for k in range(count) for who in told]


def both_sides(exporter: int, period: int) -> list[dict]:
    return [flow(exporter, "X", MEXICO, 50_000, period=period), flow(MEXICO, "M", exporter, 50_000, period=period)]


def test_probability_grows_with_the_silent_sides_record() -> None:
    missed = [flow(CHINA, "X", MEXICO, 50_000), *trades(40, INDIA, CHINA, are_seen=False, first=290100)]
    careful = probability([*missed, *trades(60, MEXICO, USA, are_seen=True)])
    careless = probability([*missed, *trades(10, MEXICO, USA, are_seen=True), *trades(50, MEXICO, USA, are_seen=False, first=290200)])
    assert careful > careless + 0.3


def test_probability_grows_with_the_corridors_record() -> None:
    base = [flow(CHINA, "X", MEXICO, 50_000), flow(USA, "X", MEXICO, 50_000)]
    rows = [*base, *trades(40, MEXICO, USA, are_seen=True), *trades(40, MEXICO, CHINA, are_seen=False, first=290200)]
    assert probability(rows, exporter=USA) > probability(rows) + 0.2


def test_probability_grows_with_size() -> None:
    small, large = trades(40, MEXICO, USA, are_seen=False, usd=2000), trades(40, MEXICO, USA, are_seen=True, usd=500_000, first=290200)
    told = [probability([flow(CHINA, "X", MEXICO, usd), *small, *large]) for usd in (2000, 500_000)]
    assert told[1] > told[0] + 0.3


def test_a_route_that_falls_silent_does_not_make_its_own_silence_usual() -> None:
    """The last of twelve silent months is as surprising to everyone but the route's own earlier months; the first is fully so."""
    months = range(1, 13)
    before = [row for month in months for row in both_sides(CHINA, 202200 + month)]
    others = [row for month in months for row in both_sides(USA, 202300 + month)]
    elsewhere = trades(12, INDIA, USA, are_seen=False, first=290300)
    short, long = (
        [*before, *others, *elsewhere, *(flow(CHINA, "X", MEXICO, 50_000, period=202300 + month) for month in range(1, last + 1))]
        for last in (1, 12)
    )
    first_of_one, first_of_twelve = (probability(rows, period=202301) for rows in (short, long))
    # Only the general rate of that size may move, by the twelve misses that it holds.
    assert first_of_twelve > first_of_one - 0.1
    assert probability(long, period=202312) < first_of_twelve
