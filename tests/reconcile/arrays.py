"""Two-sided trade as arrays, drawn from a law that the tests choose."""

from collections.abc import Callable

import numpy as np

from tradeflow.reconcile.sides import Floats, Ints, Sides

Draw = Callable[[np.random.Generator, int], Floats]


def sides_of(export_usd: Floats, import_usd: Floats, exporter: Ints, importer: Ints, commodity: Ints, kg_per_usd: float = 0.5) -> Sides:
    zero = np.zeros(len(exporter), np.intp)
    return Sides(
        exporter, importer, commodity, zero, commodity, export_usd, import_usd, export_usd * kg_per_usd, import_usd * kg_per_usd,
        np.full(len(exporter), np.nan),
    )  # fmt: skip


def world(noise: Draw, countries: int = 20, codes: int = 120, seed: int = 5) -> Sides:
    """Every country sells every code to every other; the gap of each pair is `noise`, of sigma 0.1 to 0.8 by exporter."""
    random = np.random.default_rng(seed)
    e, i, k = (axis.ravel() for axis in np.meshgrid(np.arange(countries), np.arange(countries), np.arange(codes), indexing="ij"))
    apart = e != i
    e, i, k = e[apart], i[apart], k[apart]
    usd = np.exp(random.normal(10, 2, len(e)))
    sigma = np.geomspace(0.1, 0.8, countries)[e]
    return sides_of(usd, usd * np.exp(sigma * noise(random, len(e))), e, i, k)
