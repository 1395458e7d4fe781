"""What one lead puts into the two charts: columns of figures, in the unit that suits them, on a scale on which its history can be read."""

from __future__ import annotations

from typing import Any

import polars as pl

from tradeflow import amounts as say
from tradeflow.telling import wording
from tradeflow.telling.language import t
from tradeflow.telling.lead_months import Change, periods_back_to_lead, share_with_trade

_STATE_WORDS = {
    "none": "no trade reported",
    "weight_missing": "reported without a weight",
    "not_reported": "not reported",
}
_REGULAR_SHARE = 0.8
"""Share of months with trade from which a line between the points says something true."""
_BEYOND_RATIO = 12
"""A figure so many times larger than the others is drawn at the edge of the scale with its amount beside it."""
_LONE_SHARE, _MOST_LONE = 1 / 12, 2
"""Share of the periods with trade, and at most how many, whose figures may be lone."""
_WORD_SHARE = 1 / 8
"""Of a chart's width, what an amount in words takes up."""
_BAND_RATIO = 2.5
"""An interval is cut where it reaches so many times higher than any figure, or it would press them on the axis."""
_MIRROR_PERIODS = 36
_SIDES = ["import_net_weight_kg", "export_net_weight_kg"]
_BALANCED = ["balanced_net_weight_kg", "balanced_lower_kg", "balanced_upper_kg"]


def history_figures(signal: dict[str, Any], months: pl.DataFrame, history_side: str, change: Change | None = None) -> dict[str, Any]:
    """Take a lead, its months, whose reports they show (M or X) and the change found; return the columns of the history chart."""
    marked = months.with_columns(lead_kg=_lead_weight(signal))
    drawn, unit = _scale(marked, ["observed_kg", "lead_kg", "expected_kg"], ["lower_kg", "upper_kg"])
    other, is_above = _other_side(months, _SIDES[history_side == "M"], drawn, unit)
    return {
        "date": months["period"].to_list(),
        "unit": unit,
        "regular": share_with_trade(months) >= _REGULAR_SHARE,
        "state": months["observed_state"].to_list(),
        "flagged": months["is_lead_period"].to_list(),
        "beyond": _amounts_beyond(marked.select(pl.max_horizontal("observed_kg", "lead_kg")).to_series(), drawn),
        "tip": [_history_tip(row) for row in months.iter_rows(named=True)],
        "change": [wording.say_change(change.kind, period) if change and period == change.period else None for period in months["period"]],
        "other": other,
        "above": is_above,
        **{column.removesuffix("_kg"): drawn[column].to_list() for column in drawn.columns if column.endswith("_kg")},
    }


def mirror_figures(months: pl.DataFrame) -> dict[str, Any]:
    """Take a lead's months; return the columns of the chart of both sides."""
    shown = months.tail(max(_MIRROR_PERIODS, periods_back_to_lead(months)))
    drawn, unit = _scale(shown, [*_SIDES, _BALANCED[0]], _BALANCED[1:])
    is_paired = pl.col("mirror_status").is_not_null()
    is_silent = is_paired & pl.any_horizontal(pl.col(side).is_null() for side in _SIDES)
    return {
        "date": shown["period"].to_list(),
        "unit": unit,
        "flagged": shown["is_lead_period"].to_list(),
        "silent": shown.select(is_silent.alias("silent"))["silent"].to_list(),
        "beyond": _amounts_beyond(shown.select(pl.max_horizontal(_SIDES)).to_series(), drawn),
        "tip": [_mirror_tip(row) for row in shown.iter_rows(named=True)],
        "importer": drawn[_SIDES[0]].to_list(),
        "exporter": drawn[_SIDES[1]].to_list(),
        **{name: drawn[column].to_list() for name, column in zip(("balanced", "lower", "upper"), _BALANCED, strict=True)},
    }


def say_observed(month: dict[str, Any]) -> str:
    """Say what was reported for a month, or why there is no figure."""
    words = _STATE_WORDS.get(month["observed_state"])
    return t(words) if words else say.say_weight(month["observed_kg"])


