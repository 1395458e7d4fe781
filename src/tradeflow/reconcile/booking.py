"""Which reports of a reporter may hold trade that a partner alone reports, and how well their figures speak for it.

The key is the triangle: the same reporter, commodity and period; a partner's report without a mirror (the orphan), and a report of the
reporter under another partner (the host). A host may hold the orphan's trade beside its own or, where its own was left out or there is
none, alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.reconcile.calibration import Calibration, Standardised
from tradeflow.reconcile.corridor import sum_by
from tradeflow.reconcile.routing import Candidates, Quiet, Reports
from tradeflow.reconcile.sides import ALIGNMENTS, Floats, Ints, Sides

EXPORTS, IMPORTS = 1, 2
"""Whose report is the host: the exporter's or the importer's."""
_LEAST_DEVIATION = 1.5
"""Standard deviations from which a gap is asked for an explanation; nearer, a report is quiet."""
_LEFT_OUT = 0.1
"""Part of its trade that a reporter is taken to leave out when a host's own trade is told from the orphan's."""
_SWEEPS = 2
_MOST_CELLS = 20_000_000
_QUIET_ORPHANS = 6000
_PRIOR_QUIET = 20


@dataclass(frozen=True)
class Usual:
    """What is usual of each pair's corridor: ln(importer / exporter) in value, margin and habit, and its standard deviation."""

    ratio_log: Floats
    sigma: Floats


@dataclass(frozen=True)
class Gapped:
    """Pairs of whole markets with the gaps of their values, and what is usual."""

    sides: Sides
    given: Standardised
    usual: Usual
    calibration: Calibration

    def take(self, rows: Ints) -> Gapped:
        """Return some of the pairs."""
        usual = Usual(self.usual.ratio_log[rows], self.usual.sigma[rows])
        return Gapped(self.sides.take(rows), self.given.take(rows), usual, self.calibration)


@dataclass(frozen=True)
class _Roles:
    """The pairs seen from the side that may have booked trade elsewhere; sign +1 for exporters."""

    own: Floats
    other: Floats
    reporter: Ints
    partner: Ints
    sign: float

    @property
    def is_lone(self) -> NDArray[np.bool_]:
        lone: NDArray[np.bool_] = np.isfinite(self.own) & ~np.isfinite(self.other)
        return lone


def _see_from(sides: Sides, kind: int) -> _Roles:
    if kind == EXPORTS:
        return _Roles(sides.export_usd, sides.compared_usd, sides.exporter, sides.importer, 1.0)
    return _Roles(sides.compared_usd, sides.export_usd, sides.importer, sides.exporter, -1.0)


def find_candidates(gapped: Gapped, kind: int, may_hold: NDArray[np.bool_] | None = None) -> Candidates:
    """Return every orphan with each host that shows a gap or has no mirror itself.

    may_hold: by reporter and named partner, which reports are worth asking, of orphans that a gap may be explained by; all where it is not
    given.
    """
    roles, orphans, quiet_hosts = _places(gapped, kind)
    with np.errstate(invalid="ignore"):
        is_far = np.abs(gapped.given.deviation) > _LEAST_DEVIATION
    hosts = np.flatnonzero(np.isfinite(roles.own) & (roles.is_lone | is_far))
    cell, cells = _cells(gapped.sides, roles)
    if may_hold is not None:
        hosts, quiet_hosts = (rows[may_hold[roles.reporter[rows], roles.partner[rows]]] for rows in (hosts, quiet_hosts))
        has_gap = np.zeros(cells, dtype=bool)
        has_gap[cell[hosts[~roles.is_lone[hosts]]]] = True
        orphans, hosts = (rows[has_gap[cell[rows]]] for rows in (orphans, hosts))
    orphan, host = _join(gapped.sides.market, roles.reporter, orphans, hosts)
    likelihood, foreign, is_alone = _weigh(gapped, roles, orphan, host)
    quiet = Quiet(orphans, cell[orphans], cell[quiet_hosts], roles.partner[quiet_hosts], cells)
    reporter, partner, named = roles.reporter[host], roles.partner[orphan], roles.partner[host]
    number = np.searchsorted(orphans, orphan)
    return Candidates(orphan, host, reporter, partner, named, likelihood, foreign, is_alone, quiet, number)


