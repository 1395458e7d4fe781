"""Stage 7: `mirror_pair`, `baseline` and `flow_score` in; `signal` with its features and evidence out.

A rule proposes candidates with a score; the model stage says how often ordinary flows score as high (p) and how many of the flagged ones
will be false (q); here they become leads, ranked, each with its sentence and its source rows.
"""

from tradeflow.signals.evidence import collect_evidence, collect_features
from tradeflow.signals.lead import RankOptions, rank_leads
from tradeflow.signals.rule_tables import Evidence, Window
from tradeflow.signals.rules import RULES, propose_candidates, rule_meanings
from tradeflow.signals.sentence import Names
from tradeflow.signals.watch import build_watch_list, group_families

__all__ = [
    "RULES",
    "Evidence",
    "Names",
    "RankOptions",
    "Window",
    "build_watch_list",
    "collect_evidence",
    "collect_features",
    "group_families",
    "propose_candidates",
    "rank_leads",
    "rule_meanings",
]
