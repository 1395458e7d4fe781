"""Time and memory of the isolation forest at 1,000,000 x 15, and of ranking the labelled declarations where they are at hand.

`python benchmarks/bench_forest.py [SHARED]`: SHARED is the folder that holds `data/customs_declarations_labelled`, by default ../shared.
"""

import datetime as dt
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tradeflow.model.contribution import path_contributions
from tradeflow.model.declaration import InspectionOptions, score_declarations
from tradeflow.model.declaration_card import describe_models
from tradeflow.model.isolation import grow_forest, percentile_among
from tradeflow.model.model_card import cards_frame
from tradeflow.own_table.declaration_reading import read_declarations

ROWS, FEATURES, TREES, EXPLAINED = 1_000_000, 15, 100, 10_000


def bench_forest() -> None:
    random = np.random.default_rng(1)
    inputs = random.standard_t(4, (ROWS, FEATURES))
    inputs[:, 1:] += 0.7 * inputs[:, :-1]
    print(f"input: {inputs.nbytes / 1e6:,.0f} MB")
    started, cpu = time.perf_counter(), time.process_time()
    forest = timed("fit", grow_forest, inputs, TREES, 1)
    scores = -timed("score", forest.score_samples, inputs)
    timed("percentiles", percentile_among, scores, scores)
    top = np.argsort(-scores, kind="stable")[:EXPLAINED]
    contributions = timed(f"contributions of the top {EXPLAINED:,}", path_contributions, forest, inputs[top])
    print(f"all: {time.perf_counter() - started:.1f} s, {time.process_time() - cpu:.1f} CPU s, peak {peak():,.0f} MB")
    again = grow_forest(inputs, TREES, 1).score_samples(inputs[:1_000])
    is_same = np.array_equal(again, -scores[:1_000])
    print(f"the same seed gives the same scores: {is_same}; contributions are finite: {np.isfinite(contributions).all()}")


def bench_declarations(folder: Path) -> None:
    learnt, scored = (read_declarations(folder / f"df_syn_{name}_eng.csv", needs_outcome=True) for name in ("train", "valid"))
    spelling = learnt.spelling | scored.spelling
    result = timed(
        f"learn from {learnt.rows.height:,}, score and explain {scored.rows.height:,}",
        score_declarations, learnt.rows, scored.rows, spelling, InspectionOptions(),
    )  # fmt: skip
    cards = cards_frame(timed("model cards", describe_models, result, spelling, InspectionOptions()))
    for row in cards.filter(pl.col("card_item").str.starts_with("scored rows with an outcome: ")).iter_rows(named=True):
        print(f"{row['model_name']}, {row['card_item']}: {row['card_figure']:.3f}")
    print(f"peak {peak():,.0f} MB")


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(name: str, step: Callable[..., Any], *arguments: object) -> Any:
    wall, cpu = time.perf_counter(), time.process_time()
    result = step(*arguments)
    print(f"{name}: {time.perf_counter() - wall:.1f} s, {time.process_time() - cpu:.1f} CPU s")
    return result


def main() -> None:
    folder = (Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "shared") / "data" / "customs_declarations_labelled"
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    bench_forest()
    if folder.is_dir():
        bench_declarations(folder)
    else:
        print(f"skipped bench_declarations: {folder} is not there")


if __name__ == "__main__":
    main()
