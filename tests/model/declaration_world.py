"""Simulated declarations: some importers bring some codes in under false papers; everything else is chance."""

import datetime as dt

import numpy as np
import polars as pl

FIRST_DAY = dt.date(2024, 1, 1)


def declarations(rows: int, *, seed: int = 1, first_day: dt.date = FIRST_DAY, days: int = 200) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    importer, code = random.integers(0, 30, rows), random.integers(0, 12, rows)
    is_false = random.random(rows) < np.where((importer * 7 + code) % 5 == 0, 0.8, 0.05)
    weight = np.exp(random.normal(5, 1, rows))
    when = np.sort(random.integers(0, days, rows))
    return pl.DataFrame(
        {
            "declaration_id": [f"{seed}-{number:05d}" for number in range(rows)],
            "declaration_date": [first_day + dt.timedelta(days=int(each)) for each in when],
            "importer_id": [f"importer {each}" for each in importer],
            "hs6_code": [f"29{each:02d}00" for each in code],
            "origin": [f"area {each}" for each in random.integers(0, 6, rows)],
            "net_weight_kg": weight,
            "item_price": weight * np.exp(1 + 0.1 * code + random.normal(0, 0.2, rows)),
            "is_fraud": is_false,
        }
    )


def later(rows: int, *, seed: int = 2) -> pl.DataFrame:
    return declarations(rows, seed=seed, first_day=FIRST_DAY + dt.timedelta(days=200), days=30)
