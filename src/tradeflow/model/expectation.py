"""What a series is expected to be in its next periods, from its history alone: the mean over many models, with how far they can be wrong.

The robust regression says which months of the history to believe; the grid of noise models, each weighted by how well it foretold the
history, says what follows from them. No series sees another, so a result does not depend on what else is in the table.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tradeflow.model.noise_models import NoiseModels, noise_models
from tradeflow.model.odd_month import believe_months
from tradeflow.model.seasonal import RobustFit, fit_robustly

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

LONGEST_HISTORY_YEARS = {12: 10, 1: 30}
"""By periods a year: older periods say nothing about the next one that newer ones do not."""
BELIEVED = 3.0
"""A residual of the regression is taken at no more than so many standard deviations to begin with."""
PRIOR_SD = 0.15
"""Standard deviation of the noise, log, before the history is seen,"""
PRIOR_MONTHS = 1.0
"""and the months that this counts for."""
SURE_SHIFT = (0.5, 0.9)
"""Between these chances a past shift of the level begins to be undone before the models see the history."""
HEAVY_TAILS = 0.1
"""Added noise variance, as a share: a month that is not cleaned varies more than those that were. Set on simulated series."""
SPENT_MONTHS = 24.0
"""Coefficients that are paid for by known months, not by filled gaps, about twice over. Set on simulated series."""
BLOCK_SERIES = 128
"""Series computed at once: so few stay in a processor's cache."""


@dataclass(frozen=True)
class Expectation:
    """The next A periods of each series, natural log."""

    mean: Array
    """(series, A)"""
    covariance: Array
    """(series, A, A)"""

    @property
    def sd(self) -> Array:
        """(series, A)"""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))


def expect_months(
    log_kg: Array, rows: NDArray[np.intp], columns: NDArray[np.intp], periods_per_year: int, *, ahead: int = 1, workers: int = 2
) -> Expectation:
    """Expect, for each pair of a row and a column of `log_kg` (series, periods), the `ahead` periods from that column on.

    NaN where no amount is known. A history reaches from the series' first amount to the column before, at most LONGEST_HISTORY_YEARS. The
    result has one row per pair, NaN where there is no amount before the column.
    """
    longest = LONGEST_HISTORY_YEARS[periods_per_year] * periods_per_year
    known = np.isfinite(log_kg)
    first = np.where(known.any(axis=1), np.argmax(known, axis=1), log_kg.shape[1])
    lengths = np.clip(columns - first[rows], 0, longest)
    mean, covariance = np.full((len(rows), ahead), np.nan), np.full((len(rows), ahead, ahead), np.nan)

    def expect_part(part: NDArray[np.intp]) -> None:
        length = int(lengths[part[0]])
        months = columns[part][:, None] + np.arange(-length, 0)
        models = noise_models(length, periods_per_year, ahead, longest)
        found = _expect_block(log_kg[rows[part][:, None], months], models, periods_per_year)
        mean[part], covariance[part] = found.mean, found.covariance

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(expect_part, _parts_of_one_length(lengths)):
            pass
    return Expectation(mean, covariance)


def _parts_of_one_length(lengths: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return the places of histories that are equally long, at most BLOCK_SERIES together; those of no length are left out."""
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    edges = np.flatnonzero(np.diff(lengths[order])) + 1
    return [run[start : start + BLOCK_SERIES] for run in np.split(order, edges) for start in range(0, len(run), BLOCK_SERIES)]


def _expect_block(log_amounts: Array, models: NoiseModels, periods_per_year: int) -> Expectation:
    fit = fit_robustly(log_amounts, periods_per_year)
    is_sure = np.clip((fit.shift_chance - SURE_SHIFT[0]) / (SURE_SHIFT[1] - SURE_SHIFT[0]), 0.0, 1.0)
    history, counted = _clean(fit, is_sure, models)
    mean, covariance, noise = _average_models(history, counted, models)
    shared, own = _doubts(fit, is_sure, counted, noise)
    whole = covariance + shared[:, None, None] + own[:, None, None] * np.eye(mean.shape[1])
    return Expectation(fit.centre[:, None] + mean, whole)


def _clean(fit: RobustFit, is_sure: Array, models: NoiseModels) -> tuple[Array, Array]:
    """Return the history as it is believed, gaps filled and past shifts undone, and how far each month counts."""
    level = fit.fitted - is_sure[:, None] * fit.steps
    reach = BELIEVED * fit.scale[:, None]
    believed = level + np.clip(fit.residuals, -reach, reach)
    amounts = level + fit.residuals
    history, counted = believe_months(amounts[:, ::-1], fit.known[:, ::-1], believed[:, ::-1], fit.scale, models.precision)
    return history[:, ::-1], counted[:, ::-1]


def _average_models(history: Array, counted: Array, models: NoiseModels) -> tuple[Array, Array, Array]:
    """Return the mean, the covariance and the noise variance over the models, each weighted by its likelihood.

    The noise variance is integrated out under an inverse gamma prior (Zellner 1971, section 3.2). The first surprise is the level itself,
    which no model foretells, so it is not counted.
    """
    series, periods = history.shape
    newest_first = history[:, ::-1]
    surprises = (newest_first @ models.whiten).reshape(series, -1, periods)
    counts = counted[:, ::-1].copy()
    counts[:, 0] = 0.0
    freedom = PRIOR_MONTHS + counts.sum(axis=1, keepdims=True)
    squares = PRIOR_MONTHS * PRIOR_SD**2 + np.matmul(np.square(surprises, out=surprises), counts[:, :, None])[:, :, 0]
    log_likelihood = counts @ models.log_precision - 0.5 * freedom * np.log(squares)
    weights = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    means = (newest_first @ models.forecast).reshape(series, len(models.covariance), -1)
    mean = np.matmul(weights[:, None, :], means)[:, 0]
    apart = means - mean[:, None]
    between = np.matmul((weights[:, :, None] * apart).transpose(0, 2, 1), apart)
    noise = weights * squares / np.maximum(freedom - 2.0, 1.0)
    within = np.tensordot(noise, models.covariance, axes=1)
    return mean, within + between, noise.sum(axis=1)


def _doubts(fit: RobustFit, is_sure: Array, counted: Array, noise_variance: Array) -> tuple[Array, Array]:
    """Return the variance that the models leave out: shared by all periods ahead, and of each one alone."""
    periods = counted.shape[1]
    known = np.maximum(counted.sum(axis=1), 1)
    shared = is_sure * fit.shift_variance + fit.scale**2 * fit.leverage * (1 - known / periods)
    own = noise_variance * (HEAVY_TAILS + SPENT_MONTHS * (1 / known - 1 / periods))
    return shared, own
