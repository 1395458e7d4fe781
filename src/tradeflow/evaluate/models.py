"""Judges the models: simulated and real series, prices and labelled declarations in; tables, plots and a page out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl
from threadpoolctl import threadpool_limits

from tradeflow.evaluate.declaration_study import judge_published_parts, simulate_feedback
from tradeflow.evaluate.detectable_study import check_detectable_excess
from tradeflow.evaluate.kept_scores import KeptScores
from tradeflow.evaluate.models_page import write_page
from tradeflow.evaluate.planted_worlds import rank_consignments
from tradeflow.evaluate.power import study_power
from tradeflow.evaluate.price_outliers import judge_price_outliers
from tradeflow.evaluate.series_lead import leads_over_peers
from tradeflow.evaluate.series_study import Row, add_same_part, discoveries, false_alarms_by_group, judge_all, score_own_table, tabulate
from tradeflow.evaluate.series_worlds import POOLED_KINDS, Cell, real_cells, simulated_cells, yardstick_cells

Echo = Callable[[str], None]
REAL_KINDS = ("regular", "intermittent", "missing")
DEAR_ON_REAL = 4
"""On real series the dear peers' part is so many times as large: few of those are told apart, so figures on few are chance."""


@dataclass(frozen=True)
class Plan:
    """How much is run: series of each kind and length, the share of the dear peers' part, panels, worlds, weeks."""

    series: int
    real_series: int
    clean_series: int
    dear_share: float
    panels: int
    countries: int
    worlds: int
    world_size: int
    weeks: int | None
    seed: int = 20_261_122


WHOLE = Plan(100, 250, 8_000, 1.0, 8, 1_000, 20, 150_000, None)
QUICK = Plan(12, 30, 60, 0.05, 1, 120, 0, 10_000, 14)


def evaluate_models(
    shared: Path, *, quick: bool, page: Path | None, worlds: int | None, echo: Echo, keep: Path | None = None
) -> dict[str, pl.DataFrame]:
    """Run the studies whose inputs are there, tell each as it ends, and write `page` with its plots beside it where one is named.

    `keep`: folder of the peers' scores, read where the same series were scored before by the same code and packages.
    """
    started = time.process_time()
    plan, kept = QUICK if quick else WHOLE, KeptScores(keep)
    with threadpool_limits(1):
        tables = _series_tables(plan, shared, kept, echo) | _other_tables(plan, shared, echo)
        seeds = range(1, (plan.worlds if worlds is None else worlds) + 1)
        standings = [asdict(each) for each in rank_consignments(seeds, plan.world_size, echo)]
    if standings:
        tables["consignment"] = pl.DataFrame(standings)
    if page is not None:
        write_page(page, tables, is_quick=quick, cpu_seconds=time.process_time() - started, seconds_before=kept.seconds_before)
        echo(f"written: {page}")
    return tables


def _series_tables(plan: Plan, shared: Path, kept: KeptScores, echo: Echo) -> dict[str, pl.DataFrame]:
    tables = {}
    for name, cells, kinds in _sets_of_cells(plan, shared, echo):
        echo(f"judging {sum(len(cell.amounts) for cell in cells):,} {name} series")
        judged = judge_all(cells, plan.dear_share * (DEAR_ON_REAL if name == "real" else 1), echo, kept)
        add_same_part(judged)
        parts = {name: kinds, "evolving": ("evolving",)} if name == "simulated" else {name: kinds}
        for part, of_part in parts.items():
            tables[f"series, {part}"] = as_table(tabulate(judged, of_part))
            tables[f"leads, {part}"] = pl.DataFrame([asdict(lead) for lead in leads_over_peers(judged, of_part, plan.seed)])
    rates = false_alarms_by_group(plan.clean_series, plan.seed + 1)
    tables["false alarms"] = pl.DataFrame(
        [{"kind": kind, "months": months, **asdict(rate)} for kind, by_length in rates.items() for months, rate in by_length.items()]
    )
    found = discoveries(plan.panels, plan.seed + 2)
    tables["discoveries"] = pl.DataFrame([{"level": level, "false": false, "power": power} for level, (false, power) in found.items()])
    echo("counted false alarms and discoveries")
    return tables


def _sets_of_cells(plan: Plan, shared: Path, echo: Echo) -> list[tuple[str, list[Cell], tuple[str, ...]]]:
    sets: list[tuple[str, list[Cell], tuple[str, ...]]] = [("simulated", simulated_cells(plan.series, plan.seed), POOLED_KINDS)]
    yardstick, real = shared / "benchmarks" / "series_truth.py", shared / "data"
    if yardstick.is_file():
        cells = yardstick_cells(yardstick)
        sets.append(("yardstick", [cell.first(plan.series) for cell in cells] if plan is QUICK else cells, POOLED_KINDS))
    else:
        echo(f"skipped the yardstick: there is no {yardstick}")
    cells = real_cells(real, plan.real_series, plan.seed) if real.is_dir() else []
    if cells:
        sets.append(("real", cells, REAL_KINDS))
    else:
        echo(f"skipped the real series: no monthly figures in {real}")
    return sets


def _other_tables(plan: Plan, shared: Path, echo: Echo) -> dict[str, pl.DataFrame]:
    tables = {"power": pl.DataFrame([_flat(asdict(row)) for row in study_power(plan.countries, plan.seed, score_own_table)])}
    tables["detectable"] = pl.DataFrame([asdict(row) for row in check_detectable_excess(plan.countries, plan.seed)])
    echo("stated the power")
    data = shared / "data"
    if (data / "price_clouds").is_dir():
        tables["prices"] = pl.DataFrame([asdict(row) for row in judge_price_outliers(data / "price_clouds", plan.seed)])
        echo("judged prices")
    else:
        echo(f"skipped the prices: there is no {data / 'price_clouds'}")
    labelled = data / "customs_declarations_labelled"
    if labelled.is_dir():
        figures = judge_published_parts(labelled)
        tables["declarations"] = pl.DataFrame([{"score": name, **each} for name, each in figures.items()])
        tables["feedback"] = pl.DataFrame([asdict(row) for row in simulate_feedback(labelled, plan.weeks, plan.seed)])
        echo("judged declarations")
    else:
        echo(f"skipped the declarations: there is no {labelled}")
    return tables


def as_table(rows: list[Row]) -> pl.DataFrame:
    """Return a row per detector: average precision and recall by anomaly, false alarms with their error, seconds of a fit."""
    return pl.DataFrame(
        [
            {
                "detector": row.detector,
                "series": row.series,
                **{f"AP {anomaly}": value for anomaly, value in row.precision.items()},
                **{f"recall {anomaly}": value for anomaly, value in row.recall.items()},
                "false_alarms": row.false_alarms.share,
                "false_alarm_error": row.false_alarms.standard_error,
                "milliseconds_per_fit": 1000 * row.seconds_per_fit,
            }
            for row in rows
        ],
        infer_schema_length=None,
    )


def _flat(row: dict[str, object]) -> dict[str, object]:
    rates = {name: value for name, value in row.items() if isinstance(value, dict)}
    return {name: rates[name]["share"] if name in rates else value for name, value in row.items()}
