"""Panels of series with anomalies planted in them: our own simulated ones, the shared yardstick's, and real imports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.conform import conform_trade_flow, derive_coverage
from tradeflow.contract import load_contract
from tradeflow.evaluate.series_truth import KINDS, LAST_MONTH, SIX_MONTHS, make_series, plant
from tradeflow.evaluate.yardstick import load_yardstick
from tradeflow.model.series import importer_panel, make_calendar
from tradeflow.validate.gate import hold_to_contract

Array = NDArray[np.float64]

LENGTHS = (36, 48, 60, 120)
POOLED_KINDS = KINDS[:4]
"""The kinds that the yardstick pools; evolving series are judged beside them."""
REAL_FILES = {
    "source_comtrade_legacy": "comtrade_monthly_2008_2018/comtrade_monthly_2008_2018.parquet",
    "source_comtrade_snake": "comtrade_monthly_newapi/comtrade_monthly_newapi_fish.parquet",
}
_YARDSTICK_NAMES = {
    "spike_x2": "spike x2", "spike_x3": "spike x3", "spike_x5": "spike x5", "shift_+50%_6m": "shift +50%",
    "shift_x2_6m": "shift x2", "ramp_to_x2_6m": "ramp to x2", "oneoff_x3_in6m": "one-off x3",
}  # fmt: skip
_MIN_TRADED_MONTHS = 12
_INTERMITTENT_SHARE = 0.15
_MISSING_SHARE = 0.05
_ORIGIN_STEP = 5
"""Months between two last months that are judged: neighbours would be the same question again."""


@dataclass(frozen=True)
class Cell:
    """Series of one kind and length; `planted` holds the same series with each anomaly in them."""

    kind: str
    amounts: Array
    planted: dict[str, Array]

    @property
    def months(self) -> int:
        """Length of the series, the judged month included."""
        return int(self.amounts.shape[1])

    def first(self, series: int) -> Cell:
        """Return the cell's first series alone."""
        return Cell(self.kind, self.amounts[:series], {name: amounts[:series] for name, amounts in self.planted.items()})


def simulated_cells(series: int, seed: int, kinds: tuple[str, ...] = KINDS) -> list[Cell]:
    """Draw `series` series of each kind and length from our own generator."""
    return [_with_anomalies(kind, make_series(kind, series, months, seed), seed) for kind in kinds for months in LENGTHS]


def _with_anomalies(kind: str, amounts: Array, seed: int) -> Cell:
    return Cell(kind, amounts, {anomaly: plant(amounts, anomaly, seed) for anomaly in LAST_MONTH + SIX_MONTHS})


def yardstick_cells(path: Path) -> list[Cell]:
    """Make the shared yardstick's series with its own seeds and its own way of planting."""
    truth = load_yardstick(path)
    cells = []
    for kind in truth.KINDS:
        for months in truth.LENGTHS:
            amounts = truth.make(150, months, truth.seed_of(kind, months), kind)
            cells.append(Cell(kind, amounts, {ours: truth.plant(amounts, theirs) for theirs, ours in _YARDSTICK_NAMES.items()}))
    return cells


def real_cells(folder: Path, series: int, seed: int) -> list[Cell]:
    """Cut real importer x code series, by at most `series` of each file and length, with trade in the last month.

    A series is taken when it traded in 12 months at the least. It counts as missing when 5% of its months have no usable weight, as
    intermittent when 15% of them have no trade, else as regular.
    """
    panels = {layout: read_monthly_imports(folder / file, layout) for layout, file in REAL_FILES.items() if (folder / file).is_file()}
    random = np.random.default_rng(seed)
    cut = [(months, _draw(random, np.concatenate(list(_windows(kg, months))), series)) for kg in panels.values() for months in LENGTHS]
    cells = []
    for months in LENGTHS:
        amounts = np.concatenate([part for length, part in cut if length == months])
        kinds = _kinds_of(amounts)
        cells += [_with_anomalies(kind, amounts[kinds == kind], seed) for kind in ("regular", "intermittent", "missing")]
    return [cell for cell in cells if len(cell.amounts)]


def read_monthly_imports(path: Path, layout: str) -> Array:
    """Return (importer x code, months) net weight of a real file, through the gate, the conform stage and the model's own panel."""
    contract = load_contract(layout)
    rows = pl.read_parquet(path).with_row_index("row_number", offset=1).cast({"row_number": pl.Int64})
    kept = hold_to_contract(rows, contract).kept
    moment = pl.lit("2026-01-01").str.to_datetime(time_zone="UTC")
    flows = conform_trade_flow(kept, contract, source="real", snapshot_id=layout, retrieved_at=moment)
    imports = flows.filter((pl.col("flow_code") == "M") & (pl.col("freq_code") == "M") & (pl.col("partner_code") != 0))
    named = imports.rename({"reporter_code": "importer_code", "partner_code": "exporter_code"})
    calendar = make_calendar("M", int(named["period"].min()), int(named["period"].max()))  # type: ignore[arg-type]
    return importer_panel(named, derive_coverage(imports.lazy()), None, calendar).kg


def _windows(kg: Array, months: int) -> Iterator[Array]:
    for end in range(months, kg.shape[1] + 1, _ORIGIN_STEP):
        window = kg[:, end - months : end]
        yield window[((window[:, :-1] > 0).sum(axis=1) >= _MIN_TRADED_MONTHS) & (window[:, -1] > 0)]


def _draw(random: np.random.Generator, amounts: Array, series: int) -> Array:
    return amounts[np.sort(random.permutation(len(amounts))[:series])]


def _kinds_of(amounts: Array) -> NDArray[np.str_]:
    is_missing = np.isnan(amounts).mean(axis=1) >= _MISSING_SHARE
    is_intermittent = (amounts == 0).mean(axis=1) >= _INTERMITTENT_SHARE
    return np.where(is_missing, "missing", np.where(is_intermittent, "intermittent", "regular"))
