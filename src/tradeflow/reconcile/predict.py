"""Foretells what the silent side of a trade will report: from the other side's report and what the two usually differ by."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tradeflow.reconcile.pairs import PAIR_KEY

LEVELS = (50, 80, 90, 99)
_CORRIDOR = ["exporter_code", "importer_code"]
_FLOW = [*_CORRIDOR, "commodity_code"]
_MEASURES = {
    "value_usd": ("export_value_usd", "import_value_usd"),
    "net_weight_kg": ("export_net_weight_kg", "import_net_weight_kg"),
}


@dataclass(frozen=True)
class PredictOptions:
    """How much a narrower habit must show before it counts as much as the broader one."""

    shrinking_flows: float = 5


def predict_other_side(history: pl.DataFrame, one_sided: pl.DataFrame, options: PredictOptions | None = None) -> pl.DataFrame:
    """Return the key of each row of `one_sided` with the predicted report of its hidden side.

    history: pairs up to the newest period of which both sides are known, columns `PAIR_KEY` and both sides' values and weights.
    one_sided: pairs of which one side is hidden. Returns predicted_value_usd and predicted_net_weight_kg with lower and upper limits of
    the 50, 80, 90 and 99% intervals (predicted_value_usd_lower_50, ...); null where the shown side lacks the measure.
    """
    options = options or PredictOptions()
    parts = [_predict_hidden(history, one_sided, hidden, options) for hidden in ("import", "export")]
    return pl.concat([part for part in parts if part.height] or parts[:1])


def _predict_hidden(history: pl.DataFrame, one_sided: pl.DataFrame, hidden: str, options: PredictOptions) -> pl.DataFrame:
    shown = "export" if hidden == "import" else "import"
    rows = one_sided.filter(pl.col(f"{shown}_value_usd").is_not_null() & pl.col(f"{hidden}_value_usd").is_null())
    told = rows.select(PAIR_KEY)
    for measure, columns in _MEASURES.items():
        own, other = (columns[1], columns[0]) if hidden == "import" else columns
        told = told.hstack(_predict_measure(history, rows, own, other, f"predicted_{measure}", options))
    return told


def _predict_measure(history: pl.DataFrame, rows: pl.DataFrame, own: str, other: str, name: str, options: PredictOptions) -> pl.DataFrame:
    both = history.filter((pl.col(own) > 0) & (pl.col(other) > 0)).with_columns((pl.col(own) / pl.col(other)).log().alias("_ratio"))
    fitted = _habit(both, both, options)
    residual = (both["_ratio"] - fitted).sort()
    log_shown = rows.select(pl.when(pl.col(other) > 0).then(pl.col(other).log())).to_series()
    centre = log_shown + _habit(both, rows, options)
    columns = [centre.exp().alias(name)]
    for level in LEVELS:
        for side, share in (("lower", (1 - level / 100) / 2), ("upper", (1 + level / 100) / 2)):
            columns.append((centre + (residual.quantile(share) or 0.0)).exp().alias(f"{name}_{side}_{level}"))
    return pl.DataFrame(columns)


def _habit(both: pl.DataFrame, rows: pl.DataFrame, options: PredictOptions) -> pl.Series:
    """Median log ratio of all, of the corridor and of the flow, each shrunk to the broader one."""
    told = rows.select(_FLOW).with_columns(pl.lit(both["_ratio"].median() or 0.0).alias("_habit"))
    for level in (_CORRIDOR, _FLOW):
        medians = both.group_by(level).agg(pl.col("_ratio").median().alias("_own"), pl.len().alias("_count"))
        count = pl.col("_count").fill_null(0)
        shrunk = (count * pl.col("_own").fill_null(0) + options.shrinking_flows * pl.col("_habit")) / (count + options.shrinking_flows)
        told = told.join(medians, on=level, how="left", maintain_order="left").select(*_FLOW, shrunk.alias("_habit"))
    return told["_habit"]
