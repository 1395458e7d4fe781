"""The order of reconciliation: pair, one basis, reliability, gap, balance, absence."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile.absence import explain_missing_sides
from tradeflow.reconcile.gap import balance_sides, standardise_gap
from tradeflow.reconcile.margin import restate_cif_as_fob
from tradeflow.reconcile.pairs import PAIR_KEY, pair_mirror_flows
from tradeflow.reconcile.reliability import fit_reporter_reliability
from tradeflow.reconcile.scale import mark_weights_out_of_scale

_MEASURES = {
    "net_weight": ("_export_kg", "_import_kg"),
    "value": ("export_value_usd", "import_fob_value_usd"),
}


@dataclass(frozen=True)
class ReconcileOptions:
    """What `settings.Reconcile` says, as plain numbers."""

    prior_margin_rate: float = 0.06
    prior_margin_weight: float = 20
    floor_sigma: float = 0.05
    habit_weight: float = 6
    threshold_usd: float = 1000


def reconcile_trade_flow(
    trade_flow: pl.LazyFrame, coverage: pl.DataFrame, commodity_coverage: pl.DataFrame, fob_reporters: pl.Series, options: ReconcileOptions
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (`mirror_pair`, `reporter_reliability`), sorted by their keys.

    fob_reporters: codes of the areas whose imports are published FOB.
    """
    pairs = pair_mirror_flows(trade_flow)
    pairs = _keep_evident_weights(mark_weights_out_of_scale(pairs))
    pairs = restate_cif_as_fob(pairs, fob_reporters, options.prior_margin_rate, options.prior_margin_weight)
    reliability = pl.concat([_fit_measure(pairs, measure, options.floor_sigma) for measure in _MEASURES])
    pairs = _score_value(pairs, reliability, options)
    pairs = _score_weight(pairs, reliability, options)
    pairs = explain_missing_sides(pairs, coverage, commodity_coverage, options.threshold_usd)
    return (
        _in_contract(pairs.with_columns(*_asymmetry()), "mirror_pair").sort(PAIR_KEY),
        _in_contract(reliability, "reporter_reliability").sort("reporter_code", "flow_code", "measure"),
    )


def _keep_evident_weights(pairs: pl.DataFrame) -> pl.DataFrame:
    """Add _export_kg and _import_kg: the weights that are of the right order of magnitude."""
    kept = [
        pl.when(~pl.col(f"is_{side}_weight_out_of_scale")).then(pl.col(f"{side}_net_weight_kg")).alias(f"_{side}_kg")
        for side in ("export", "import")
    ]
    return pairs.with_columns(kept)


def _fit_measure(pairs: pl.DataFrame, measure: str, floor_sigma: float) -> pl.DataFrame:
    export, imported = _MEASURES[measure]
    two_sided = pairs.filter((pl.col(export) > 0) & (pl.col(imported) > 0))
    gaps = two_sided.select("exporter_code", "importer_code", (pl.col(imported) / pl.col(export)).log().alias("gap_log"))
    return fit_reporter_reliability(gaps, floor_sigma).with_columns(pl.lit(measure).alias("measure"))


def _score_value(pairs: pl.DataFrame, reliability: pl.DataFrame, options: ReconcileOptions) -> pl.DataFrame:
    export, imported = _MEASURES["value"]
    scored = standardise_gap(pairs, reliability.filter(pl.col("measure") == "value"), export, imported, options.habit_weight)
    estimate, variance, _ = balance_sides(export, imported)
    return scored.with_columns(
        estimate.alias("balanced_value_usd"),
        variance.alias("balanced_value_log_variance"),
        pl.col("_z").alias("z_value"),
    ).select(pl.exclude("_gap_log", "_habit_log", "_variance", "_z", "_export_variance", "_import_variance"))


def _score_weight(pairs: pl.DataFrame, reliability: pl.DataFrame, options: ReconcileOptions) -> pl.DataFrame:
    export, imported = _MEASURES["net_weight"]
    scored = standardise_gap(pairs, reliability.filter(pl.col("measure") == "net_weight"), export, imported, options.habit_weight)
    estimate, variance, share = balance_sides(export, imported)
    return scored.with_columns(
        estimate.alias("balanced_net_weight_kg"),
        variance.alias("balanced_net_weight_log_variance"),
        share.alias("export_weight_share"),
        pl.col("_habit_log").alias("corridor_gap_log"),
        pl.col("_variance").alias("gap_log_variance"),
        pl.col("_z").alias("z_kg"),
    )


def _asymmetry() -> list[pl.Expr]:
    x, m = pl.col("export_value_usd").fill_null(0), pl.col("import_fob_value_usd").fill_null(0)
    total = pl.when(x + m > 0).then(x + m)
    return [
        (x - m).alias("asymmetry_usd"),
        (pl.col("_export_kg") - pl.col("_import_kg")).alias("asymmetry_kg"),
        (2 * (x - m) / total).alias("asymmetry_ratio"),
        ((x - m) / total).alias("discrepancy_index"),
    ]


def _in_contract(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    return frame.select([pl.col(column.name).cast(column.dtype) for column in load_contract(name).columns])
