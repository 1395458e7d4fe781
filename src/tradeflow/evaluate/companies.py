"""How well made-up companies are resolved: pairwise precision and recall against the truth, and the ids that a second run keeps."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.resolve.entity import Known, Linker, Resolved, resolve_parties
from tradeflow.resolve.party import identify_parties
from tradeflow.sample.companies import make_companies
from tradeflow.steps.companies import load_name_lists, load_placeholders

ERROR_RATES = (0.01, 0.05, 0.10)
_FIRST, _SECOND = datetime.date(2026, 1, 1), datetime.date(2026, 2, 1)
_FIRST_PART = 0.7


@dataclass(frozen=True)
class PairFigures:
    """Of the pairs of parties that were put together, the share that is one company; of those that are one, the share put together."""

    precision: float
    recall: float


@dataclass(frozen=True)
class CompanyFigures:
    """One linker on one world. `kept_share`: parties known before whose id the second run kept, of those that should keep it."""

    linker: str
    error_rate: float
    parties: int
    pairs: PairFigures
    kept_share: float
    cpu_seconds: float


def evaluate_companies(companies: int, seed: int, linkers: dict[str, Linker | None], echo: Callable[[str], None]) -> list[CompanyFigures]:
    """Judge each linker at each error rate, tell the figures line by line and return them."""
    echo(f"{companies:,} made-up companies, seed {seed}; of two runs the first knows {_FIRST_PART:.0%} of the appearances")
    echo("linker   slips  parties  precision  recall  ids kept  CPU s")
    found = []
    for name, linker in linkers.items():
        for rate in ERROR_RATES:
            figures = judge_linker(name, linker, companies, seed, rate)
            found.append(figures)
            echo(
                f"{name:8} {rate:5.0%} {figures.parties:8,} {figures.pairs.precision:10.4f} {figures.pairs.recall:7.4f}"
                f" {figures.kept_share:9.4f} {figures.cpu_seconds:6.1f}"
            )
    return found


def judge_linker(name: str, linker: Linker | None, companies: int, seed: int, error_rate: float) -> CompanyFigures:
    """Resolve a world in two runs and hold the second against the truth."""
    world = make_companies(companies, seed, error_rate)
    earlier = make_companies(companies, seed, error_rate, first_part=_FIRST_PART)
    first = _resolve(earlier, nothing_known(), _FIRST, linker)
    start = time.process_time()
    second = _resolve(world, Known(first.entity_name, first.entity, nothing_known().entity_decision), _SECOND, linker)
    spent = time.process_time() - start
    truth = world.with_columns(identify_parties(world)).select("party_id", "_company").unique("party_id")
    ids = second.entity_name.select("party_id", "entity_id").join(truth, on="party_id")
    return CompanyFigures(name, error_rate, ids.height, measure_pairs_found(ids), measure_kept(first, second, truth), spent)


def measure_pairs_found(ids: pl.DataFrame) -> PairFigures:
    """Return pairwise precision and recall of `entity_id` against `_company`, a row per party."""
    together = _pairs(ids, ["entity_id", "_company"])
    return PairFigures(together / max(_pairs(ids, ["entity_id"]), 1), together / max(_pairs(ids, ["_company"]), 1))


def measure_kept(first: Resolved, second: Resolved, truth: pl.DataFrame) -> float:
    """Return the share of parties with the id of the first run, among those whose first entity held one company alone.

    An entity that is merged into another of the same company is right to lose its id: the older one's survives.
    """
    before = first.entity_name.select("party_id", pl.col("entity_id").alias("_before")).join(truth, on="party_id")
    pure = before.filter(pl.col("_company").n_unique().over("_before") == 1)
    merged = second.entity.drop_nulls("merged_into_id").select(pl.col("entity_id").alias("_before"))
    both = pure.join(merged, on="_before", how="anti").join(second.entity_name.select("party_id", "entity_id"), on="party_id")
    return float((both["_before"] == both["entity_id"]).mean() or 0.0)  # type: ignore[arg-type]


def _pairs(ids: pl.DataFrame, key: list[str]) -> int:
    sizes = ids.group_by(key).len()["len"].cast(pl.Int64)
    return int((sizes * (sizes - 1) // 2).sum())


def _resolve(appearances: pl.DataFrame, known: Known, today: datetime.date, linker: Linker | None) -> Resolved:
    return resolve_parties(appearances.drop("_company"), load_name_lists(), load_placeholders(), known, today=today, linker=linker)


def nothing_known() -> Known:
    """Return what is known before the first run."""
    return Known(**{name: load_contract(name).empty_frame() for name in ("entity_name", "entity", "entity_decision")})
