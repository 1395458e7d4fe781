"""What others do with the two sides of a trade, from their published formulas: both reports in, one estimate or one score out.

An estimate of a one-sided flow is the side that is there. The importer's side is brought to FOB by the IMF's factor 1.06 before it is used,
unless the method names its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]

IMF_FACTOR = 1.06
"""CIF over FOB in the Direction of Trade Statistics; GFI takes the same, its older reports 1.10."""
GFI_FACTOR = 1.10
FAO_FACTOR = 1.12
_FAO_RATIO = 2.0
"""Reports that differ more than this are discrepant; the module leaves the figure to the run."""
_FAO_CLASSES = 10
_ROUNDS = 200
_SETTLED = 1e-10
_SMALLEST_SIGMA = 0.01
"""BACI's sigma of the best reporter is below 0 by construction; a variance must not be."""


@dataclass(frozen=True)
class Sides:
    """Two reports per flow; NaN where a side is silent. e, i, k number the exporters, importers and commodities from 0.

    x: the exporter's figure; m: the importer's, as it stands in the report. factor: CIF over FOB that a plain method divides by; 1 for kg.
    """

    e: Counts
    i: Counts
    k: Counts
    x: Floats
    m: Floats
    factor: float = IMF_FACTOR

    @property
    def fob(self) -> Floats:
        """The importer's figure on the exporter's basis, by one factor for all."""
        return self.m / self.factor

    @property
    def is_two_sided(self) -> NDArray[np.bool_]:
        """Whether both sides report more than nothing."""
        return (self.x > 0) & (self.m > 0)


