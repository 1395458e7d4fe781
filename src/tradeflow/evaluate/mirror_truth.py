"""Two-sided trade whose truth is known: a world in; both sides' reports, the truth and the distances out.

Written for this evaluation alone. Each form of `FORMS` adds one thing that happens to real figures and that the plain world is free of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.evaluate.mirror_world import (
    MAX_LAG,
    Countries,
    Counts,
    Flags,
    Floats,
    Flows,
    World,
    group_of_code,
    make_countries,
    make_flows,
)

REPORT_KEY = ["flow_code", "reporter", "partner", "commodity", "period"]
FLOW_KEY = ["exporter", "importer", "commodity", "period"]

_THRESHOLD_USD = 1000
_CUT_TO = 0.25
_HUBS = 4
_FIRST_YEAR = 2022


@dataclass(frozen=True)
class KnownTrade:
    """Reports as `tradeflow reconcile` takes them; one truth row per flow and period; distance_km per corridor.

    truth: `FLOW_KEY`, true_fob_usd, true_kg, cif_rate, exporter_sigma, importer_sigma (of the log error of the value), is_cut (the
    destination recorded a quarter). Without months there is no period.
    """

    reports: pl.DataFrame
    truth: pl.DataFrame
    distances: pl.DataFrame


@dataclass(frozen=True)
class _Side:
    """What one side writes down about each flow: the partner it names, the value, the weight, and whether it writes at all."""

    reporter: Counts
    partner: Counts
    value: Floats
    kg: Floats
    is_written: Flags


def make_known_trade(world: World) -> KnownTrade:
    """Make the world's trade; the same `world` gives the same rows."""
    random = np.random.default_rng([20_261_122, world.seed])
    countries = make_countries(random, world)
    flows = make_flows(random, world, countries)
    exporter, importer = _write_down(random, world, countries, flows)
    exports = _report_rows("X", exporter, flows.k, flows.month)
    imports = _arrivals(_report_rows("M", importer, flows.k, flows.month), flows.arrived[importer.is_written], world)
    reports = _publish(pl.concat([exports, imports]), countries, world)
    return KnownTrade(reports, _truth_rows(flows, world), _distance_rows(countries))


def _write_down(random: np.random.Generator, world: World, countries: Countries, flows: Flows) -> tuple[_Side, _Side]:
    x_error, m_error = _errors(random, world, flows)
    is_seen = [random.random(len(flows.e)) > countries.missing[reporter, role] for role, reporter in enumerate((flows.e, flows.i))]
    cut = np.where(flows.is_cut, _CUT_TO, 1.0)
    x_value, x_kg = flows.fob * x_error[:, 0], flows.kg * x_error[:, 1]
    m_value, m_kg = flows.fob * (1 + flows.cif_rate) * m_error[:, 0] * cut, flows.kg * m_error[:, 1] * cut
    if "unit_slips" in world.forms:
        x_kg, m_kg = x_kg * _slips(random, 0.003, len(x_kg)), m_kg * _slips(random, 0.002, len(m_kg))
        m_value = m_value * _slips(random, 0.0005, len(m_value))
    x_partner, m_partner = flows.i, flows.e
    if "misattributed" in world.forms:
        x_partner = _name_hubs(random, countries, flows.e, flows.i, 0.06)
        m_partner = _name_hubs(random, countries, flows.i, flows.e, 0.03)
    if "suppressed" in world.forms:
        is_secret = random.random((2, world.countries, world.codes)) < 0.02
        is_seen = [
            seen & ~is_secret[role][reporter, flows.k]
            for role, (seen, reporter) in enumerate(zip(is_seen, (flows.e, flows.i), strict=True))
        ]
    return (
        _Side(flows.e, x_partner, x_value, x_kg, is_seen[0] & (x_partner != flows.e)),
        _Side(flows.i, m_partner, m_value, m_kg, is_seen[1] & (m_partner != flows.i)),
    )


def _errors(random: np.random.Generator, world: World, flows: Flows) -> tuple[Floats, Floats]:
    """Return the factors by which each side misses value (column 0) and weight (column 1); the two share most of their cause."""
    n = len(flows.e)

    def draw() -> Floats:
        return random.standard_t(3, n) / np.sqrt(3) if "heavy_tails" in world.forms else random.normal(0, 1, n)

    habit, common, share = np.zeros(n), np.zeros(n), 0.0
    if "shared_errors" in world.forms:
        # One broker fills in both declarations; and packaging or classification makes a corridor's gap the same year after year.
        common, share = draw(), 0.3
        habit = random.normal(0, 0.12, (world.countries, world.countries))[flows.e, flows.i]
    sides = []
    for role, bias in ((0, 0.0 * habit), (1, habit)):
        cause = np.sqrt(1 - share) * draw() + np.sqrt(share) * common
        weight = flows.sigma[:, role] * (0.85 * cause + np.sqrt(1 - 0.85**2) * draw()) + random.normal(0, 0.03, n)
        sides.append(np.exp(np.column_stack([flows.sigma[:, role] * cause, weight]) + bias[:, None]))
    return sides[0], sides[1]


