"""The two charts of a lead: one Vega-Lite specification each, shared by all leads, and the figures that a lead puts into it.

Colours are the page's CSS variables, so that a chart is right in light, in dark and on paper without being drawn again.
"""

from __future__ import annotations

import functools
from typing import Any

import altair as alt
import vl_convert

_HEIGHT = 230
_FONT = 'Inter, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
_FIGURES = alt.NamedData("figures")
_CROSS: dict[str, Any] = {
    "shape": "M-.6,-.6L.6,.6M.6,-.6L-.6,.6", "size": 50, "filled": False, "strokeWidth": 1.4, "opacity": 1, "color": "var(--unknown)"
}  # fmt: skip


def chart_specifications() -> dict[str, dict[str, Any]]:
    """Return both specifications without figures; the page puts a lead's rows in and the weight's unit on the axis."""
    return {"history": _without_figures(_history_layers()), "mirror": _without_figures(_mirror_layers())}


@functools.cache
def chart_script() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script that asks for nothing from outside."""
    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return f"(() => {{{script}}})();"


def _without_figures(layers: list[alt.Chart]) -> dict[str, Any]:
    chart = alt.layer(*layers).properties(width="container", height=_HEIGHT)
    specification: dict[str, Any] = _in_the_pages_colours(chart).to_dict()
    for unused in ("$schema", "data"):
        specification.pop(unused, None)
    return specification


def _in_the_pages_colours(chart: Any) -> alt.TopLevelMixin:
    axis = alt.AxisConfig(
        labelColor="var(--muted)", titleColor="var(--muted)", gridColor="var(--line)", tickColor="var(--line-strong)", domain=False,
        labelFontSize=11.5, titleFontSize=11.5, titleFontWeight="normal",
    )  # fmt: skip
    configured: alt.TopLevelMixin = chart.configure(font=_FONT, view=alt.ViewConfig(stroke=None), axis=axis, background="transparent")
    return configured


def _history_layers() -> list[alt.Chart]:
    """Layer the expected band, the reports as line or stems, the other side's, what is not known, and the lead."""
    base = _base_chart()
    return [
        base.mark_area(color="var(--band)", opacity=1).encode(y=_weight("lower"), y2="upper:Q"),
        base.mark_rule(color="var(--band)", strokeWidth=8).encode(y=_weight("lone_lower"), y2="lone_upper:Q"),
        _lead_periods(),
        base.mark_line(color="var(--expected)", strokeWidth=1.5, strokeDash=[5, 3]).encode(y=_weight("expected")),
        base.mark_tick(color="var(--expected)", thickness=1.5, width=10).encode(y=_weight("lone_expected")),
        base.mark_point(shape="square", fill="var(--surface)", stroke="var(--exporter)", strokeWidth=1.2, opacity=1, size=30).encode(
            y=_weight("other")
        ),
        base.mark_point(shape="triangle-up", filled=True, color="var(--exporter)", opacity=1, size=44).encode(y=_weight("above")),
        base.mark_rule(color="var(--observed)", strokeWidth=1.5, opacity=0.55).encode(y=_weight("stem"), y2=alt.datum(0)),
        base.mark_line(color="var(--observed)", strokeWidth=1.3).encode(y=_weight("joined")),
        base.mark_point(filled=True, opacity=1, size=26, color="var(--observed)").encode(y=_weight("observed")),
        base.mark_point(filled=True, opacity=1, size=26, fill="var(--surface)", stroke="var(--observed)", strokeWidth=1.2).encode(
            y=_weight("none")
        ),
        base.mark_point(**_CROSS).encode(y=_weight("unknown")),
        base.mark_point(shape="diamond", filled=True, opacity=1, size=130, color="var(--flag)").encode(y=_weight("lead")),
        *_figure_beyond_the_scale(base),
        *_change_of_the_series(),
        _whole_period_tooltip(base),
    ]


def _mirror_layers() -> list[alt.Chart]:
    """Layer the two sides as points with their difference as a bar between them, over the balanced weight with its interval."""
    base = _base_chart()
    return [
        _lead_periods(),
        base.mark_rule(color="var(--band)", strokeWidth=9).encode(y=_weight("lower"), y2="upper:Q"),
        base.mark_rule(color="var(--gap)", strokeWidth=2).encode(y=_weight("exporter"), y2="importer:Q"),
        base.mark_tick(color="var(--ink)", thickness=1.6, width=11).encode(y=_weight("balanced")),
        base.mark_point(shape="square", filled=True, opacity=1, size=44, color="var(--exporter)").encode(y=_weight("exporter")),
        base.mark_point(filled=True, opacity=1, size=48, color="var(--observed)").encode(y=_weight("importer")),
        base.mark_point(**_CROSS).encode(y=_weight("unknown")),
        *_figure_beyond_the_scale(base),
        _whole_period_tooltip(base),
    ]


def _base_chart() -> alt.Chart:
    axis = alt.Axis(title=None, grid=False, tickCount=6, labelOverlap=True, format="%b %Y")
    return alt.Chart(_FIGURES).encode(x=alt.X("date:T", axis=axis))


def _weight(column: str) -> alt.Y:
    axis = alt.Axis(
        title="net weight", titleAngle=0, titleAlign="left", titleAnchor="end", titleY=-9, titleX=0, tickCount=5, format=",.12~g"
    )
    return alt.Y(f"{column}:Q", scale=alt.Scale(zero=True, nice=True), axis=axis)


def _lead_periods() -> alt.Chart:
    """Shade the periods that the lead is about, as one piece."""
    span = alt.Chart(_FIGURES).encode(x=alt.X("lead_from:T"), x2="lead_to:T")
    shaded: alt.Chart = span.mark_rect(color="var(--flag)", opacity=0.12)
    return shaded


def _change_of_the_series() -> list[alt.Chart]:
    """Mark the period in which the series changed, with the kind of change in words above the plot, where no figure stands."""
    at = alt.Chart(_FIGURES).encode(x=alt.X("change_at:T"))
    text = at.mark_text(align="right", dx=5, dy=-3, baseline="bottom", color="var(--ink)", fontSize=11.5)
    return [at.mark_rule(color="var(--ink)", strokeDash=[2, 3], strokeWidth=1.3), text.encode(y=alt.value(0), text="change:N")]


def _figure_beyond_the_scale(base: alt.Chart) -> list[alt.Chart]:
    """Write the amount over whatever stands beside it at the edge of the scale: the text twice, the first as its rim."""
    shape: dict[str, Any] = {"align": "right", "dx": -11, "fontSize": 12, "fontWeight": "bold"}
    rim = base.mark_text(stroke="var(--surface)", strokeWidth=4, strokeJoin="round", **shape)
    return [text.encode(y=_weight("beyond_at"), text="beyond:N") for text in (rim, base.mark_text(color="var(--flag)", **shape))]


def _whole_period_tooltip(base: alt.Chart) -> alt.Chart:
    """Cover each period's whole height, unseen: the pointer need not hit a point, and the axis spans the periods without one."""
    covering: alt.Chart = base.mark_rule(opacity=0, strokeWidth=9).encode(tooltip=alt.Tooltip("tip:N", title=" "))
    return covering
