"""Made-up decisions on leads: a rule that people mostly dismiss, importers that they mostly confirm, and as much chance as is asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from tradeflow.contract import load_contract

RULES = ("excess_import", "mirror_gap", "new_route", "unit_value_outlier")
START = datetime(2025, 1, 6, 9, tzinfo=UTC)


def decided_leads(rows: int, *, seed: int = 0, habit: float = 2.0) -> pl.DataFrame:
    """Return rows of `lead_decision`; `habit` (log-odds) is how strongly rule and importer sway what is decided; the score never does."""
    chance = np.random.default_rng(seed)
    rule, importer = chance.integers(0, len(RULES), rows), chance.integers(0, 12, rows)
    odds = habit * (np.where(rule < 2, 1, -1) + np.where(importer % 2 == 0, 1, -1))
    is_confirmed = chance.random(rows) < 1 / (1 + np.exp(-odds))
    columns = {
        "signal_id": [f"{number:016x}" for number in range(rows)],
        "lead_id": [f"{number:016x}" for number in range(rows)],
        "signal_kind": ["country"] * rows,
        "lead_decision": np.where(is_confirmed, "confirmed", "dismissed"),
        "dismissal_code": np.where(is_confirmed, "", "known_trade"),
        "decided_at": [START + timedelta(hours=4 * number) for number in range(rows)],
        "decided_release_id": ["first"] * rows,
        "rule": [RULES[each] for each in rule],
        "importer_code": importer + 1,
        "exporter_code": chance.integers(20, 40, rows),
        "commodity_code": [f"2915{each:02d}" for each in chance.integers(10, 20, rows)],
        "period": [202412] * rows,
        "lead_score": chance.uniform(20, 100, rows),
    }
    made = pl.DataFrame(columns).with_columns(pl.col("dismissal_code").replace("", None))
    schema = load_contract("lead_decision").schema
    empty = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in made.columns]
    return made.with_columns(empty).select(pl.col(name).cast(dtype) for name, dtype in schema.items())
