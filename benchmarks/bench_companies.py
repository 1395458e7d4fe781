"""Resolve made-up companies by rules (or by Splink) at several sizes: CPU seconds, memory, precision and recall.

python benchmarks/bench_companies.py [--linker rules|splink] COMPANIES...
"""

from __future__ import annotations

import argparse
import datetime
import resource
import time

from tradeflow.evaluate.companies import measure_pairs_found, nothing_known
from tradeflow.resolve.entity import resolve_parties
from tradeflow.resolve.learned import link_by_weights
from tradeflow.resolve.party import identify_parties
from tradeflow.sample.companies import make_companies
from tradeflow.steps.companies import load_name_lists, load_placeholders


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("companies", nargs="+", type=int)
    arguments.add_argument("--linker", choices=["rules", "splink"], default="rules")
    chosen = arguments.parse_args()
    linker = link_by_weights if chosen.linker == "splink" else None
    for companies in chosen.companies:
        world = make_companies(companies, seed=1, error_rate=0.05)
        start, cpu = time.perf_counter(), time.process_time()
        appearances = world.drop("_company")
        found = resolve_parties(
            appearances, load_name_lists(), load_placeholders(), nothing_known(), today=datetime.date(2026, 1, 1), linker=linker
        )
        wall, spent = time.perf_counter() - start, time.process_time() - cpu
        truth = world.with_columns(identify_parties(world)).select("party_id", "_company").unique("party_id")
        figures = measure_pairs_found(found.entity_name.select("party_id", "entity_id").join(truth, on="party_id"))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{chosen.linker}: {world.height:,} rows, {found.entity_name.height:,} names, {found.entity_link.height:,} links:"
            f" {spent:.0f} CPU s ({wall:.0f} s), {memory:.1f} GB; precision {figures.precision:.4f}, recall {figures.recall:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
