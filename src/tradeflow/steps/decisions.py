"""The step that takes people's decisions into the run, and the order of leads that they teach."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import polars as pl

from tradeflow.lake import Lake
from tradeflow.settings import Settings
from tradeflow.signals.lead_order import order_leads
from tradeflow.steps.handles import Known, Made, code_version, commit, hash_texts, read_handed, standing

if TYPE_CHECKING:
    from tradeflow.model.lead_outcome import LearnedLeads

_log = logging.getLogger("tradeflow")
DECISIONS = ("lead_decision", "decision_model_card")
_KINDS = ("country", "company")


def take_decisions(settings: Settings, lake: Lake, known: Known) -> Made:
    """Make `lead_decision` of what the case store held at the time of the run, and `decision_model_card`.

    The case store is read and never written; the same decisions make nothing anew.
    """
    from tradeflow.model.lead_decision_card import describe_decisions
    from tradeflow.serve.dispositions import read_dispositions

    decisions, seed = read_dispositions(lake, known.as_of), settings.model.forest_seed
    key = hash_texts("decisions", code_version(), str(seed), decisions.write_json())
    if stands := standing(lake, key, *DECISIONS):
        return Made(stands, is_new=False)
    _log.info(f"taking in what people decided on {decisions.height:,} signals")
    learned = {kind: _learn(decisions, kind, seed) for kind in _KINDS}
    return Made(commit(lake, key, lead_decision=decisions, decision_model_card=describe_decisions(decisions, learned)), is_new=True)


def learn_order(settings: Settings, lake: Lake, decided: Made, signal_kind: str) -> LearnedLeads | None:
    """Return what orders leads of a kind better than their scores; None where decisions are too few, or teach nothing that holds later."""
    if not settings.signals.rank_by_decisions:
        return None
    learned = _learn(read_handed(lake, decided, "lead_decision").collect(), signal_kind, settings.model.forest_seed)
    return None if isinstance(learned, str) or not learned.is_better else learned


def order_by_decisions(signals: pl.DataFrame, learned: LearnedLeads | None) -> pl.DataFrame:
    """Return the signals of ranked leads in the order that decisions teach; as they are where there is none."""
    from tradeflow.model.lead_outcome import estimate_confirmed

    return signals if learned is None else order_leads(signals, estimate_confirmed(learned, signals.filter("is_lead_head")))


def _learn(decisions: pl.DataFrame, signal_kind: str, seed: int) -> LearnedLeads | str:
    from tradeflow.model.lead_outcome import find_verdicts, learn_lead_outcomes

    try:
        return learn_lead_outcomes(find_verdicts(decisions, signal_kind), seed=seed)
    except ValueError as error:
        return str(error)
