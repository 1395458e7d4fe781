"""The true trade of a made world: countries, distances and flows, before anybody writes anything down.

The world does not share what the judged methods suppose: care runs over a continuum, differs by group of products and falls with the size
of a flow; CIF depends on the unit value too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]
Flags = NDArray[np.bool_]

FORMS = (
    "heavy_tails", "shared_errors", "rounded", "fob_importers", "misattributed", "unit_slips", "lag_carry", "suppressed",
)  # fmt: skip
"""What can be added to the plain world, one by one or all together."""
MAX_LAG = 2
"""Periods after which the last of a period's goods has arrived."""


@dataclass(frozen=True)
class World:
    """What is made: the size, the forms added, and the seed. `months` 0 makes one year without months."""

    countries: int = 80
    codes: int = 300
    months: int = 0
    density: float = 0.10
    seed: int = 1
    forms: tuple[str, ...] = ()
    cut_share: float = 0.005

    def __post_init__(self) -> None:
        """Refuse a form that nobody knows."""
        if unknown := set(self.forms) - set(FORMS):
            raise ValueError(f"unknown forms {sorted(unknown)}; known are {', '.join(FORMS)}")


@dataclass(frozen=True)
class Countries:
    """One entry per country; where there are two columns, 0 is the role of exporter and 1 that of importer.

    care: typical standard deviation of the log error. missing: share of flows not recorded; 1 reports nothing.
    """

    size: Floats
    care: Floats
    missing: Floats
    is_rounding: Flags
    is_fob: Flags
    distance_km: Floats


@dataclass(frozen=True)
class Flows:
    """One entry per true flow and month: exporter, importer, commodity; FOB in USD, kg; the rate that CIF adds.

    sigma: standard deviations of the log errors of this very flow, exporter's and importer's. arrived: share of what left in the period
    that arrives in it, and one and two periods later; without months what arrives in the year over what left in it.
    """

    e: Counts
    i: Counts
    k: Counts
    month: Counts
    fob: Floats
    kg: Floats
    cif_rate: Floats
    sigma: Floats
    arrived: Floats
    is_cut: Flags


def make_countries(random: np.random.Generator, world: World) -> Countries:
    """Draw the countries; careful ones are careful in both roles, but not equally, and large ones more than small."""
    n = world.countries
    size = random.standard_t(6, n) * 1.4
    common, own = random.normal(0, 1, n), random.normal(0, 1, (n, 2))
    care = 0.22 * np.exp(0.85 * (0.6 * common[:, None] + 0.8 * own) - 0.15 * size[:, None])
    missing = random.beta(1, 9, (n, 2))
    missing[random.random(n) < 0.05] = 1.0
    is_rounding = ("rounded" in world.forms) & (random.random(n) < 0.35)
    is_fob = ("fob_importers" in world.forms) & (random.random(n) < 0.12)
    return Countries(size, np.clip(care, 0.03, 1.3), missing, is_rounding, is_fob, _distances(random, n))


def make_flows(random: np.random.Generator, world: World, countries: Countries) -> Flows:
    """Draw who ships what to whom, when, how much, at which unit value, and with how much care each side will write it down."""
    e, i, k = _draw_routes(random, world, countries)
    route, month, log_season = _draw_months(random, world, len(e))
    group = group_of_code(world)
    typical_log_value = 10.8 + 0.45 * (countries.size[e] + countries.size[i]) + random.normal(0, 0.8, world.codes)[k]
    log_fob = (typical_log_value + random.normal(0, 1.3, len(e)) + random.laplace(0, 0.7, len(e)))[route] + log_season
    code_log_unit_value = random.normal(1.2, 1.0, group.max() + 1)[group] + random.normal(0, 0.7, world.codes)
    log_unit_value = (code_log_unit_value[k] + random.normal(0, 0.25, len(e)))[route] + random.normal(0, 0.08, len(route))
    e, i, k = e[route], i[route], k[route]
    # Small flows scatter more, and some groups of products are harder to count and to classify than others.
    harder = np.exp(random.normal(0, 0.35, group.max() + 1))[group[k]] * np.clip(np.exp(-0.1 * (log_fob - 11)), 0.5, 2.5)
    sigma = np.column_stack([countries.care[e, 0], countries.care[i, 1]]) * harder[:, None]
    cif_rate = _cif_rates(random, countries, e, i, log_unit_value)
    is_cut = random.random(len(e)) < world.cut_share
    arrived = _arrival_shares(random, world, countries.distance_km[e, i])
    fob = np.exp(log_fob)
    return Flows(e, i, k, month, fob, fob / np.exp(log_unit_value), cif_rate, sigma, arrived, is_cut)


