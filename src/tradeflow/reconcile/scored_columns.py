"""The scores as columns of a pair, with the labels that say what was done."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.reconcile.route_habit import Pasts
from tradeflow.reconcile.score import Scores
from tradeflow.reconcile.sides import ALIGNMENTS, Floats, Ints, Sides

WEIGHT_LABELS = ["as_reported", "corrected_by_1000", "out_of_scale"]
EXPLANATIONS = ["none", "exports_of_another_partner", "imports_of_another_partner"]
HABIT_LABELS = ["of_corridor", "of_route"]
LEADING_SIDES = ["exporter", "importer", "both"]
ALIGNED_FIGURES = [
    "import_aligned_value_usd",
    "timing_value_log_variance",
    "import_aligned_net_weight_kg",
    "timing_net_weight_log_variance",
]
Flags = NDArray[np.bool_]
_EVEN = 0.05
"""How near to one half a side's weight is called even."""


def score_columns(sides: Sides, scores: Scores) -> pl.DataFrame:
    """Return one row per pair, in the order of `sides`."""
    margin = np.where(np.isfinite(sides.import_usd), np.expm1(scores.gaps.margin_log), np.nan)
    has_kg = np.isfinite(scores.gaps.weight)
    weight, value = scores.balanced_weight, scores.balanced_value
    corridor_habit = scores.weight.habit if scores.pasts is None else scores.weight.habit - scores.pasts[1].level_log
    figures = {
        "import_fob_value_usd": sides.import_usd * np.exp(-scores.gaps.margin_log),
        "cif_fob_margin_rate": margin,
        "balanced_value_usd": value.estimate,
        "balanced_value_log_variance": value.log_variance,
        "balanced_net_weight_kg": weight.estimate,
        "balanced_net_weight_log_variance": weight.log_variance,
        "export_weight_share": weight.export_share,
        "corridor_gap_log": np.where(has_kg, corridor_habit, np.nan),
        "corridor_change_log": scores.gaps.weight - corridor_habit,
        "route_gap_log": np.where(has_kg, scores.weight.habit, np.nan),
        "route_change_log": scores.gaps.weight - scores.weight.habit,
        "gap_log_variance": scores.weight.sigma**2,
        "z_value": scores.z_value,
        "z_kg": np.where(has_kg, scores.z_kg, np.nan),
        "shortfall_p_value": scores.p_value,
        "_export_kg": scores.gaps.weights.export_kg,
        "_import_kg": scores.gaps.weights.import_kg,
    }
    columns = pl.DataFrame(figures).with_columns(pl.all().fill_nan(None)).get_columns() + alignment_columns(sides, scores)
    columns += _past_columns(scores.pasts, np.isfinite(scores.p_value))
    columns += [
        _label("export_weight_label", scores.gaps.weights.export_label, WEIGHT_LABELS, np.isfinite(sides.export_kg)),
        _label("import_weight_label", scores.gaps.weights.import_label, WEIGHT_LABELS, np.isfinite(sides.import_kg)),
        _label("gap_explanation", scores.match.kind, EXPLANATIONS, None),
        _label("leading_side", _leading(value.export_share), LEADING_SIDES, np.isfinite(value.export_share)),
    ]
    return pl.DataFrame(columns)


def _past_columns(pasts: Pasts | None, is_compared: Flags) -> list[pl.Series]:
    """Return how many earlier periods tell what is usual of each pair, null where its sides are not compared."""
    periods = np.zeros(len(is_compared), np.intp) if pasts is None else pasts[2].periods
    told = pl.Series("route_past_periods", np.where(is_compared, periods, np.nan)).fill_nan(None).cast(pl.Int32)
    return [told, _label("usual_gap_label", (periods > 0).astype(np.intp), HABIT_LABELS, is_compared)]


def alignment_columns(sides: Sides, scores: Scores) -> list[pl.Series]:
    """Return what was brought from the months of arrival to the month of departure, null where the sides are compared as reported."""
    if sides.aligned is None:
        nothing = [pl.repeat(None, sides.size, dtype=pl.Float64, eager=True).alias(name) for name in ALIGNED_FIGURES]
        return [*nothing, pl.repeat(ALIGNMENTS[0], sides.size, dtype=pl.Enum(ALIGNMENTS), eager=True).alias("alignment_label")]
    aligned = sides.aligned
    fob_usd = aligned.usd * np.exp(-scores.gaps.margin_log)
    told = np.isin(aligned.label, [ALIGNMENTS.index(label) for label in ("aligned", "truncated")])
    figures = zip(ALIGNED_FIGURES, (fob_usd, aligned.usd_variance, aligned.kg, aligned.kg_variance), strict=True)
    columns = [pl.Series(name, np.where(told, figure, np.nan)).fill_nan(None) for name, figure in figures]
    return [*columns, _label("alignment_label", aligned.label.astype(np.intp), ALIGNMENTS, None)]


def _label(name: str, codes: Ints, words: list[str], told: Flags | None) -> pl.Series:
    text = pl.Series(name, codes.astype(np.uint8)).cat.to(pl.Enum(words))
    return text if told is None else pl.select(pl.when(pl.Series(told)).then(text).alias(name)).to_series()


def _leading(export_share: Floats) -> Ints:
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(export_share - 0.5) < _EVEN, 2, np.where(export_share > 0.5, 0, 1))


def asymmetry_columns() -> list[pl.Expr]:
    """Return the plain differences of the two sides, as the field knows them; weights only where they are evidence."""
    x, m = pl.col("export_value_usd").fill_null(0), pl.col("import_fob_value_usd").fill_null(0)
    total = pl.when(x + m > 0).then(x + m)
    return [
        (x - m).alias("asymmetry_usd"),
        (pl.col("_export_kg") - pl.col("_import_kg")).alias("asymmetry_kg"),
        (2 * (x - m) / total).alias("asymmetry_ratio"),
        ((x - m) / total).alias("discrepancy_index"),
    ]
