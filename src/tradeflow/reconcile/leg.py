"""Monthly kilograms per leg as a matrix, so that sums over windows are arithmetic on whole columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from tradeflow.reconcile.share_shift import Array, Mask

_LEG = ["exporter_code", "importer_code"]


@dataclass(frozen=True)
class Legs:
    """The legs of one commodity: codes [legs], kilograms and whether a side that would tell has published, [legs, periods]."""

    freq_code: str
    commodity_code: str
    exporter: np.ndarray
    importer: np.ndarray
    kg: Array
    is_known: Mask
    is_import_published: Mask
    periods: np.ndarray
    first_told: int
    """Place of the first period of which a move is told; the earlier ones are history."""

    def total_by(self, codes: np.ndarray) -> Array:
        """Return for each leg the kilograms of all legs that share its code, [legs, periods]."""
        _, place = np.unique(codes, return_inverse=True)
        totals = np.zeros((int(place.max()) + 1, self.kg.shape[1]))
        np.add.at(totals, place, self.kg)
        found: Array = totals[place]
        return found


def sum_by_importer(legs: Legs) -> Legs:
    """Return one leg per importer, exporter 0 standing for all origins; known where the importer has published."""
    importers, first = np.unique(legs.importer, return_index=True)
    published = legs.is_import_published[first]
    kg = legs.total_by(legs.importer)[first]
    names, told = (legs.freq_code, legs.commodity_code), (legs.periods, legs.first_told)
    return Legs(*names, np.zeros_like(importers), importers, kg, published, published, *told)


def lay_out_legs(pairs: pl.DataFrame, coverage: pl.DataFrame, starts: pl.DataFrame) -> Iterator[Legs]:
    """Yield the routes of each commodity with any weight: the balanced one of every period, 0 where a side has published none.

    pairs: `mirror_pair`. starts: freq_code, commodity_code, first_period (of which a move is told). A period with value and
    without weight is not known.
    """
    published = {
        flow_code: set(
            coverage.filter((pl.col("coverage_status") == "reported") & (pl.col("flow_code") == flow_code))
            .select("freq_code", "reporter_code", "period")
            .iter_rows()
        )
        for flow_code in ("X", "M")
    }
    first = {(freq_code, code): period for freq_code, code, period in starts.iter_rows()}
    weighed = pairs.filter((pl.col("balanced_net_weight_kg") > 0).any().over("freq_code", "commodity_code"))
    traded = weighed.select("freq_code", "commodity_code", *_LEG, "period", pl.col("balanced_net_weight_kg").alias("_kg"))
    for freq_code, of_freq in traded.partition_by("freq_code", as_dict=True).items():
        periods = _every_period(of_freq["period"])
        for code, rows in of_freq.partition_by("commodity_code", as_dict=True, maintain_order=True).items():
            named = str(freq_code[0]), str(code[0])
            yield _lay_out(named, rows, periods, first[named], published)


def _every_period(met: pl.Series) -> np.ndarray:
    """Return all periods from the first to the last, whether there is trade in them or not."""
    first, last = met.min(), met.max()
    assert isinstance(first, int)
    assert isinstance(last, int)
    if last <= 9999:
        return np.arange(first, last + 1)
    months = np.arange(first // 100 * 12 + first % 100 - 1, last // 100 * 12 + last % 100)
    return months // 12 * 100 + months % 12 + 1


def _lay_out(
    code: tuple[str, str], rows: pl.DataFrame, periods: np.ndarray, first_period: int, published: dict[str, set[tuple[str, int, int]]]
) -> Legs:
    routes = rows.select(_LEG).unique().sort(_LEG).with_row_index("_leg")
    placed = rows.join(routes, on=_LEG)
    leg, column = placed["_leg"].to_numpy(), np.searchsorted(periods, placed["period"].to_numpy())
    kg = np.zeros((routes.height, len(periods)))
    kg[leg, column] = placed["_kg"].fill_null(0).to_numpy()
    exporter, importer = routes["exporter_code"].to_numpy(), routes["importer_code"].to_numpy()
    is_import_published = _published_by(published["M"], code[0], importer, periods)
    is_known = _published_by(published["X"], code[0], exporter, periods) | is_import_published
    is_known[leg, column] = placed["_kg"].is_not_null().to_numpy()
    first_told = int(np.searchsorted(periods, first_period))
    return Legs(*code, exporter, importer, kg, is_known, is_import_published, periods, first_told)


def _published_by(published: set[tuple[str, int, int]], freq_code: str, codes: np.ndarray, periods: np.ndarray) -> Mask:
    reporters, place = np.unique(codes, return_inverse=True)
    told = [[(freq_code, reporter, period) in published for period in periods.tolist()] for reporter in reporters.tolist()]
    found: Mask = np.array(told, dtype=bool).reshape(len(reporters), len(periods))[place]
    return found
