"""CPU seconds and memory from declared items to company tables: `python benchmarks/bench_company_trade.py ITEMS`.

Made-up items of which 1.5% are watched, three to a declaration, of a company per thirty items, some of them large, and 500 brokers. The
companies are taken as resolved: `bench_companies.py` measures that.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl

from tradeflow.contract import load_codelist, load_contract
from tradeflow.model.broker_share import share_brokers
from tradeflow.model.company_month import model_company_months
from tradeflow.model.company_profile import profile_companies
from tradeflow.resolve.activity import count_activity
from tradeflow.resolve.company_item import list_company_items
from tradeflow.resolve.company_link import link_companies
from tradeflow.resolve.declared import list_appearances
from tradeflow.resolve.party import list_parties
from tradeflow.steps.companies import load_name_lists, load_placeholders

CHUNK = 1_000_000
CODES = ["230910", "271019", "392690", "847130", "870899", "940360", "610910", "852872", "291411", "290230"]
SHARES = [0.985 / 8] * 8 + [0.01, 0.005]
T = TypeVar("T")


def write_items(folder: Path, items: int) -> None:
    schema = load_contract("customs_declaration").schema
    rng = np.random.default_rng(1)
    companies = max(items // 30, 10)
    for start in range(0, items, CHUNK):
        count = min(CHUNK, items - start)
        at = np.arange(start, start + count)
        importer, exporter = ((rng.pareto(1.1, count) * companies / 200).astype(int) % companies for _ in range(2))
        drawn = pl.DataFrame(
            {"source": "made", "snapshot_id": "0" * 16, "row_number": at, "reporter_code": 484, "flow_code": "M", "departure_code": 156}
            | {"declaration_id": pl.Series(at // 3).cast(pl.String), "item_number": at % 3 + 1}
            | {"declaration_date": np.datetime64("2023-01-01") + rng.integers(0, 1000, count)}
            | {"importer_id": pl.Series(10**9 + importer).cast(pl.String), "importer_name": "Qarona " + pl.Series(importer).cast(pl.String)}
            | {"exporter_name": "Belqisu " + pl.Series(exporter).cast(pl.String)}
            | {"declarant_id": pl.Series(10**6 + rng.integers(0, 500, count)).cast(pl.String)}
            | {"hs6_code": rng.choice(CODES, count, p=SHARES), "description": "goods in boxes"}
            | {"net_weight_kg": np.exp(rng.normal(6, 1, count)), "cif_value_usd": np.exp(rng.normal(7, 1, count))}
        )
        empty = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in drawn.columns]
        drawn.with_columns(pl.col(name).cast(schema[name]) for name in drawn.columns).with_columns(empty).select(
            schema.names()
        ).write_parquet(folder / f"{start}.parquet")


def timed(name: str, function: Callable[[], T]) -> T:
    started = time.process_time()
    made = function()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name:<34} {time.process_time() - started:7.1f} CPU s, {peak:,} MB at most so far", flush=True)
    return made


def main(items: int) -> None:
    areas, substances = load_codelist("area"), load_codelist("substance")
    with tempfile.TemporaryDirectory() as folder:
        write_items(Path(folder), items)
        declared = pl.scan_parquet(Path(folder) / "*.parquet")
        names = list_parties(timed("spellings", lambda: list_appearances(declared, areas)))
        names = names.with_columns(entity_id=pl.col("party_id"), entity_name=pl.col("party_name"))
        worded, commodities = load_contract("declared_substance").empty_frame(), load_codelist("commodity")
        watched = timed(
            "company_item",
            lambda: list_company_items(declared, worded, names, areas=areas, commodities=commodities, substances=substances),
        )
        by_chapter, in_all = timed("all goods by company and month", lambda: count_activity(declared, names, areas))
        timed("company_month", lambda: model_company_months(watched, by_chapter, substances))
        timed("company_profile", lambda: profile_companies(watched, by_chapter, in_all))
        timed("company_link", lambda: link_companies(watched, names, load_name_lists(), load_placeholders()))
        timed("broker_share", lambda: share_brokers(watched, by_chapter))
        print(f"{items:,} items, {watched.height:,} watched, {names.height:,} spellings", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
