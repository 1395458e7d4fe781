"""Writes the page `docs/evaluation_models.md`: tables of figures in, Markdown with its plots beside it out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from tradeflow.evaluate.models_charts import write_charts
from tradeflow.evaluate.page import PLOTS_FOLDER, head_lines, plot_lines, table_lines, write_lines
from tradeflow.evaluate.series_truth import LAST_MONTH, SIX_MONTHS

_TOP = 10
_ABOUT_SERIES = """\
Each detector says how strange the last month is, and whether anything has changed within the last six; anomalies are planted in the
month or the months that it judges, never in its history. AP is average precision at a prevalence of 2%, all kinds and lengths pooled
(36, 48, 60 and 120 months); for the six-month anomalies tradeflow has one score, a peer the better of two (sum or maximum of its six
deviations). Peers marked "no hurdle" or "in sample" are run as they come; the others leave months without trade to the same hurdle as
ours. Dear peers are judged on the first series of each kind and length, and tradeflow on the same ones beside them. How far ahead of a
peer is said of the same series for both, the interval from drawing the series anew. `false alarms` is the share of clean series called
at nominal 1% in the last month, with its binomial standard error. Milliseconds are CPU time of one fit, one thread;
ours include the calibration of the whole table."""
_ABOUT_SETS = {
    "simulated": "Our own generator (`evaluate/series_truth.py`): free calendar patterns, drift, AR(1) noise with heavy tails. Regular, "
    "contaminated, intermittent and missing series pooled.",
    "evolving": "The same generator, series whose level wanders and whose season changes.",
    "yardstick": "A second generator, kept beside the repository and not ours, with its own seeds and its own way of planting.",
    "real": "Monthly imports by importer and code of UN Comtrade (2008-2018 and 2000-2024), through the gate, the conform stage and the "
    "model's own panel. What is odd in them already counts as clean.",
}  # fmt: skip
_ABOUT_FALSE = """\
Clean series of our generator: the share with p <= 1% in the last month. All kinds and lengths are scored as one
table. The error is binomial."""
_ABOUT_DISCOVERIES = """\
1,500 regular series of 60 months, 3% of them with a last month times 3, 5 or 10. Benjamini and Hochberg's procedure on the p-values:
the realised share of false discoveries and the share of the planted ones that are found; means over panels."""
_ABOUT_POWER = """\
A country of twelve unequal importing companies, 120 months, about the size of Mexico's imports of acetone. A quarter of its mean month
is added in each of the last six: flat, in two lumps of three quarters, or all through one middling company, judged in the country's own
series and in that company's. The power is the share of countries called at 1% false alarms. `company_noise` is the standard deviation
of a company's log kg, `total_noise` what of it is left in the country's total."""
_ABOUT_DETECTABLE = """\
`detectable_excess` states for each importer and code the smallest excess that is called in 80% of cases at 1% false alarms. Here it is
stated for simulated series and planted: in the last month, and in each of the last six, the model fitted anew in every month."""
_ABOUT_PRICES = """\
Clouds of single consignments, the field's test beds. In 2% of them the value is multiplied by 0.33, 0.5, 2 or 3, twenty times each;
figures are means over the factors. What is odd in the clouds already counts as clean. The rule sees one code and one route, as a cloud has
no others."""
_ABOUT_DECLARATIONS = """\
Synthetic import declarations with fraud labels: learnt from the published training part (12 months), judged on the validation part (the
three months after). The set was generated from merged columns, so part of the learner's figure is owed to it: see the model card that
`tradeflow score-declarations` writes."""
_ABOUT_FEEDBACK = """\
A tenth of each week's declarations is inspected, and only what was inspected is learnt from, anew every four weeks: the share of the
inspections that find something."""
_ABOUT_CONSIGNMENT = """\
One consignment of 40 t of tartaric acid (HS 2918.12) is planted in every simulated world, at a buyer whose largest month is a quarter of
it at most. Each world is run from its answers to its leads; the rank is that of the best lead that tells it among the leads of its
code."""


def write_page(page: Path, tables: dict[str, pl.DataFrame], *, is_quick: bool, cpu_seconds: float, seconds_before: float) -> None:
    """Write the page and its plots; `seconds_before`: what the peers' scores cost that were kept from an earlier run."""
    plots = write_charts(page.parent / PLOTS_FOLDER, tables)
    command = "tradeflow evaluate models" + (" --quick" if is_quick else "")
    lines = [
        *head_lines("How well the models do", command, _cost(cpu_seconds, seconds_before)),
        *_series(tables, plots),
        *_calibration(tables, plots),
        *_rest(tables, plots),
    ]
    write_lines(page, lines)


