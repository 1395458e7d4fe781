"""What people's decisions on leads taught, as model cards: contract `decision_model_card` from `lead_decision`."""

from __future__ import annotations

import polars as pl

from tradeflow.model.lead_outcome import LearnedLeads
from tradeflow.model.model_card import Card, cards_frame

_NAMES = {"country": "decisions on leads about countries", "company": "decisions on leads about companies"}
_DECISIONS = {"confirmed": "confirmed", "dismissed": "dismissed", "passed_on": "passed on", "reopened": "reopened, without a verdict"}
_LIMITS = {
    "for whom it holds": "leads like those that people chose to look at, which are mostly the first of the list",
    "what it learns": "what people decided, not what was so; a habit of dismissing hides what is dismissed by habit",
    "use": "an order of leads, never a finding; figures, p-values and scores of leads are not changed by it",
}


def describe_decisions(decisions: pl.DataFrame, learned: dict[str, LearnedLeads | str]) -> pl.DataFrame:
    """Return a card for each kind of lead; `learned` holds its learner, or why there is none."""
    return cards_frame([_describe_kind(kind, decisions.filter(signal_kind=kind), found) for kind, found in learned.items()])


def _describe_kind(kind: str, decisions: pl.DataFrame, learned: LearnedLeads | str) -> Card:
    card = Card(_NAMES[kind])
    card.figure("data", "signals decided on", decisions.height, "of each the newest decision known at the time of the run")
    for decision, told in _DECISIONS.items():
        card.figure("data", f"of them {told}", decisions.filter(lead_decision=decision).height)
    if decisions.height:
        first, last = decisions.select(first=pl.col("decided_at").min(), last=pl.col("decided_at").max()).row(0)
        card.text("dates", "decided", f"{first:%Y-%m-%d} to {last:%Y-%m-%d}")
    if isinstance(learned, str):
        card.text("limits", "leads are ordered by their scores alone", f"nothing was learned (1 is confirmed, 0 dismissed): {learned}")
    else:
        _tell_learner(card, learned)
    for item, text in _LIMITS.items():
        card.text("limits", item, text)
    return card


def _tell_learner(card: Card, learned: LearnedLeads) -> None:
    card.text("features", "inputs", f"the lead's score; decisions of earlier days by {', '.join(learned.subjects)}, alone and by pairs")
    card.figure("figures", "later decisions, not learnt from: rows", len(learned.trial.rows))
    card.figure("figures", "later decisions, not learnt from: AUC of the learner", learned.learned_auc)
    card.figure("figures", "later decisions, not learnt from: AUC of the lead's score", learned.score_auc)
    card.figure("figures", "later decisions, not learnt from: standard error of the difference", learned.difference_error)
    used = "leads are ordered by the learner" if learned.is_better else "leads are ordered by their scores alone"
    card.text("figures", "which order is used", f"{used}: it must rank later decisions better by more than the standard error")
    card.text("calibration", "probabilities", f"by a line on the log-odds of {len(learned.trial.rows):,} later decisions (Platt 1999)")
