"""Stage 4: `trade_flow` in, `mirror_pair` and `reporter_reliability` out; from the pairs, what moved and what structure adds to them.

Both sides of one trade on one basis: imports restated to FOB, the gap measured against what these two reporters usually show, the balanced
estimate, and for a missing side the reason as far as the figures say it. Net weight first, value beside it. On the balanced estimate stands
what moved: to a neighbour, through a hub, to another code.
"""

from tradeflow.reconcile.displacement import find_neighbours
from tradeflow.reconcile.hub import find_hubs, route_through_hubs
from tradeflow.reconcile.mirror import ReconcileOptions, reconcile_trade_flow
from tradeflow.reconcile.shifts import find_share_shifts
from tradeflow.reconcile.structure import CodeLists, correct_by_structure
from tradeflow.reconcile.substitution import find_step_downs
from tradeflow.reconcile.suppression import mark_suppressed_partners

__all__ = [
    "CodeLists",
    "ReconcileOptions",
    "correct_by_structure",
    "find_hubs",
    "find_neighbours",
    "find_share_shifts",
    "find_step_downs",
    "mark_suppressed_partners",
    "reconcile_trade_flow",
    "route_through_hubs",
]
