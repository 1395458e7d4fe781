"""The robust seasonal regression and the average over models for one series, as their equations read: oracles of the batched ones."""

import numpy as np

from tradeflow.model import expectation, level_shift, noise_models, seasonal
from tradeflow.model.scale import HUBER_SCALE_CUT, SMALLEST_SCALE


def slow_fit(log_amounts: np.ndarray, per_year: int) -> dict:
    """Return the robust fit of one series, under the names of `RobustFit`."""
    periods = len(log_amounts)
    rows = np.array([_row(t - periods, per_year) for t in range(periods)])
    target = _row(0, per_year)
    orders = list(range(1, seasonal.HARMONICS + 1)) if per_year > 1 else []
    prior_sd = np.array([seasonal.LEVEL_SD, seasonal.TREND_SD, *[seasonal.SEASON_SD / k for k in orders] * 2])
    known = np.isfinite(log_amounts)
    centre = np.median(log_amounts[known])
    y = np.where(known, log_amounts - centre, 0.0)
    residuals = y - _yearly_medians(y, known, per_year)
    start = residuals[known]
    scale = max(1.482602218505602 * np.median(np.abs(start - np.median(start))), SMALLEST_SCALE)
    for step in range(seasonal.ITERATIONS):
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
    steps = np.zeros(periods)
    for c, m in zip(chance[1:], models[1:], strict=True):
        steps += c * m["shift"] * ((np.arange(periods) >= m["place"]) - 1.0)
    return {
        "centre": centre,
        "fitted": y - residuals,
        "scale": scale,
        "leverage": models[0]["variance"],
        "shift_chance": 1 - chance[0],
        "steps": steps,
        "shift_variance": sum(c * (m["forecast"] - mean) ** 2 for c, m in zip(chance, models, strict=True)),
    }


def slow_expectation(history: np.ndarray, counted: np.ndarray, per_year: int, ahead: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return mean, covariance and noise variance over the models for one cleaned history: one Gaussian conditioning a model."""
    periods = len(history)
    age = np.concatenate([np.arange(periods, 0, -1), -np.arange(ahead)]).astype(float)
    log_likelihoods, means, covariances, noises = [], [], [], []
    for walk, carry in noise_models.MOVES:
        for season in noise_models.SEASONS if per_year > 1 else [(0.0, 1.0)]:
            joint = np.array([[_covariance(a, b, per_year, walk, carry, season) for b in age] for a in age])
            past, cross, own = joint[:periods, :periods], joint[:periods, periods:], joint[periods:, periods:]
            log_likelihood, noise = _judge(past[::-1, ::-1], history[::-1], counted[::-1])
            means.append(cross.T @ np.linalg.solve(past, history))
            covariances.append(noise * (own - cross.T @ np.linalg.solve(past, cross)))
            log_likelihoods.append(log_likelihood)
            noises.append(noise)
    weights = np.exp(np.array(log_likelihoods) - max(log_likelihoods))
    weights /= weights.sum()
    mean = sum(w * m for w, m in zip(weights, means, strict=True))
    spread = sum(w * (c + np.outer(m - mean, m - mean)) for w, m, c in zip(weights, means, covariances, strict=True))
    return mean, spread, float(weights @ noises)


def _covariance(a: float, b: float, per_year: int, walk: float, carry: float, season: tuple[float, float]) -> float:
    """Of two months by their ages, in units of the noise's variance."""
    total = noise_models.LEVEL_SD**2 + noise_models.TREND_SD**2 * a * b / per_year**2
    for order in range(1, noise_models.HARMONICS + 1):
        fading = np.exp(-abs(a - b) / per_year / season[1])
        total += (season[0] / order) ** 2 * fading * np.cos(2 * np.pi * order * (a - b) / per_year)
    shared = min(abs(a), abs(b)) if a * b > 0 else 0.0
    return total + walk**2 * shared * 12 / per_year + (carry ** abs(a - b) if a != b else 1.0)


def _judge(covariance: np.ndarray, newest_first: np.ndarray, counted: np.ndarray) -> tuple[float, float]:
    """Return log likelihood and noise variance from each month's surprise given the newer ones; the newest, the level, is not counted."""
    log_precision, squares, months = 0.0, expectation.PRIOR_MONTHS * expectation.PRIOR_SD**2, expectation.PRIOR_MONTHS
    for t in range(1, len(newest_first)):
        gain = np.linalg.solve(covariance[:t, :t], covariance[:t, t])
        sd = np.sqrt(covariance[t, t] - gain @ covariance[:t, t])
        if counted[t]:
            log_precision -= np.log(sd)
            squares += ((newest_first[t] - gain @ newest_first[:t]) / sd) ** 2
            months += 1
    return log_precision - 0.5 * months * np.log(squares), squares / max(months - 2, 1)


def _row(steps: int, per_year: int) -> np.ndarray:
    years = steps / per_year
    if per_year == 1:
        return np.array([1.0, years])
    orders = range(1, seasonal.HARMONICS + 1)
    return np.array([1.0, years, *[np.cos(2 * np.pi * k * years) for k in orders], *[np.sin(2 * np.pi * k * years) for k in orders]])


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
        "shift": coefficients[-1],
        "place": place,
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
