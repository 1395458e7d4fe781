"""Watched substances in goods descriptions: recall and precision on the table of the tests, and descriptions per minute.

python benchmarks/bench_descriptions.py [--descriptions N]; the descriptions are those of the table, each with a number of its own.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import polars as pl

from tradeflow.conform.declared_substance import name_substances
from tradeflow.evaluate.descriptions import measure_naming

_TABLE = Path(__file__).parents[1] / "tests" / "conform" / "goods_descriptions.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--descriptions", type=int, default=1_000_000)
    count = parser.parse_args().descriptions
    described = pl.read_csv(_TABLE, infer_schema=False).with_columns(pl.col("substances").fill_null(""))
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True):
        print(measure_naming(described))
    numbered = pl.int_range(count, eager=True)
    texts = described["description"].gather(numbered % described.height) + " LOT " + numbered.cast(pl.String)
    wall, cpu = time.perf_counter(), time.process_time()
    found = name_substances(texts)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{count:,} different descriptions, {found.height:,} findings: {wall:.1f} s, {cpu:.1f} CPU s;", end=" ")
    print(f"{60 * count / wall / 1e6:.2f} million a minute by the clock, {120 * count / cpu / 1e6:.2f} on two cores for themselves")


if __name__ == "__main__":
    main()
