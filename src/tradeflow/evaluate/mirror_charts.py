"""The plots of the evaluation page, as SVG files beside it; tables of figures in, file names out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from tradeflow.evaluate.mirror_judges import LEVELS

_WIDTH = 520
_ROW = 17
"""Height in pixels that one form takes."""
_TOLERANCE = 1.5


def write_charts(folder: Path, tables: dict[str, pl.DataFrame]) -> list[str]:
    """Write one SVG per plot whose table is there; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    charts = {"mirror_precision.svg": _plot_precision(tables["detection"]), "mirror_false_flags.svg": _plot_rates(tables["calibration"])}
    if "real" in tables:
        charts["mirror_coverage.svg"] = _plot_coverage(tables["real"])
    for name, chart in charts.items():
        chart.save(folder / name)
    return list(charts)


def _case() -> pl.Expr:
    return pl.concat_str("source", pl.lit(": "), "form").alias("case")


def _rows(figures: pl.DataFrame) -> alt.Chart:
    return (
        alt.Chart(figures)
        .encode(y=alt.Y("case:N", title=None, sort=None, axis=alt.Axis(labelLimit=260)))
        .properties(width=_WIDTH, height=_ROW * figures["case"].n_unique())
    )


def _plot_precision(detection: pl.DataFrame) -> alt.Chart:
    mean = detection.group_by("source", "form", "score", maintain_order=True).agg(pl.col("average_precision").mean()).with_columns(_case())
    x = alt.X("average_precision:Q", title="average precision on the cut flows", scale=alt.Scale(domain=[0, 1]))
    drawn: alt.Chart = (
        _rows(mean).mark_point(filled=True, size=55, opacity=0.85).encode(x=x, color=alt.Color("score:N", sort=None, title=None))
    )
    return drawn


def _plot_rates(calibration: pl.DataFrame) -> Any:
    mean = (
        calibration.group_by("source", "form", "figure", "nominal", maintain_order=True).agg(pl.col("ratio").mean()).with_columns(_case())
    )
    scale = alt.Scale(type="log")
    x = alt.X("ratio:Q", title="measured over nominal rate of false flags (band: within a factor 1.5)", scale=scale)
    points = _rows(mean.filter(pl.col("ratio") > 0)).mark_point(size=45).encode(
        x=x, color=alt.Color("figure:N", title=None), shape=alt.Shape("nominal:N", title="nominal rate")
    )  # fmt: skip
    band = alt.Chart(pl.DataFrame({"low": [1 / _TOLERANCE], "high": [_TOLERANCE]})).mark_rect(opacity=0.15).encode(
        x=alt.X("low:Q", scale=scale), x2="high:Q"
    )  # fmt: skip
    return alt.layer(band, points)


def _plot_coverage(real: pl.DataFrame) -> Any:
    long = real.unpivot(
        [f"covered_{level:g}" for level in LEVELS], index=["set", "split", "hidden", "measure"], variable_name="level", value_name="covered"
    ).with_columns(
        pl.col("level").str.strip_prefix("covered_").cast(pl.Float64), pl.concat_str("set", "split", separator=", ").alias("case")
    )
    axes = {
        "x": alt.X("level:Q", title="nominal coverage"),
        "y": alt.Y("covered:Q", title="measured on the held-out years", scale=alt.Scale(zero=False)),
    }
    points = (
        alt.Chart(long)
        .mark_point(size=45)
        .encode(**axes, color=alt.Color("case:N", title=None, legend=alt.Legend(labelLimit=300)), shape=alt.Shape("measure:N", title=None))
    )
    right = pl.DataFrame({"level": [0.4, 1.0], "covered": [0.4, 1.0]})
    return alt.layer(alt.Chart(right).mark_line(color="grey", strokeDash=[4, 3]).encode(**axes), points).properties(
        width=_WIDTH, height=320
    )
