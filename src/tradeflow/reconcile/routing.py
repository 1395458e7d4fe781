"""Under which partner a reporter books trade that goes elsewhere, learnt from the reports that have no mirror.

An exporter that knows only the first port books a market's goods under the hub; an importer names the country of consignment. Who does this
does it for much of a route. How often is learnt by expectation and maximisation (Dempster, Laird and Rubin 1977): each report without a
mirror, an orphan, was either left out by the other side, or booked by it under one of the partners for which it reports the same goods in
the same period.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tradeflow.reconcile.corridor import sum_by
from tradeflow.reconcile.sides import Floats, Ints

_ROUNDS = 20
_OWN_ROUNDS = 3
_PRIOR_REPORTS = 10.0
"""Reports of a route that what all reporters show under a named partner counts for."""
_PRIOR_MISSING = 20.0
_FIRST_SHARE = 0.25
"""Part of the orphans that is booked elsewhere to begin with."""
_NOTHING = 1e-6
_LEAST_HUB = 0.002
"""Share of all others' trade that must be booked under a partner to make it a hub; what is learnt below it is coincidence of amounts."""
_LEAST_BOOKINGS = 10.0
"""Reports that must be booked under it besides: in a small table a few coincidences are a large share."""
_HUBS_FROM_ROUND = 10
_LONE_BOOKING = 1.0
"""Bookings of a route under a partner that is no hub which do not count: one may be a coincidence, and two would vouch for one another."""


@dataclass(frozen=True)
class Quiet:
    """Reports of the silent side that show no gap: they may hold an orphan's trade all the same.

    orphans: places of orphans among all pairs; orphan_cell: of each its market and reporter, numbered below `cells`; host_cell: the same of
    each quiet report; named: the partner under which it stands.
    """

    orphans: Ints
    orphan_cell: Ints
    host_cell: Ints
    named: Ints
    cells: int


@dataclass(frozen=True)
class Candidates:
    """Orphans, each with every report of the silent side (a host) of the same market that may hold its trade; places among all pairs.

    reporter: the silent side; partner: who reports the orphan; named: the partner under which the host stands. likelihood: of the host's
    figure if it holds the orphan's trade, over that if it does not. foreign: what a host without a mirror adds to this, times the share of
    their trade that the named partner leaves out. is_alone: whether the orphan's trade rather fills the host than adds to it.
    """

    orphan: Ints
    host: Ints
    reporter: Ints
    partner: Ints
    named: Ints
    likelihood: Floats
    foreign: Floats
    is_alone: NDArray[np.bool_]
    quiet: Quiet
    number: Ints
    """Of the orphan among `quiet.orphans`."""


@dataclass(frozen=True)
class Reports:
    """What is counted of whole markets in which one side may have booked trade elsewhere.

    routes: sorted reporter * areas + partner, with the partner's reports of each; orphans: the same number of each orphan; named and lone:
    reports of the silent side by the partner under which they stand, all and without a mirror; quiet_likelihood: by that partner, the mean
    likelihood of quiet reports.
    """

    areas: int
    routes: Ints
    of_route: Floats
    orphans: Ints
    named: Floats
    lone: Floats
    quiet_likelihood: Floats


