"""Writes the page `docs/evaluation_mirror.md`: tables of figures in, Markdown with its plots beside it out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from tradeflow.evaluate.mirror_charts import write_charts
from tradeflow.evaluate.mirror_verdicts import judge_demands
from tradeflow.evaluate.page import PLOTS_FOLDER, head_lines, plot_lines, table_lines, write_lines

_ABOUT_WORLDS = """\
Worlds with a known truth: both sides' reports are made from flows that are known, and `tradeflow reconcile` is run on the reports as
a user would run it. *own* is the repository's generator (`evaluate/mirror_world.py`, `mirror_truth.py`): care over a continuum, by
group of products and by size of flow, CIF by distance and unit value, distances given. *yardstick* is a second generator, kept beside
the repository and not ours; it gives no distances. A form adds one thing that happens to real figures; *all* adds all of them. In each,
one flow in two hundred had its destination record a quarter of it (the cut). Figures are means over seeds."""
_ABOUT_ESTIMATES = """\
Error is ln(estimate / truth) on flows that were not cut. The oracle knows the care behind each report and the true CIF rate and
weighs both sides by them; it knows no slips, hubs or lags. The other methods are written from their formulas
(`evaluate/mirror_baselines.py`); kg has no CIF."""
_ABOUT_DETECTION = """\
Rows with both sides, the cut ones to be found. Average precision is the area under precision over recall."""
_ABOUT_RATES = """\
Share of the rows with both sides, not cut, whose z lies below the normal quantile of the nominal rate, or whose p-value lies below
it, over that rate. Rows that hold goods put down to a hub, a slip of unit or a lag count as ordinary: a flag there is false."""
_ABOUT_COVERAGE = """\
Share of the flows, not cut, whose truth lies inside the balanced estimate's interval."""
_ABOUT_REAL = """\
UN Comtrade's monthly figures through the project's own pull, validate and conform. One side's reports of the judged years (2016 on) are
hidden and foretold from the other side's; both directions, rows with both sides. *fitted once*: the model is learnt from the years up to
2015 and stays as it is; each later year is foretold with the hidden side's reports known up to the end of the year before, by the simple
methods too. *frozen*, harder: nothing at all of the years after 2015 is known of the hidden side. *rolling*: learnt anew from all years
before, for a few years. The hidden side's judged reports are never an input. Figures are median absolute errors of ln. A median falls
back to the next broader one, the same month to the other side as it is."""
_ABOUT_STABILITY = """\
Rank correlation of the reporters' scatter, learnt from one year's figures alone, with the year before."""

_ERROR_INDEX = ["source", "form"]


def write_page(page: Path, tables: dict[str, pl.DataFrame], *, is_quick: bool, cpu_seconds: float) -> None:
    """Write the page and its plots."""
    plots = write_charts(page.parent / PLOTS_FOLDER, tables)
    command = "tradeflow evaluate mirror" + (" --quick" if is_quick else "")
    cost = f"{cpu_seconds:,.0f} CPU seconds without those of the runs judged"
    lines = [*head_lines("How well mirror reconciliation does", command, cost), *_demands(tables), *_known(tables, plots)]
    if "real" in tables:
        lines += _real(tables, plots)
    write_lines(page, lines)


def _demands(tables: dict[str, pl.DataFrame]) -> Iterator[str]:
    yield "## What was asked, and what is measured"
    yield ""
    yield "The worst form stands for all. Below, every figure."
    yield ""
    yield from table_lines(judge_demands(tables).rename({"is_met": "met"}))


