"""The API under questions that schemathesis makes up: is every answer one that its OpenAPI description declares?

python benchmarks/bench_api_contract.py [--cases N] [--postgresql URL-of-an-empty-database]
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.serve.api_contract import Told, ask_everything, describe, make_askers, open_for_questions


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--postgresql", default="")
    given = parser.parse_args()
    os.environ["TRADEFLOW_DATABASE"] = given.postgresql
    logging.disable(logging.WARNING)
    begun, told = time.process_time(), Told()
    with tempfile.TemporaryDirectory() as folder:
        served = open_for_questions(Path(folder))
        operations, askers, seed = describe(served.app), make_askers(served), 0
        while told.cases < given.cases:
            ask_everything(operations, askers, 5, told, seed)
            seed += 1
        served.app.state.house.stores.dispose()
    _tell(told, len(operations), time.process_time() - begun)
    sys.exit(1 if told.faults else 0)


def _tell(told: Told, operations: int, seconds: float) -> None:
    for kind, at in (("asker", 0), ("operation", 1), ("status", 2)):
        print(f"\n{'cases':>7}  {kind}")
        counts: Counter[str] = Counter()
        for answer, count in told.answers.items():
            counts[str(answer[at])] += count
        for name, count in sorted(counts.items()):
            print(f"{count:>7,}  {name}")
    for fault in told.faults.values():
        print(fault)
    print(f"\n{told.cases:,} cases of {operations} operations, {len(told.faults)} kinds of faults, {seconds:.0f} CPU seconds")


if __name__ == "__main__":
    main()
