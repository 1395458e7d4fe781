"""The scale of a table's past errors: read from ordinary months, believed as far as there are many."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy import stats

from tradeflow.model.excess import TAIL_DEGREES
from tradeflow.model.past_error import MONTHS_BACK, SAMPLED_ERRORS, TRUSTED, USUAL_TREND, fit_scales, fit_trend, sample_errors, scales_of


def errors(count: int, scale: float, seed: int = 1) -> np.ndarray:
    return stats.t.rvs(TAIL_DEGREES, size=count, random_state=seed) * np.sqrt(1 - 2 / TAIL_DEGREES) * scale


def one_scale(deviations: np.ndarray) -> float:
    """The scale of series that all have the same standard deviation."""
    count = len(deviations)
    return float(np.exp(fit_trend(deviations, np.zeros(count), np.zeros(count, dtype=np.int64), np.array([USUAL_TREND]))[0, 0]))


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.4, 2.5])
def test_many_errors_tell_their_scale(scale: float) -> None:
    assert one_scale(errors(40_000, scale)) == pytest.approx(scale, rel=0.05)


@pytest.mark.parametrize("factor", [4.0, 8.0, 1e6])
def test_a_few_odd_months_do_not_widen_it(factor: float) -> None:
    ordinary = errors(20_000, 1.2)
    odd = ordinary.copy()
    odd[:400] *= factor
    assert 0.93 <= one_scale(odd) / one_scale(ordinary) <= 1.01


@given(st.integers(0, 12), st.floats(0.2, 4.0))
def test_few_errors_say_little(count: int, scale: float) -> None:
    assert abs(np.log(one_scale(errors(count, scale)))) <= (TAIL_DEGREES + 3) / 2 * count / TRUSTED + 1e-12


def test_more_errors_of_a_kind_draw_nearer_to_it() -> None:
    found = [one_scale(np.tile(errors(60, 1.5), times)) for times in (1, 5, 25, 125)]
    assert (np.diff(found) > 0).all()
    assert 1.0 < found[0] < 1.1


def table(ages: int, groups: dict[str, float], count: int) -> pl.DataFrame:
    parts = [
        pl.DataFrame({"age": [age], "group": [group], "sd": [0.3]}).join(
            pl.DataFrame({"deviation": errors(count, scale, age)}), how="cross"
        )
        for age in range(ages)
        for group, scale in groups.items()
    ]
    return pl.concat(parts).cast({"age": pl.Int32})


def test_groups_and_ages_have_their_own_scale_and_a_small_group_that_of_its_table() -> None:
    rows = pl.concat([table(2, {"wide": 1.5, "narrow": 0.9}, 4_000), table(2, {"small": 5.0}, 3)])
    fitted = fit_scales(rows)
    assert fitted.select("age", "group").rows() == [(age, group) for age in (0, 1) for group in ("narrow", "small", "wide")]
    narrow, small, wide = scales_of(fitted.filter(age=0).with_columns(sd=pl.lit(0.3)), fitted)
    assert narrow == pytest.approx(0.9, rel=0.1)
    assert wide == pytest.approx(1.5, rel=0.1)
    assert narrow < small < wide
    assert_frame_equal(fit_scales(rows.sample(fraction=1, shuffle=True, seed=2)), fitted, check_exact=True)


def months(sds: list[float], group: str = "") -> pl.DataFrame:
    return pl.DataFrame({"age": 0, "group": group, "sd": sds}, schema={"age": pl.Int32, "group": pl.String, "sd": pl.Float64})


def test_the_scale_follows_the_standard_deviation_as_the_errors_do() -> None:
    random = np.random.default_rng(3)
    sd = np.exp(random.normal(-1.2, 0.6, 30_000))
    rows = months(sd.tolist()).with_columns(deviation=pl.Series(errors(30_000, 1.0) * (sd / np.exp(-1.2)) ** -0.3))
    quiet, usual, wild = scales_of(months([np.exp(each) for each in (-1.8, -1.2, -0.6)]), fit_scales(rows))
    assert [quiet, usual, wild] == pytest.approx(np.exp([0.18, 0.0, -0.18]), rel=0.05)


def test_a_series_alone_and_a_table_of_equals_are_scaled_by_level_alone() -> None:
    fitted = fit_scales(months([0.3]).with_columns(deviation=pl.lit(0.5)))
    assert scales_of(months([0.3]), fitted)[0] == pytest.approx(1.0, abs=0.01)
    assert scales_of(months([0.3], "another group"), fitted)[0] == 1.0


def test_no_error_gives_no_scale() -> None:
    empty = pl.DataFrame(schema={"age": pl.Int32, "group": pl.String, "deviation": pl.Float64, "sd": pl.Float64})
    assert fit_scales(empty).is_empty()


def test_the_draw_spares_no_group_and_knows_no_order() -> None:
    names = [f"s{place}" for place in range(3_000)]
    keys = pl.DataFrame({"series_id": names, "group": ["rare" if place % 100 == 0 else None for place in range(3_000)]})
    drawn = sample_errors(keys)
    assert drawn.height == SAMPLED_ERRORS
    assert drawn.is_unique().all()
    assert set(drawn["months_back"]) == set(MONTHS_BACK)
    assert drawn.join(keys, on="series_id").filter(group="rare").height == 30 * len(MONTHS_BACK)
    assert_frame_equal(sample_errors(keys.reverse()), drawn)


def test_a_small_table_is_drawn_whole() -> None:
    keys = pl.DataFrame({"series_id": ["a", "b"], "group": [None, None]}, schema={"series_id": pl.String, "group": pl.String})
    assert sample_errors(keys).height == 2 * len(MONTHS_BACK)
