"""The robust seasonal regression for one series, written as its equations read: the oracle of the batched fit."""

import numpy as np

from tradeflow.model import level_shift, seasonal
from tradeflow.model.scale import HUBER_SCALE_CUT, SMALLEST_SCALE


def slow_forecast(log_amounts: np.ndarray, per_year: int, horizon: int = 1) -> tuple[float, float, float, float]:
    """Return mean, scale, relative variance and extra variance of the forecast of one series."""
    periods = len(log_amounts)
    target_at = periods - 1 + horizon
    rows = np.array([_row(t - target_at, per_year) for t in range(periods)])
    target = _row(0, per_year)
    orders = [1, 2] if per_year > 1 else []
    prior_sd = np.array([seasonal.LEVEL_SD, seasonal.TREND_SD, *[seasonal.SEASON_SD / k for k in orders] * 2])
    known = np.isfinite(log_amounts)
    centre = np.median(log_amounts[known])
    y = np.where(known, log_amounts - centre, 0.0)
    residuals = y - _yearly_medians(y, known, per_year)
    start = residuals[known]
    scale = max(1.482602218505602 * np.median(np.abs(start - np.median(start))), SMALLEST_SCALE)
    for step in range(5):
        weights = np.array([_weight(r, scale, step >= 2) if k else 0.0 for r, k in zip(residuals, known, strict=True)])
        prior = np.diag((scale / prior_sd) ** 2)
        models = [_fit(rows, y, weights, prior, scale, target, None)]
        models += [m for place in _places(weights) if (m := _fit(rows, y, weights, prior, scale, target, place)) is not None]
        log_evidence = np.array([m["log_evidence"] for m in models])
        places = max(len(models) - 1, 1)
        log_prior = np.array([np.log(1 - level_shift.SHIFT_CHANCE)] + [np.log(level_shift.SHIFT_CHANCE / places)] * (len(models) - 1))
        chance = np.exp(log_evidence + log_prior - (log_evidence + log_prior).max())
        chance /= chance.sum()
        residuals = y - sum(c * m["fitted"] for c, m in zip(chance, models, strict=True))
        scale = _huber_scale(residuals[known], scale, known.sum() - models[0]["coefficients"])
    mean = sum(c * m["forecast"] for c, m in zip(chance, models, strict=True))
    relative = sum(c * m["variance"] for c, m in zip(chance, models, strict=True))
    extra = sum(c * (m["forecast"] - mean) ** 2 for c, m in zip(chance, models, strict=True))
    carried, kept = _carry(residuals, known, scale, horizon)
    return centre + mean + carried, scale, kept + relative, extra


def _row(steps: int, per_year: int) -> np.ndarray:
    years = steps / per_year
    if per_year == 1:
        return np.array([1.0, years])
    return np.array([1.0, years, *[np.cos(2 * np.pi * k * years) for k in (1, 2)], *[np.sin(2 * np.pi * k * years) for k in (1, 2)]])


def _weight(residual: float, scale: float, redescends: bool) -> float:
    if redescends:
        return max(1 - (residual / (seasonal.BISQUARE_CUT * scale)) ** 2, 0.0) ** 2
    return min(1.0, seasonal.HUBER_CUT * scale / max(abs(residual), 1e-12))


def _yearly_medians(y, known, per_year):
    length = max(per_year, 5)
    years = max(round(len(y) / length), 1)
    medians = np.zeros(len(y))
    for year in range(years):
        high = len(y) - year * length
        low = 0 if year == years - 1 else high - length
        inside = [y[t] for t in range(low, high) if known[t]]
        medians[low:high] = np.median(inside) if inside else 0.0
    return medians


def _places(weights: np.ndarray) -> list[int]:
    periods = len(weights)
    candidates = range(periods % level_shift.STEP, periods, level_shift.STEP)
    return [p for p in candidates if weights[p:].sum() >= level_shift.SHORTEST_SIDE and weights[:p].sum() >= level_shift.SHORTEST_SIDE]


def _fit(rows, y, weights, prior, scale, target, place):
    """Weighted ridge regression with the step as one more column; its evidence with the noise variance integrated out."""
    if place is not None:
        rows = np.column_stack([rows, np.arange(len(y)) >= place])
        target = np.append(target, 1.0)
        prior = np.block([[prior, np.zeros((len(prior), 1))], [np.zeros((1, len(prior))), (scale / level_shift.SHIFT_SD) ** 2]])
    normal = rows.T @ np.diag(weights) @ rows
    coefficients = np.linalg.solve(normal + prior, rows.T @ (weights * y))
    fitted = rows @ coefficients
    unexplained = (weights * (y - fitted) ** 2).sum() + coefficients @ prior @ coefficients
    log_evidence = (
        0.5 * np.linalg.slogdet(prior)[1] - 0.5 * np.linalg.slogdet(normal + prior)[1] - 0.5 * weights.sum() * np.log(unexplained)
    )
    return {
        "forecast": target @ coefficients,
        "fitted": fitted,
        "variance": target @ np.linalg.solve(normal + prior, target),
        "log_evidence": log_evidence,
        "coefficients": np.trace(np.linalg.solve(normal + prior, normal)),
    }


def _huber_scale(residuals, scale, count):
    draws = np.linspace(-8, 8, 400_001)
    density = np.exp(-(draws**2) / 2) / np.sqrt(2 * np.pi)
    expected = (np.minimum(np.abs(draws), HUBER_SCALE_CUT) ** 2 * density).sum() * (draws[1] - draws[0])
    for _ in range(2):
        total = sum(min(abs(r), HUBER_SCALE_CUT * scale) ** 2 for r in residuals)
        scale = max(np.sqrt(total / (max(count, 2.0) * expected)), SMALLEST_SCALE)
    return scale


def _carry(residuals, known, scale, horizon):
    clipped = np.clip(residuals, -2 * scale, 2 * scale)
    pairs = [t for t in range(1, len(known)) if known[t] and known[t - 1]]
    together = sum(clipped[t] * clipped[t - 1] for t in pairs)
    alone = sum(clipped[t - 1] ** 2 for t in pairs)
    phi = min(max(together / (alone + seasonal.CARRY_PRIOR_MONTHS * scale**2), 0.0), 0.8) ** horizon
    phi = phi if known[-1] else 0.0
    return phi * clipped[-1], 1 - phi**2
