"""Each method of others on a table small enough to be worked out by hand."""

import math
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from tradeflow.evaluate import mirror_baselines as methods
from tradeflow.evaluate.mirror_baselines import ESTIMATES, SCORES, Floats, Sides, take_sides

NOTHING = float("nan")


def sides(x: list[float], m: list[float], e: list[int] | None = None, i: list[int] | None = None, factor: float = 1.06) -> Sides:
    """Rows of one commodity each, exporter 0 and importer 0 unless they are named."""
    n = len(x)
    return Sides(np.array(e or [0] * n), np.array(i or [0] * n), np.arange(n), np.array(x), np.array(m), factor)


def rounded(values: Floats) -> list[float]:
    return [round(float(value), 6) for value in values]


ONE_OF_EACH = sides([100.0, 100.0, NOTHING], [424.0, NOTHING, 53.0])
"""Both sides, 100 and 424 / 1.06 = 400; the exporter alone; the importer alone, 50."""


@pytest.mark.parametrize(
    ("method", "expected"),
    [(methods.exporter_only, [100, 100, 50]), (methods.importer_only, [400, 100, 50]), (methods.geometric_mean, [200, 100, 50])],
)
def test_the_plain_methods(method: Callable[[Sides], Floats], expected: list[float]) -> None:
    assert rounded(method(ONE_OF_EACH)) == expected


@pytest.mark.parametrize("method", ESTIMATES.values(), ids=ESTIMATES)
def test_a_one_sided_flow_is_the_side_that_is_there(method: Callable[[Sides], Floats]) -> None:
    with np.errstate(invalid="ignore"):
        told = method(ONE_OF_EACH)[1:]
    assert told[0] == pytest.approx(100)
    assert told[1] == pytest.approx(53 / (1.12 if method is methods.fao_ratio_rule else 1.06))


@pytest.mark.parametrize("method", ESTIMATES.values(), ids=ESTIMATES)
def test_weights_carry_no_freight_and_two_equal_sides_are_the_estimate(method: Callable[[Sides], Floats]) -> None:
    e, i = [0, 0, 1, 1, 2, 2], [0, 1, 0, 2, 1, 2]
    agreed = sides([10.0, 20, 30, 40, 50, 60], [10.0, 20, 30, 40, 50, 60], e, i, factor=1.0)
    assert rounded(method(agreed)) == [10, 20, 30, 40, 50, 60]


def test_gfi_s_gap_is_absolute_and_the_index_relative() -> None:
    told = sides([110.0, 20.0], [55.0, 22.0])
    assert rounded(methods.gfi_gap(told)) == [60, 0]
    assert rounded(methods.discrepancy_index(told)) == [round(55 / 165, 6), round(-2 / 42, 6)]


def test_fao_takes_imports_unless_they_differ_twofold_and_the_exporter_is_in_the_better_class() -> None:
    # Exporter 0 agrees with importer 0 in rank on three codes, exporter 1 with importer 1 does not: accuracy 1 and -0.5 (as importers too).
    x = [1.0, 2, 3, 1, 2, 3]
    m = [1.12, 2.24, 3.36 * 5, 2.24, 3.36, 1.12]
    flows = Sides(np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 2, 0, 1, 2]), np.array(x), np.array(m))
    # The classes of a pair are the same in both roles: a tie, so the imports over 1.12 stand.
    assert rounded(methods.fao_ratio_rule(flows)) == [1, 2, 15, 2, 3, 1]
    # Exporter 0 is sure of importer 1 as well; importer 1 has a bad record with exporter 1: the exporter's side where they differ twofold.
    crossed = Sides(
        np.array([0, 0, 0, 1, 1, 1, 0]), np.array([0, 0, 0, 1, 1, 1, 1]), np.array([0, 1, 2, 0, 1, 2, 0]),
        np.array([*x, 7.0]), np.array([*m, 7.0 * 1.12 * 3]),
    )  # fmt: skip
    assert methods.fao_ratio_rule(crossed)[-1] == pytest.approx(7.0)


