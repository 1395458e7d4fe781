"""The simulated world: licit trade in watched chemicals as a statistics service would have answered it, with a truth table."""

from tradeflow.sample.world import WorldSummary, write_world

__all__ = ["WorldSummary", "write_world"]
