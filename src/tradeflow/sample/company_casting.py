"""Who takes part in a case of the declarations: papers of the last year, changed so that a country's weights stay what they were."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from tradeflow.sample.business import BROKERAGE
from tradeflow.sample.chance import Ints, hash_uniform
from tradeflow.sample.documents import IMPORT
from tradeflow.sample.ordinary_trade import activity_order
from tradeflow.sample.papers import Customs, months_of, read_papers, years_of
from tradeflow.sample.shipments import NO_HUB

SCENE_MONTHS = 12
_MOST_PAPERS = 400_000


@dataclass(frozen=True)
class OddLicence:
    """How the licences of one company differ from everybody's: none, other (substance), expired, limit, renewal, all. `day`: from when."""

    company: int
    kind: str
    day: int = 0


@dataclass(frozen=True)
class Scene:
    """The papers of the last months of some countries; which rows and companies are taken; licences out of the ordinary."""

    customs: Customs
    papers: pl.DataFrame
    rows: frozenset[int] = frozenset()
    companies: frozenset[int] = frozenset()
    licences: tuple[OddLicence, ...] = ()

    @property
    def last_month(self) -> int:
        """The newest month of the window."""
        return self.customs.months.stop - 1


@dataclass(frozen=True)
class Told:
    """What happened: rows of the scene's papers, companies (the one that it is about first), the item, kg, a sentence."""

    scene: Scene
    rows: Ints
    companies: tuple[int, ...]
    item: int | None
    text: str
    excess_kg: float | None = None


def set_scene(customs: Customs) -> Scene:
    """Read the last year of the countries that were opened first, as many as one machine holds with ease."""
    found: list[pl.DataFrame] = []
    first = customs.months.stop - SCENE_MONTHS
    for reporter in customs.opened.tolist():
        for year in years_of(customs):
            if any(month >= first for month in months_of(customs, year)):
                found.append(read_papers(customs, reporter, year).filter(pl.col("month") >= first))
        if sum(map(len, found)) > _MOST_PAPERS:
            break
    return Scene(customs, pl.concat(found).with_row_index("_row").with_columns(pl.col("_row").cast(pl.Int64)))


def free_papers(scene: Scene, flow: int, items: list[int], months: int = SCENE_MONTHS - 1) -> pl.DataFrame:
    """Ordinary papers of some items that nothing has touched: direct trade of the months before the newest one."""
    free = (pl.col("case") == -1) & (pl.col("hub") == NO_HUB) & (pl.col("flow") == flow) & pl.col("item").is_in(items)
    free &= (pl.col("month") < scene.last_month) & (pl.col("month") >= scene.last_month - months)
    taken = ~pl.col("_row").is_in(list(scene.rows)) & ~pl.col("local_company").is_in(list(scene.companies))
    return scene.papers.filter(free & taken)


def watched_items(scene: Scene, *, scheduled: bool = False) -> list[int]:
    """The items that are watched substances; with `scheduled` only those in a table of the 1988 Convention."""
    known = scene.customs.substances
    return [place for place, substance in known.items() if substance.is_scheduled or not scheduled]


def other_items(scene: Scene, *, everyday: bool = False) -> list[int]:
    """The items that are no watched substance; with `everyday` only goods that are no chemicals at all."""
    items = scene.customs.market.items
    return [
        place for place, item in enumerate(items)
        if place not in scene.customs.substances and (item.family == "lookalike" or not everyday)
    ]  # fmt: skip


def at_home(scene: Scene, papers: pl.DataFrame, turn: int) -> pl.DataFrame:
    """The papers of one country: that whose turn it is, or the next one that has any."""
    order = np.roll(scene.customs.opened, -turn).tolist()
    present = set(papers["reporter"].to_list())
    home = next((place for place in order if place in present), -1)
    return papers.filter(pl.col("reporter") == home)


def of_one(papers: pl.DataFrame, by: list[str], count: int, rng: np.random.Generator) -> pl.DataFrame:
    """Up to `count` papers, one after the other, of one group that has as many, or of the one that has most."""
    groups = papers.group_by(by, maintain_order=True).agg(pl.len().alias("_papers"))
    if groups.is_empty():
        return papers
    enough = groups.filter(pl.col("_papers") >= min(count, int(groups["_papers"].max())))  # type: ignore[arg-type]
    chosen = enough[int(rng.integers(len(enough)))]
    mine = papers.join(chosen, on=by, how="semi", maintain_order="left").sort("day", "_row")
    start = int(rng.integers(max(len(mine) - count, 0) + 1))
    return mine.slice(start, count)


def spare_company(scene: Scene, reporter: int, lines: tuple[str, ...], rng: np.random.Generator, *, is_busy: bool) -> int | None:
    """A company of one of some lines of business that no paper names; a busy one has a long record of other goods, another one little."""
    register = scene.customs.market.register
    wanted = [register.lines.index(name) for name in lines]
    order = activity_order(scene.customs.market, reporter)
    seen = np.unique(np.concatenate([scene.papers["buyer_company"].to_numpy(), scene.papers["seller_company"].to_numpy()]))
    spare = order[np.isin(register.line[order], wanted) & ~np.isin(order, seen) & ~np.isin(order, list(scene.companies))]
    if not len(spare):
        return None
    half = spare[: max(len(spare) // 3, 1)] if is_busy else spare[len(spare) // 2 :]
    return int(rng.choice(half))


def change_papers(scene: Scene, rows: Ints, **values: Any) -> Scene:
    """The scene with other values in some rows; a scalar for all, or an array in the order of the rows."""
    types = scene.papers.schema
    columns = [pl.Series(name, np.broadcast_to(np.asarray(value), len(rows)).tolist(), dtype=types[name]) for name, value in values.items()]
    changed = pl.DataFrame([pl.Series("_row", rows, dtype=pl.Int64), *columns])
    return replace(scene, papers=scene.papers.update(changed, on="_row", how="left").sort("_row"))


def scale_value(scene: Scene, rows: Ints, factor: float) -> Scene:
    """The same goods at another price."""
    return change_papers(scene, rows, **{name: scene.papers[name].to_numpy()[rows] * factor for name in ("fob", "cif")})


def hand_over(scene: Scene, rows: Ints, company: int) -> Scene:
    """Another company of the importing country buys these consignments: on its papers and on those of the country of departure."""
    market = scene.customs.market
    bought = scene.papers[rows].select("item", "consignment", "buyer_company").unique()
    papers = scene.papers.with_row_index("_place").join(bought, on=["item", "consignment", "buyer_company"], how="semi").sort("_row")
    both = papers["_row"].to_numpy()
    scene = change_papers(scene, both, buyer_company=company)
    inward = papers.filter(pl.col("flow") == IMPORT)
    line = np.full(len(inward), market.register.lines.index(BROKERAGE))
    usual = hash_uniform(market.seed, "broker", np.full(len(inward), company), np.zeros(len(inward), dtype=np.int64))
    broker = market.register.pick(inward["reporter"].to_numpy(), line, usual)
    return change_papers(scene, inward["_row"].to_numpy(), local_company=company, broker_company=broker)


def take(told: Told, odd: OddLicence | None = None) -> Told:
    """What happened, with its rows and companies closed to anything else."""
    scene = told.scene
    closed = replace(
        scene,
        rows=scene.rows | set(told.rows.tolist()),
        companies=scene.companies | set(told.companies),
        licences=(*scene.licences, odd) if odd else scene.licences,
    )
    return replace(told, scene=closed)


def kilograms(scene: Scene, rows: Ints) -> float:
    """What the papers weigh together."""
    return float(scene.papers["kg"].to_numpy()[rows].sum())
