"""What is looked at in a customs declaration: its own figures, the usual of its like, and the record of everybody named on it.

A row sees only history of days before its own: outcomes and prices of the same day and later change nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.model.past_record import Array, PastRecord, Whole, cross_groups, number_values

Flags = NDArray[np.bool_]

ROLES = [
    "office",
    "process_type",
    "import_type",
    "import_use",
    "payment_type",
    "transport_mode",
    "declarant_id",
    "importer_id",
    "seller_id",
    "courier_id",
    "hs6_code",
    "departure",
    "origin",
    "tax_rate_percent",
    "tax_type",
    "origin_indicator",
]
"""Columns of contract `inspected_declaration` that can have a record; a table need not have them all."""
CONSIGNMENT = ["hs6_code", "departure", "origin", "tax_rate_percent", "tax_type"]
"""What is imported, from where and under which duty: the only roles that are combined beyond pairs."""
MEASURES = ["log_unit_value", "log_price", "log_weight"]
COMPARED_WITHIN = [
    ("hs6_code",),
    ("hs6_code", "origin"),
    ("importer_id",),
    ("importer_id", "hs6_code"),
    ("seller_id",),
    ("tax_rate_percent", "tax_type"),
]
"""Groups whose earlier declarations say what is usual."""
PRIOR_OUTCOMES = 5.0
"""Inspections of average outcome that a record is shrunk by."""
PRIOR_PRICES = 4.0
"""Earlier declarations with a spread of one log unit that a group's spread is shrunk by."""


@dataclass(frozen=True)
class Feature:
    """One input: `kind` is record (smoothed rate of outcomes), inspected (how many), usual (standardised distance) or stated."""

    kind: str
    measure: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Described:
    """Inputs (rows, features) as float32, what each column is, and the rate of outcomes that each row's records are shrunk to."""

    inputs: NDArray[np.float32]
    features: tuple[Feature, ...]
    average_rate: Array

    def place(self, kind: str, columns: tuple[str, ...]) -> int:
        """Return the number of the input column of one kind about one combination of columns."""
        return next(at for at, each in enumerate(self.features) if (each.kind, each.columns) == (kind, columns))


def role_combinations(roles: list[str]) -> list[tuple[str, ...]]:
    """Return every role, every pair of roles, and the combinations of three and more of what makes a consignment."""
    consignment = [role for role in CONSIGNMENT if role in roles]
    wide = [each for size in range(3, len(consignment) + 1) for each in combinations(consignment, size)]
    return [(role,) for role in roles] + list(combinations(roles, 2)) + wide


def measure_declarations(rows: pl.DataFrame) -> pl.DataFrame:
    """Return MEASURES of each row as natural logs, NaN where a figure is absent or not above zero."""
    present = [name for name in ("net_weight_kg", "item_price") if name in rows.columns]
    logs = {
        name: pl.when(pl.col(name) > 0).then(pl.col(name).log()) if name in present else pl.lit(None, pl.Float64)
        for name in ("net_weight_kg", "item_price")
    }
    return rows.select(
        log_unit_value=logs["item_price"] - logs["net_weight_kg"], log_price=logs["item_price"], log_weight=logs["net_weight_kg"]
    ).with_columns(pl.all().fill_null(float("nan")))


def describe_declarations(rows: pl.DataFrame, outcome: Array, is_history: Flags) -> Described:
    """Describe every row by what the history says of the days before it.

    `rows`: `declaration_date` and any of ROLES, `net_weight_kg`, `item_price` (contract `inspected_declaration`); `outcome`: 1, 0 or NaN
    where nobody inspected; `is_history`: rows that others may learn from. A row outside the history is described, and teaches nothing.
    """
    days = rows["declaration_date"].to_physical().to_numpy().astype(np.int64)
    is_inspected = is_history & ~np.isnan(outcome)
    average = _average_rate(days, outcome, is_inspected)
    numbered = {role: number_values(rows[role]) for role in ROLES if role in rows.columns}
    features = tuple(_list_features(list(numbered)))
    inputs = np.empty((rows.height, len(features)), dtype=np.float32)
    columns = chain(
        _stated_columns(rows, features),
        (distance for _, _, distance in usual_distances(numbered, measure_declarations(rows), days, is_history)),
        _record_columns(numbered, days, np.where(is_inspected, outcome, 0.0), is_inspected.astype(np.float64), average),
    )
    for at, column in enumerate(columns):
        inputs[:, at] = column
    return Described(inputs, features, average)


def _list_features(roles: list[str]) -> Iterator[Feature]:
    """Yield what the input columns are, in their order."""
    yield from (Feature("stated", name, ()) for name in MEASURES)
    if "tax_rate_percent" in roles:
        yield Feature("stated", "tax_rate_percent", ("tax_rate_percent",))
    yield from (Feature("usual", measure, within) for within in COMPARED_WITHIN if set(within) <= set(roles) for measure in MEASURES)
    for combination in role_combinations(roles):
        yield Feature("record", "", combination)
        yield Feature("inspected", "", combination)


def _stated_columns(rows: pl.DataFrame, features: tuple[Feature, ...]) -> Iterator[Array]:
    measures = measure_declarations(rows)
    for feature in features:
        if feature.kind == "stated":
            column = measures[feature.measure] if feature.measure in MEASURES else rows[feature.measure].fill_null(float("nan"))
            yield column.to_numpy()


def _record_columns(numbered: dict[str, Whole], days: Whole, positive: Array, inspected: Array, average: Array) -> Iterator[Array]:
    """Yield the smoothed rate of outcomes and the number of inspections of each combination of roles before each row's day."""
    for combination in role_combinations(list(numbered)):
        past = PastRecord(cross_groups([numbered[role] for role in combination]), days)
        earlier = past.sum_before(inspected)
        yield (past.sum_before(positive) + PRIOR_OUTCOMES * average) / (earlier + PRIOR_OUTCOMES)
        yield earlier


def _average_rate(days: Whole, outcome: Array, is_inspected: Flags) -> Array:
    """Return the rate of outcomes before each row's day, shrunk to one in five by ten inspections."""
    past = PastRecord(np.zeros(len(days), dtype=np.int64), days)
    positive = past.sum_before(np.where(is_inspected, outcome, 0.0))
    rate: Array = (positive + 2.0) / (past.sum_before(is_inspected.astype(np.float64)) + 10.0)
    return rate


def usual_distances(
    numbered: dict[str, Whole],
    measures: pl.DataFrame,
    days: Whole,
    is_history: Flags,
    compared_within: Sequence[tuple[str, ...]] = COMPARED_WITHIN,
) -> Iterator[tuple[tuple[str, ...], str, Array]]:
    """Yield (group columns, measure, distance from the mean of the group's earlier declarations in its standard deviations)."""
    for within in compared_within:
        if not set(within) <= set(numbered):
            continue
        past = PastRecord(cross_groups([numbered[role] for role in within]), days)
        for measure in MEASURES:
            yield within, measure, _standardise(measures[measure].to_numpy(), past, is_history)


def _standardise(logs: Array, past: PastRecord, is_history: Flags) -> Array:
    is_known = is_history & ~np.isnan(logs)
    known = np.where(is_known, logs, 0.0)
    earlier = past.sum_before(is_known.astype(np.float64))
    mean = past.sum_before(known) / np.where(earlier > 0, earlier, np.nan)
    squares = np.maximum(past.sum_before(known**2) - earlier * mean**2, 0.0)
    return (logs - mean) / np.sqrt((squares + PRIOR_PRICES) / (earlier + PRIOR_PRICES))
