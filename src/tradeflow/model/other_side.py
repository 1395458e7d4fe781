"""Foretells what the silent side of a trade will report, from the other side's reports and what both used to differ by.

Gradient-boosted trees with absolute loss on ln(hidden / shown). They are trained on the past as it stood at several earlier cuts, so that
what is learnt is how far each habit carries after so many months without news.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from tradeflow.model.other_side_features import FEATURES, FLOW, describe_reports, state_side

PAIR_KEY = ["freq_code", "period", "exporter_code", "importer_code", "commodity_code"]
LEVELS = (50, 80, 90, 99)
_MEASURES = {
    "predicted_value_usd": ("export_value_usd", "import_value_usd"),
    "predicted_net_weight_kg": ("export_net_weight_kg", "import_net_weight_kg"),
}
_FEWEST_ROWS = 200
_SMALLEST_ERROR = 0.02
_SPREAD_CLASSES = 4


@dataclass(frozen=True)
class PredictOptions:
    """How the model is trained."""

    cuts_months: tuple[int, ...] = (12, 24, 36, 48, 72, 108)
    """Months before the end of the history at which the past is cut for training."""
    rows_per_cut: int = 25_000
    trees: int = 120
    leaves: int = 24
    leaf_rows: int = 80
    seed: int = 1


def predict_other_side(history: pl.DataFrame, one_sided: pl.DataFrame, options: PredictOptions | None = None) -> pl.DataFrame:
    """Return the key of each row of `one_sided` with the predicted report of its hidden side.

    history: monthly pairs up to the newest period of which both sides are known, columns `PAIR_KEY` and both sides' values and weights.
    one_sided: later pairs of which one side is hidden. Returns predicted_value_usd and predicted_net_weight_kg, each with the lower and
    upper limits of its 50, 80, 90 and 99% intervals (predicted_value_usd_lower_50, ...); null where the shown side lacks the measure.
    """
    options = options or PredictOptions()
    told = []
    for hidden, shown in (("import", "export"), ("export", "import")):
        rows = one_sided.filter(pl.col(f"{hidden}_value_usd").is_null() & pl.col(f"{shown}_value_usd").is_not_null())
        if rows.height:
            told.append(pl.concat([rows.select(PAIR_KEY), *_predict_hidden(history, rows, hidden, options)], how="horizontal"))
    return pl.concat(told) if told else one_sided.select(PAIR_KEY).clear()


def _predict_hidden(history: pl.DataFrame, rows: pl.DataFrame, hidden: str, options: PredictOptions) -> list[pl.DataFrame]:
    return [_predict_measure(history, rows, name, hidden, options) for name in _MEASURES]


def _predict_measure(history: pl.DataFrame, rows: pl.DataFrame, name: str, hidden: str, options: PredictOptions) -> pl.DataFrame:
    other = next(each for each in _MEASURES if each != name)
    (exported, imported), (other_exported, other_imported) = _MEASURES[name], _MEASURES[other]
    own, shown, shown_other = (imported, exported, other_exported) if hidden == "import" else (exported, imported, other_imported)
    columns = [*PAIR_KEY, own, shown, shown_other]
    known = state_side(pl.concat([history.select(columns), rows.select(columns)]), own, shown, shown_other)
    past, asked = known.head(history.height), known.tail(rows.height)
    known = known.with_columns(pl.when(pl.int_range(pl.len()) < history.height).then("hidden_log").alias("hidden_log"))
    reporter = f"{hidden}er_code"
    cut = int(past["month"].max()) if past.height else 0  # type: ignore[arg-type]
    training = _training_rows(past, cut, reporter, options)
    described = describe_reports(known, asked, cut, reporter)
    shift, scale, quantiles = _learn(training, described, options)
    return _limits(name, asked["shown_log"].to_numpy(), shift, scale, quantiles)


def _training_rows(past: pl.DataFrame, cut: int, reporter: str, options: PredictOptions) -> pl.DataFrame:
    """Return described reports of which the hidden side is known, as if the past ended at each of the cuts."""
    parts = []
    for months in options.cuts_months:
        known = past.with_columns(pl.when(pl.col("month") <= cut - months).then("hidden_log").alias("hidden_log"))
        two_sided = past.filter((pl.col("month") > cut - months) & pl.col("hidden_log").is_not_null() & pl.col("shown_log").is_not_null())
        if not known["hidden_log"].count() or two_sided.is_empty():
            continue
        sampled = _sample(two_sided, options.rows_per_cut, options.seed + months)
        parts.append(describe_reports(known, sampled, cut - months, reporter))
    return pl.concat(parts) if parts else past.clear()


def _sample(rows: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """Take rows by the hash of their key: the same whatever their order."""
    if rows.height <= most:
        return rows.sort(*FLOW, "month")
    order = rows.with_columns(pl.struct(*FLOW, "month").hash(seed).alias("_hash")).sort("_hash", *FLOW, "month")
    return order.head(most).drop("_hash")


def _learn(
    training: pl.DataFrame, asked: pl.DataFrame, options: PredictOptions
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return for each asked report the shift ln(hidden / shown), its scale, and the quantiles of shift errors in units of the scale.

    The errors are out of fold, flows kept together; quantiles by class of scale: array of classes of both limits of LEVELS.
    """
    if training.height < _FEWEST_ROWS:
        return _without_training(asked)
    features, target = _matrix(training), (training["hidden_log"] - training["shown_log"]).to_numpy()
    wanted = _matrix(asked)
    shift = _boosted(options, "absolute_error").fit(features, target).predict(wanted)
    fold = training.select(pl.struct(FLOW).hash(options.seed) % 2).to_series().to_numpy()
    error = np.zeros(len(target))
    for each in (0, 1):
        own, other = fold == each, fold != each
        if own.any() and other.any():
            error[own] = target[own] - _boosted(options, "absolute_error").fit(features[other], target[other]).predict(features[own])
    scales = _boosted(options, "absolute_error").fit(features, np.log(np.abs(error) + _SMALLEST_ERROR))
    of_training, of_asked = np.exp(scales.predict(features)), np.exp(scales.predict(wanted))
    return shift, of_asked, _quantiles(error / of_training, of_training, of_asked)


