"""Foretells what the silent side of a trade will report, with intervals: pairs of the past and one side's later reports in.

Gradient boosted trees with absolute loss (Friedman 2001; scikit-learn's histogram form) learn ln(hidden / shown) on the past itself: each
of the last years is foretold from the years before it. Intervals come from routes that the trees had not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from tradeflow.model.mirror_features import ROUTE, Question, as_features, ask, describe_past, describe_shown, take_logs

Floats = NDArray[np.float64]
Ints = NDArray[np.uint64]

LEVELS = (50, 80, 90, 99)
"""Per cent of the hidden reports that an interval is meant to cover."""
MIN_TRAINING_ROWS = 200
_KEY = ["freq_code", "period", *ROUTE]
_CUTOFFS = (8, 6, 4, 3, 2, 1)
"""Years before the end of the past from which the rest of it is foretold."""
_MOST_ROWS = 80_000
_FOLDS = 3
_SMALLEST_RESIDUAL = 0.02
_TREES, _SCALE_TREES = 200, 50
_GROWTH = {"learning_rate": 0.06, "max_leaf_nodes": 24, "min_samples_leaf": 40, "random_state": 0, "early_stopping": False}


def predict_other_side(history: pl.DataFrame, one_sided: pl.DataFrame) -> pl.DataFrame:
    """Return the key of each row of `one_sided` with predicted_value_usd and predicted_net_weight_kg of its hidden side.

    Both tables are monthly pairs: freq_code, period, exporter_code, importer_code, commodity_code, export_value_usd, import_value_usd,
    export_net_weight_kg, import_net_weight_kg. `history` ends with a whole year; `one_sided` is later and lacks one side. Beside each
    prediction stand the limits of its intervals (predicted_value_usd_lower_50, ...), null where the shown side lacks the measure.
    ValueError where the past holds fewer than `MIN_TRAINING_ROWS` pairs to learn from.
    """
    told = []
    for hidden, shown in (("import", "export"), ("export", "import")):
        rows = one_sided.filter(pl.col(f"{shown}_value_usd").is_not_null() & pl.col(f"{hidden}_value_usd").is_null())
        if rows.height:
            measures = [_predict(history, rows, ask(hidden, measure), measure) for measure in ("value_usd", "net_weight_kg")]
            told.append(rows.select(_KEY).hstack(measures[0]).hstack(measures[1]))
    return pl.concat(told)


def _predict(history: pl.DataFrame, rows: pl.DataFrame, question: Question, measure: str) -> pl.DataFrame:
    """Return the prediction and its limits in the rows' order."""
    past, asked = take_logs(history, question), take_logs(rows, question)
    cutoff = int(past["_year"].to_numpy().max())
    horizon = int(asked["_year"].to_numpy().max()) - cutoff
    model = _fit(_training_rows(past, question, cutoff, horizon))
    described = _describe(pl.concat([past, asked]), past, asked.drop_nulls("_shown"), question, cutoff)
    centre, scale = model.foretell(described)
    name = f"predicted_{measure}"
    limits = {
        f"{name}_{side}_{level}": np.exp(centre + scale * model.quantile((50 + sign * level / 2) / 100))
        for level in LEVELS
        for side, sign in (("lower", -1), ("upper", 1))
    }
    told = described.select("period", *ROUTE).with_columns(pl.Series(name, np.exp(centre)), *(pl.Series(*each) for each in limits.items()))
    joined = rows.select("period", *ROUTE).join(told, on=["period", *ROUTE], how="left", maintain_order="left")
    return joined.drop("period", *ROUTE)


def _training_rows(past: pl.DataFrame, question: Question, last_year: int, horizon: int) -> pl.DataFrame:
    """Return the pairs of the last years with what was known at the end of a year before each, as far ahead as will be asked."""
    both = past.filter(pl.col("_hidden").is_not_null() & pl.col("_shown").is_not_null())
    parts = []
    for cutoff in (last_year - back for back in _CUTOFFS):
        asked = both.filter(pl.col("_year").is_between(cutoff + 1, cutoff + horizon))
        if asked.height and (past["_year"] <= cutoff).any():
            parts.append(_describe(past, past, asked, question, cutoff))
    rows = pl.concat(parts) if parts else pl.DataFrame()
    if rows.height < MIN_TRAINING_ROWS:
        raise ValueError(f"{rows.height} pairs of both sides follow a year of figures; {MIN_TRAINING_ROWS} are needed to learn from")
    return rows.filter(pl.struct(*ROUTE, "_index", "age").hash(seed=1) % rows.height < _MOST_ROWS)


def _describe(shown: pl.DataFrame, past: pl.DataFrame, asked: pl.DataFrame, question: Question, cutoff: int) -> pl.DataFrame:
    known = describe_past(past, asked, question, cutoff)
    return known.join(describe_shown(shown, question), on=[*ROUTE, "_index"], how="left", maintain_order="left")


@dataclass(frozen=True)
class _Fitted:
    """One model of the centre and one of the error's size per fold, each grown without its own fold."""

    centres: list[HistGradientBoostingRegressor]
    scales: list[HistGradientBoostingRegressor]
    standardised: Floats
    """Residuals of every fold over their predicted size, both from models that had not seen the route's year."""

    def foretell(self, rows: pl.DataFrame) -> tuple[Floats, Floats]:
        """Return the predicted log of the hidden side and the size of its error."""
        features = as_features(rows).to_numpy()
        return rows["_shown"].to_numpy() + _mean_prediction(self.centres, features), np.exp(_mean_prediction(self.scales, features))

    def quantile(self, share: float) -> float:
        """Return a quantile of the error over its size."""
        return float(np.quantile(self.standardised, share))


def _fit(rows: pl.DataFrame) -> _Fitted:
    """Fit by folds of a route's whole years: the months of one err alike, so its other months would flatter the intervals."""
    features, target = as_features(rows).to_numpy(), (rows["_hidden"] - rows["_shown"]).to_numpy()
    fold = (rows.select(pl.struct(*ROUTE, "_year").hash(seed=2)).to_series() % _FOLDS).to_numpy()
    centres, residual = _fit_folds(features, target, fold, _TREES)
    size = np.log(np.abs(residual) + _SMALLEST_RESIDUAL)
    scales, left = _fit_folds(features, size, fold, _SCALE_TREES)
    return _Fitted(centres, scales, residual / np.exp(size - left))


def _fit_folds(features: Floats, target: Floats, fold: Ints, trees: int) -> tuple[list[HistGradientBoostingRegressor], Floats]:
    """Return one model per fold and what each leaves unexplained of its own fold."""
    models, left = [], np.empty_like(target)
    for number in range(_FOLDS):
        own = fold == number
        model = HistGradientBoostingRegressor(loss="absolute_error", max_iter=trees, **_GROWTH).fit(features[~own], target[~own])
        left[own] = target[own] - model.predict(features[own])
        models.append(model)
    return models, left


def _mean_prediction(models: list[HistGradientBoostingRegressor], features: Floats) -> Floats:
    predicted: Floats = np.mean([model.predict(features) for model in models], axis=0)
    return predicted
