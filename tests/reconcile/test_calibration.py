"""Under the null each z is standard normal in both tails, whatever the law of the errors, and what is looked for does not widen it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tests.reconcile.arrays import Draw, sides_of, world
from tradeflow.reconcile.booking import EXPORTS, IMPORTS
from tradeflow.reconcile.fit import MirrorModel, fit_mirror_model
from tradeflow.reconcile.measure import ReconcileOptions
from tradeflow.reconcile.score import score_sides
from tradeflow.reconcile.sides import Floats, Sides

LAWS: dict[str, Draw] = {
    "normal": lambda random, n: random.normal(size=n),
    "Student's t with 3 degrees": lambda random, n: random.standard_t(3, n),
    "Laplace": lambda random, n: random.laplace(size=n),
    "skewed to the left": lambda random, n: random.normal(0, 0.5, n) - random.exponential(0.7, n),
}


def fitted(sides: Sides) -> MirrorModel:
    import polars as pl

    areas = pl.Series(range(int(sides.exporter.max()) + 1))
    keys = np.unique(sides.exporter * len(areas) + sides.importer)
    two_sided = np.isfinite(sides.export_usd) & np.isfinite(sides.import_usd)
    return fit_mirror_model(sides.take(two_sided), sides, areas, keys, int(sides.commodity.max()) + 1, ReconcileOptions())


def flagged(z: Floats, limit: float, sign: int) -> float:
    return float((sign * z[np.isfinite(z)] > limit).mean())


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("sign", [-1, 1], ids=["importer less", "importer more"])
def test_each_tail_is_standard_normal_whatever_the_law(law: str, sign: int) -> None:
    sides = world(LAWS[law])
    z = score_sides(sides, fitted(sides)).z_value
    assert flagged(z, 1.2816, sign) == pytest.approx(0.10, rel=0.1)
    assert 0.01 / 1.35 < flagged(z, 2.3263, sign) < 0.01 * 1.35
    assert 0.001 / 1.9 < flagged(z, 3.0902, sign) < 0.001 * 1.9


@pytest.mark.parametrize("law", ["normal", "Student's t with 3 degrees"])
def test_what_is_looked_for_does_not_widen_what_is_usual(law: str) -> None:
    sides = world(LAWS[law])
    is_cut = np.random.default_rng(8).random(sides.size) < 0.005
    factor = np.where(is_cut, 0.25, 1.0)
    cut = replace(sides, import_usd=sides.import_usd * factor, import_kg=sides.import_kg * factor)
    z = score_sides(cut, fitted(cut)).z_value
    assert 0.001 / 1.9 < flagged(z[~is_cut], 3.0902, -1) < 0.001 * 1.9
    precise = is_cut & (sides.exporter < 6)
    assert np.median(z[precise]) < -3


def test_only_what_one_side_shows_more_of_counts_as_missing() -> None:
    """Long tails on both sides are scatter; of one flow in a hundred the importer records a quarter."""
    sides = world(LAWS["Student's t with 3 degrees"])
    plain = fitted(sides).value_calibration
    assert max(plain.low.outlier_rate, plain.high.outlier_rate) < 0.002
    is_cut = np.random.default_rng(8).random(sides.size) < 0.01
    factor = np.where(is_cut, 0.25, 1.0)
    cut = fitted(replace(sides, import_usd=sides.import_usd * factor, import_kg=sides.import_kg * factor)).value_calibration
    assert 0.005 < cut.low.outlier_rate < 0.015
    assert cut.high.outlier_rate < 0.002


def test_p_is_that_of_z_of_both_measures_together() -> None:
    sides = world(LAWS["normal"])
    scores = score_sides(sides, fitted(sides))
    assert scores.p_value == pytest.approx(stats.norm.cdf(scores.z_combined))


def test_a_hub_that_is_credited_with_others_trade_is_judged_by_its_habit() -> None:
    """Of every exporter's figures towards country 3 a fifth hold twice the trade and more: there a surplus is no news."""
    sides = world(LAWS["normal"])
    random = np.random.default_rng(3)
    inflated = (sides.importer == 3) & (random.random(sides.size) < 0.2)
    factor = np.where(inflated, 1 + np.exp(random.normal(1.5, 1, sides.size)), 1.0)
    given = replace(sides, export_usd=sides.export_usd * factor, export_kg=sides.export_kg * factor)
    z = score_sides(given, fitted(given)).z_value
    hub = sides.importer == 3
    assert flagged(z[hub], 3.0902, -1) < 0.01
    assert 0.001 / 2 < flagged(z[~hub], 3.0902, -1) < 0.002


@pytest.mark.parametrize("kind", [EXPORTS, IMPORTS])
def test_a_surplus_as_large_as_an_orphan_report_is_explained_by_it(kind: int) -> None:
    """One side books half of its trade with 4 .. 19 to country 3; the other side reports it under the true partner."""
    sides = world(LAWS["normal"])
    random = np.random.default_rng(4)
    reporter, partner = (sides.exporter, sides.importer) if kind == EXPORTS else (sides.importer, sides.exporter)
    moved = (partner > 3) & (reporter < 6) & (random.random(sides.size) < 0.02)
    home = {(r, k): place for place, (r, p, k) in enumerate(zip(reporter, partner, sides.commodity, strict=True)) if p == 3}
    own = sides.export_usd.copy() if kind == EXPORTS else sides.import_usd.copy()
    hosts: dict[int, int] = {}
    for place in np.flatnonzero(moved):
        host = home.get((reporter[place], sides.commodity[place]))
        if host is not None and host not in hosts.values():
            own[host] += own[place]
            own[place] = np.nan
            hosts[int(place)] = host
    usd = (own, sides.import_usd) if kind == EXPORTS else (sides.export_usd, own)
    given = sides_of(*usd, sides.exporter, sides.importer, sides.commodity)
    scores = score_sides(given, fitted(given))
    large = [(orphan, host) for orphan, host in hosts.items() if own[host] > 3 * (own[host] - _other(sides, kind)[orphan])]
    found = np.array([scores.match.kind[host] == kind for _, host in large])
    assert len(large) > 30
    assert found.mean() > 0.6
    right = np.array([scores.match.orphan[host] == orphan for orphan, host in large])[found]
    assert right.mean() > 0.9
    assert (scores.match.kind > 0).sum() < 2 * len(hosts)


def _other(sides: Sides, kind: int) -> Floats:
    return sides.import_usd if kind == EXPORTS else sides.export_usd


def test_a_slip_in_one_measure_alone_does_not_carry_p() -> None:
    """A tenth of the weight is too little of a slip to be mended, and in the value nothing is amiss."""
    sides = world(LAWS["normal"])
    model = fitted(sides)
    sides.import_kg[:50] *= 0.1
    scores = score_sides(sides, model)
    assert (scores.z_kg[:50] < -4).mean() > 0.9
    assert scores.p_value[:50] == pytest.approx(stats.norm.cdf(scores.z_value[:50]), abs=1e-9)
