"""Both sides of many trades as plain arrays: what fitting and scoring share, whoever's table it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

ALIGNMENTS = ["same_period", "aligned", "truncated", "not_recorded", "not_known", "carried"]
"""How a pair's sides were brought to one time; the place of each is its number in `AlignedImports.label`."""
_AMOUNTS = ("export_value_usd", "import_value_usd", "export_net_weight_kg", "import_net_weight_kg")


@dataclass(frozen=True)
class AlignedImports:
    """What the importer recorded of the goods that left in each pair's month, and the variance of its log that timing adds.

    label: by place in `ALIGNMENTS`.
    """

    usd: Floats
    kg: Floats
    usd_variance: Floats
    kg_variance: Floats
    label: NDArray[np.uint8]

    def take(self, rows: Ints | NDArray[np.bool_]) -> AlignedImports:
        """Return some of the pairs."""
        return AlignedImports(*(getattr(self, each.name)[rows] for each in fields(self)))


@dataclass(frozen=True)
class Sides:
    """One place per pair. Areas, commodities and product groups are numbered; a missing amount and an unknown margin are NaN."""

    exporter: Ints
    importer: Ints
    commodity: Ints
    product_group: Ints
    market: Ints
    """One number per commodity and period."""
    export_usd: Floats
    import_usd: Floats
    export_kg: Floats
    import_kg: Floats
    known_margin: Floats
    """ln(CIF / FOB) of rows that carry both, 0 where the importer reports FOB."""
    aligned: AlignedImports | None = field(default=None, kw_only=True)
    """Where goods are recorded after the month in which they left."""
    route: Ints | None = field(default=None, kw_only=True)
    """In a table of several periods: one number per exporter, importer and commodity (and frequency); `market` rises with time in each."""

    @property
    def size(self) -> int:
        """Number of pairs."""
        return len(self.exporter)

    def take(self, rows: Ints | NDArray[np.bool_]) -> Sides:
        """Return some of the pairs, in the order of `rows`."""
        # Places are looked up once here, and not once for each array.
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        route = None if self.route is None else self.route[rows]
        taken = Sides(*(getattr(self, name)[rows] for name in _ARRAYS), route=route)
        return taken if self.aligned is None else replace(taken, aligned=self.aligned.take(rows))

    @property
    def compared_usd(self) -> Floats:
        """What of the importer's value belongs to the exporter's."""
        return self.import_usd if self.aligned is None else self.aligned.usd

    @property
    def compared_kg(self) -> Floats:
        """What of the importer's weight belongs to the exporter's."""
        return self.import_kg if self.aligned is None else self.aligned.kg


_ARRAYS = tuple(each.name for each in fields(Sides) if each.name not in ("aligned", "route"))


def join_sides(parts: Sequence[Sides]) -> Sides:
    """Return all parts' pairs one after the other."""
    routes = [part.route for part in parts if part.route is not None]
    joined = Sides(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS), route=np.concatenate(routes) if routes else None
    )
    aligned = [part.aligned for part in parts if part.aligned is not None]
    if not aligned:
        return joined
    of_all = (np.concatenate([getattr(part, each.name) for part in aligned]) for each in fields(AlignedImports))
    return replace(joined, aligned=AlignedImports(*of_all))


def read_sides(
    pairs: pl.DataFrame, areas: pl.Series, commodities: pl.Series, product_groups: pl.Series, known_margin: pl.Expr | None = None
) -> Sides:
    """Return the columns of `pairs` as arrays; areas, commodities and product groups are numbered by their place in the sorted lists.

    pairs: exporter_code, importer_code, commodity_code, product_group, market and both sides' values and weights.
    """
    amounts = pairs.select(*_AMOUNTS, (pl.lit(None, pl.Float64) if known_margin is None else known_margin).alias("known_margin"))
    return Sides(
        _places(pairs["exporter_code"], areas),
        _places(pairs["importer_code"], areas),
        _places(pairs["commodity_code"], commodities),
        _places(pairs["product_group"], product_groups),
        pairs["market"].to_numpy().astype(np.intp),
        _amounts(amounts["export_value_usd"]),
        _amounts(amounts["import_value_usd"]),
        _amounts(amounts["export_net_weight_kg"]),
        _amounts(amounts["import_net_weight_kg"]),
        amounts["known_margin"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
    )


def _places(codes: pl.Series, known: pl.Series) -> Ints:
    return known.search_sorted(codes).to_numpy().astype(np.intp)


def _amounts(column: pl.Series) -> Floats:
    """Zero is no amount: its logarithm says nothing."""
    amounts = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return np.where(amounts > 0, amounts, np.nan)