def _lead_weight(signal: dict[str, Any]) -> pl.Expr:
    """Return the lead's own figure at its period; where it is summed over several, each period's part of it."""
    part = pl.when(pl.col("observed_kg") > 0).then("observed_kg")
    is_its_own = signal["window_periods"] == 1 and signal["subject"] != "family"  # a family's lead shows the goods that rose most
    figure = pl.lit(signal["observed_kg"], pl.Float64) if is_its_own else part
    return pl.when("is_lead_period").then(figure)


def _other_side(months: pl.DataFrame, side: str, drawn: pl.DataFrame, unit: str) -> tuple[list[float | None], list[bool]]:
    """Return the other side's reports on the chart's own scale; one above it is drawn at its edge and marked.

    Where both sides say that there was no trade, one mark is enough.
    """
    top = _largest(drawn, [column for column in drawn.columns if column.endswith("_kg")])
    is_told = (pl.col(side) > 0) | (pl.col("observed_state") != "none")
    figures = months.select(pl.when(is_told).then(side)).to_series() / (1000.0 if unit == "t" else 1.0)
    return figures.clip(upper_bound=top).round_sig_figs(4).to_list(), (figures > top).fill_null(value=False).to_list()


def _amounts_beyond(weights: pl.Series, drawn: pl.DataFrame) -> list[str | None]:
    """Say the figures beyond the scale where they stand; those so near that their words would overlap, at the first of them."""
    told: list[str | None] = [None] * len(weights)
    first = -len(weights)
    for place in drawn["is_beyond"].arg_true():
        words, before = say.say_weight(weights[place]), told[first] if place - first < len(weights) * _WORD_SHARE else None
        first = place if before is None else first
        told[first] = words if before is None else f"{before}, {words}"
    return told


def _scale(months: pl.DataFrame, figures: list[str], interval: list[str]) -> tuple[pl.DataFrame, str]:
    """Return the columns in t or kg, cut at the edge of the scale, with `is_beyond` where a figure was cut; and the unit."""
    edge = _edge_of_scale(months, figures)
    top = _largest(months, figures) if edge is None else edge
    divisor, unit = (1000.0, "t") if top >= 5000 else (1.0, "kg")
    is_beyond = pl.lit(False) if edge is None else pl.any_horizontal((pl.col(column) > edge).fill_null(False) for column in figures)
    limits = dict.fromkeys(figures, edge) | dict.fromkeys(interval, (top * _BAND_RATIO or None) if edge is None else edge)
    cut = [(pl.col(column).clip(upper_bound=limit) / divisor).round_sig_figs(4) for column, limit in limits.items()]
    return months.select(*cut, is_beyond.alias("is_beyond")), unit


def _edge_of_scale(months: pl.DataFrame, figures: list[str]) -> float | None:
    """Return where the scale ends if a lone figure or two would press all else flat on the axis, as a slip of unit does; else None."""
    tops: list[float] = months.select(pl.max_horizontal(figures).sort(descending=True)).to_series().drop_nulls().to_list()
    lone = min(_MOST_LONE, max(1, int(sum(top > 0 for top in tops) * _LONE_SHARE)))
    usual = tops[lone] if len(tops) > lone else 0.0
    return usual * 1.3 if usual and tops[0] > usual * _BEYOND_RATIO else None


def _largest(months: pl.DataFrame, columns: list[str]) -> float:
    largest: float | None = months.select(pl.max_horizontal(pl.col(columns).max()).alias("top"))["top"].item()
    return largest or 0.0


def _history_tip(month: dict[str, Any]) -> str:
    expected = "" if month["expected_kg"] is None else t("; expected {amount}", amount=say.say_weight(month["expected_kg"]))
    return f"{say.say_period(month['period'])}: {say_observed(month)}{expected}"


def _mirror_tip(month: dict[str, Any]) -> str:
    importer, exporter, balanced = (say.say_weight(month[side]) for side in (*_SIDES, _BALANCED[0]))
    best = t(", balanced {amount}", amount=balanced) if month["balanced_net_weight_kg"] is not None else ""
    return (
        t(
            "{period}: importer {importer}, exporter {exporter}",
            period=say.say_period(month["period"]),
            importer=importer,
            exporter=exporter,
        )
        + best
    )