def count_reports(gapped: Gapped, kind: int, areas: int) -> Reports:
    """Count what `fit_routing` needs."""
    roles, orphans, _ = _places(gapped, kind)
    route = roles.reporter * areas + roles.partner
    routes, of_route = np.unique(route[np.isfinite(roles.other)], return_counts=True)
    named, lone = (sum_by(roles.partner, np.where(counted, 1.0, 0.0), areas) for counted in (np.isfinite(roles.own), roles.is_lone))
    quiet_likelihood = _quiet_likelihood(gapped, kind, areas)
    return Reports(areas, routes, of_route.astype(np.float64), route[orphans], named, lone, quiet_likelihood)


def _places(gapped: Gapped, kind: int) -> tuple[_Roles, Ints, Ints]:
    """Return the roles, the orphans, and the two-sided pairs without a gap."""
    roles = _see_from(gapped.sides, kind)
    is_orphan = ~np.isfinite(roles.own) & np.isfinite(roles.other)
    if gapped.sides.aligned is not None:
        is_orphan &= gapped.sides.aligned.label != ALIGNMENTS.index("carried")
    with np.errstate(invalid="ignore"):
        is_quiet = np.isfinite(roles.own) & np.isfinite(roles.other) & (np.abs(gapped.given.deviation) <= _LEAST_DEVIATION)
    return roles, np.flatnonzero(is_orphan), np.flatnonzero(is_quiet)


def _cells(sides: Sides, roles: _Roles) -> tuple[Ints, int]:
    """Return a number for each pair's market and reporter, and how many numbers there are; markets lie close together."""
    market = sides.market - int(sides.market.min(initial=0 if not sides.size else sides.market[0]))
    areas = int(roles.reporter.max(initial=0)) + 1
    if int(market.max(initial=0)) * areas > _MOST_CELLS:
        _, market = np.unique(market, return_inverse=True)
    return market * areas + roles.reporter, (int(market.max(initial=0)) + 1) * areas


def _join(market: Ints, reporter: Ints, orphans: Ints, hosts: Ints) -> tuple[Ints, Ints]:
    """Return orphan and host of every two of one market and reporter, in the order of the hosts."""
    key = ["market", "reporter"]
    left = pl.DataFrame({"market": market[hosts], "reporter": reporter[hosts], "host": hosts})
    right = pl.DataFrame({"market": market[orphans], "reporter": reporter[orphans], "orphan": orphans})
    both = left.join(right, on=key, how="inner").sort("host", "orphan")
    return both["orphan"].to_numpy(), both["host"].to_numpy()


