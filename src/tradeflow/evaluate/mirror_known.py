"""Judges one made world: our pairs, the other methods and the oracle against the truth; rows of figures out."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import polars as pl

from tradeflow.evaluate.mirror_baselines import ESTIMATES, IMF_FACTOR, SCORES, take_sides
from tradeflow.evaluate.mirror_judges import (
    LEVELS,
    NOMINAL_RATES,
    Flags,
    Floats,
    average_precision,
    false_flag_rate,
    false_p_rate,
    interval_coverage,
    recall_at,
    summarise_errors,
)
from tradeflow.evaluate.mirror_truth import FLOW_KEY

OURS = "tradeflow"
ORACLE = "oracle"
ORACLE_MEANING = "knows the care behind each report and the true CIF rate"

_SIDES = {"value": ("export_value_usd", "import_value_usd"), "kg": ("export_net_weight_kg", "import_net_weight_kg")}
_TRUE = {"value": "true_fob_usd", "kg": "true_kg"}
_BALANCED = {"value": "balanced_value_usd", "kg": "balanced_kg"}
_VARIANCE = {"value": "balanced_value_log_variance", "kg": "balanced_kg_log_variance"}


def pair_reports(reports: pl.DataFrame) -> pl.DataFrame:
    """Return one row per exporter, importer, commodity (and period, where there is one) with both sides' figures, null where silent.

    Written apart from the stage's own pairing, so that a row which that one loses is seen.
    """
    key = [name for name in FLOW_KEY if name in ("exporter", "importer") or name in reports.columns]
    sides = []
    for flow_code, side, roles in (("X", "export", ("exporter", "importer")), ("M", "import", ("importer", "exporter"))):
        named = reports.filter(pl.col("flow_code") == flow_code).rename({"reporter": roles[0], "partner": roles[1]})
        sides.append(
            named.select(*key, pl.col("value_usd").alias(f"{side}_value_usd"), pl.col("net_weight_kg").alias(f"{side}_net_weight_kg"))
        )
    return sides[0].join(sides[1], on=key, how="full", coalesce=True).sort(key)


def judge_known_trade(reports: pl.DataFrame, truth: pl.DataFrame, ours: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the tables "estimate", "detection", "calibration" and "coverage" of one world.

    Errors are ln(estimate / true FOB or kg) of flows that were not cut. The false flags are of all rows with two sides that are not cut,
    those without a true flow behind them (goods put down to a hub) included.
    """
    key = [name for name in FLOW_KEY if name in truth.columns]
    labels = [pl.col(name).cast(truth.schema[name]) for name in key]
    told = ours.select(*labels, *_BALANCED.values(), *_VARIANCE.values(), "z_value", "z_kg", "p_value").with_columns(is_told=True)
    rows = (
        pair_reports(reports).join(truth, on=key, how="left", maintain_order="left").join(told, on=key, how="left", maintain_order="left")
    )
    is_cut = rows["is_cut"].fill_null(value=False).to_numpy()
    has_both = (
        rows.select((pl.col("export_value_usd") > 0) & (pl.col("import_value_usd") > 0)).to_series().fill_null(value=False).to_numpy()
    )
    return {
        "estimate": pl.concat([_judge_estimates(rows, measure, is_cut) for measure in _SIDES]),
        "detection": _judge_scores(rows.filter(pl.Series(has_both)), is_cut[has_both]),
        "calibration": _judge_rates(rows.filter(pl.Series(has_both)), is_cut[has_both]),
        "coverage": pl.concat([_judge_intervals(rows, measure, is_cut) for measure in _SIDES]),
        "lost": pl.DataFrame(
            {"rows": rows.height, "missing": rows["is_told"].null_count(), "invented": ours.height - rows["is_told"].count()}
        ),
    }


