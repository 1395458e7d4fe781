"""Rows a second that the gate holds to the API's 47-column contract: `python benchmarks/bench_gate.py [--rows N]`.

Three measures: row rules alone, row rules and uniqueness, and the same with one row in fifty broken; each on columns in
their own types (Parquet, JSON) and on columns that are all text (CSV). The best of three runs counts.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import platform
import time
from datetime import UTC, datetime

import numpy as np
import polars as pl

from tradeflow.contract import Contract, codes_of, load_contract
from tradeflow.validate.gate import hold_to_contract


def make_api_frame(contract: Contract, rows: int, broken_share: float = 0.0) -> pl.DataFrame:
    """Return rows of the API's layout with distinct keys; `broken_share` of them carry a negative weight."""
    chance = np.random.default_rng(7)
    areas = codes_of("area.area_code").to_numpy()
    place = np.arange(rows)
    codes = np.array([f"{code:06d}" for code in range(280110, 280110 + 400)])
    value = np.exp(chance.normal(9, 2, rows)).round(3)
    weight = np.where(chance.random(rows) < broken_share, -1.0, (value / 3).round(1))
    by_hand = {
        "freqCode": np.full(rows, "M"),
        "period": 201001 + (place // 8_000_000) % 12,
        "reporterCode": areas[place % 200],
        "partnerCode": areas[(place // 200) % 200],
        "partner2Code": np.zeros(rows, np.int32),
        "flowCode": np.where((place // 40_000) % 2 == 0, "M", "X"),
        "cmdCode": codes[(place // 80_000) % 400],
        "classificationCode": np.full(rows, "H6"),
        "customsCode": np.full(rows, "C00"),
        "motCode": np.zeros(rows, np.int32),
        "qtyUnitCode": np.full(rows, 8),
        "netWgt": weight,
        "primaryValue": value,
    }
    filled = [_column(name, dtype, by_hand.get(name), rows) for name, dtype in contract.schema.items()]
    return pl.DataFrame(filled).with_row_index("row_number", 1)


def _column(name: str, dtype: pl.DataType, values: np.ndarray | None, rows: int) -> pl.Series:
    if values is not None:
        return pl.Series(name, values).cast(dtype)
    filler = {pl.String: "a description of ordinary length", pl.Boolean: False}.get(dtype.base_type(), 4)
    return pl.repeat(filler, rows, dtype=dtype, eager=True).alias(name)


def measure_speed(frame: pl.DataFrame, contract: Contract) -> str:
    """Say million rows a second and a CPU second, the best of three runs: the second one minds busy neighbours less."""
    wall, cpu = [], []
    for _ in range(3):
        start, start_cpu = time.perf_counter(), time.process_time()
        verdict = hold_to_contract(frame, contract)
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
        assert verdict.kept.height + verdict.broken.height == frame.height
    return f"{frame.height / min(wall) / 1e6:7.2f} /s {frame.height / min(cpu) / 1e6:5.2f} /CPU-s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    contract = load_contract("source_comtrade_api")
    without_keys = dataclasses.replace(contract, unique_keys=())
    now = datetime.now(UTC)
    print(f"gate, {rows:,} rows x {len(contract.columns)} columns, {now:%Y-%m-%d %H:%M} UTC, polars {pl.__version__}")
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}")
    print(f"{'million rows':<28}{'typed columns':>24}{'all text':>24}")
    clean, soiled = make_api_frame(contract, rows), make_api_frame(contract, rows, broken_share=0.02)
    for label, frame, held_to in (
        ("row rules", clean, without_keys),
        ("row rules and uniqueness", clean, contract),
        ("the same, 2% of rows broken", soiled, contract),
    ):
        typed = measure_speed(frame, held_to)
        text = measure_speed(frame.cast(dict.fromkeys(contract.column_names, pl.String)), held_to)
        print(f"{label:<28}{typed}{text}")


if __name__ == "__main__":
    main()
