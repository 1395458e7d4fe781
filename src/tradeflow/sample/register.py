"""The companies of the simulated world: how many in each country and line of business, and how clerks write each of them down."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.sample.business import BROKERAGE, NAME_TRADES, OTHER_NAME_TRADES, Lines, load_lines
from tradeflow.sample.chance import Floats, Ints, named_generator
from tradeflow.sample.companies import make_register, misspell, write_down
from tradeflow.sample.geography import Areas

SPELLINGS = 5
_SLIPS = 0.05
_OPEN_SHARE = 0.55
"""Share of all companies that sit in countries whose declarations are written; the others are only met from abroad."""
_BROKER_FACTOR = 0.35
_STYLES = {
    "COL": "COL", "MEX": "MEX", "PER": "PER", "CHL": "PER", "ARG": "COL", "PAN": "COL", "VEN": "COL", "GTM": "MEX", "BOL": "PER",
    "ESP": "ESP", "BRA": "BRA", "FRA": "FRA", "BEL": "FRA", "CHE": "DEU", "DEU": "DEU", "NLD": "NLD", "ITA": "ITA", "TUR": "TUR",
    "IND": "IND", "PAK": "IND", "CHN": "CHN", "HKG": "CHN", "OAS": "CHN", "RUS": "RUS", "USA": "USA", "CAN": "USA",
}  # fmt: skip


@dataclass(frozen=True)
class Register:
    """Every company has a place; those of one country and line of business stand together, and those of one country.

    `start`, `count`: country by line, where they begin and how many they are. `names`, `addresses`: SPELLINGS for each company, one
    after the other; the first is the registered one.
    """

    lines: Lines
    start: Ints
    count: Ints
    country: Ints
    line: Ints
    key: pl.Series
    number: pl.Series
    names: pl.Series
    addresses: pl.Series

    def __len__(self) -> int:
        return len(self.country)

    def pick(self, country: Ints, line: Ints, chance: Floats) -> Ints:
        """A company of a country and line; the first of them are picked more often."""
        found: Ints = self.start[country, line] + np.floor(self.count[country, line] * chance**1.6).astype(np.int64)
        return found

    def first_of(self, country: Ints) -> Ints:
        """The first company of each country named."""
        found: Ints = self.start[country, 0]
        return found

    def size_of(self, country: Ints) -> Ints:
        """Companies of each country named, brokers left out."""
        found: Ints = self.count[country, :-1].sum(axis=1)
        return found

    def name(self, company: int) -> str:
        """The registered name."""
        return str(self.names[company * SPELLINGS])

    @staticmethod
    def look_up(texts: pl.Series, place: Ints, is_known: np.ndarray) -> pl.Series:
        """The text at each place; null where it is not known."""
        nothing = pl.Series([None], dtype=pl.String)
        return texts.gather(pl.Series(np.where(is_known, place, 0))).zip_with(pl.Series(is_known, dtype=pl.Boolean), nothing)


def build_register(areas: Areas, opened: Ints, items: int, seed: int) -> Register:
    """Companies for about so many declared items: more of them in a larger world, each with more to declare."""
    lines = load_lines()
    count = _count_companies(areas, opened, lines, 3.0 * items**0.65)
    ends = np.cumsum(count.ravel()).reshape(count.shape)
    country = np.repeat(np.arange(len(areas.iso)), count.sum(axis=1))
    line = np.repeat(np.tile(np.arange(len(lines.name)), len(areas.iso)), count.ravel())
    rng = named_generator(seed, "register")
    known = make_register(len(country), rng).with_columns(
        party_country=pl.Series(_styles(areas, country)), _trade=pl.Series(_name_trades(lines, line, rng))
    )
    names, addresses = _spell(known, rng)
    number_in_country = np.arange(len(country)) - (ends - count)[country, 0]
    key = pl.Series(np.array(areas.iso)[country]) + "-" + pl.Series(number_in_country).cast(pl.String).str.zfill(6)
    return Register(lines, ends - count, count, country, line, key, known["_number"], names, addresses)


def _count_companies(areas: Areas, opened: Ints, lines: Lines, total: float) -> Ints:
    is_open = np.isin(np.arange(len(areas.iso)), opened)
    foreign = np.where(is_open, 0.0, areas.weight**0.5)
    share = np.where(is_open, _OPEN_SHARE / max(len(opened), 1), (1 - _OPEN_SHARE) * foreign / foreign.sum())
    expected = total * share[:, None] * lines.share[None, :]
    expected[:, lines.index(BROKERAGE)] *= np.where(is_open, _BROKER_FACTOR, 0.0)
    return np.maximum(np.round(expected), np.where(is_open, 3, 1)[:, None]).astype(np.int64)


def _styles(areas: Areas, country: Ints) -> NDArray[np.str_]:
    """The legal form by which the companies of a country are known; every company of one country has the same."""
    return np.array([_STYLES.get(iso, "GBR") for iso in areas.iso])[country]


def _name_trades(lines: Lines, line: Ints, rng: np.random.Generator) -> NDArray[np.str_]:
    """What each company's name says of its trade."""
    said = [NAME_TRADES.get(name, OTHER_NAME_TRADES) for name in lines.name]
    width = np.array([len(trades) for trades in said])
    table = np.array([trades + ("",) * (width.max() - len(trades)) for trades in said])
    trades: NDArray[np.str_] = table[line, np.floor(rng.random(len(line)) * width[line]).astype(np.int64)]
    return trades


def _spell(known: pl.DataFrame, rng: np.random.Generator) -> tuple[pl.Series, pl.Series]:
    """Each company as SPELLINGS clerks write it; the first of them makes no slip."""
    seen = known[np.repeat(np.arange(len(known)), SPELLINGS)]
    written = write_down(seen, rng)
    slipped = misspell(written, _SLIPS, rng)
    is_first = pl.Series(np.arange(len(seen)) % SPELLINGS == 0)
    chosen = [pl.when(is_first).then(written[name]).otherwise(slipped[name]).alias(name) for name in ("party_name", "party_address")]
    frame = pl.select(chosen)
    return frame["party_name"], frame["party_address"]
