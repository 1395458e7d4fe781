import numpy as np
import polars as pl
import pytest

from tests.reconcile.trade_rows import care_of, reconcile, two_sided_world
from tradeflow.reconcile import reliability
from tradeflow.reconcile.corridor import CorridorGaps, summarise_corridors
from tradeflow.reconcile.reliability import split_variances

FLOOR = 0.02
COUNTRIES = 12


def corridors_of(flows: int = 60, seed: int = 3, extra: list[tuple[int, int, float]] | None = None) -> CorridorGaps:
    """ln(importer / exporter) of a world whose reporters' care is known."""
    random = np.random.default_rng(seed)
    rows = [
        (e, i, gap)
        for e in range(COUNTRIES) for i in range(COUNTRIES) if e != i
        for gap in 0.1 + random.normal(0, care_of(e, 0), flows) + random.normal(0, care_of(i, 1), flows)
    ] + (extra or [])  # fmt: skip
    e, i, gap = (np.array(column) for column in zip(*rows, strict=True))
    return summarise_corridors(e, i, gap)


@pytest.mark.parametrize("role", [0, 1], ids=["exporter", "importer"])
def test_planted_care_is_recovered_in_rank_and_in_scale(role: int) -> None:
    errors = split_variances(corridors_of(), COUNTRIES, COUNTRIES, FLOOR)
    learnt = np.sqrt(errors.importer if role else errors.exporter)
    true = np.array([care_of(country, role) for country in range(COUNTRIES)])
    assert pl.DataFrame({"a": learnt, "b": true}).select(pl.corr("a", "b", method="spearman")).item() > 0.9
    careless = true >= 0.4
    assert learnt[careless] == pytest.approx(true[careless], rel=0.2)


def test_a_sum_of_both_variances_is_the_corridors() -> None:
    """The split has one free constant; the sum has none."""
    errors = split_variances(corridors_of(flows=400), COUNTRIES, COUNTRIES, FLOOR)
    for e, i in ((1, 2), (3, 4), (5, 8)):
        assert errors.of(np.array([e]), np.array([i]))[0] == pytest.approx(care_of(e, 0) ** 2 + care_of(i, 1) ** 2, rel=0.15)


def test_the_number_of_rounds_and_its_parity_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    wild = [(1, COUNTRIES, gap) for gap in (-30.0, 12.0, 45.0, -8.0, 3.0, 60.0)]
    settled = split_variances(corridors_of(extra=wild), COUNTRIES, COUNTRIES + 1, FLOOR)
    for rounds in (401, 1000):
        monkeypatch.setattr(reliability, "_ROUNDS", rounds)
        longer = split_variances(corridors_of(extra=wild), COUNTRIES, COUNTRIES + 1, FLOOR)
        assert longer.exporter == pytest.approx(settled.exporter, rel=1e-3)
        assert longer.importer == pytest.approx(settled.importer, rel=1e-3)


def test_without_a_usable_corridor_all_are_alike() -> None:
    errors = split_variances(summarise_corridors(np.array([0]), np.array([1]), np.array([0.3])), 2, 2, FLOOR)
    assert np.ptp(np.concatenate([errors.exporter, errors.importer])) == pytest.approx(0, abs=1e-9)


def test_no_reporter_is_better_than_the_floor() -> None:
    same = summarise_corridors(np.zeros(50, int), np.ones(50, int), np.zeros(50))
    errors = split_variances(same, 2, 2, FLOOR)
    assert min(errors.exporter.min(), errors.importer.min()) >= FLOOR**2


def test_the_table_says_how_sure_it_is() -> None:
    """With four times the flows the standard error halves."""
    _, few = reconcile(two_sided_world(codes=20, silent_share=0))
    _, many = reconcile(two_sided_world(codes=80, silent_share=0))
    key = ["reporter_code", "flow_code", "measure", "product_group"]
    both = few.join(many, on=key, suffix="_many").filter(pl.col("product_group") == "all")
    ratio = both["log_error_sigma_se"] / both["log_error_sigma_se_many"]
    assert ratio.median() == pytest.approx(2.0, rel=0.2)
    assert (both["observation_count_many"] == 4 * both["observation_count"]).all()


def test_a_reporter_that_is_careless_with_one_chapter_is_told_so() -> None:
    """Country 2's exports of chapter 30 scatter three times as much as its others; all other chapters stay near its own figure."""
    world = two_sided_world(countries=10, codes=60, silent_share=0)
    is_careless = (pl.col("commodity_code") >= "290030") & (pl.col("flow_code") == "X") & (pl.col("reporter_code") == 2)
    noise = pl.Series(np.exp(np.random.default_rng(1).normal(0, 1.2, world.height)))
    chapter = pl.when(pl.col("commodity_code") >= "290030").then(pl.lit("30")).otherwise(pl.lit("29"))
    given = world.with_columns(
        commodity_code=chapter + pl.col("commodity_code").str.slice(2),
        net_weight_kg=pl.when(is_careless).then(pl.col("net_weight_kg") * noise).otherwise("net_weight_kg"),
    )
    _, told = reconcile(given)
    own = told.filter((pl.col("reporter_code") == 2) & (pl.col("flow_code") == "X") & (pl.col("measure") == "net_weight"))
    sigma = dict(own.select("product_group", "log_error_sigma").iter_rows())
    assert sigma["30"] > 1.3 * sigma["29"]
    others = told.filter((pl.col("reporter_code") == 7) & (pl.col("measure") == "net_weight") & (pl.col("flow_code") == "X"))
    assert np.ptp(np.log(others["log_error_sigma"].to_numpy())) < 0.5
