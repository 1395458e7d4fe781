"""Small worlds of imports with a known making, for the tests of the model stage."""

import numpy as np
import polars as pl

from tradeflow.contract import load_contract
from tradeflow.model.series import make_calendar

CALENDAR = make_calendar("M", 201801, 202212)


def coverage_of(importers: list[int], periods: list[int], freq_code: str = "M") -> pl.DataFrame:
    """Every importer has published its imports for every period."""
    rows = [(freq_code, period, importer, "M", "reported", 10, None) for importer in importers for period in periods]
    return pl.DataFrame(rows, schema=load_contract("coverage").schema, orient="row")


def import_rows(
    kg: np.ndarray,
    importer: int = 484,
    exporter: int = 156,
    commodity: str = "291411",
    freq_code: str = "M",
    calendar: np.ndarray = CALENDAR,
) -> pl.DataFrame:
    """One route's rows: nothing where kg is 0, a value without usable weight where kg is NaN."""
    shown = kg != 0
    return pl.DataFrame(
        {
            "freq_code": freq_code,
            "period": calendar[: len(kg)][shown],
            "importer_code": importer,
            "exporter_code": exporter,
            "commodity_code": commodity,
            "net_weight_kg": kg[shown],
            "primary_value_usd": np.where(np.isnan(kg), 50_000.0, 2.0 * np.nan_to_num(kg))[shown],
        },
        schema_overrides={"importer_code": pl.Int32, "exporter_code": pl.Int32, "period": pl.Int32},
    ).with_columns(pl.col("net_weight_kg").fill_nan(None))


def seasonal_kg(random: np.random.Generator, periods: int = 60, noise: float = 0.2, level: float = 10.0) -> np.ndarray:
    """An ordinary series: a level, a season, lognormal noise."""
    months = np.arange(periods)
    return np.exp(level + 0.3 * np.cos(2 * np.pi * months / 12) + random.normal(0, noise, periods))


def many_routes(seed: int, importers: int = 4, exporters: int = 5, periods: int = 60) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return imports and coverage of some routes: regular, intermittent, with missing weights."""
    random = np.random.default_rng(seed)
    frames = []
    for importer in range(1, importers + 1):
        for exporter in range(101, 101 + exporters):
            kg = seasonal_kg(random, periods, random.uniform(0.1, 0.5), random.normal(9, 1))
            kg[random.random(periods) < random.choice([0.0, 0.3])] = 0.0
            kg[random.random(periods) < 0.03] = np.nan
            frames.append(import_rows(kg, importer, exporter, "291411" if exporter % 2 else "291812"))
    return pl.concat(frames), coverage_of(list(range(1, importers + 1)), CALENDAR[:periods].tolist())
