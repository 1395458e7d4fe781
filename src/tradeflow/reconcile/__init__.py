"""Stage 4: `trade_flow` in, `mirror_pair` and `reporter_reliability` out.

Both sides of one trade on one basis: imports restated to FOB, the gap measured against what these two reporters usually show, the balanced
estimate, and for a missing side the reason as far as the figures say it. Net weight first, value beside it.
"""

from tradeflow.reconcile.mirror import ReconcileOptions, reconcile_trade_flow

__all__ = ["ReconcileOptions", "reconcile_trade_flow"]
