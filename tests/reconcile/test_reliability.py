import numpy as np
import polars as pl
import pytest

from tests.reconcile.trade_rows import care_of
from tradeflow.reconcile import reliability
from tradeflow.reconcile.reliability import fit_reporter_reliability

FLOOR = 0.02


def gaps_of(countries: int = 12, flows: int = 60, seed: int = 3, extra: list[tuple[int, int, float]] | None = None) -> pl.DataFrame:
    """ln(importer / exporter) of a world whose reporters' care is known."""
    random = np.random.default_rng(seed)
    rows = [
        (e, i, gap)
        for e in range(1, countries + 1) for i in range(1, countries + 1) if e != i
        for gap in 0.1 + random.normal(0, care_of(e, 0), flows) + random.normal(0, care_of(i, 1), flows)
    ]  # fmt: skip
    schema = {"exporter_code": pl.Int32, "importer_code": pl.Int32, "gap_log": pl.Float64}
    return pl.DataFrame(rows + (extra or []), schema=schema, orient="row")


def sigmas(fitted: pl.DataFrame, flow_code: str) -> dict[int, float]:
    return dict(fitted.filter(pl.col("flow_code") == flow_code).select("reporter_code", "log_error_sigma").iter_rows())


@pytest.mark.parametrize(("flow_code", "role"), [("X", 0), ("M", 1)])
def test_planted_care_is_recovered_in_rank_and_in_scale(flow_code: str, role: int) -> None:
    told = sigmas(fit_reporter_reliability(gaps_of(), FLOOR), flow_code)
    true = np.array([care_of(country, role) for country in told])
    learnt = np.array(list(told.values()))
    assert pl.DataFrame({"a": learnt, "b": true}).select(pl.corr("a", "b", method="spearman")).item() > 0.9
    careless = true >= 0.4
    assert learnt[careless] == pytest.approx(true[careless], rel=0.2)


def test_a_sum_of_both_variances_is_the_corridors() -> None:
    """The split has one free constant; the sum has none."""
    fitted = fit_reporter_reliability(gaps_of(flows=400), FLOOR)
    x, m = sigmas(fitted, "X"), sigmas(fitted, "M")
    for e, i in ((1, 2), (3, 4), (5, 8)):
        assert x[e] ** 2 + m[i] ** 2 == pytest.approx(care_of(e, 0) ** 2 + care_of(i, 1) ** 2, rel=0.15)


def test_one_more_round_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    wild = [(1, 90, gap) for gap in (-30.0, 12.0, 45.0, -8.0, 3.0, 60.0)]
    settled = fit_reporter_reliability(gaps_of(extra=wild), FLOOR)
    for more in (1, 2):
        monkeypatch.setattr(reliability, "_ROUNDS", reliability._ROUNDS + more)
        again = fit_reporter_reliability(gaps_of(extra=wild), FLOOR)
        assert again["log_error_sigma"].to_list() == pytest.approx(settled["log_error_sigma"].to_list(), rel=1e-3)


def test_a_wild_corridor_does_not_explode() -> None:
    wild = [(1, 90, gap) for gap in (-300.0, 120.0, 450.0, -80.0, 30.0, 600.0)]
    told = fit_reporter_reliability(gaps_of(extra=wild), FLOOR)
    assert told["log_error_sigma"].max() <= np.log(10)
    assert sigmas(told, "X")[1] == pytest.approx(sigmas(fit_reporter_reliability(gaps_of(), FLOOR), "X")[1], abs=0.1)


def test_a_reporter_without_a_usable_corridor_gets_the_median_of_its_role() -> None:
    few = [(77, 2, 0.1), (77, 3, -4.0)]
    told = fit_reporter_reliability(gaps_of(extra=few), FLOOR)
    x = sigmas(told, "X")
    known = [value for code, value in x.items() if code != 77]
    assert x[77] ** 2 == pytest.approx(np.median(np.square(known)))
    assert told.filter(pl.col("reporter_code") == 77).select("pair_count", "observation_count").rows() == [(2, 2)]


def test_nobody_is_more_careful_than_the_floor() -> None:
    exact = pl.DataFrame(
        {"exporter_code": [1] * 9, "importer_code": [2] * 9, "gap_log": [0.0] * 9},
        schema_overrides={"exporter_code": pl.Int32, "importer_code": pl.Int32},
    )
    assert fit_reporter_reliability(exact, 0.05)["log_error_sigma"].to_list() == pytest.approx([0.05, 0.05])


def test_the_floor_holds_for_each_role_by_itself() -> None:
    told = fit_reporter_reliability(gaps_of(), 0.15)["log_error_sigma"]
    assert told.min() == pytest.approx(0.15)
    assert (told > 0.16).any()


def test_no_gap_at_all_gives_no_reporter() -> None:
    assert fit_reporter_reliability(gaps_of().clear(), FLOOR).is_empty()
