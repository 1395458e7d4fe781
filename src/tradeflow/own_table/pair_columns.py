"""The scored pairs of one part under the table's own labels, in contract `own_trade_pair`."""

from __future__ import annotations

import numpy as np
import polars as pl

from tradeflow.contract import load_contract
from tradeflow.own_table.monthly import Lags
from tradeflow.own_table.trade_reading import TradeTable
from tradeflow.reconcile.lag import SHARES
from tradeflow.reconcile.score import Scores
from tradeflow.reconcile.scored_columns import score_columns
from tradeflow.reconcile.sides import Sides

_RENAMED = {
    "shortfall_p_value": "p_value",
    "balanced_net_weight_kg": "balanced_kg",
    "balanced_net_weight_log_variance": "balanced_kg_log_variance",
}


def pair_columns(
    pairs: pl.DataFrame, sides: Sides, scores: Scores, silence: pl.DataFrame, table: TradeTable, lags: Lags | None
) -> pl.DataFrame:
    """Return one row per pair, in the order of `pairs`. silence: see `SilentSides.tell`."""
    scored = score_columns(sides, scores).rename(_RENAMED)
    has_x, has_m = np.isfinite(pairs["export_value_usd"].to_numpy()), np.isfinite(pairs["import_value_usd"].to_numpy())
    status = pl.Series("mirror_status", np.where(has_x & has_m, 0, np.where(has_x, 1, 2)).astype(np.uint8))
    reported = pairs.select(pl.selectors.ends_with("_usd", "_kg").fill_nan(None))
    basis = pl.Series("valuation_basis", (~has_m).astype(np.uint8)).cat.to(pl.Enum(["margin_estimated", "no_import_report"]))
    areas, commodities = table.areas, table.commodities
    labels = [_labels(pairs, "exporter", areas), _labels(pairs, "importer", areas), _labels(pairs, "commodity", commodities)]
    period = _labels(pairs, "period", table.periods) if len(table.periods) else pl.repeat(None, pairs.height, dtype=pl.String, eager=True)
    made = pl.DataFrame([*labels, period.alias("period"), status.cat.to(pl.Enum(["both", "exporter_only", "importer_only"])), basis])
    parts = [made, reported, scored, silence, _shares(sides, lags)]
    return pl.concat(parts, how="horizontal").select(load_contract("own_trade_pair").column_names)


def _shares(sides: Sides, lags: Lags | None) -> pl.DataFrame:
    if lags is None:
        return pl.DataFrame([pl.repeat(None, sides.size, dtype=pl.Float64, eager=True).alias(name) for name in SHARES])
    return pl.DataFrame(lags.shares(sides), schema=SHARES)


def _labels(pairs: pl.DataFrame, name: str, labels: pl.Series) -> pl.Series:
    return pairs[name].cast(pl.UInt32).cat.to(pl.Enum(labels)).alias(name)
