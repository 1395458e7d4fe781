"""What the rules read, and the keys that they share."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from tradeflow.contract import load_contract

PAIR_KEY = ["freq_code", "period", "exporter_code", "importer_code", "commodity_code"]


@dataclass(frozen=True)
class Window:
    """Where the calibration and the scored periods begin, and the shortest history that is judged.

    starts: freq_code, commodity_code, _calibration_start, _scored_start, _newest.
    """

    starts: pl.DataFrame
    min_history_months: int


@dataclass(frozen=True)
class Evidence:
    """The tables that rules read.

    family: commodity_code, family; the codes of their own that each family of substances has.
    """

    mirror_pair: pl.DataFrame
    baseline: pl.DataFrame
    flow_score: pl.DataFrame
    share_shift: pl.DataFrame
    coverage: pl.DataFrame
    window: Window
    requirement_use: pl.DataFrame = field(default_factory=lambda: load_contract("requirement_use").empty_frame())
    family: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"commodity_code": pl.String, "family": pl.String}))
