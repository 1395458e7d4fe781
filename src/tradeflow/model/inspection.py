"""Which declarations to inspect: the ranked ones, and a share drawn by chance that keeps the figures honest."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from tradeflow.model.past_record import Array


def draw_lots(ids: pl.Series, seed: int) -> Array:
    """Return a number from 0 to 1 for each id, the same on any machine and for any company of other ids (BLAKE2b of seed and id)."""
    digests = (hashlib.blake2b(f"{seed}:{each}".encode(), digest_size=8).digest() for each in ids)
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.float64) / 2.0**64


def inspection_ground(ids: pl.Series, probability: Array, *, inspected_share: float, audit_share: float, seed: int) -> pl.Series:
    """Return why each declaration should be inspected: "random", "ranked", or null where it need not be.

    `inspected_share` of the rows are inspected; `audit_share` of those are drawn by the lot of their id, whatever the model says of them,
    so that their outcomes are a fair sample of all. The others are the highest ranked of the rest.
    """
    is_random = draw_lots(ids, seed) < inspected_share * audit_share
    ranked = np.argsort(np.where(is_random, np.inf, -probability), kind="stable")
    ranked = ranked[: max(0, round(inspected_share * len(ids)) - int(is_random.sum()))]
    is_ranked = np.zeros(len(ids), dtype=bool)
    is_ranked[ranked] = True
    grounds = pl.DataFrame({"is_random": is_random, "is_ranked": is_ranked})
    return grounds.select(
        inspection_ground=pl.when("is_random").then(pl.lit("random")).when("is_ranked").then(pl.lit("ranked"))
    ).to_series()
