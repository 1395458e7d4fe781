"""What the report says of the smallest excess that could be seen: by code, and for the importer of a lead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from tradeflow import amounts as say
from tradeflow.contract import load_codelist
from tradeflow.telling.language import t
from tradeflow.telling.names import name_area, name_commodity

_CODES_SHOWN = 40
_IMPORTERS_SHOWN = 12


@dataclass(frozen=True)
class DetectableCode:
    """One code: from what multiple of the usual a month is called, the median over importers; how many would show a quarter more; who."""

    commodity_code: str
    commodity: str
    counts: dict[str, int]
    median_once: float | None
    median_sustained: float | None
    importers: list[dict[str, Any]]


def detectable_codes(detectable_excess: pl.DataFrame) -> list[DetectableCode]:
    """Return the watched codes (all, where none is watched) that most importers trade in, of the frequency with most rows."""
    if detectable_excess.is_empty():
        return []
    of_frequency = detectable_excess.filter(pl.col("freq_code") == detectable_excess["freq_code"].mode().sort()[-1])
    watched = of_frequency.join(load_codelist("substance"), left_on="commodity_code", right_on="commodity_code_hs2022", how="semi")
    shown = watched if watched.height else of_frequency
    most = shown.group_by("commodity_code").len().sort("len", "commodity_code", descending=[True, False]).head(_CODES_SHOWN)
    return [_detectable_code(code, shown.filter(pl.col("commodity_code") == code)) for code in most["commodity_code"].sort()]


def say_detectable(signal: dict[str, Any], detectable_excess: pl.DataFrame) -> str:
    """Say from what weight on an excess in all of the importer's imports of the code could be seen; "" where nothing is known."""
    of_series = [pl.col(key) == signal[key] for key in ("freq_code", "importer_code", "commodity_code")]
    rows = detectable_excess.filter(pl.all_horizontal(of_series))
    if rows.is_empty():
        return ""
    row = rows.row(0, named=True)
    if row["detectable_excess_kg"] is None:
        return t(row["detectability_reason"])
    sustained = row["sustained_excess_kg"]
    once = say.say_weight(row["detectable_excess_kg"])
    told = (
        t("{once} too much in one period, over all origins.", once=once)
        if sustained is None
        else t(
            "{once} too much in one period, {sustained} in each of six, over all origins.", once=once, sustained=say.say_weight(sustained)
        )
    )
    return f"{told} {t(row['detectability_reason'])}"


def _detectable_code(code: str, rows: pl.DataFrame) -> DetectableCode:
    once, sustained = rows.select(pl.col("detectable_excess_ratio", "sustained_excess_ratio").median() + 1).row(0)
    largest = rows.sort("expected_kg", "importer_code", descending=[True, False], nulls_last=True).head(_IMPORTERS_SHOWN)
    return DetectableCode(
        commodity_code=code,
        commodity=name_commodity(code),
        counts=dict(rows.group_by("detectability").len().iter_rows()),
        median_once=once,
        median_sustained=sustained,
        importers=[row | {"importer": name_area(row["importer_code"])} for row in largest.iter_rows(named=True)],
    )