def _slips(random: np.random.Generator, share: float, n: int) -> Floats:
    """Factors of grams for kilograms and kilograms for tonnes."""
    slips: Floats = np.where(random.random(n) < share, random.choice([1e-3, 1e3], n), 1.0)
    return slips


def _name_hubs(random: np.random.Generator, countries: Countries, reporter: Counts, partner: Counts, share: float) -> Counts:
    """Return the partners named: on some corridors much of the trade is put down to a hub on the way."""
    through_hub = random.beta(0.5, 0.5 / share - 0.5, countries.distance_km.shape)[reporter, partner]
    hubs = np.argsort(countries.size)[-_HUBS:]
    nearest = hubs[np.argmin(countries.distance_km[:, hubs], axis=1)]
    named: Counts = np.where(random.random(len(partner)) < through_hub, nearest[partner], partner)
    return named


def _report_rows(flow_code: str, side: _Side, commodity: Counts, month: Counts) -> pl.DataFrame:
    kept = side.is_written
    return pl.DataFrame({
        "flow_code": np.full(int(kept.sum()), flow_code), "reporter": side.reporter[kept], "partner": side.partner[kept],
        "commodity": commodity[kept], "month": month[kept], "value_usd": side.value[kept], "net_weight_kg": side.kg[kept],
    })  # fmt: skip


def _arrivals(imports: pl.DataFrame, arrived: Floats, world: World) -> pl.DataFrame:
    """Spread each row over the periods in which its goods arrive."""
    if world.months == 0:
        return imports.with_columns(pl.col("value_usd", "net_weight_kg") * pl.Series(arrived[:, 0]))
    spread = [
        imports.with_columns(pl.col("value_usd", "net_weight_kg") * pl.Series(arrived[:, lag]), pl.col("month") + lag)
        for lag in range(MAX_LAG + 1)
    ]
    return pl.concat(spread).filter(pl.col("value_usd") > 0)


def _publish(reports: pl.DataFrame, countries: Countries, world: World) -> pl.DataFrame:
    """Sum what one reporter says of one partner and period, round what is rounded, leave out what is small and what lies ahead."""
    key = ["flow_code", "reporter", "partner", "commodity", "month"]
    summed = reports.group_by(key, maintain_order=True).sum()
    is_rounding = pl.col("reporter").is_in(np.flatnonzero(countries.is_rounding))
    kg = pl.when(is_rounding).then((pl.col("net_weight_kg") / 100).round() * 100).otherwise("net_weight_kg")
    value = pl.when(is_rounding).then((pl.col("value_usd") / 1000).round() * 1000).otherwise("value_usd")
    told = summed.with_columns(value, pl.when(kg > 0).then(kg).alias("net_weight_kg"))
    kept = told.filter((pl.col("value_usd") >= _THRESHOLD_USD) & (pl.col("month") <= world.months))
    return _named(kept, ["reporter", "partner"], world).select(*REPORT_KEY[: 4 + (world.months > 0)], "value_usd", "net_weight_kg")


def _truth_rows(flows: Flows, world: World) -> pl.DataFrame:
    columns: dict[str, NDArray[Any]] = {
        "exporter": flows.e,
        "importer": flows.i,
        "commodity": flows.k,
        "month": flows.month,
        "true_fob_usd": flows.fob,
    }
    columns |= {"true_kg": flows.kg, "cif_rate": flows.cif_rate, "is_cut": flows.is_cut}
    truth = pl.DataFrame(columns | {"exporter_sigma": flows.sigma[:, 0], "importer_sigma": flows.sigma[:, 1]})
    named = _named(truth, ["exporter", "importer"], world)
    return named.select(*FLOW_KEY[: 3 + (world.months > 0)], *truth.columns[4:])


def _distance_rows(countries: Countries) -> pl.DataFrame:
    e, i = np.nonzero(~np.eye(len(countries.size), dtype=bool))
    return pl.DataFrame({"exporter": e, "importer": i, "distance_km": countries.distance_km[e, i]}).with_columns(
        _country("exporter"), _country("importer")
    )


def _named(rows: pl.DataFrame, countries: list[str], world: World) -> pl.DataFrame:
    """Give countries and codes the labels under which they are reported; a code begins with its group, a period is YYYYMM."""
    codes = pl.Series([f"{group:02d}{code:04d}" for code, group in enumerate(group_of_code(world))])
    month = pl.col("month") - 1
    period = (_FIRST_YEAR + month // 12) * 100 + month % 12 + 1
    return rows.with_columns(
        *(_country(name) for name in countries),
        codes.gather(rows["commodity"]).alias("commodity"),
        period.cast(pl.Int32).alias("period"),
    )


def _country(name: str) -> pl.Expr:
    return pl.format("L{}", pl.col(name).cast(pl.String).str.zfill(3)).alias(name)
