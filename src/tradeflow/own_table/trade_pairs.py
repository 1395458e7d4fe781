"""Puts the two reports of one trade on one row, in a part of a table whose labels are numbers."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.own_table.partition import KeySpace
from tradeflow.reconcile.sides import Sides

_AMOUNTS = ["value_usd", "net_weight_kg"]


def pair_reports(rows: pl.DataFrame, space: KeySpace) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (pairs, doubles).

    pairs: exporter, importer, commodity, period as numbers, both sides' figures (NaN where a side is silent), sorted by commodity,
    exporter, importer, period. Several different reports of one side are added up; a weight that one of them lacks leaves the sum without.
    doubles: row_number of the rows that repeat another one in every figure.
    """
    key = _key(space)
    ordered = rows.select("row_number", *_AMOUNTS, (key * 2 + pl.col("is_export").cast(pl.Int64)).alias("_key")).sort("_key", "row_number")
    is_repeated = _repeats(ordered["_key"].to_numpy())
    doubles = ordered.clear().select("row_number")
    if is_repeated.any():
        ordered, doubles = _add_up(ordered)
    return _pair(ordered, space), doubles


def _key(space: KeySpace) -> pl.Expr:
    packed = pl.col("commodity").cast(pl.Int64)
    for name, size in (("exporter", space.areas), ("importer", space.areas), ("period", space.periods)):
        packed = packed * size + pl.col(name)
    return packed


def _repeats(keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    repeats: NDArray[np.bool_] = keys[1:] == keys[:-1]
    return repeats


def _add_up(ordered: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    shared = ordered["_key"].is_duplicated()
    several = ordered.filter(shared)
    is_double = ~several.select(pl.struct("_key", *_AMOUNTS).is_first_distinct()).to_series()
    kept = several.filter(~is_double).sort("_key", *_AMOUNTS)
    summed = kept.group_by("_key", maintain_order=True).agg(
        pl.col("row_number").first(),
        pl.col("value_usd").sum(),
        pl.when(~pl.col("net_weight_kg").is_null().any()).then(pl.col("net_weight_kg").sum()).alias("net_weight_kg"),
    )
    return pl.concat([ordered.filter(~shared), summed.select(ordered.columns)]).sort("_key"), several.filter(is_double).select("row_number")


def _pair(ordered: pl.DataFrame, space: KeySpace) -> pl.DataFrame:
    keys = ordered["_key"].to_numpy()
    is_export, pair_key = (keys & 1).astype(bool), keys >> 1
    starts = np.flatnonzero(np.append(True, pair_key[1:] != pair_key[:-1])) if len(keys) else np.empty(0, np.intp)
    place = np.cumsum(np.append(True, pair_key[1:] != pair_key[:-1])) - 1 if len(keys) else np.empty(0, np.intp)
    columns: dict[str, NDArray[np.float64]] = {}
    for name, given in (("value_usd", "value_usd"), ("net_weight_kg", "net_weight_kg")):
        figures = ordered[given].fill_null(float("nan")).to_numpy()
        for side, chosen in (("export", is_export), ("import", ~is_export)):
            column = np.full(len(starts), np.nan)
            column[place[chosen]] = figures[chosen]
            columns[f"{side}_{name}"] = column
    left = pair_key[starts]
    parts: dict[str, NDArray[np.int32]] = {}
    for part, size in (("period", space.periods), ("importer", space.areas), ("exporter", space.areas)):
        left, rest = np.divmod(left, size)
        parts[part] = rest.astype(np.int32)
    parts["commodity"] = left.astype(np.int32)
    return pl.DataFrame({name: parts[name] for name in ("exporter", "importer", "commodity", "period")} | columns)


def as_sides(pairs: pl.DataFrame, space: KeySpace, group_of_commodity: NDArray[np.intp]) -> Sides:
    """Return the pairs as arrays; zero is no amount, and no row tells its margin."""
    exporter, importer, commodity, period = (
        pairs[name].to_numpy().astype(np.intp) for name in ("exporter", "importer", "commodity", "period")
    )
    market, group, unknown = commodity * space.periods + period, group_of_commodity[commodity], np.full(pairs.height, np.nan)
    x_usd, m_usd, x_kg, m_kg = (
        _positive(pairs[name]) for name in ("export_value_usd", "import_value_usd", "export_net_weight_kg", "import_net_weight_kg")
    )
    return Sides(exporter, importer, commodity, group, market, x_usd, m_usd, x_kg, m_kg, unknown)


def _positive(column: pl.Series) -> NDArray[np.float64]:
    amounts = column.to_numpy()
    return np.where(amounts > 0, amounts, np.nan)
