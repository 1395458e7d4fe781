"""CPU seconds of exact betweenness on random graphs: `python benchmarks/bench_brokers.py`; with networkx where it is installed."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import rustworkx

try:
    import networkx
except ImportError:
    networkx = None

SIZES = [(200, 500), (2_000, 6_000), (10_000, 30_000)]
SLOW_FROM = 2_000
Ties = list[tuple[int, int]]


def draw_ties(companies: int, ties: int) -> Ties:
    drawn = np.random.default_rng(1).integers(0, companies, (ties, 2))
    return [(int(one), int(other)) for one, other in drawn if one != other]


def measure_rustworkx(companies: int, ties: Ties) -> None:
    graph: rustworkx.PyGraph[int, None] = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(companies))
    graph.add_edges_from_no_data(ties)
    rustworkx.betweenness_centrality(graph)


def measure_networkx(companies: int, ties: Ties) -> None:
    graph = networkx.Graph(ties)
    graph.add_nodes_from(range(companies))
    networkx.betweenness_centrality(graph)


def time_cpu(measure: Callable[[int, Ties], None], companies: int, ties: Ties) -> float:
    started = time.process_time()
    measure(companies, ties)
    return time.process_time() - started


if __name__ == "__main__":
    for companies, ties in SIZES:
        drawn = draw_ties(companies, ties)
        print(f"rustworkx {companies:>7,} companies, {ties:>7,} ties: {time_cpu(measure_rustworkx, companies, drawn):8.3f} s", flush=True)
        if companies < SLOW_FROM and networkx is not None:
            print(
                f"networkx  {companies:>7,} companies, {ties:>7,} ties: {time_cpu(measure_networkx, companies, drawn):8.3f} s", flush=True
            )
