"""Judges the mirror reconciliation: made worlds and real years in; tables of figures, told line by line, and a page out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import polars as pl

from tradeflow.evaluate.mirror_command import CommandRun, reconcile_by_command
from tradeflow.evaluate.mirror_known import judge_known_trade
from tradeflow.evaluate.mirror_page import write_page
from tradeflow.evaluate.mirror_predict import judge_real_set
from tradeflow.evaluate.mirror_real import QUICK_CODES, SETS, SPLITS, pair_real_rows, read_real_rows
from tradeflow.evaluate.mirror_stability import judge_order, judge_ranking_stability
from tradeflow.evaluate.mirror_truth import KnownTrade, make_known_trade
from tradeflow.evaluate.mirror_world import FORMS, World
from tradeflow.evaluate.yardstick import load_yardstick
from tradeflow.model.mirror_prediction import foretell_silent_sides, learn_silent_sides

OWN, OWN_MONTHLY, YARDSTICK, YARDSTICK_LARGE = "own", "own, monthly", "yardstick", "yardstick, large"
Echo = Callable[[str], None]
Tables = dict[str, list[pl.DataFrame]]


@dataclass(frozen=True)
class Plan:
    """What is run: worlds of our own by the name under which they are told, the yardstick's sizes and seeds, and how much real data."""

    worlds: tuple[tuple[str, str, World], ...]
    yardstick: tuple[tuple[str, str, int, int, int], ...]
    """source, form, seed, countries, codes."""
    is_quick: bool


@dataclass(frozen=True)
class _Case:
    source: str
    form: str
    seed: int
    trade: KnownTrade
    has_distances: bool


def plan_evaluation(*, quick: bool) -> Plan:
    """Return the small or the whole plan."""
    forms: dict[str, tuple[str, ...]] = {"plain": (), **{form: (form,) for form in FORMS}, "all": FORMS}
    yardstick_forms = ("plain", "heavy_tails", "misattributed", "unit_slips", "lag_carry", "suppressed", "all")
    if quick:
        small = World(countries=40, codes=100)
        own = tuple((OWN, form, replace(small, forms=forms[form])) for form in ("plain", "all"))
        return Plan(own, tuple((YARDSTICK, form, 1, 60, 120) for form in ("plain", "all")), is_quick=True)
    annual, monthly = World(countries=100, codes=300), World(countries=40, codes=60, months=24, density=0.15)
    own = tuple((OWN, form, replace(annual, seed=seed, forms=added)) for form, added in forms.items() for seed in (1, 2))
    own += tuple(
        (OWN_MONTHLY, form, replace(monthly, seed=seed, forms=forms[form])) for form in ("plain", "lag_carry", "all") for seed in (1, 2)
    )
    yardstick = tuple((YARDSTICK, form, seed, 150, 200) for form in yardstick_forms for seed in (1, 2, 3, 4, 5))
    return Plan(own, yardstick + tuple((YARDSTICK_LARGE, form, 1, 150, 1500) for form in ("plain", "all")), is_quick=False)


def evaluate_mirror(shared: Path, *, quick: bool, page: Path | None, echo: Echo) -> None:
    """Run the plan, tell each case as it is judged, and write `page` with its plots beside it where one is named."""
    started = time.process_time()
    plan = plan_evaluation(quick=quick)
    tables: Tables = {}
    for case in _cases(plan, shared, echo):
        _judge_case(case, tables, echo)
    tables["order"] = [judge_order(make_known_trade(replace(plan.worlds[-1][2], months=0)).reports)]
    for name in SETS:
        folder = shared / "data" / name
        if not folder.is_dir():
            echo(f"skipped {name}: there is no {folder}")
            continue
        _judge_real(name, folder, plan, tables, echo)
    joined = {name: pl.concat(parts) for name, parts in tables.items()}
    if page is not None:
        write_page(page, joined, is_quick=quick, cpu_seconds=time.process_time() - started)
        echo(f"wrote {page}")


def _cases(plan: Plan, shared: Path, echo: Echo) -> Iterator[_Case]:
    for source, form, world in plan.worlds:
        yield _Case(source, form, world.seed, make_known_trade(world), has_distances=True)
    path = shared / "benchmarks" / "mirror_truth.py"
    if not path.is_file():
        echo(f"skipped the yardstick: there is no {path}")
        return
    module = load_yardstick(path)
    for source, form, seed, countries, codes in plan.yardstick:
        yield _Case(source, form, seed, make_yardstick(module, form, seed, countries, codes), has_distances=False)


def make_yardstick(module: ModuleType, form: str, seed: int, countries: int, codes: int) -> KnownTrade:
    """Make the yardstick's trade in our truth's columns; it gives no distances."""
    harder = {"plain": (), "all": tuple(module.HARDER)}.get(form, (form,))
    reports, truth, care = module.make(countries, codes, seed=seed, harder=harder)
    by_role = [care.select(pl.col("country").alias(role), f"{role}_sigma") for role in ("exporter", "importer")]
    joined = truth.join(by_role[0], on="exporter", how="left").join(by_role[1], on="importer", how="left")
    none = pl.DataFrame(schema={"exporter": pl.String, "importer": pl.String, "distance_km": pl.Float64})
    return KnownTrade(reports, joined, none)


def _judge_case(case: _Case, tables: Tables, echo: Echo) -> None:
    run = reconcile_by_command(case.trade.reports, case.trade.distances if case.has_distances else None)
    judged = judge_known_trade(case.trade.reports, case.trade.truth, run.pairs) | {"cost": _cost(run)}
    labels = [pl.lit(case.source).alias("source"), pl.lit(case.form).alias("form"), pl.lit(case.seed).alias("seed")]
    for name, table in judged.items():
        tables.setdefault(name, []).append(table.select(*labels, pl.all()))
    echo(f"{case.source}, {case.form}, seed {case.seed}: {_tell(judged)}")


def _cost(run: CommandRun) -> pl.DataFrame:
    return pl.DataFrame({"rows_in": run.rows_in, "pairs": run.pairs.height, "cpu_seconds": run.cpu_seconds, "peak_gb": run.peak_gb})


def _tell(judged: dict[str, pl.DataFrame]) -> str:
    """Say the few figures by which one sees at once whether something broke."""
    errors = judged["estimate"].filter((pl.col("measure") == "value") & (pl.col("flows") == "both sides"))
    rmse = dict(errors.select("method", "rmse").iter_rows())
    precision = dict(judged["detection"].select("score", "average_precision").iter_rows())
    rates = judged["calibration"].filter(pl.col("figure") == "z_value")["ratio"].to_list()
    return (
        f"RMSE {rmse['tradeflow']:.3f} (oracle {rmse['oracle']:.3f}), AP {precision['-z_value']:.3f} "
        f"(DI {precision['discrepancy index (FAO rule)']:.3f}), false flags x{rates[0]:.2f} and x{rates[1]:.2f} of nominal"
    )


def _judge_real(name: str, folder: Path, plan: Plan, tables: Tables, echo: Echo) -> None:
    rows = read_real_rows(folder, QUICK_CODES[name] if plan.is_quick else None)
    splits = SPLITS[:1] if plan.is_quick else SPLITS
    judged = judge_real_set(pair_real_rows(rows), learn_silent_sides, foretell_silent_sides, splits)
    judged["stability"] = judge_ranking_stability(rows)
    for key, table in judged.items():
        tables.setdefault(key, []).append(table.select(pl.lit(name).alias("set"), pl.all()))
    with pl.Config(tbl_cols=-1, tbl_rows=-1, tbl_width_chars=240):
        echo(f"{SETS[name]}: median absolute log errors\n{judged['real']}")
