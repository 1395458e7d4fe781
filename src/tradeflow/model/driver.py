"""Why a score is high, in the user's own words: contributions of features in, the three that weigh most with their shares out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.model.declaration_features import PRIOR_OUTCOMES, Described, Feature
from tradeflow.model.past_record import Array

DRIVERS = 3
USUAL = 0.5
"""Standard deviations within which a figure is told as usual."""
_MEASURED = {"log_unit_value": "{item_price} per {net_weight_kg}", "log_price": "{item_price}", "log_weight": "{net_weight_kg}"}


@dataclass(frozen=True)
class Wording:
    """How the user's table calls our columns, and the declarations' own cells as text."""

    spelling: dict[str, str]
    cells: pl.DataFrame

    def name(self, column: str) -> str:
        """Return the user's name of a column."""
        return self.spelling.get(column, column)

    def place(self, columns: Sequence[str]) -> pl.Expr:
        """Return "HS6 Code 440890 and Country of Origin BE" for each row."""
        said = [pl.format("{} {}", pl.lit(self.name(each)), pl.col(each).cast(pl.String).fill_null("(none)")) for each in columns]
        return pl.concat_str(said, separator=" and ")

    def measure(self, name: str) -> str:
        """Return what a measure is made of, in the user's names."""
        return spell_measure(name, self.spelling)


def spell_measure(measure: str, spelling: dict[str, str]) -> str:
    """Return what a measure, or a column, is called in the user's table."""
    names = {name: spelling.get(name, name) for name in ("item_price", "net_weight_kg")}
    return _MEASURED[measure].format(**names) if measure in _MEASURED else spelling.get(measure, measure)


def merge_records(contributions: Array, features: Sequence[Feature]) -> tuple[Array, list[Feature]]:
    """Add what the number of inspections contributed to what their outcomes did: a reader takes them as one."""
    kept = [each for each in features if each.kind != "inspected"]
    owner = {(each.columns, each.measure): at for at, each in enumerate(kept) if each.kind == "record"}
    merged = contributions[:, [at for at, each in enumerate(features) if each.kind != "inspected"]].copy()
    for at, each in enumerate(features):
        if each.kind == "inspected":
            merged[:, owner[each.columns, each.measure]] += contributions[:, at]
    return merged, kept


def nested_features(features: Sequence[Feature]) -> NDArray[np.bool_]:
    """Return (features, features): true for itself and where one's record is about a part of what the other's is about."""
    nested = np.eye(len(features), dtype=bool)
    records = [(at, set(each.columns)) for at, each in enumerate(features) if each.kind == "record"]
    for at, columns in records:
        nested[at, [other for other, others in records if columns <= others or others <= columns]] = True
    return nested


def strongest(contributions: Array, nested: NDArray[np.bool_]) -> tuple[NDArray[np.int64], Array]:
    """Return the DRIVERS features that raised each row's score most, and their shares of all that raised it; the first of equal ones.

    What is nested in a chosen feature counts with it: a code's record and that of the code with its origin are one reason.
    """
    left = np.maximum(contributions, 0.0)
    whole = np.maximum(left.sum(axis=1), 1e-12)
    chosen, shares = [], []
    for _ in range(DRIVERS):
        strongest_left = left.argmax(axis=1)
        with_it = nested[strongest_left]
        chosen.append(strongest_left)
        shares.append((left * with_it).sum(axis=1) / whole)
        left = np.where(with_it, 0.0, left)
    return np.column_stack(chosen), np.column_stack(shares)


def tell_outcome_drivers(contributions: Array, described: Described, wording: Wording) -> pl.DataFrame:
    """Return driver_1 to driver_3 and their shares (driver_1_share...) for each row; null where fewer features raised the score."""
    merged, kept = merge_records(contributions, described.features)
    order, shares = strongest(merged, nested_features(kept))
    told = {}
    for rank in range(DRIVERS):
        texts = [_tell_feature(at, kept[at], order[:, rank], described, wording) for at in np.unique(order[:, rank])]
        text = pl.concat(texts).sort("row")["text"]
        share = pl.Series(shares[:, rank])
        told[f"driver_{rank + 1}"] = text.zip_with(share > 0, pl.Series([None], dtype=pl.String))
        told[f"driver_{rank + 1}_share"] = share.zip_with(share > 0, pl.Series([None], dtype=pl.Float64))
    return pl.DataFrame(told)


