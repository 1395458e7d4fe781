"""Gaps in the order of their evidence: standard normal over all, stranger the farther out, half the trade before a few percent."""

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import t as student

from tradeflow.reconcile.evidence import UsualClass, read_z, weigh_evidence
from tradeflow.reconcile.shape import TAIL_SHARE

DEVIATION = np.linspace(-30, 30, 601)
HEAVY = np.sign(DEVIATION) * -ndtri(student.sf(np.abs(DEVIATION), 3))


def classes() -> list[UsualClass]:
    return [UsualClass(DEVIATION, HEAVY, sigma, share) for sigma, share in ((0.07, 0.3), (0.4, 0.5), (1.2, 0.2))]


def z_of(row: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    return read_z(deviation, np.zeros(len(deviation), dtype=np.intp), row[None, :])


@pytest.mark.parametrize("chance", [0.05, 0.01, 0.001])
@pytest.mark.parametrize("sign", [-1, 1])
def test_over_all_corridors_each_tail_keeps_its_chance(chance: float, sign: int) -> None:
    random = np.random.default_rng(5)
    counted = total = 0.0
    for each, knots in zip(classes(), weigh_evidence(classes()), strict=True):
        z = z_of(knots, random.standard_t(3, 400_000))
        counted += each.share * np.mean(sign * z > -ndtri(chance))
        total += each.share
    assert counted / total == pytest.approx(chance, rel=0.12)


def test_middle_keeps_its_place() -> None:
    middle = DEVIATION[np.abs(HEAVY) < -ndtri(TAIL_SHARE) - 0.1]
    for knots in weigh_evidence(classes()):
        assert z_of(knots, middle) == pytest.approx(np.interp(middle, DEVIATION, HEAVY), abs=0.02)


def test_a_farther_gap_is_never_less_strange() -> None:
    for z in weigh_evidence(classes()):
        assert (np.diff(z) >= -1e-9).all()


def test_half_the_trade_missing_outweighs_a_few_percent_of_equal_chance() -> None:
    precise, middling, _ = weigh_evidence(classes())
    five_sigma = np.array([-5.0])
    assert 1 - np.exp(-5 * 0.07) < 0.31 < 0.86 < 1 - np.exp(-5 * 0.4)
    assert z_of(middling, five_sigma) < z_of(precise, five_sigma)


def test_more_missing_shares_are_found_than_by_distance_alone() -> None:
    random = np.random.default_rng(6)
    usual, found, by_distance = [], [], []
    for each, knots in zip(classes(), weigh_evidence(classes()), strict=True):
        noise = random.standard_t(3, int(each.share * 200_000))
        missing = random.standard_t(3, len(noise)) + np.log(0.25) / each.sigma
        usual.append(np.c_[z_of(knots, noise), np.interp(noise, DEVIATION, HEAVY)])
        found.append(z_of(knots, missing))
        by_distance.append(np.interp(missing, DEVIATION, HEAVY))
    limit_evidence, limit_distance = np.quantile(np.concatenate(usual), 0.01, axis=0)
    evidence = np.mean(np.concatenate(found) < limit_evidence)
    distance = np.mean(np.concatenate(by_distance) < limit_distance)
    assert evidence > 1.1 * distance


def test_the_sides_mirror_each_other() -> None:
    for z in weigh_evidence(classes()):
        assert z == pytest.approx(-z[::-1], abs=1e-6)


def test_z_is_read_for_each_class_and_unknown_stays_unknown() -> None:
    table = weigh_evidence(classes())
    read = read_z(np.array([-5.0, -5.0, np.nan, 1e9, -1e9]), np.array([0, 1, 2, 0, 2]), table)
    assert read[0] == pytest.approx(z_of(table[0], np.array([-5.0]))[0])
    assert read[1] == pytest.approx(z_of(table[1], np.array([-5.0]))[0])
    assert np.isnan(read[2])
    assert read[3] == pytest.approx(table[0, -1], abs=1e-4)
    assert read[4] == pytest.approx(table[2, 0], abs=1e-4)
