"""The rows of `share_shift`: of all windows and other legs, the one that tells a leg's period best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile.leg import Legs
from tradeflow.reconcile.share_shift import Array

_KEY = ["shift_kind", "freq_code", "period", "exporter_code", "importer_code", "commodity_code"]


@dataclass(frozen=True)
class Moves:
    """What one window says of pairs of legs: arrays [pairs, periods that are told].

    leg, the places of the rising legs, and related_area are [pairs], control_year is [all periods]; 0 stands for none.
    """

    shift_kind: str
    legs: Legs
    window: int
    leg: np.ndarray
    related_area: np.ndarray
    moved_kg: Array
    p_value: Array
    observed_kg: Array
    expected_kg: Array
    related_observed_kg: Array
    related_expected_kg: Array
    related_commodity_code: str | None = None
    control_year: np.ndarray | None = None

    def rows(self) -> pl.DataFrame:
        """Return a row for each pair and period in which something moved."""
        pair, column = np.nonzero(np.isfinite(self.p_value))
        period = column + self.legs.first_told
        figures = {
            "moved_kg": self.moved_kg, "shift_p_value": self.p_value, "observed_kg": self.observed_kg, "expected_kg": self.expected_kg,
            "related_observed_kg": self.related_observed_kg, "related_expected_kg": self.related_expected_kg,
        }  # fmt: skip
        return pl.DataFrame(
            {
                "shift_kind": np.repeat(self.shift_kind, len(pair)),
                "freq_code": np.repeat(self.legs.freq_code, len(pair)),
                "period": self.legs.periods[period],
                "exporter_code": self.legs.exporter[self.leg[pair]],
                "importer_code": self.legs.importer[self.leg[pair]],
                "commodity_code": np.repeat(self.legs.commodity_code, len(pair)),
                "related_area_code": self.related_area[pair],
                "related_commodity_code": pl.Series([self.related_commodity_code], dtype=pl.String).new_from_index(0, len(pair)),
                "control_year": np.zeros(len(pair), dtype=np.int32) if self.control_year is None else self.control_year[period],
                "window_periods": np.repeat(self.window, len(pair)),
                **{name: np.maximum(values[pair, column], 0) for name, values in figures.items()},
            },
            schema_overrides=load_contract("share_shift").schema,
        ).with_columns(pl.col("related_area_code", "control_year").replace(0, None))


def gather_moves(moves: list[Moves]) -> pl.DataFrame:
    """Return one row per leg and period, contract `share_shift`: the likeliest move (the smallest p, then the most kilograms)."""
    contract = load_contract("share_shift")
    rows = pl.concat([contract.empty_frame(), *(move.rows().select(contract.column_names) for move in moves)])
    ordered = rows.sort(*_KEY, "shift_p_value", "moved_kg", "window_periods", descending=[False] * 7 + [True, False])
    return ordered.unique(_KEY, keep="first", maintain_order=True)
