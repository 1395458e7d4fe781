"""The plots of the models' evaluation page, as SVG files beside it; tables of figures in, file names out."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import polars as pl

from tradeflow.evaluate.series_study import OURS

_ANOMALIES = ("spike x2", "spike x3", "shift x2", "one-off x3")
_BAND = {"low": [0.007], "high": [0.014]}
"""Where the rate of false alarms at nominal 1% is asked to lie."""


def write_charts(folder: Path, tables: dict[str, pl.DataFrame]) -> list[str]:
    """Write one SVG per plot; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    charts = {
        "models_precision.svg": _plot_precision(tables),
        "models_false_alarms.svg": _plot_rates(tables["false alarms"]),
        "models_power.svg": _plot_power(tables["power"]),
    }
    for name, chart in charts.items():
        chart.save(folder / name)
    return list(charts)


def _plot_precision(tables: dict[str, pl.DataFrame]) -> alt.TopLevelMixin:
    parts = [
        table.select("detector", pl.lit(name.removeprefix("series, ")).alias("set"), *(f"AP {anomaly}" for anomaly in _ANOMALIES))
        for name, table in tables.items()
        if name.startswith("series, ")
    ]
    long = pl.concat(parts).unpivot(index=["detector", "set"], variable_name="anomaly", value_name="precision").drop_nulls()
    whose = pl.when(pl.col("detector").str.starts_with(OURS)).then(pl.lit(OURS)).otherwise(pl.lit("others")).alias("whose")
    named = long.with_columns(pl.col("anomaly").str.strip_prefix("AP "), whose)
    points = alt.Chart(named).mark_point(filled=True, size=45, opacity=0.9).encode(
        x=alt.X("precision:Q", title="average precision at a prevalence of 2%", scale=alt.Scale(zero=True)),
        y=alt.Y("detector:N", title=None, sort=None, axis=alt.Axis(labelLimit=330)),
        color=alt.Color("anomaly:N", sort=list(_ANOMALIES), title=None),
        shape=alt.Shape("whose:N", title=None, sort=[OURS, "others"]),
    )  # fmt: skip
    sets = points.properties(width=260, height=alt.Step(15)).facet(facet=alt.Facet("set:N", title=None), columns=2)
    drawn: alt.TopLevelMixin = sets.resolve_scale(x="independent", y="independent").configure_legend(orient="bottom")
    return drawn


def _plot_rates(rates: pl.DataFrame) -> alt.TopLevelMixin:
    share, error = pl.col("share"), pl.col("standard_error")
    ends = rates.with_columns((share - 2 * error).clip(0).alias("low"), (share + 2 * error).alias("high"))
    x = alt.X("months:O", title="months of history", axis=alt.Axis(labelAngle=0))
    band = alt.Chart(pl.DataFrame(_BAND)).mark_rect(opacity=0.15).encode(y=alt.Y("low:Q"), y2="high:Q")
    base = alt.Chart(ends).encode(x=x, color=alt.Color("kind:N", title=None), xOffset="kind:N")
    bars = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q", title="false alarms at nominal 1%, two errors"), y2="high:Q")
    points = base.mark_point(filled=True, size=45).encode(y="share:Q")
    drawn: alt.TopLevelMixin = alt.layer(band, bars, points).properties(width=520, height=260)
    return drawn


def _plot_power(power: pl.DataFrame) -> alt.TopLevelMixin:
    # To the country's own series it is all the same through whom a flat excess comes: one line for both.
    told = power.filter((pl.col("shape") != "through one company") | (pl.col("series") == "company"))
    shape = pl.col("shape").replace("flat", "flat, through one company or many")
    cases = told.with_columns(pl.concat_str(shape, pl.lit(", the "), "series", pl.lit("'s series")).alias("case"))
    long = cases.unpivot(
        ["last_month", "six_months"], index=["case", "total_noise", "company_noise"], variable_name="score", value_name="power"
    )
    base = alt.Chart(long).encode(
        x=alt.X("company_noise:Q", title="standard deviation of one company's log kg"),
        y=alt.Y("power:Q", title="power at 1% false alarms", scale=alt.Scale(domain=[0, 1])),
        color=alt.Color("case:N", title=None, legend=alt.Legend(labelLimit=300)),
    )
    lines = base.mark_line().encode(strokeDash=alt.StrokeDash("score:N", title=None))
    drawn: alt.TopLevelMixin = alt.layer(lines, base.mark_point(filled=True, size=45)).properties(width=460, height=280)
    return drawn
