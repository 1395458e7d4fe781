"""The reconciled pairs of anyone's monthly table in; what the silent side of the newest year's one-sided pairs will report, out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.exceptions import SourceError
from tradeflow.own_table.monthly import read_months
from tradeflow.own_table.trade_reading import scan_table
from tradeflow.own_table.writing import refuse_name, write_table

_LABELS = {"exporter": "exporter_code", "importer": "importer_code", "commodity": "commodity_code"}
_SIDES = ["export_value_usd", "import_value_usd", "export_net_weight_kg", "import_net_weight_kg"]
_LEVEL = 90
_LIMITS = {
    f"predicted_{measure}_{unit}_{side}_{_LEVEL}": f"predicted_{measure}_{side}_{unit}"
    for measure, unit in (("value", "usd"), ("net_weight", "kg"))
    for side in ("lower", "upper")
}


@dataclass(frozen=True)
class Foretold:
    """How many one-sided pairs of which year were foretold, and from how many earlier pairs with both sides."""

    rows: int
    year: int
    learnt_from: int


def foretell_own_sides(given: Path, out: Path) -> Foretold:
    """Read what `tradeflow reconcile` wrote of a monthly table and write `own_side_prediction`.

    SourceError where the periods are no months, or there are too few earlier pairs with both sides to learn from.
    """
    from tradeflow.model.mirror_prediction import TooShortPastError, predict_other_side

    refuse_name(out)
    if given.resolve() == out.resolve():
        raise SourceError(f"{out}: the tables read and written must be different files")
    pairs = _read_pairs(given)
    year = int(pairs["period"].to_numpy().max()) // 100
    is_newest = pl.col("period") // 100 == year
    history, newest = pairs.filter(~is_newest), pairs.filter(is_newest)
    has_export, has_import = (pl.col(f"{side}_value_usd").is_not_null() for side in ("export", "import"))
    one_sided = newest.filter(has_export != has_import)
    if history.is_empty() or one_sided.is_empty():
        raise SourceError(f"{given}: there is no year before {year} to learn from, or every pair of {year} has both sides")
    try:
        told = predict_other_side(history, one_sided)
    except TooShortPastError as error:
        raise SourceError(f"{given}: {error}") from error
    write_table(_as_contract(told), out)
    return Foretold(told.height, year, history.filter(has_export & has_import).height)


def _read_pairs(given: Path) -> pl.DataFrame:
    """Return freq_code, period (YYYYMM), both areas' and the commodity's labels as codes, and both sides' amounts."""
    scanned = scan_table(given)
    needed = ["period", *_LABELS, *_SIDES]
    if missing := [name for name in needed if name not in scanned.collect_schema().names()]:
        raise SourceError(f"{given}: no column {', '.join(missing)}; give what `tradeflow reconcile` wrote")
    pairs = scanned.select(pl.col("period", *_LABELS).cast(pl.String), pl.col(_SIDES).cast(pl.Float64)).collect()
    months = read_months(pairs["period"].drop_nulls())
    if months is None or len(months) < pairs.height:
        raise SourceError(f"{given}: its periods are no months; a month is written 2024-01 or 202401")
    return pairs.rename(_LABELS).with_columns(months, pl.lit("M").alias("freq_code"))


def _as_contract(told: pl.DataFrame) -> pl.DataFrame:
    renamed = told.rename({code: label for label, code in _LABELS.items()} | _LIMITS)
    contract = load_contract("own_side_prediction")
    return renamed.select(pl.col(column.name).cast(column.dtype) for column in contract.columns).sort(contract.unique_keys[0])
