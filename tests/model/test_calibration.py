"""How sure: p-values that keep their promise, q-values that keep theirs."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy import stats

from tradeflow.model.calibration import benjamini_hochberg, calibrate, conformal_p_values
from tradeflow.model.grouping import describe_group, spell_group, widen_group
from tradeflow.model.tail import FURTHEST, MIN_ROWS

SCORES = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=60)


def one_group(rows: int) -> pl.Series:
    return pl.Series(["28/282760"] * rows)


@given(calibration=SCORES, scored=SCORES)
@settings(max_examples=60, deadline=None)
def test_p_equals_the_count(calibration: list[float], scored: list[float]) -> None:
    scores = np.array(calibration + scored)
    is_calibration = np.arange(len(scores)) < len(calibration)
    found = conformal_p_values(scores, one_group(len(scores)), is_calibration, min_group=1)
    for score, p in zip(scored, found[len(calibration) :], strict=True):
        assert p == pytest.approx((1 + sum(c >= score for c in calibration)) / (len(calibration) + 1))
    for at, score in enumerate(calibration):
        assert found[at] == pytest.approx(sum(c >= score for c in calibration) / len(calibration))


def test_p_is_uniform_where_scored_rows_are_like_calibration_rows() -> None:
    random = np.random.default_rng(1)
    found = []
    for _ in range(60):
        scores = random.standard_t(3, 700)
        found.append(conformal_p_values(scores, one_group(700), np.arange(700) < 500)[500:])
    p = np.concatenate(found)
    for level in (0.01, 0.05, 0.1, 0.5, 0.9):
        assert np.mean(p <= level) == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 4_000))


def test_a_group_is_compared_with_itself_and_a_small_one_within_its_parent() -> None:
    groups = pl.Series(["28/282760"] * 300 + ["28/281111"] * 50 + ["28/282760", "28/281111"])
    scores = np.r_[np.full(300, 5.0), np.full(50, 1.0), 3.0, 3.0]
    is_calibration = np.arange(352) < 350
    p = conformal_p_values(scores, groups, is_calibration)[-2:]
    assert p[0] == pytest.approx(301 / 301)
    assert p[1] == pytest.approx(301 / 351)  # the 300 higher ones of the chapter, and the 50 lower ones of its own


def test_rows_without_a_score_get_none_and_count_for_nothing() -> None:
    scores = np.array([1.0, np.nan, 3.0, 2.0, np.nan])
    p = conformal_p_values(scores, one_group(5), np.array([True, True, True, False, False]), min_group=1)
    assert p[3] == pytest.approx(2 / 3)
    assert np.isnan(p[[1, 4]]).all()


@pytest.mark.parametrize("tail", ["normal", "heavy", "bounded"])
def test_tail_goes_on_below_the_count_in_order_and_not_too_far(tail: str) -> None:
    random = np.random.default_rng(2)
    n = MIN_ROWS * 4
    known = {"normal": random.normal(size=n), "heavy": random.standard_t(2, n), "bounded": random.uniform(size=n)}[tail]
    beyond = known.max() + np.array([0.0, 0.01, 0.1, 1.0, 10.0, 1e6])
    p = conformal_p_values(np.r_[known, beyond], one_group(n + 6), np.arange(n + 6) < n)[n:]
    assert p[0] == pytest.approx(2 / (n + 1))
    assert (np.diff(p) <= 0).all()
    assert p[1] <= 1 / (n + 1)
    assert p[-1] == pytest.approx(1 / (FURTHEST * (n + 1)))


def test_tail_is_about_right() -> None:
    random = np.random.default_rng(3)
    ratios = []
    for _ in range(40):
        known = random.standard_t(4, 3_000)
        extreme = known.max() + 1.0
        p = conformal_p_values(np.r_[known, extreme], one_group(3_001), np.arange(3_001) < 3_000)[-1]
        ratios.append(np.log(p / stats.t.sf(extreme, 4)))
    assert abs(np.median(ratios)) < 0.5


def test_no_tail_is_fitted_to_few_scores() -> None:
    scores = np.r_[np.random.default_rng(4).normal(size=500), 100.0]
    assert conformal_p_values(scores, one_group(501), np.arange(501) < 500)[-1] == pytest.approx(1 / 501)


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=40), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_q_equals_the_definition_and_rises_with_p(p_values: list[float], group_count: int) -> None:
    p = np.array(p_values)
    groups = np.arange(len(p)) % group_count
    q = benjamini_hochberg(p, groups)
    for group in range(group_count):
        mine = np.flatnonzero(groups == group)
        for at in mine:
            expected = min(min(1.0, t * len(mine) / np.sum(p[mine] <= t)) for t in p[mine] if t >= p[at])
            assert q[at] == pytest.approx(expected)
        assert (np.diff(q[mine][np.argsort(p[mine])]) >= -1e-12).all()


def test_false_discoveries_stay_within_the_promise() -> None:
    random = np.random.default_rng(5)
    shares, powers = [], []
    for _ in range(60):
        truth = np.arange(1_000) < 60
        scores = np.r_[random.normal(size=4_000), np.where(truth, random.normal(4.0, 1.0, 1_000), random.normal(size=1_000))]
        p = conformal_p_values(scores, one_group(5_000), np.arange(5_000) < 4_000)[4_000:]
        taken = benjamini_hochberg(p, np.zeros(1_000, dtype=int)) <= 0.1
        shares.append(np.sum(taken & ~truth) / max(taken.sum(), 1))
        powers.append(np.mean(taken[truth]))
    assert np.mean(shares) <= 0.115
    assert np.mean(powers) > 0.5


def candidates(seed: int = 6) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    n = 30_000
    return pl.DataFrame(
        {
            "rule": random.choice(["excess_import", "mirror_gap"], n),
            "score": random.normal(size=n),
            "comparable_group": random.choice(
                ["importer series of HS 282760", "pairs of HS 291411", "flows of 29/291411/large importers"], n
            ),
            "is_scored": random.random(n) < 0.2,
            "lead": np.arange(n),
        }
    )


def test_calibrate_keeps_rows_in_order_and_says_what_was_compared() -> None:
    given_rows = candidates()
    calibrated = calibrate(given_rows)
    assert_frame_equal(calibrated.select(given_rows.columns), given_rows)
    assert calibrated["p_value"].null_count() == 0
    assert calibrated.filter("is_scored")["q_value"].null_count() == 0
    assert calibrated.filter(~pl.col("is_scored"))["q_value"].null_count() == calibrated.filter(~pl.col("is_scored")).height
    rule = (pl.col("rule") == "mirror_gap") & (pl.col("comparable_group") == "pairs of HS 291411")
    count = given_rows.filter(rule & ~pl.col("is_scored")).height
    assert calibrated.filter(rule)["comparison"].unique().to_list() == [f"{count:,} earlier pairs of HS 291411"]


def test_calibrate_does_not_depend_on_row_order() -> None:
    given_rows = candidates(7)
    shuffled = given_rows.sample(fraction=1, shuffle=True, seed=1)
    assert_frame_equal(calibrate(given_rows), calibrate(shuffled).sort("lead"))


def test_rules_and_frequencies_are_calibrated_apart() -> None:
    given_rows = candidates(8)
    both = calibrate(given_rows).filter(pl.col("rule") == "mirror_gap")
    assert_frame_equal(both, calibrate(given_rows.filter(pl.col("rule") == "mirror_gap")))
    annual = given_rows.with_columns(pl.col("score") + 50, freq_code=pl.lit("A"))
    mixed = calibrate(pl.concat([given_rows.with_columns(freq_code=pl.lit("M")), annual]))
    np.testing.assert_allclose(mixed["p_value"][: given_rows.height], calibrate(given_rows)["p_value"])


def test_candidates_without_rows_or_without_scores() -> None:
    empty = calibrate(candidates().clear())
    assert empty.columns == [*candidates().columns, "p_value", "q_value", "comparison"]
    without = calibrate(candidates().with_columns(score=pl.lit(None, pl.Float64)))
    assert without["p_value"].null_count() == without["q_value"].null_count() == without["comparison"].null_count() == without.height


@pytest.mark.parametrize(
    ("name", "spelled", "wider", "words"),
    [
        ("282760", "flows of 28/282760", "flows of 28", "flows of HS 282760"),
        ("importer series of HS 0304", "importer series of 03/0304", "importer series of 03", "periods of importer series of HS 0304"),
        ("flows of 28", "flows of 28/28", "flows of 28", "flows of HS 28"),
        (
            "flows of 28/282760/large importers",
            "flows of 28/282760/large importers",
            "flows of 28/282760",
            "flows of HS 282760 among large importers",
        ),
        (
            "exporter_only trade of HS 291411",
            "exporter_only trade of 29/291411",
            "exporter_only trade of 29",
            "exporter_only trade of HS 291411",
        ),
        ("whatever", "whatever", "whatever of all commodities", "whatever"),
    ],
)
def test_groups_are_spelt_widened_and_described(name: str, spelled: str, wider: str, words: str) -> None:
    assert spell_group(name) == spelled
    assert widen_group(spelled) == wider
    assert describe_group(spelled) == words


def test_the_widest_group_stays_itself() -> None:
    assert widen_group(widen_group("flows of 28")) == widen_group("flows of 28") == "flows of all commodities"
    assert describe_group("flows of all commodities") == "flows of all commodities"
    assert describe_group("flows of 28") == "flows of HS chapter 28"
