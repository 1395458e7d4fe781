"""What kind of change the newest six months show, when it began, and how strong the evidence is for any change at all.

Each shape at each month, and in each of many sizes, is held against no change by its Bayes factor on what the months before foretold of
all six together. One score serves all shapes: the mean of the factors, each shape with the chance that it has among changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tradeflow.model.excess import log_density, size_chances
from tradeflow.model.expectation import Expectation
from tradeflow.model.hurdle import restart_chance

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

WINDOW = 6
"""Months that are looked at together."""
RESTART = "first_trade_after_silence"
KINDS = ("none", "spike", "level_shift", "ramp", "front_loading", RESTART)
KIND_CHANCE = {"spike": 0.42, "level_shift": 0.47, "ramp": 0.1, "front_loading": 0.01}
"""How changes of amount divide among the kinds before a series is looked at: weighs the score, not the name."""
SHORTEST_SHIFT = 3
"""A level has surely shifted when it has stayed for so many months;"""
YOUNG_SHIFT = 0.15
"""one that has stayed for a month less is so much less likely than each of the others."""
SHORTEST_RAMP = 4
FEWEST_RAISED = 2
"""Months with raised amounts from which anything but a spike is named."""
USUAL_SIZE = {"spike": (1.1, 0.25), "level_shift": (0.7, 0.2), "ramp": (0.7, 0.2), "front_loading": (0.7, 0.2)}
"""Size that is usual for a kind, log, and how far the log of the size varies: a spike triples, a lasting change doubles."""
ANY_SIZE = 0.2
"""Chance that a change is of no usual size: several months together are seldom a slip."""
WINDOW_DEGREES = 6.0
"""Degrees of freedom of Student's t for what is new in a month of the window; a little wilder than for a month
alone, where six are joined."""
STRONG = 10.0
"""Bayes factor from which a change is named: strong evidence (Jeffreys 1961, appendix B)."""
SILENT_MONTHS = 12
"""Months known to be without trade, just before the window, after which any trade is the first after long silence."""
_SIZES = np.geomspace(0.15, 10.0, 20)


@dataclass(frozen=True)
class Shapes:
    """The shapes that are tried; arrays of shape (shapes, WINDOW) or (shapes,)."""

    profile: Array
    """What one unit of the change adds to the log of each month."""
    kind: NDArray[np.str_]
    start: NDArray[np.intp]
    """The month, counted from the window's first, in which the change begins."""
    chance: Array
    """The chance of a shape among those of its kind."""


@dataclass(frozen=True)
class Changes:
    """What the window of each series shows; arrays of shape (series,)."""

    log_evidence: Array
    """Log Bayes factor of any change against none."""
    kind: NDArray[np.str_]
    """One of KINDS: the one that explains the window best, "none" where the evidence is not STRONG."""
    start: NDArray[np.intp]
    """The month, counted from the window's first, in which the change begins; -1 where there is none."""


def find_changes(log_kg: Array, expected: Expectation, silent_periods: NDArray[np.int64], control_month: int | None = None) -> Changes:
    """Judge the window `log_kg` (series, WINDOW), NaN where no amount is known, against what was expected of it before it began.

    `silent_periods` (series,): known periods without trade just before the window. `control_month`: the month of the window from which
    trade was controlled; front-loading then ends just before it.
    """
    shapes = make_shapes(control_month)
    factors = _shape_evidence(log_kg, expected, shapes)
    weighted = factors + np.log(shapes.chance)
    of_amounts = special.logsumexp(_sum_by_kind(weighted, shapes), axis=1, b=np.array(list(KIND_CHANCE.values())))
    has_amount = np.isfinite(log_kg)
    named, start = _name_change(weighted, has_amount, shapes)
    is_restart = (silent_periods >= SILENT_MONTHS) & has_amount.any(axis=1)
    restart = -np.log1p(-((1 - restart_chance(silent_periods)) ** WINDOW))
    log_evidence = np.where(is_restart, restart + np.logaddexp(0.0, of_amounts) - np.log(2), of_amounts)
    is_change = is_restart | (log_evidence > np.log(STRONG))
    kind = np.where(is_restart, RESTART, np.where(is_change, named, "none"))
    first = np.where(is_restart, np.argmax(has_amount, axis=1), start)
    return Changes(log_evidence, kind, np.where(is_change, first, -1))


