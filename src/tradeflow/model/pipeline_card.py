"""The model cards of a run's own models: `baseline` and `flow_score` in, `model_card` out."""

from __future__ import annotations

import polars as pl

from tradeflow.model.features import FEATURES
from tradeflow.model.isolation import EXPLAINED_PERCENTILE, SAMPLE_ROWS
from tradeflow.model.model_card import Card, cards_frame

BASELINE = "seasonal baseline"
FOREST = "isolation forests of flows"
NOMINAL_Z = 2.326
"""One standard normal score in a hundred lies above it."""
_PARTS = {"calibration periods": ~pl.col("is_scored"), "scored periods": pl.col("is_scored")}


def describe_pipeline_models(baseline: pl.DataFrame, flow_score: pl.DataFrame, *, trees: int, seed: int) -> pl.DataFrame:
    """Return the cards of both models as rows of contract `model_card`, from the run's own rows."""
    return cards_frame([_describe_baseline(baseline), _describe_forest(flow_score, trees, seed)])


def _describe_baseline(baseline: pl.DataFrame) -> Card:
    card = Card(BASELINE)
    series = baseline.select("series_level", "freq_code", "importer_code", "exporter_code", "commodity_code").unique()
    for (level,), rows in sorted(series.group_by("series_level")):
        card.figure("data", f"series of level {level}", rows.height)
    judged = baseline.filter(pl.col("z_seasonal").is_not_null())
    card.figure("data", "series and periods with an expectation and a report", judged.height)
    _tell_periods(card, baseline)
    card.text(
        "features", "what is fitted", "log kg by trend, season and one averaged level shift, robustly; the chance of trade apart (hurdle)"
    )
    if judged.height:
        card.figure("features", "earlier periods behind an expectation, median", _only(judged, pl.col("history_periods").median()))
    for part, within in _PARTS.items():
        card.figures("figures", part, _baseline_figures(judged.filter(within)))
    card.text(
        "calibration", "p-values", "by the rank of a score among earlier periods of its group (split conformal), not by the normal law"
    )
    card.text(
        "limits", "what it cannot tell", "an excess from a new habit that began long before, a code that is born, a reporter that restates"
    )
    card.text("limits", "figures above", "hold real anomalies too: a share above nominal is not all false alarms")
    return card


def _baseline_figures(judged: pl.DataFrame) -> dict[str, float]:
    if judged.is_empty():
        return {"rows": 0.0}
    traded = judged.filter((pl.col("observed_kg") > 0) & (pl.col("expected_kg") > 0))
    error = (pl.col("observed_kg").log() - pl.col("expected_kg").log()).abs().median()
    return {
        "rows": float(judged.height),
        "share within the 90% interval": _share(judged, pl.col("observed_kg").is_between("lower_kg", "upper_kg")),
        "share of z above that of one in a hundred": _share(judged, pl.col("z_seasonal") > NOMINAL_Z),
        "median distance of ln kg from the expected": _only(traded, error),
    }


def _describe_forest(flow_score: pl.DataFrame, trees: int, seed: int) -> Card:
    card = Card(FOREST)
    scored = flow_score.filter(pl.col("isolation_score").is_not_null())
    card.figure("data", "flows with a usable weight, scored", scored.height)
    card.figure("data", "flows without one, not scored", flow_score.height - scored.height)
    card.figure("data", "comparable groups", scored["comparable_group"].n_unique())
    _tell_periods(card, flow_score)
    card.text("dates", "compared with", "the calendar year before a flow's own, or the first year of the window")
    card.text("features", "inputs", ", ".join(FEATURES))
    card.figure("features", "trees a group and year", trees, f"{SAMPLE_ROWS} rows each, seed {seed}")
    for part, within in _PARTS.items():
        rows = scored.filter(within)
        share = _share(rows, pl.col("isolation_percentile") >= EXPLAINED_PERCENTILE) if rows.height else 0.0
        card.figures("figures", part, {"rows": float(rows.height), f"share at percentile {EXPLAINED_PERCENTILE:.0f} and above": share})
    card.text(
        "calibration",
        "percentiles",
        "places among the flows that a flow is compared with; one in a hundred lies at 99 and above if nothing changes",
    )
    card.text("limits", "what it finds", "what is alone in the crowd, not what is irregular")
    card.text("limits", "range", "a forest cannot tell far outside what it has seen from just outside it")
    return card


def _tell_periods(card: Card, rows: pl.DataFrame) -> None:
    spans = rows.group_by("freq_code", "is_scored").agg(first=pl.col("period").min(), last=pl.col("period").max())
    for freq_code, is_scored, first, last in spans.sort("freq_code", "is_scored").iter_rows():
        card.text(
            "dates",
            f"{'scored' if is_scored else 'calibration'} periods, {'monthly' if freq_code == 'M' else 'annual'}",
            f"{first} to {last}",
        )


def _share(rows: pl.DataFrame, condition: pl.Expr) -> float:
    return _only(rows, condition.fill_null(False).mean())


def _only(rows: pl.DataFrame, figure: pl.Expr) -> float:
    return float(rows.select(figure).item() or 0.0)