def _known(tables: dict[str, pl.DataFrame], plots: list[str]) -> Iterator[str]:
    yield from ("## Known truths", "", _ABOUT_WORLDS, "", "### The balanced estimate", "", _ABOUT_ESTIMATES, "")
    for flows in ("both sides", "one side"):
        for measure in ("value", "kg"):
            yield from (f"RMSE, {measure}, flows with {flows}:", "")
            yield from table_lines(_by_method(tables["estimate"], "rmse", flows, measure))
    for figure, name in (("mad", "Median absolute deviation"), ("bias", "Bias")):
        yield from (
            f"{name}, value, flows with both sides:",
            "",
            *table_lines(_by_method(tables["estimate"], figure, "both sides", "value")),
        )
    yield from ("### Finding the cut flows", "", _ABOUT_DETECTION, "", *plot_lines(plots, "mirror_precision.svg"))
    for column, name in {"average_precision": "Average precision", "recall_at_0.01": "Recall at 1% false flags",
                         "recall_at_0.001": "Recall at 0.1% false flags"}.items():  # fmt: skip
        yield from (f"{name}:", "", *table_lines(_mean(tables["detection"], ["score"], column)))
    yield from ("### False flags", "", _ABOUT_RATES, "", *plot_lines(plots, "mirror_false_flags.svg"))
    named = tables["calibration"].with_columns(pl.format("{} at {}", "figure", "nominal").alias("figure"))
    yield from table_lines(_mean(named, ["figure"], "ratio"))
    yield from ("### The interval of the balanced estimate", "", _ABOUT_COVERAGE, "")
    covered = tables["coverage"].group_by("source", "form", "measure", maintain_order=True).agg(pl.selectors.starts_with("covered").mean())
    yield from table_lines(covered.rename(lambda name: name.replace("covered_", "")))
    yield from ("### Cost, lost rows, order", "", *_costs(tables))


def _costs(tables: dict[str, pl.DataFrame]) -> Iterator[str]:
    yield "CPU seconds and peak memory are of the whole command: start, reading, reconciling, writing."
    yield ""
    cost = tables["cost"].group_by("source", maintain_order=True).agg(
        pl.col("rows_in").mean().round().cast(pl.Int64), pl.col("cpu_seconds").mean(), pl.col("peak_gb").max(),
        (pl.col("rows_in").sum() / pl.col("cpu_seconds").sum()).round().cast(pl.Int64).alias("rows per CPU second"),
    )  # fmt: skip
    yield from table_lines(cost)
    lost = tables["lost"].select(pl.col("rows", "missing", "invented").sum()).row(0, named=True)
    order = tables["order"].row(0, named=True)
    yield f"Of {lost['rows']:,} pairs {lost['missing']:,} are missing from the results; {lost['invented']:,} are in them without a report."
    yield f"With the {order['rows']:,} pairs' reports shuffled, {order['differing']:,} results differ."
    yield ""


def _real(tables: dict[str, pl.DataFrame], plots: list[str]) -> Iterator[str]:
    yield from ("## Real years held out", "", _ABOUT_REAL, "", *plot_lines(plots, "mirror_coverage.svg"))
    yield from table_lines(tables["real"])
    yield from ("By year, both directions:", "", *table_lines(_few_methods(tables["real_by_year"])))
    yield from ("By size of the shown report (a power of ten, from that figure on), frozen, both directions:", "")
    yield from table_lines(_few_methods(tables["real_by_size"]))
    yield from ("## Stability of the reporters' ranking", "", _ABOUT_STABILITY, "")
    if tables["stability"].is_empty():
        yield "Too few reporters have enough figures in two years running."
        return
    stable = tables["stability"].with_columns(pl.format("{} {}", "measure", "flow_code").alias("role"))
    yield from table_lines(stable.pivot("role", index=["set", "year"], values="rank_correlation"))


def _few_methods(figures: pl.DataFrame) -> pl.DataFrame:
    labels = [name for name in ("set", "split", "measure", "year", "size_usd_or_kg", "rows") if name in figures.columns]
    return figures.select(
        *labels,
        "other side as it is",
        "median ratios, shrunk",
        "mean of it and other side",
        "tradeflow",
        pl.selectors.starts_with("covered"),
    )


def _by_method(estimate: pl.DataFrame, figure: str, flows: str, measure: str) -> pl.DataFrame:
    return _mean(estimate.filter((pl.col("flows") == flows) & (pl.col("measure") == measure)), ["method"], figure)


def _mean(figures: pl.DataFrame, across: list[str], value: str) -> pl.DataFrame:
    """Return the mean over seeds, a row per source and form, a column per entry of `across`."""
    mean = figures.group_by(*_ERROR_INDEX, *across, maintain_order=True).agg(pl.col(value).mean())
    return mean.pivot(across, index=_ERROR_INDEX, values=value)