def _estimates(rows: pl.DataFrame, measure: str) -> dict[str, Floats]:
    """Return every method's estimate in USD or kg."""
    factor = IMF_FACTOR if measure == "value" else 1.0
    sides = take_sides(rows, *_SIDES[measure], factor)
    with np.errstate(divide="ignore", invalid="ignore"):
        others = {name: estimate(sides) for name, estimate in ESTIMATES.items()}
        return {OURS: _floats(rows, _BALANCED[measure]), ORACLE: _oracle_estimate(rows, measure)} | others


def _oracle_estimate(rows: pl.DataFrame, measure: str) -> Floats:
    x, m = (_floats(rows, name) for name in _SIDES[measure])
    fob = m / (1 + _floats(rows, "cif_rate")) if measure == "value" else m
    v_e, v_i = _floats(rows, "exporter_sigma") ** 2, _floats(rows, "importer_sigma") ** 2
    both = np.exp((v_i * np.log(x) + v_e * np.log(fob)) / (v_e + v_i))
    return np.where((x > 0) & (m > 0), both, np.where(x > 0, x, fob))


def _judge_estimates(rows: pl.DataFrame, measure: str, is_cut: Flags) -> pl.DataFrame:
    true = _floats(rows, _TRUE[measure])
    x, m = (_floats(rows, name) > 0 for name in _SIDES[measure])
    kinds = {"both sides": x & m, "one side": x ^ m}
    figures = []
    for method, estimate in _estimates(rows, measure).items():
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.log(estimate / true)
        for kind, chosen in kinds.items():
            figures.append({"measure": measure, "flows": kind, "method": method, **asdict(summarise_errors(error[chosen & ~is_cut]))})
    return pl.DataFrame(figures)


def _scores(rows: pl.DataFrame) -> dict[str, Floats]:
    """Return every score, higher is stranger; those of others work on values."""
    sides = take_sides(rows, *_SIDES["value"], IMF_FACTOR)
    x, m = (_floats(rows, name) for name in _SIDES["value"])
    spread = np.hypot(_floats(rows, "exporter_sigma"), _floats(rows, "importer_sigma"))
    ours = {"-z_value": -_floats(rows, "z_value"), "-z_kg": -_floats(rows, "z_kg"), "1 - p_value": 1 - _floats(rows, "p_value")}
    oracle = (np.log(x) - np.log(m / (1 + _floats(rows, "cif_rate")))) / spread
    return ours | {ORACLE: oracle} | {name: score(sides) for name, score in SCORES.items()}


def _judge_scores(rows: pl.DataFrame, is_cut: Flags) -> pl.DataFrame:
    figures = [
        {"score": name, "average_precision": average_precision(score, is_cut)}
        | {f"recall_at_{rate:g}": recall_at(score, is_cut, rate) for rate in NOMINAL_RATES}
        for name, score in _scores(rows).items()
    ]
    return pl.DataFrame(figures)


def _judge_rates(rows: pl.DataFrame, is_cut: Flags) -> pl.DataFrame:
    rates = [
        {"figure": name, "nominal": nominal, "measured": judge(_floats(rows, name), is_cut, nominal)}
        for name, judge in (("z_value", false_flag_rate), ("z_kg", false_flag_rate), ("p_value", false_p_rate))
        for nominal in NOMINAL_RATES
    ]
    return pl.DataFrame(rates).with_columns((pl.col("measured") / pl.col("nominal")).alias("ratio"))


def _judge_intervals(rows: pl.DataFrame, measure: str, is_cut: Flags) -> pl.DataFrame:
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.log(_floats(rows, _BALANCED[measure]) / _floats(rows, _TRUE[measure]))
        deviation = np.sqrt(_floats(rows, _VARIANCE[measure]))
    covered = interval_coverage(error[~is_cut], deviation[~is_cut])
    return pl.DataFrame([{"measure": measure} | {f"covered_{level:g}": covered[level] for level in LEVELS}])


def _floats(rows: pl.DataFrame, name: str) -> Floats:
    values: Floats = rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return values