def group_of_code(world: World) -> Counts:
    """Return the group of products of each code, 0, 1, 2, ...; groups have about 25 codes."""
    return np.arange(world.codes) * max(1, world.codes // 25) // world.codes


def _distances(random: np.random.Generator, n: int) -> Floats:
    """Great-circle km between towns that lie in a few clusters (continents) on the globe, at least 120."""
    centres = np.column_stack([random.uniform(-0.6, 1.0, 5), random.uniform(-np.pi, np.pi, 5)])
    place = centres[random.integers(0, 5, n)] + random.normal(0, 0.25, (n, 2))
    latitude, longitude = np.clip(place[:, 0], -1.3, 1.3), place[:, 1]
    east = np.cos(longitude[:, None] - longitude)
    cosine = np.sin(latitude)[:, None] * np.sin(latitude) + np.cos(latitude)[:, None] * np.cos(latitude) * east
    km: Floats = np.maximum(6371 * np.arccos(np.clip(cosine, -1, 1)), 120.0)
    return km


def _draw_routes(random: np.random.Generator, world: World, countries: Countries) -> tuple[Counts, Counts, Counts]:
    """Return exporter, importer and commodity of every route that is used: few make a thing, many buy it, near ones more."""
    gravity = np.exp(0.4 * (countries.size[:, None] + countries.size) - 0.4 * np.log(countries.distance_km))
    np.fill_diagonal(gravity, 0)
    used = []
    for code in range(world.codes):
        makes, buys = random.gamma(0.5, 1, world.countries), random.gamma(1.5, 1, world.countries)
        pull = gravity * makes[:, None] * buys
        chance = np.minimum(pull / pull.mean() * world.density, 0.9)
        e, i = np.nonzero(random.random(chance.shape) < chance)
        used.append((e, i, np.full(len(e), code)))
    e, i, k = (np.concatenate(parts) for parts in zip(*used, strict=True))
    return e, i, k


def _draw_months(random: np.random.Generator, world: World, routes: int) -> tuple[Counts, Counts, Floats]:
    """Return the route and the month (1, 2, ...; 0 without months) of every flow, and how its log size differs from the route's."""
    if world.months == 0:
        return np.arange(routes), np.zeros(routes, dtype=np.intp), np.zeros(routes)
    regular = random.beta(1.2, 1.2, routes)
    route, month = np.nonzero(random.random((routes, world.months)) < regular[:, None])
    swing, peak = random.gamma(1, 0.3, routes), random.uniform(0, 12, routes)
    season = swing[route] * np.cos(2 * np.pi * (month - peak[route]) / 12)
    return route, month + 1, season + random.normal(0, 0.5, len(route))


def _cif_rates(random: np.random.Generator, countries: Countries, e: Counts, i: Counts, log_unit_value: Floats) -> Floats:
    """Freight and insurance over FOB: more over a longer way and on what is cheap by weight; none where imports are published FOB."""
    far = 0.03 + 0.018 * np.log(countries.distance_km[e, i] / 500)
    rate = np.clip(far - 0.01 * (log_unit_value - 1.2) + random.normal(0, 0.01, len(e)), 0, 0.3)
    without: Floats = np.where(countries.is_fob[i], 0.0, rate)
    return without


def _arrival_shares(random: np.random.Generator, world: World, km: Floats) -> Floats:
    """Return the shares that arrive 0, 1 and 2 periods after leaving; a year without months has carry at both its ends instead."""
    shares = np.zeros((len(km), MAX_LAG + 1))
    shares[:, 0] = 1
    if "lag_carry" not in world.forms:
        return shares
    days = np.where(km < 1200, 4.0, km / 450 + 10)
    if world.months == 0:
        # What arrives only after the year's end is made up for by what left in the year before, when trade was another.
        late = np.minimum(days / 365 * random.gamma(2, 0.5, len(km)), 0.6)
        shares[:, 0] = 1 - late + late * np.exp(random.normal(0, 0.6, len(km)))
        return shares
    on_the_way = days / 30 * np.exp(random.normal(0, 0.3, len(km)))
    later = np.clip(on_the_way - 1, 0, 1)
    return np.column_stack([np.clip(1 - on_the_way, 0, 1), 1 - np.clip(1 - on_the_way, 0, 1) - later, later])