def _weigh(gapped: Gapped, roles: _Roles, orphan: Ints, host: Ints) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return likelihood, foreign and is_alone of `Candidates`."""
    given, sign = gapped.given, roles.sign
    rest = sign * (np.log(roles.other[orphan]) - np.log(roles.own[host])) - gapped.usual.ratio_log[orphan]
    sigma = gapped.usual.sigma[orphan]
    alone = _density(gapped.calibration, rest / sigma, sigma, given.habit[orphan])
    likelihood, foreign, is_alone = np.ones(len(host)), np.zeros(len(host)), np.ones(len(host), dtype=bool)
    if not len(host):
        return likelihood, foreign, is_alone
    one, two = np.flatnonzero(roles.is_lone[host]), np.flatnonzero(~roles.is_lone[host])
    by_size = np.maximum(_size_density(gapped.sides, roles)[host[one]], 1e-300)
    foreign[one] = _no_trade_odds(gapped.sides, roles, host[one]) * alone[one] / by_size
    row = host[two]
    sigma, gap, habit = given.sigma[row], given.deviation[row], given.habit[row]
    added = sign * np.log1p(roles.other[orphan[two]] / roles.other[row])
    beside = (1 - _LEFT_OUT) * _density(gapped.calibration, gap + added / sigma, sigma, habit)
    chance = _density(gapped.calibration, gap, sigma, habit) + _outlier_density(gapped.calibration, gap, sigma)
    likelihood[two] = (_LEFT_OUT * alone[two] + beside) / np.maximum(chance, 1e-300)
    is_alone[two] = _LEFT_OUT * alone[two] > beside
    return likelihood, foreign, is_alone


def _density(calibration: Calibration, deviation: Floats, sigma: Floats, habit: Floats) -> Floats:
    """Return the usual density of a gap, per unit of log."""
    group, distance = calibration.group_of(sigma, habit), np.abs(deviation)
    density: Floats = np.where(deviation < 0, calibration.low.density(distance, group), calibration.high.density(distance, group)) / sigma
    return density


def _outlier_density(calibration: Calibration, deviation: Floats, sigma: Floats) -> Floats:
    """Return the density of a gap as an outlier, per unit of log."""
    low, high = (tail.outlier_rate * tail.length_density_at(np.abs(deviation) * sigma) for tail in (calibration.low, calibration.high))
    density: Floats = np.where(deviation < 0, low, high)
    return density


def _size_density(sides: Sides, roles: _Roles) -> Floats:
    """Return the density of each own figure's log, given its reporter, partner and market; NaN where there is none."""
    rows = np.flatnonzero(np.isfinite(roles.own))
    size = np.log(roles.own[rows])
    rest = size - (size.mean() if len(size) else 0.0)
    market = _cells(sides, roles)[0][rows] // (int(roles.reporter.max(initial=0)) + 1)
    keys = [(key, np.bincount(key) + 1.0) for key in (market, roles.reporter[rows], roles.partner[rows])]
    for _ in range(_SWEEPS):
        for key, count in keys:
            rest = rest - (np.bincount(key, rest) / count)[key]
    spread = max(float(np.std(rest)), 0.3) if len(rest) else 1.0
    density = np.full(sides.size, np.nan)
    density[rows] = np.exp(-0.5 * (rest / spread) ** 2) / np.sqrt(2 * np.pi) / spread
    return density


def _no_trade_odds(sides: Sides, roles: _Roles, host: Ints) -> Floats:
    """Return the odds that the two have no trade of their own in a market in which the reporter trades.

    Told by how many of the reporter's markets the two share, and with how many partners it trades in this one.
    """
    reporters, partners = int(roles.reporter.max(initial=0)) + 1, int(roles.partner.max(initial=0)) + 1
    corridor = roles.reporter * partners + roles.partner
    of_corridor = np.bincount(corridor, minlength=reporters * partners)
    cell, cells = _cells(sides, roles)
    of_cell = np.bincount(cell, minlength=cells)
    markets = np.count_nonzero(of_cell.reshape(-1, reporters), axis=0)
    usual = np.bincount(roles.reporter, minlength=reporters) / np.maximum(markets, 1)
    own = roles.reporter[host]
    share = (of_corridor[corridor[host]] + 0.5) / (markets[own] + 1.0) * of_cell[cell[host]] / usual[own]
    share = np.clip(share, 1e-3, 0.98)
    odds: Floats = (1 - share) / share
    return odds


def _quiet_likelihood(gapped: Gapped, kind: int, areas: int) -> Floats:
    """Return by named partner the mean likelihood of its quiet reports, of a sample of orphans."""
    roles, orphans, hosts = _places(gapped, kind)
    sampled = orphans[:: max(len(orphans) // _QUIET_ORPHANS, 1)]
    orphan, host = _join(gapped.sides.market, roles.reporter, sampled, hosts)
    likelihood, _, _ = _weigh(gapped, roles, orphan, host)
    general = float(likelihood.mean()) if len(likelihood) else 0.5
    named = roles.partner[host]
    mean: Floats = (sum_by(named, likelihood, areas) + _PRIOR_QUIET * general) / (np.bincount(named, minlength=areas) + _PRIOR_QUIET)
    return mean
