"""What people's decisions say of the list: how many of the leads that were decided on were confirmed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import sqlalchemy as sa

from tradeflow.serve.store import Disposition

_90_PERCENT = 1.645
"""Standard deviations to each side that hold 90% of a normal distribution."""


@dataclass(frozen=True)
class Precision:
    """Of the leads of a rule that were decided on: how many were confirmed, dismissed, passed on."""

    rule: str
    confirmed: int
    dismissed: int
    passed_on: int

    @property
    def share(self) -> float | None:
        """Confirmed among confirmed and dismissed; None where there is neither."""
        decided = self.confirmed + self.dismissed
        return self.confirmed / decided if decided else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """90% interval of the share (Wilson 1927)."""
        decided = self.confirmed + self.dismissed
        if not decided:
            return None
        squared, share = _90_PERCENT**2, self.confirmed / decided
        middle = (share + squared / (2 * decided)) / (1 + squared / decided)
        half = _90_PERCENT / (1 + squared / decided) * math.sqrt(share * (1 - share) / decided + squared / (4 * decided**2))
        return max(0.0, middle - half), min(1.0, middle + half)


def read_precision(connection: sa.Connection, signal_kind: str = "country") -> list[Precision]:
    """Return the sum over all rules, as "all", then each rule by its number of decisions; of each signal the newest alone counts."""
    newest = sa.select(sa.func.max(Disposition.disposition_id)).group_by(Disposition.signal_id)
    newest = newest.where(Disposition.signal_kind == signal_kind)
    question = sa.select(Disposition.rule, Disposition.decision, sa.func.count()).where(Disposition.disposition_id.in_(newest))
    counted: dict[str, dict[str, int]] = {"all": {}}
    for rule, decision, count in connection.execute(question.group_by(Disposition.rule, Disposition.decision)):
        for each in (rule, "all"):
            counted.setdefault(each, {})[decision] = counted.get(each, {}).get(decision, 0) + count
    found = [Precision(rule, *(of.get(each, 0) for each in ("confirmed", "dismissed", "passed_on"))) for rule, of in counted.items()]
    return sorted(found, key=lambda each: (each.rule != "all", -(each.confirmed + each.dismissed + each.passed_on), each.rule))
