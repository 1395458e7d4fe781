"""How far each reporter's figures scatter, learnt from all its partners at once.

The variance of ln(importer / exporter) on a corridor is the sum of the two reporters' error variances; with many corridors each can be told
apart (MIRROR.md section 13, item 3; the idea is that of BACI's quality weights, Gaulier and Zignago 2010, without their ad-hoc floor).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import nnls

MIN_OBSERVATIONS = 5
"""Two-sided flows from which a corridor's variance is worth anything."""
_ROUNDS = 40
"""Rounds of reweighting at most; the weights usually stand after ten to twenty."""
_SETTLED = 1e-7
_MAX_VARIANCE = float(np.log(10) ** 2)
"""A corridor on which half the flows differ more than tenfold says that its figures cannot be compared, not how much worse they are."""
_PRIOR_OBSERVATIONS = 10
"""Flows that the typical reporter counts for when one with few corridors is judged."""
_NORMAL_MAD = 1.4826


def fit_reporter_reliability(gaps: pl.DataFrame, floor_sigma: float) -> pl.DataFrame:
    """Return reporter_code, flow_code (role), log_error_sigma, pair_count, observation_count.

    gaps: exporter_code, importer_code, gap_log; one row per two-sided flow. Non-negative least squares on the normal equations with weights
    (n / 2) / fit^2, the precision of a variance estimate, repeated until the weights stand. The split between the two roles is
    identified up to one constant, which the prior fixes. Reporters without a usable corridor get the median of their role.
    """
    corridors = _corridor_variances(gaps, floor_sigma)
    exporters, importers = _reporters(gaps, "exporter_code"), _reporters(gaps, "importer_code")
    if corridors.is_empty():
        return pl.concat([_reliability_rows(exporters, "X", np.full(len(exporters), np.nan), floor_sigma),
                          _reliability_rows(importers, "M", np.full(len(importers), np.nan), floor_sigma)])  # fmt: skip
    sources, targets = corridors["exporter_code"].unique().sort(), corridors["importer_code"].unique().sort()
    e = sources.search_sorted(corridors["exporter_code"]).to_numpy()
    i = targets.search_sorted(corridors["importer_code"]).to_numpy()
    export_variance, import_variance = _split_variance(
        e, i, corridors["_variance"].to_numpy(), corridors["_count"].to_numpy(), len(sources), len(targets)
    )
    by_exporter = exporters.join(pl.DataFrame({"reporter_code": sources, "_variance": export_variance}), on="reporter_code", how="left")
    by_importer = importers.join(pl.DataFrame({"reporter_code": targets, "_variance": import_variance}), on="reporter_code", how="left")
    return pl.concat([
        _reliability_rows(exporters, "X", by_exporter["_variance"].to_numpy(), floor_sigma),
        _reliability_rows(importers, "M", by_importer["_variance"].to_numpy(), floor_sigma),
    ])  # fmt: skip


def _corridor_variances(gaps: pl.DataFrame, floor_sigma: float) -> pl.DataFrame:
    spread = (pl.col("gap_log") - pl.col("gap_log").median()).abs().median() * _NORMAL_MAD
    floor = 2 * floor_sigma**2
    return (
        gaps.group_by("exporter_code", "importer_code")
        .agg((spread**2).clip(floor, _MAX_VARIANCE).alias("_variance"), pl.len().alias("_count"))
        .filter(pl.col("_count") >= MIN_OBSERVATIONS)
        .sort("exporter_code", "importer_code")
    )


def _reporters(gaps: pl.DataFrame, role: str) -> pl.DataFrame:
    partner = "importer_code" if role == "exporter_code" else "exporter_code"
    return (
        gaps.group_by(pl.col(role).alias("reporter_code"))
        .agg(
            pl.col(partner).n_unique().cast(pl.Int64).alias("pair_count"),
            pl.len().cast(pl.Int64).alias("observation_count"),
        )
        .sort("reporter_code")
    )


def _split_variance(
    e: NDArray[np.intp],
    i: NDArray[np.intp],
    variance: NDArray[np.float64],
    count: NDArray[np.float64],
    exporters: int,
    importers: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    typical = float(np.median(variance))
    solution = np.full(exporters + importers, typical / 2)
    for _ in range(_ROUNDS):
        fitted = solution[e] + solution[i + exporters]
        weight = (count / 2) / np.maximum(fitted, typical / 10) ** 2
        # The prior is a corridor of typical variance; like every other it weighs less the larger the fit is. With a fixed weight a reporter
        # with one wild corridor would be thrown from the prior to the corridor and back, round by round.
        prior_weight = (_PRIOR_OBSERVATIONS / 2) / np.maximum(2 * solution, typical / 10) ** 2
        normal, right = _normal_equations(e, i + exporters, variance, weight, exporters + importers)
        normal[np.diag_indices(len(right))] += prior_weight
        solved, _ = nnls(normal, right + prior_weight * typical / 2, maxiter=50 * len(right))
        # Half a step: whole ones can go to and fro between two solutions, and the last round would decide.
        moved = (solution + np.minimum(solved, _MAX_VARIANCE)) / 2
        is_settled = bool(np.max(np.abs(moved - solution)) < _SETTLED * typical)
        solution = moved
        if is_settled:
            break
    return solution[:exporters], solution[exporters:]


def _normal_equations(
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    target: NDArray[np.float64],
    weight: NDArray[np.float64],
    size: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    normal = np.zeros((size, size))
    np.add.at(normal, (first, second), weight)
    normal += normal.T
    np.add.at(normal, (first, first), weight)
    np.add.at(normal, (second, second), weight)
    right: NDArray[np.float64] = np.zeros(size)
    np.add.at(right, first, weight * target)
    np.add.at(right, second, weight * target)
    return normal, right


def _reliability_rows(reporters: pl.DataFrame, flow_code: str, variance: NDArray[np.float64], floor_sigma: float) -> pl.DataFrame:
    known = variance[np.isfinite(variance)]
    typical = float(np.median(known)) if len(known) else 0.25
    sigma = np.sqrt(np.maximum(np.where(np.isfinite(variance), variance, typical), floor_sigma**2))
    return reporters.select(
        "reporter_code",
        pl.lit(flow_code).alias("flow_code"),
        pl.Series("log_error_sigma", sigma, dtype=pl.Float64),
        "pair_count",
        "observation_count",
    )