def test_the_effects_of_an_exact_table_are_found() -> None:
    e, i = (grid.ravel() for grid in np.meshgrid(range(3), range(4), indexing="ij"))
    exporter, importer = np.array([-1.0, 0.0, 1.0]), np.array([-0.3, -0.1, 0.1, 0.3])
    target = 2 + exporter[e] + importer[i]
    effects, variance = methods._fit_effects(target, np.linspace(1, 2, len(e)), [e, i], [3, 4])
    assert effects[0] == pytest.approx(exporter, abs=1e-4)
    assert effects[1] == pytest.approx(importer, abs=1e-4)
    assert variance == pytest.approx(0, abs=1e-8)


def test_baci_trusts_the_side_whose_reports_lie_closer_to_all_others() -> None:
    random = np.random.default_rng(1)
    e, i = (grid.ravel() for grid in np.meshgrid(range(6), range(6), range(40), indexing="ij")[:2])
    care_out, care_in = np.array([0.02, 0.8, 0.4, 0.4, 0.4, 0.4]), np.array([0.8, 0.02, 0.4, 0.4, 0.4, 0.4])
    true = np.exp(random.normal(8, 1, len(e)))
    x, m = (true * np.exp(random.normal(0, care[role])) for care, role in ((care_out, e), (care_in, i)))
    told = methods.baci_quality_weights(Sides(e, i, np.tile(np.arange(40), 36), x, m, 1.0))
    careful_exporter, careful_importer = (e == 0) & (i == 0), (e == 1) & (i == 1)
    assert np.median(np.abs(np.log(told / true))[careful_exporter]) < 0.1
    assert np.median(np.abs(np.log(told / true))[careful_importer]) < 0.1


def test_the_log_normal_variance_is_its_formula() -> None:
    assert methods._log_normal_variance(np.array([0.5]))[0] == pytest.approx(math.exp(0.25) * (math.exp(0.25) - 1))


def test_growth_lab_s_pair_graph_finds_who_disagrees() -> None:
    """D = a_e + a_i holds exactly: a_e = 0.1, 0.3 and a_i = 0.0, 0.2 give the distances below, and the weights their softmax."""
    distance = {(0, 0): 0.1, (0, 1): 0.3, (1, 0): 0.3, (1, 1): 0.5}
    e, i = (list(column) for column in zip(*distance, strict=True))
    # |x - m| / (x + m) = d where m = x (1 - d) / (1 + d)
    x = [100.0] * 4
    m = [100 * (1 - d) / (1 + d) for d in distance.values()]
    told = methods.growth_lab_pair_graph(sides(x, m, e, i, factor=1.0))
    # The least norm among all solutions shifts one role against the other by the same amount for every pair.
    shares = (told - m) / (np.array(x) - m)
    lead = np.log(shares / (1 - shares))
    assert lead[1] - lead[0] == pytest.approx(0.2)
    assert lead[2] - lead[0] == pytest.approx(-0.2)


def test_growth_lab_s_fixed_point_is_one() -> None:
    """Of two exporters and two importers the second of each is twice as far: A_1 / A_2 = 2 in both roles, which solves both equations."""
    e, i, distance = [0, 0, 1, 1], [0, 1, 0, 1], np.array([0.1, 0.2, 0.2, 0.4])
    x = np.full(4, 100.0)
    m = x * (1 - distance) / (1 + distance)
    told = methods.growth_lab_fixed_point(sides(x.tolist(), m.tolist(), e, i, factor=1.0))
    shares = (told - m) / (x - m)
    assert shares[0] == pytest.approx(0.5)
    assert shares[3] == pytest.approx(0.5)
    # A = sqrt(10) (1, 1/2): 2 / (0.1 A_1 + 0.2 A_2) = 2 / (0.2 A_1) = A_1
    assert shares[1] == pytest.approx(1 / (1 + math.exp(-math.sqrt(10) / 2)), abs=1e-6)


def test_columns_of_a_table_are_taken_as_sides() -> None:
    pairs = pl.DataFrame({"exporter": ["B", "A"], "importer": ["C", "C"], "commodity": ["2", "1"], "x": [1.0, None], "m": [None, 2]})
    taken = take_sides(pairs, "x", "m", 1.0)
    assert (taken.e.tolist(), taken.i.tolist(), taken.k.tolist()) == ([1, 0], [0, 0], [1, 0])
    assert taken.is_two_sided.tolist() == [False, False]
    assert set(SCORES) == {"GFI gap", "discrepancy index (FAO rule)"}