def take_sides(pairs: pl.DataFrame, export: str, imported: str, factor: float) -> Sides:
    """Read two columns of a table of pairs: exporter, importer, commodity and both sides' figures."""
    e, i, k = (pairs[name].rank("dense").to_numpy().astype(np.intp) - 1 for name in ("exporter", "importer", "commodity"))
    x, m = (pairs[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in (export, imported))
    return Sides(e, i, k, x, m, factor)


def exporter_only(sides: Sides) -> Floats:
    """The exporter's report; the importer's where there is none."""
    return _fill(sides.x, sides)


def importer_only(sides: Sides) -> Floats:
    """The importer's report over 1.06 (IMF); the exporter's where there is none."""
    return _fill(sides.fob, sides)


def geometric_mean(sides: Sides) -> Floats:
    """The mean of both logarithms."""
    return _fill(np.sqrt(sides.x * sides.fob), sides)


def fao_ratio_rule(sides: Sides) -> Floats:
    """FAO's trade module: the side of the better accuracy class where the two differ more than twofold; else, and on a tie, the importer's.

    Accuracy of a reporter in one role: over its partners, the sum of the correlation of both sides' figures across commodities times the
    share of commodities that the pair has in common. Classes are tenths of the reporters.
    """
    fob = sides.m / FAO_FACTOR if sides.factor > 1 else sides.m
    exporter_class = _tenths(_fao_accuracy(sides, sides.e))[sides.e]
    importer_class = _tenths(_fao_accuracy(sides, sides.i))[sides.i]
    is_discrepant = np.abs(np.log(fob / sides.x)) > np.log(_FAO_RATIO)
    chosen = np.where(is_discrepant & (exporter_class > importer_class), sides.x, fob)
    return np.where(sides.is_two_sided, chosen, np.where(sides.x > 0, sides.x, fob))


def _fao_accuracy(sides: Sides, reporter: Counts) -> Floats:
    both = sides.is_two_sided
    rows = pl.DataFrame({"reporter": reporter, "e": sides.e, "i": sides.i, "k": sides.k, "x": sides.x, "m": sides.m})
    per_pair = rows.filter(pl.Series(both)).group_by("reporter", "e", "i").agg(pl.corr("x", "m"), pl.len().alias("n"))
    score = per_pair.filter(pl.col("x").is_finite()).select("reporter", (pl.col("x") * pl.col("n")).alias("score"))
    items = rows.group_by("reporter").agg(pl.col("k").n_unique().alias("items"))
    summed = items.join(score.group_by("reporter").sum(), on="reporter", how="left").sort("reporter")
    return (summed["score"].fill_null(0) / summed["items"]).to_numpy()


def _tenths(score: Floats) -> Counts:
    rank = np.argsort(np.argsort(score, kind="stable"), kind="stable")
    tenth: Counts = rank * _FAO_CLASSES // len(score)
    return tenth


def baci_quality_weights(sides: Sides) -> Floats:
    """BACI (Gaulier and Zignago 2010): |ln ratio| on exporter, importer and commodity effects, weighted by ln of the sum of both reports.

    sigma = pi/2 (effect - least effect - 2 standard errors), error variance e^(sigma^2) (e^(sigma^2) - 1), weights inverse to it.
    """
    both = sides.is_two_sided
    distance = np.abs(np.log(sides.x[both] / sides.fob[both]))
    weight = np.maximum(np.log(sides.x[both] + sides.fob[both]), 0.1)
    effects, residual_variance = _fit_effects(distance, weight, [sides.e[both], sides.i[both], sides.k[both]], _sizes(sides))
    sigmas = []
    for effect, group in zip(effects[:2], (sides.e, sides.i), strict=True):
        seen = np.bincount(group[both], weight, len(effect))
        error = np.sqrt(residual_variance / np.maximum(seen, 1e-9))
        sigma = np.pi / 2 * (effect - effect[seen > 0].min() - 2 * error)
        sigmas.append(np.where(seen > 0, np.maximum(sigma, _SMALLEST_SIGMA), np.nan))
    exporter_variance, importer_variance = (_log_normal_variance(np.where(np.isnan(s), np.nanmedian(s), s)) for s in sigmas)
    v_e, v_i = exporter_variance[sides.e], importer_variance[sides.i]
    return _fill((v_i * sides.x + v_e * sides.fob) / (v_e + v_i), sides)


def _log_normal_variance(sigma: Floats) -> Floats:
    growth: Floats = np.exp(np.minimum(sigma, 5.0) ** 2)
    return growth * (growth - 1)


def _sizes(sides: Sides) -> list[int]:
    return [int(group.max(initial=-1)) + 1 for group in (sides.e, sides.i, sides.k)]


def _fit_effects(target: Floats, weight: Floats, groups: list[Counts], sizes: list[int]) -> tuple[list[Floats], float]:
    """Weighted least squares on several groups of effects, each summing to zero, by turns; return them and the residual variance."""
    total = np.average(target, weights=weight)
    effects = [np.zeros(size) for size in sizes]
    mass = [np.maximum(np.bincount(group, weight, size), 1e-12) for group, size in zip(groups, sizes, strict=True)]
    left = target - total
    for _ in range(_ROUNDS):
        moved = 0.0
        for effect, group, seen in zip(effects, groups, mass, strict=True):
            step = np.bincount(group, weight * left, len(effect)) / seen
            effect += step
            left = left - step[group]
            moved = max(moved, float(np.abs(step).max(initial=0)))
        if moved < 1e-6:
            break
    # Standard errors are those of a weighted mean: weights are relative, so the variance is that of a row of weight 1.
    return [effect - effect[seen > 1e-9].mean() for effect, seen in zip(effects, mass, strict=True)], float(np.mean(weight * left**2))


def growth_lab_fixed_point(sides: Sides) -> Floats:
    """Growth Lab's fixed point, each role updated from the other's newest scores so that it settles, and softmax weights.

    A_e = n_e / sum over i of d_ei A_i; A_i likewise; d = |x - m| / (x + m) of a pair's totals. Weights exp(A) over their sum.
    """
    e, i, distance, sizes = _pair_distances(sides)
    exporter, importer = np.ones(sizes[0]), np.ones(sizes[1])
    n_e, n_i = np.bincount(e, minlength=sizes[0]), np.bincount(i, minlength=sizes[1])
    for _ in range(_ROUNDS):
        before = exporter
        exporter = n_e / np.maximum(np.bincount(e, distance * importer[i], sizes[0]), 1e-9)
        importer = n_i / np.maximum(np.bincount(i, distance * exporter[e], sizes[1]), 1e-9)
        # The two are told apart up to a factor: it is fixed so that both roles have the same mean.
        scale = np.sqrt(importer.mean() / exporter.mean())
        exporter, importer = exporter * scale, importer / scale
        if np.abs(exporter - before).max() < _SETTLED * exporter.max():
            break
    return _weigh_softmax(sides, exporter, importer)


def growth_lab_pair_graph(sides: Sides) -> Floats:
    """The method as Growth Lab's paper states it: D_jk = a_j + a_k by least squares on the graph of pairs, reliability 1 - a, softmax."""
    e, i, distance, sizes = _pair_distances(sides)
    design = np.zeros((sum(sizes), sum(sizes)))
    np.add.at(design, (e, sizes[0] + i), 1)
    design += design.T
    np.fill_diagonal(design, np.concatenate([np.bincount(e, minlength=sizes[0]), np.bincount(i, minlength=sizes[1])]))
    right = np.concatenate([np.bincount(e, distance, sizes[0]), np.bincount(i, distance, sizes[1])])
    effect = np.linalg.lstsq(design, right, rcond=None)[0]
    return _weigh_softmax(sides, 1 - effect[: sizes[0]], 1 - effect[sizes[0] :])


def _pair_distances(sides: Sides) -> tuple[Counts, Counts, Floats, list[int]]:
    """Return exporters, importers and |x - m| / (x + m) of the pairs' totals over commodities; a missing side counts as nothing."""
    rows = pl.DataFrame({"e": sides.e, "i": sides.i, "x": np.nan_to_num(sides.x), "m": np.nan_to_num(sides.fob)})
    totals = rows.group_by("e", "i", maintain_order=True).sum().filter(pl.col("x") + pl.col("m") > 0)
    distance = ((totals["x"] - totals["m"]).abs() / (totals["x"] + totals["m"])).to_numpy()
    return totals["e"].to_numpy(), totals["i"].to_numpy(), distance, _sizes(sides)[:2]


def _weigh_softmax(sides: Sides, exporter: Floats, importer: Floats) -> Floats:
    lead = np.clip(exporter[sides.e] - importer[sides.i], -500, 500)
    share = 1 / (1 + np.exp(-lead))
    return _fill(share * sides.x + (1 - share) * sides.fob, sides)


def _fill(estimate: Floats, sides: Sides) -> Floats:
    one_side = np.where(sides.x > 0, sides.x, sides.fob)
    filled: Floats = np.where(sides.is_two_sided, estimate, one_side)
    return filled


def gfi_gap(sides: Sides) -> Floats:
    """Global Financial Integrity's gap: what left less what arrived over 1.10, in absolute figures."""
    return sides.x - sides.m / (GFI_FACTOR if sides.factor > 1 else 1)


def discrepancy_index(sides: Sides) -> Floats:
    """The World Bank's index (x - m) / (x + m), on the reports as they stand; a rule on the ratio, such as FAO's, ranks the same."""
    return (sides.x - sides.m) / (sides.x + sides.m)


ESTIMATES: dict[str, Callable[[Sides], Floats]] = {
    "exporter only": exporter_only,
    "importer / 1.06": importer_only,
    "geometric mean": geometric_mean,
    "FAO ratio rule": fao_ratio_rule,
    "BACI quality weights": baci_quality_weights,
    "Growth Lab fixed point": growth_lab_fixed_point,
    "Growth Lab pair graph": growth_lab_pair_graph,
}
SCORES: dict[str, Callable[[Sides], Floats]] = {"GFI gap": gfi_gap, "discrepancy index (FAO rule)": discrepancy_index}
