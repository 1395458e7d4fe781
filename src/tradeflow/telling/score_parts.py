"""What each rule adds to the score of a lead."""

from __future__ import annotations

import math
from typing import Any

from tradeflow.one_thing import ONE_THING

_NEARLY_SURE = 0.9999


def score_parts(signals: list[dict[str, Any]]) -> list[tuple[str, float, float]]:
    """Take a lead's signals; return (rule, score of its strongest signal, share of the lead's score), the largest share first.

    A lead's score is 1 - prod(1 - s) over its rules' strongest scores s (0 to 1), so that -ln(1 - s) adds up: a rule's share is its part
    of that sum. It rises with the rule's own score and falls with every other's. Rules that tell one thing count as the stronger one.
    """
    told: set[str] = set()
    strongest: dict[str, float] = {}
    for signal in sorted(signals, key=lambda each: (-each["anomaly_score"], each["rule"])):
        thing = ONE_THING.get(signal["rule"], signal["rule"])
        if thing not in told:
            told.add(thing)
            strongest[signal["rule"]] = signal["anomaly_score"]
    amounts = {rule: -math.log1p(-min(score / 100, _NEARLY_SURE)) for rule, score in strongest.items()}
    whole = sum(amounts.values()) or 1.0
    return sorted(((rule, strongest[rule], amount / whole) for rule, amount in amounts.items()), key=lambda part: (-part[2], part[0]))
