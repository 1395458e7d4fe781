"""What a pull did, in figures and in lines for the person who reads the log."""

from __future__ import annotations

from dataclasses import dataclass

from tradeflow.lake import Snapshot


@dataclass(frozen=True)
class PullReport:
    """The snapshots that are new, how many answers were already kept, and what went wrong (one clear line each)."""

    new: tuple[Snapshot, ...]
    unchanged: int
    problems: tuple[str, ...] = ()