def _without_training(asked: pl.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """With too little history: the habit, and an error of a factor of two in half of the cases."""
    limits = np.array([[-1.0, 1.0], [-2.5, 2.5], [-4.0, 4.0], [-9.0, 9.0]]).ravel()
    return asked["habit"].to_numpy(), np.full(asked.height, np.log(2)), np.tile(limits, (asked.height, 1))


def _matrix(described: pl.DataFrame) -> NDArray[np.float64]:
    return described.select(pl.col(FEATURES).cast(pl.Float64).fill_null(float("nan"))).to_numpy()


def _boosted(options: PredictOptions, loss: str) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(
        loss=loss, max_iter=options.trees, max_leaf_nodes=options.leaves, min_samples_leaf=options.leaf_rows, learning_rate=0.1,
        early_stopping=False, random_state=options.seed,
    )  # fmt: skip


def _quantiles(error: NDArray[np.float64], scale: NDArray[np.float64], asked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each asked report the limits of LEVELS (lower, upper, lower, ...), from the errors of its class of scale."""
    edges = np.quantile(scale, np.linspace(0, 1, _SPREAD_CLASSES + 1)[1:-1])
    shares = [share for level in LEVELS for share in ((1 - level / 100) / 2, (1 + level / 100) / 2)]
    of_error, of_asked = np.searchsorted(edges, scale), np.searchsorted(edges, asked)
    table = np.array([np.quantile(error[of_error == each], shares) for each in range(_SPREAD_CLASSES)])
    limits: NDArray[np.float64] = table[of_asked]
    return limits


def _limits(
    name: str, shown_log: NDArray[np.float64], shift: NDArray[np.float64], scale: NDArray[np.float64], quantiles: NDArray[np.float64]
) -> pl.DataFrame:
    centre = shown_log + shift
    columns = {name: centre}
    for number, level in enumerate(LEVELS):
        for side, place in (("lower", 2 * number), ("upper", 2 * number + 1)):
            columns[f"{name}_{side}_{level}"] = centre + scale * quantiles[:, place]
    return pl.DataFrame({column: np.exp(logs) for column, logs in columns.items()}).fill_nan(None)