def _name_change(weighted: Array, has_amount: Mask, shapes: Shapes) -> tuple[NDArray[np.str_], NDArray[np.intp]]:
    """Return the kind of change that the amounts speak for most, and the first month with an amount from which it shows.

    One raised amount between months without any is a spike: nothing has stayed.
    """
    raised = has_amount @ (shapes.profile > 0).T.astype(np.int64)
    told = np.where((shapes.kind == "spike") | (raised >= FEWEST_RAISED), weighted, -np.inf)
    named = np.array(list(KIND_CHANCE))[np.argmax(_sum_by_kind(told, shapes), axis=1)]
    start = shapes.start[np.argmax(np.where(shapes.kind == named[:, None], told, -np.inf), axis=1)]
    is_from = has_amount & (np.arange(WINDOW) >= start[:, None])
    return named, np.where(is_from.any(axis=1), is_from.argmax(axis=1), start)


def _sum_by_kind(weighted: Array, shapes: Shapes) -> Array:
    """Return (series, kinds): the log of the weighted factors' sum, kinds as in KIND_CHANCE."""
    return np.column_stack([special.logsumexp(weighted[:, shapes.kind == name], axis=1) for name in KIND_CHANCE])


def make_shapes(control_month: int | None = None) -> Shapes:
    """Return every shape at every month in which it can begin."""
    months: Array = np.arange(WINDOW, dtype=np.float64)
    found: list[tuple[str, int, Array]] = []
    found += [("spike", start, _indicator(months == start)) for start in range(WINDOW)]
    found += [("level_shift", start, _indicator(months >= start)) for start in range(WINDOW - SHORTEST_SHIFT + 2)]
    for start in range(WINDOW - SHORTEST_RAMP + 1):
        found.append(("ramp", start, np.asarray(np.maximum(months - start + 1, 0.0) / (WINDOW - start), dtype=np.float64)))
    for end in range(2, WINDOW - 1) if control_month is None else [control_month]:
        for start in range(max(end - 3, 0), end - 1):
            found.append(("front_loading", start, _indicator((months >= start) & (months < end)) - _indicator(months >= end)))
    kind = np.array([name for name, _, _ in found])
    starts = np.array([start for _, start, _ in found], dtype=np.intp)
    weight = np.where((kind == "level_shift") & (starts == WINDOW - SHORTEST_SHIFT + 1), YOUNG_SHIFT, 1.0)
    of_kind = (kind[:, None] == kind[None, :]) @ weight
    return Shapes(np.array([profile for _, _, profile in found]), kind, starts, weight / of_kind)


def _indicator(is_inside: Mask) -> Array:
    return is_inside.astype(np.float64)


def _shape_evidence(log_kg: Array, expected: Expectation, shapes: Shapes) -> Array:
    """Return (series, shapes): log Bayes factors, over sizes; a month without an amount or an expectation says nothing."""
    is_known = np.isfinite(log_kg) & np.isfinite(expected.mean)
    whiten = _whitener(expected.covariance, is_known)
    above = np.minimum(log_kg - expected.mean, _SIZES[-1])
    surprise = np.matmul(whiten, np.where(is_known, above, 0.0)[:, :, None])[:, None, :, 0]
    profiles = np.matmul(whiten, is_known[:, :, None] * shapes.profile.T).transpose(0, 2, 1)
    null = log_density(surprise, WINDOW_DEGREES).sum(axis=2)
    usual = [USUAL_SIZE[kind] for kind in shapes.kind]
    chances = np.array([size_chances(_SIZES, size, spread, ANY_SIZE) for size, spread in usual])
    total = np.zeros(profiles.shape[:2])
    for place, size in enumerate(_SIZES):
        total += chances[:, place] * np.exp(log_density(surprise - size * profiles, WINDOW_DEGREES).sum(axis=2) - null)
    return np.asarray(np.log(total))


def _whitener(covariance: Array, is_known: Mask) -> Array:
    """Return the inverse Cholesky factors; a month that is not known is made independent of the others."""
    both = is_known[:, :, None] & is_known[:, None, :]
    lower = np.linalg.cholesky(np.where(both, covariance, np.eye(covariance.shape[1])))
    return np.asarray(np.linalg.inv(lower))