@dataclass(frozen=True)
class Routing:
    """How often each reporter leaves a partner's trade out, or books it under another partner, of one direction of trade."""

    areas: int
    keys: Ints
    """(reporter * areas + partner) * areas + named partner; sorted."""
    booked: Floats
    """By key: the partner's reports that are held by reports under the named one."""
    reports: Floats
    """By key: the partner's reports, as far as they would be seen to be held."""
    usual: Floats
    """By named partner: the share of anybody's trade with others that is booked under it."""
    missing: Floats
    """By reporter: the share of trade that it does not report."""
    unmirrored: Floats
    """By named partner: the share of trade that it does not report."""
    quiet_likelihood: Floats

    @cached_property
    def is_hub(self) -> NDArray[np.bool_]:
        """By area: whether others' trade is booked under it."""
        hubs: NDArray[np.bool_] = self.usual > _NOTHING
        return hubs

    @cached_property
    def may_hold(self) -> NDArray[np.bool_]:
        """By reporter and named partner: whether what is learnt lets a report hold another partner's trade at all."""
        held = np.tile(self.is_hub, (self.areas, 1))
        keys = self.keys[self.booked > _LONE_BOOKING]
        held[keys // self.areas // self.areas, keys % self.areas] = True
        return held


def no_routing(areas: int) -> Routing:
    """Return that of reporters which book nothing elsewhere."""
    none, nothing = np.empty(0), np.full(areas, _NOTHING)
    return Routing(areas, np.empty(0, np.intp), none, none, nothing, nothing, np.ones(areas), nothing)


def weigh_candidates(given: Candidates, routing: Routing) -> Floats:
    """Return the chance that the host holds the orphan's trade: each orphan was left out, or booked under one partner."""
    key = (given.reporter * routing.areas + given.partner) * routing.areas + given.named
    place = np.searchsorted(routing.keys, key)
    is_new = np.append(routing.keys, -1)[place] != key
    return _weigh(given, routing, np.where(is_new, len(routing.keys), place), _quiet_weight(given, routing))


def _weigh(given: Candidates, routing: Routing, place: Ints, quiet_weight: Floats) -> Floats:
    """place: of each candidate's key, one beyond the last where it is new. quiet_weight: see `_quiet_weight`.

    A candidate does not speak for itself: what it adds to its own route's share is taken out again.
    """
    is_hub = routing.is_hub[given.named]
    booked = np.append(routing.booked, 0.0)[place] - np.where(is_hub, 0.0, _LONE_BOOKING)
    reports, prior = np.append(routing.reports, 0.0)[place] + _PRIOR_REPORTS, _PRIOR_REPORTS * routing.usual[given.named]
    likelihood = (given.likelihood + given.foreign / routing.unmirrored[given.named]) / reports
    orphans = len(given.quiet.orphans)
    elsewhere = routing.missing[given.reporter] + quiet_weight[given.number]
    told = damped = np.zeros(len(place))
    for _ in range(_OWN_ROUNDS):
        weight = (np.maximum(booked - damped, 0.0) + prior) * likelihood
        told = weight / (elsewhere + sum_by(given.number, weight, orphans)[given.number])
        damped = (damped + told) / 2
    return told


def fit_routing(given: Candidates, counted: Reports) -> Routing:
    """Fit to all candidates of whole markets."""
    areas = counted.areas
    of_reporter = sum_by(counted.routes // areas, counted.of_route, areas)
    orphans = np.bincount(counted.orphans // areas, minlength=areas).astype(np.float64)
    everything = max(float(of_reporter.sum()), 1.0)
    general = float(orphans.sum()) / everything
    keys, place = np.unique((given.reporter * areas + given.partner) * areas + given.named, return_inverse=True)
    of_key = counted.of_route[np.searchsorted(counted.routes, keys // areas)]
    named_of_key, is_lone = keys % areas, np.flatnonzero(given.foreign > 0)
    usual = np.full(areas, max(general * _FIRST_SHARE / max(areas, 1), 2 * _NOTHING))
    routing = Routing(
        areas, keys, np.zeros(len(keys)), of_key, usual, _share(orphans, of_reporter, general),
        (counted.lone + 1) / (counted.named + 2), counted.quiet_likelihood,
    )  # fmt: skip
    for number in range(_ROUNDS):
        quiet_weight = _quiet_weight(given, routing)
        chance = _weigh(given, routing, place, quiet_weight)
        booked = sum_by(place, chance, len(keys))
        seen = sum_by(named_of_key, booked, areas)
        unseen, unseen_of_reporter = _expect_quiet(given, routing, counted, chance, quiet_weight)
        usual = (seen + unseen) / everything
        least = max(_LEAST_HUB, _LEAST_BOOKINGS / everything) if number >= _HUBS_FROM_ROUND else 2 * _NOTHING
        usual = np.where(usual < least, _NOTHING, usual)
        left = np.maximum(orphans - sum_by(given.reporter, chance, areas) - unseen_of_reporter, 0.0)
        foreign = sum_by(given.named[is_lone], chance[is_lone], areas)
        routing = Routing(
            areas, keys, booked, of_key * ((seen + 1e-9) / (seen + unseen + 1e-9))[named_of_key], usual, _share(left, of_reporter, general),
            (np.maximum(counted.lone - foreign, 0) + 1) / (np.maximum(counted.named - foreign, 0) + 2), counted.quiet_likelihood,
        )  # fmt: skip
        if number >= _HUBS_FROM_ROUND and not routing.may_hold.any():
            break
    return routing


def _share(left_out: Floats, reports: Floats, general: float) -> Floats:
    share: Floats = (left_out + _PRIOR_MISSING * max(general, _NOTHING)) / (reports + _PRIOR_MISSING)
    return share


def _quiet_weight(given: Candidates, routing: Routing) -> Floats:
    """Return by orphan how likely it is, as a share of trade, that its trade is in a quiet report."""
    quiet = given.quiet
    weight = routing.usual * routing.quiet_likelihood
    told: Floats = sum_by(quiet.host_cell, weight[quiet.named], quiet.cells)[quiet.orphan_cell]
    return told


def _expect_quiet(given: Candidates, routing: Routing, counted: Reports, chance: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return how many orphans' trade is in quiet reports, by the partner under which these stand and by who reports them."""
    quiet, areas = given.quiet, routing.areas
    reporter = counted.orphans // areas
    not_seen = 1 - np.minimum(sum_by(given.number, chance, len(weight)), 1)
    per_weight = not_seen / (routing.missing[reporter] + weight)
    of_cell = sum_by(quiet.orphan_cell, per_weight, quiet.cells)
    of_named = routing.usual * routing.quiet_likelihood * sum_by(quiet.named, of_cell[quiet.host_cell], areas)
    return of_named, sum_by(reporter, per_weight * weight, areas)