def _tell_feature(at: int, feature: Feature, chosen: NDArray[np.int64], described: Described, wording: Wording) -> pl.DataFrame:
    """Return (row, text) of the rows whose driver is this feature."""
    rows = np.flatnonzero(chosen == at)
    cells = wording.cells[rows]
    if feature.kind == "record":
        return _tell_record(rows, cells, feature, described, wording)
    amount = described.inputs[rows, described.features.index(feature)].astype(np.float64)
    return _with_rows(rows, cells.with_columns(amount=pl.Series(amount)).select(text=tell_amount(feature, wording)))


def tell_amount(feature: Feature, wording: Wording) -> pl.Expr:
    """Return the text of a stated figure, of a distance from the usual or of a rarity, from the cells and a column `amount`."""
    if feature.kind == "rare":
        return pl.format(
            "{}: no more than one in {} earlier declarations", wording.place(feature.columns), pl.col("amount").exp().round().cast(pl.Int64)
        )
    if feature.kind == "usual":
        return _tell_distance(pl.lit(wording.measure(feature.measure)), wording.place(feature.columns))
    if feature.measure == "tax_rate_percent":
        return wording.place(feature.columns)
    measure = pl.lit(wording.measure(feature.measure))
    stated = pl.format("{} {}", measure, pl.col("amount").exp().round_sig_figs(4))
    return pl.when(pl.col("amount").is_nan()).then(pl.format("no {}", measure)).otherwise(stated)


def _tell_distance(measure: pl.Expr, place: pl.Expr) -> pl.Expr:
    side = pl.when(pl.col("amount") < 0).then(pl.lit("below")).otherwise(pl.lit("above"))
    distance = pl.format("{} {} standard deviations {} the usual of {}", measure, pl.col("amount").abs().round(1), side, place)
    return (
        pl.when(pl.col("amount").is_nan())
        .then(pl.format("no earlier {} to compare with for {}", measure, place))
        .when(pl.col("amount").abs() < USUAL)
        .then(pl.format("{} as usual for {}", measure, place))
        .otherwise(distance)
    )


def _tell_record(rows: NDArray[np.int64], cells: pl.DataFrame, feature: Feature, described: Described, wording: Wording) -> pl.DataFrame:
    inspected = described.inputs[rows, described.place("inspected", feature.columns)].astype(np.float64)
    rate = described.inputs[rows, described.place("record", feature.columns)].astype(np.float64)
    positive = rate * (inspected + PRIOR_OUTCOMES) - PRIOR_OUTCOMES * described.average_rate[rows]
    counted = cells.with_columns(positive=pl.Series(positive).round().cast(pl.Int64), inspected=pl.Series(inspected).cast(pl.Int64))
    place = wording.place(feature.columns)
    known = pl.format("{}: {} in {} of {} inspected before", place, pl.lit(wording.name("is_fraud")), "positive", "inspected")
    return _with_rows(
        rows, counted.select(text=pl.when(pl.col("inspected") == 0).then(pl.format("{}: none inspected before", place)).otherwise(known))
    )


def _with_rows(rows: NDArray[np.int64], texts: pl.DataFrame) -> pl.DataFrame:
    return texts.select(row=pl.Series(rows), text=pl.col("text"))


def tell_isolation_driver(contributions: Array, inputs: Array, features: Sequence[Feature], wording: Wording) -> pl.Series:
    """Return the feature that shortened each explained row's path most, as text; null where nothing is explained."""
    order, shares = strongest(contributions, nested_features(features))
    parts = []
    for at in np.unique(order[:, 0]):
        rows = np.flatnonzero(order[:, 0] == at)
        cells = wording.cells[rows].with_columns(amount=pl.Series(inputs[rows, at]))
        parts.append(_with_rows(rows, cells.select(text=tell_amount(features[at], wording))))
    return pl.concat(parts).sort("row")["text"].zip_with(pl.Series(shares[:, 0] > 0), pl.Series([None], dtype=pl.String))
