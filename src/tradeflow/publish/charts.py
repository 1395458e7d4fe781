"""The two charts of a lead: one Vega-Lite specification each, shared by all leads, and the figures that a lead puts into it.

Colours are the page's CSS variables, so that a chart is right in light, in dark and on paper without being drawn again.
"""

from __future__ import annotations

import functools
from typing import Any

import altair as alt
import vl_convert

HISTORY_STATES = ("reported", "none", "weight_missing", "not_reported")
_HEIGHT = 230


def chart_specifications() -> dict[str, dict[str, Any]]:
    """Return both specifications without figures; the page puts a lead's rows in and the weight's unit on the axis."""
    return {"history": _without_figures(_history_chart()), "mirror": _without_figures(_mirror_chart())}


@functools.cache
def chart_script() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script that asks for nothing from outside."""
    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return f"(() => {{{script}}})();"


def _without_figures(chart: alt.TopLevelMixin) -> dict[str, Any]:
    specification: dict[str, Any] = chart.to_dict()
    for unused in ("$schema", "datasets", "data"):
        specification.pop(unused, None)
    return specification


def _history_chart() -> alt.TopLevelMixin:
    base = alt.Chart(alt.NamedData("rows")).encode(x=_time_axis())
    flagged = alt.datum.flagged == True  # noqa: E712 - an expression for Vega, not for Python
    band = base.mark_area(color="var(--band)", opacity=1, interpolate="monotone", clip=True).encode(y=_weight_axis("lower"), y2="upper:Q")
    expected = base.mark_line(color="var(--expected)", strokeWidth=1.5, strokeDash=[5, 3], interpolate="monotone").encode(
        y=_weight_axis("expected")
    )
    line = base.mark_line(color="var(--observed)", strokeWidth=1.3).encode(y=_weight_axis("joined"))
    stem = base.mark_rule(color="var(--observed)", strokeWidth=1.5, opacity=0.55).encode(y=_weight_axis("stem"), y2=alt.datum(0))
    points = base.transform_filter(alt.datum.state == "reported").mark_point(filled=True, opacity=1, size=26, color="var(--observed)")
    none = base.transform_filter(alt.datum.state == "none").mark_point(
        filled=True, opacity=1, size=26, stroke="var(--observed)", strokeWidth=1.2, fill="var(--surface)"
    )
    unknown = base.transform_filter((alt.datum.state == "not_reported") | (alt.datum.state == "weight_missing")).mark_point(
        shape="cross", angle=45, size=34, opacity=1, filled=True, color="var(--unknown)"
    )
    when = base.transform_filter(flagged).mark_rule(color="var(--flag)", strokeWidth=10, opacity=0.13)
    lead = base.transform_filter(flagged).mark_point(shape="diamond", filled=True, opacity=1, size=130, color="var(--flag)")
    shown = alt.Tooltip("tip:N", title=" ")
    return alt.layer(
        band,
        when,
        expected,
        stem,
        line,
        points.encode(y=_weight_axis("observed"), tooltip=shown),
        none.encode(y=_weight_axis("floor"), tooltip=shown),
        unknown.encode(y=_weight_axis("floor"), tooltip=shown),
        lead.encode(y=_weight_axis("lead"), tooltip=shown),
    ).properties(width="container", height=_HEIGHT)


def _mirror_chart() -> alt.TopLevelMixin:
    base = alt.Chart(alt.NamedData("rows")).encode(x=_time_axis())
    shown = alt.Tooltip("tip:N", title=" ")
    flagged = alt.datum.flagged == True  # noqa: E712 - an expression for Vega, not for Python
    when = base.transform_filter(flagged).mark_rule(color="var(--flag)", strokeWidth=10, opacity=0.13)
    gap = base.mark_rule(color="var(--gap)", strokeWidth=2.5).encode(y=_weight_axis("exporter"), y2="importer:Q")
    exporter = base.mark_point(shape="square", filled=True, opacity=1, size=44, color="var(--exporter)")
    importer = base.mark_point(filled=True, opacity=1, size=48, color="var(--observed)")
    silent = base.transform_filter(alt.datum.silent == True).mark_point(  # noqa: E712
        shape="cross", angle=45, size=34, opacity=1, filled=True, color="var(--unknown)"
    )
    return alt.layer(
        when,
        gap,
        exporter.encode(y=_weight_axis("exporter"), tooltip=shown),
        importer.encode(y=_weight_axis("importer"), tooltip=shown),
        silent.encode(y=_weight_axis("floor"), tooltip=shown),
    ).properties(width="container", height=_HEIGHT)


def _time_axis() -> alt.X:
    return alt.X("date:T", axis=alt.Axis(title=None, grid=False, tickCount=8, labelFlush=False, labelOverlap=True))


def _weight_axis(column: str) -> alt.Y:
    return alt.Y(f"{column}:Q", scale=alt.Scale(zero=True, nice=True), axis=alt.Axis(title="net weight", tickCount=5, format="~s"))
