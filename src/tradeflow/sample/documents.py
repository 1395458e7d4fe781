"""Consignments as each country's customs records them: who declares what, when, and with which mistakes.

Every mistake is one that a clerk or a declarant makes on a document: the gross weight keyed for the net one, the figures of another
shipment, a lost decimal point, tonnes for kilograms, the hub for the origin, a document that comes too late or never.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from tradeflow.sample.chance import Floats, Ints, hash_uniform
from tradeflow.sample.geography import Areas
from tradeflow.sample.release import Clock, Releases
from tradeflow.sample.reporters import Habits
from tradeflow.sample.shipments import NO_HUB

FLOWS = ("M", "X", "RM", "RX")
IMPORT, EXPORT, RE_IMPORT, RE_EXPORT = range(4)
FIRST_RELEASE, REVISION = 0, 1
_RETURNED_SHARE = 0.003


@dataclass(frozen=True)
class Offices:
    """All that the customs offices of the world share: places, habits, calendar of release, code lists."""

    areas: Areas
    habits: Habits
    clock: Clock
    releases: Releases
    codes: Ints
    confused_codes: Ints
    seed: int


def record_consignments(offices: Offices, consignments: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """One row per document and version: reporter, flow, partner, code, month, day, kg, fob, cif, and the row of its consignment."""
    legs = _wait_for_clerk(offices, _list_declarations(offices, consignments, rng), rng)
    month = offices.clock.month_of(legs["day"].to_numpy())
    legs = legs.with_columns(month=pl.Series(month, dtype=pl.Int32))
    is_reporter = legs["reporter"].to_numpy() < offices.areas.reporter_count
    is_counted = (month >= 0) & (month < len(offices.clock.periods)) & is_reporter
    legs = legs.filter(pl.Series(is_counted))
    return _key_documents(offices, legs, rng)


def _wait_for_clerk(offices: Offices, legs: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """A document counts in the month in which it is dealt with: days later in a careful office, weeks in a slack one."""
    slack = 0.5 * (offices.habits.import_slackness + offices.habits.export_slackness)
    known = np.append(slack, np.zeros(len(offices.areas.code) - len(slack)))[legs["reporter"].to_numpy()]
    wait = rng.exponential(1.0, len(legs)) * (1.5 + 11 * known)
    return legs.with_columns(day=legs["day"] + pl.Series(np.minimum(wait, 80).astype(np.int32)))


def _list_declarations(offices: Offices, goods: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The declarations that each consignment needs: at departure, at a hub where it is sold on, at arrival, on return."""
    pair = (goods["item"].to_numpy(), goods["exporter"].to_numpy(), goods["importer"].to_numpy())
    slips = goods.with_columns(
        chance_export=0.75 * hash_uniform(offices.seed, "export office", *pair) + 0.25 * rng.random(len(goods)),
        chance_import=0.75 * hash_uniform(offices.seed, "import office", *pair) + 0.25 * rng.random(len(goods)),
        is_returned=rng.random(len(goods)),
        consignment=pl.int_range(pl.len(), dtype=pl.Int32),
    )
    names_hub = offices.habits.names_hub_share
    has_hub = pl.col("hub") != NO_HUB
    is_sold_on = has_hub & pl.col("is_entrepot")
    export_habit = _lookup("exporter", names_hub)
    import_habit = _lookup("importer", names_hub)
    sees_hub = is_sold_on | (has_hub & (pl.col("chance_export") < export_habit))
    names_it = has_hub & (pl.col("chance_import") < import_habit * pl.when("is_entrepot").then(2.0).otherwise(1.0))
    half_way = pl.col("depart_day") + pl.col("transit_days") // 2
    arrival = pl.col("depart_day") + pl.col("transit_days")
    partner_out = pl.when(sees_hub).then("hub").otherwise("importer")
    partner_in = pl.when(names_it).then("hub").otherwise("exporter")
    at_exporter = _leg("exporter", EXPORT, partner_out, pl.col("depart_day"), "exporter_sees")
    at_importer = _leg("importer", IMPORT, partner_in, arrival, "importer_sees", pl.col("importer_slip"))
    into_hub = _leg("hub", IMPORT, pl.col("exporter"), half_way, None)
    out_of_hub = _leg("hub", RE_EXPORT, pl.col("importer"), arrival - 3, None)
    back_home = _leg("exporter", RE_IMPORT, pl.col("importer"), arrival + 45, None)
    return pl.concat(
        [
            slips.select(at_exporter),
            slips.select(at_importer),
            slips.filter(is_sold_on).select(into_hub),
            slips.filter(is_sold_on).select(out_of_hub),
            slips.filter(pl.col("is_returned") < _RETURNED_SHARE).select(back_home),
        ]
    )


def _lookup(column: str, per_reporter: Floats) -> pl.Expr:
    """The habit of the reporter named in a column; none for an area that does not report."""
    return pl.col(column).replace_strict(dict(enumerate(per_reporter.tolist())), default=0.0)