def _cost(cpu_seconds: float, seconds_before: float) -> str:
    said = f"{cpu_seconds:,.0f} CPU seconds"
    if not seconds_before:
        return said
    return f"{said}, and {seconds_before:,.0f} of an earlier run that scored the same series by the same peers (`--keep`)"


def _series(tables: dict[str, pl.DataFrame], plots: list[str]) -> Iterator[str]:
    yield from ["## Series", "", _ABOUT_SERIES, ""]
    for name, about in _ABOUT_SETS.items():
        if (table := tables.get(f"series, {name}")) is None:
            continue
        yield from [f"### {name.capitalize()} series", "", about, "", *_verdict(tables[f"leads, {name}"])]
        yield from table_lines(_columns(table, "AP"))
        yield from ["Recall at 1% false alarms:", "", *table_lines(_columns(table, "recall"))]
    yield from plot_lines(plots, "models_precision.svg")


def _verdict(leads: pl.DataFrame) -> Iterator[str]:
    """Say by how much ours is ahead of the peer that comes nearest, each peer on the series that it was judged on."""
    for (anomaly,), of_anomaly in leads.group_by("anomaly", maintain_order=True):
        nearest = of_anomaly.sort("lead", nulls_last=True).row(0, named=True)
        yield (
            f"- {anomaly}: {nearest['ours']:.3f} where the nearest peer, {nearest['peer']}, has {nearest['theirs']:.3f} on "
            f"{nearest['series']:,} series: {nearest['lead']:+.0%}, 90% interval {nearest['lead_low']:+.0%} to {nearest['lead_high']:+.0%}"
        )
    yield ""


def _columns(table: pl.DataFrame, figure: str) -> pl.DataFrame:
    shown = [name for name in (*LAST_MONTH, *SIX_MONTHS) if f"{figure} {name}" in table.columns]
    kept = table.select("detector", "series", *(pl.col(f"{figure} {name}").alias(name) for name in shown), "false_alarms",
                        "false_alarm_error", "milliseconds_per_fit")  # fmt: skip
    return kept.rename({"false_alarms": "false alarms", "false_alarm_error": "+-", "milliseconds_per_fit": "ms a fit"})


def _calibration(tables: dict[str, pl.DataFrame], plots: list[str]) -> Iterator[str]:
    yield from ["## False alarms and discoveries", "", _ABOUT_FALSE, ""]
    rates = tables["false alarms"]
    yield from table_lines(rates.rename({"share": "false alarms", "standard_error": "+-", "cases": "series"}))
    yield from plot_lines(plots, "models_false_alarms.svg")
    yield from [_ABOUT_DISCOVERIES, "", *table_lines(tables["discoveries"])]


def _rest(tables: dict[str, pl.DataFrame], plots: list[str]) -> Iterator[str]:
    sections = {
        "power": ("A quarter more", _ABOUT_POWER), "detectable": ("The smallest detectable excess", _ABOUT_DETECTABLE),
        "prices": ("Prices", _ABOUT_PRICES), "declarations": ("Labelled declarations", _ABOUT_DECLARATIONS),
        "feedback": ("Learning from one's own inspections", _ABOUT_FEEDBACK), "consignment": ("One consignment", _ABOUT_CONSIGNMENT),
    }  # fmt: skip
    for name, (title, about) in sections.items():
        if name in tables:
            yield from [f"## {title}", "", about, "", *table_lines(tables[name])]
            if name == "power":
                yield from plot_lines(plots, "models_power.svg")
            if name == "consignment":
                within = (tables[name]["rank"] <= _TOP).sum()
                yield from [f"In the top {_TOP} of its code in {within} of {tables[name].height} worlds.", ""]