def _leg(reporter: str, flow: int, partner: pl.Expr, day: pl.Expr, seen: str | None,
         slip: pl.Expr | None = None) -> list[pl.Expr]:  # fmt: skip
    share = pl.lit(1.0) if seen is None else pl.col(seen)
    kg = pl.col("kg") * share if slip is None else pl.col("kg") * share * slip
    return [
        pl.col("item"),
        pl.col(reporter).alias("reporter"),
        pl.lit(flow, dtype=pl.Int32).alias("flow"),
        partner.alias("partner"),
        day.alias("day"),
        kg.alias("kg"),
        (pl.col("fob_usd") * share).alias("fob"),
        (pl.col("freight_usd") * share).alias("freight"),
        pl.col("case"),
        pl.col("consignment"),
    ]


def _key_documents(offices: Offices, legs: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Key every declaration once; months that are published again get a second, better version."""
    reporter, partner, item = (legs[name].to_numpy().astype(np.int64) for name in ("reporter", "partner", "item"))
    is_inward = np.isin(legs["flow"].to_numpy(), (IMPORT, RE_IMPORT))
    slack = np.where(is_inward, offices.habits.import_slackness[reporter], offices.habits.export_slackness[reporter])
    corridor = (reporter, is_inward.astype(np.int64), partner, item)
    # A case on a blind corridor would leave no trace at all and could be nobody's truth.
    loss = np.where(legs["case"].to_numpy() < 0, 1.0, 0.15) * _loss_rate(offices.seed, slack, corridor)
    is_lost = rng.random(len(legs)) < loss
    is_slow = rng.random(len(legs)) < 0.02 + 0.05 * slack
    weight = legs["kg"].to_numpy() * _corridor_bias(offices.seed, slack, corridor) * _clerk_error(slack, rng)
    slip = _unit_slip(slack, rng)
    step = offices.habits.weight_step_kg[reporter]
    value_error = _value_error(slack, rng) * _exchange_rate(offices.seed, reporter, legs["month"].to_numpy())
    month = legs["month"].to_numpy().astype(np.int64)
    keyed = pl.DataFrame(
        {
            "reporter": reporter.astype(np.int32),
            "flow": legs["flow"],
            "partner": offices.areas.code[_mistaken_partner(offices, partner, reporter, slack, rng)],
            "code": _declared_code(offices, item, reporter, month, slack, rng),
            "month": legs["month"],
            "version": np.full(len(legs), FIRST_RELEASE),
            "kg": np.maximum(np.round(weight / step) * step, np.where(weight < 1.0, weight, 0)) * slip,
            "fob": legs["fob"].to_numpy() * value_error,
            "cif": (legs["fob"].to_numpy() + legs["freight"].to_numpy()) * value_error,
            "case": legs["case"],
            "day": legs["day"],
            "consignment": legs["consignment"],
        }
    )
    return _publish_versions(offices, keyed, is_lost, is_slow, slip, month, rng)


def _publish_versions(offices: Offices, keyed: pl.DataFrame, is_lost: np.ndarray, is_slow: np.ndarray, slip: Floats,
                      month: Ints, rng: np.random.Generator) -> pl.DataFrame:  # fmt: skip
    """The first release lacks documents that came late; a revision has them, and most gross slips are put right."""
    is_again = offices.releases.is_revised()[keyed["reporter"].to_numpy(), month]
    is_mended = (slip != 1.0) & (rng.random(len(keyed)) < 0.6)
    retouched = np.where(rng.random(len(keyed)) < 0.1, rng.uniform(0.93, 1.08, len(keyed)), 1.0)
    again = keyed.with_columns(
        version=pl.lit(REVISION, dtype=keyed["version"].dtype),
        kg=keyed["kg"] / np.where(is_mended, slip, 1.0),
        fob=keyed["fob"] * retouched,
        cif=keyed["cif"] * retouched,
    )
    # A country that never publishes again counts a late document in the month when it comes, here the same one.
    first = keyed.filter(~is_lost & ~(is_slow & is_again))
    return pl.concat([first, again.filter(is_again & ~is_lost)])


def _loss_rate(seed: int, slack: Floats, corridor: tuple[Ints, ...]) -> Floats:
    """Share of a corridor's documents that never reach the statistics: small in most, half or all in a few."""
    is_blind = hash_uniform(seed, "blind corridor", *corridor) < 0.13 * slack
    depth = hash_uniform(seed, "loss", *corridor)
    rate: Floats = np.where(is_blind, 0.4 + 0.6 * np.sqrt(depth), np.minimum(0.4, 0.01 * slack + 0.25 * slack * depth**4))
    return rate


def _corridor_bias(seed: int, slack: Floats, corridor: tuple[Ints, ...]) -> Floats:
    """A lasting habit of one corridor: gross weight, only a part of the trade, or the same goods counted twice."""
    kind = hash_uniform(seed, "bias kind", *corridor)
    size = hash_uniform(seed, "bias size", *corridor)
    common = np.minimum(0.8, 0.45 * slack)
    tare = 1 + 0.02 + 0.12 * size
    partly = 0.04 + 0.96 * size**0.8
    doubled = 1 + 3.0 * size**2
    bias: Floats = np.select([kind < 0.45 * common, kind < 0.75 * common, kind < common], [tare, partly, doubled], default=1.0)
    return bias


def _clerk_error(slack: Floats, rng: np.random.Generator) -> Floats:
    """Error of one document's weight: most are copied right, some guessed, some taken from another shipment."""
    count = len(slack)
    kind = rng.random(count)
    guess = 1 + np.clip(rng.laplace(0, 0.06 + 0.12 * slack, count), -0.8, 4)
    other_paper = np.exp(rng.standard_t(3, count) * (0.3 + 0.45 * slack))
    tare = rng.uniform(1.02, 1.15, count)
    wrong = np.minimum(0.75, 0.3 * slack)
    error: Floats = np.select(
        [kind < 0.45 * wrong, kind < 0.7 * wrong, kind < wrong],
        [guess, tare, np.clip(other_paper, 1e-3, 1e3)],
        default=1 + rng.uniform(-0.004, 0.004, count),
    )
    return error


def _unit_slip(slack: Floats, rng: np.random.Generator) -> Floats:
    """Rare factors of ten and of a thousand."""
    count = len(slack)
    chance = rng.random(count) / np.maximum(0.3 + slack, 0.3)
    slips: Floats = np.select([chance < 1.5e-4, chance < 3e-4, chance < 1e-3, chance < 1.7e-3], [1000.0, 0.001, 10.0, 0.1], default=1.0)
    return slips


def _value_error(slack: Floats, rng: np.random.Generator) -> Floats:
    count = len(slack)
    small = 1 + rng.laplace(0, 0.015 + 0.03 * slack, count)
    disputed = np.where(rng.random(count) < 0.03 + 0.07 * slack, rng.uniform(0.35, 1.9, count), 1.0)
    return np.clip(small, 0.4, 2.0) * disputed


def _exchange_rate(seed: int, reporter: Ints, month: Ints) -> Floats:
    """The month's rate that a statistical office uses against the one in the contract."""
    drift: Floats = 0.97 + 0.06 * hash_uniform(seed, "exchange rate", reporter, month)
    return drift


def _mistaken_partner(offices: Offices, partner: Ints, reporter: Ints, slack: Floats, rng: np.random.Generator) -> Ints:
    """Now and then the next country of the list, or a hub, stands in the partner's place."""
    chance = rng.random(len(partner)) / np.maximum(slack, 0.05)
    following = (partner + 1) % len(offices.areas.code)
    hubs = np.flatnonzero(offices.areas.is_hub)
    hub = hubs[rng.integers(0, len(hubs), len(partner))]
    named = np.where(chance < 0.003, following, np.where(chance < 0.012, hub, partner))
    return np.where(named == reporter, partner, named)


def _declared_code(offices: Offices, item: Ints, reporter: Ints, month: Ints, slack: Floats, rng: np.random.Generator) -> Ints:
    """The subheading in the edition that the reporter uses that month; sometimes its residual neighbour."""
    edition = edition_in_use(offices.habits, reporter, month)
    code = offices.codes[item, edition]
    other = offices.confused_codes[item]
    is_confused = (other > 0) & (rng.random(len(item)) < 0.004 + 0.008 * slack)
    return np.where(is_confused, other, code)


def edition_in_use(habits: Habits, reporter: Ints, month: Ints) -> Ints:
    """0, 1 or 2 for HS 2012, 2017 or 2022: each reporter changes at its own date."""
    return (month >= habits.hs2017_from[reporter]).astype(np.int64) * (1 + (month >= habits.hs2022_from[reporter]).astype(np.int64))


def split_re_trade(offices: Offices, keyed: pl.DataFrame) -> pl.DataFrame:
    """Exports include re-exports and imports include re-imports; some reporters show these again apart."""
    separates = _lookup_bool("reporter", offices.habits.separates_re_exports)
    total_flow = pl.when(pl.col("flow") == RE_EXPORT).then(EXPORT).when(pl.col("flow") == RE_IMPORT).then(IMPORT)
    totals = keyed.with_columns(flow=total_flow.otherwise("flow").cast(pl.Int32))
    apart = keyed.filter(pl.col("flow").is_in([RE_EXPORT, RE_IMPORT]) & separates)
    return pl.concat([totals, apart])


def _lookup_bool(column: str, per_reporter: np.ndarray) -> pl.Expr:
    return pl.col(column).replace_strict(dict(enumerate(per_reporter.tolist())), default=False)
