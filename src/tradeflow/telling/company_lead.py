"""One lead on a company as the report shows it: its head signal, what else it holds, and the source rows behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from tradeflow.telling import wording
from tradeflow.telling.names import name_area, name_substance
from tradeflow.telling.tables import ReleaseTables

_EVIDENCE_SHOWN = 12


@dataclass(frozen=True)
class CompanyLead:
    """A lead's head signal, its other signals, and the newest of its source rows with how many there are."""

    signal: dict[str, Any]
    others: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    evidence_count: int

    @property
    def goods(self) -> str:
        """The substance's name, or the class of drug whose control lists name the several."""
        return name_substance(self.signal["substance_code"]) or wording.say_family(self.signal["family"])

    @property
    def area(self) -> str:
        """The area that declared, where the lead is of one."""
        code = self.signal["reporter_code"]
        return "" if code is None else name_area(code)

    @property
    def other_words(self) -> str:
        """Which other rules the lead broke."""
        rules = dict.fromkeys(other["rule"] for other in self.others if other["rule"] != self.signal["rule"])
        return ", ".join(map(wording.say_company_rule, rules))

    @property
    def other_heads(self) -> list[dict[str, Any]]:
        """The strongest signal of each other rule."""
        strongest: dict[str, dict[str, Any]] = {}
        for other in self.others:
            if other["rule"] != self.signal["rule"]:
                strongest.setdefault(other["rule"], other)
        return list(strongest.values())


def read_company_leads(tables: ReleaseTables, limit: int) -> list[CompanyLead]:
    """Take the release's tables; hand over the first leads on companies by rank."""
    first = tables.company_signal.filter(pl.col("lead_rank") <= limit)
    signals = first.sort("lead_rank", "is_lead_head", "anomaly_score", "signal_id", descending=[False, True, True, False])
    evidence = tables.company_signal_evidence.join(signals.filter("is_lead_head"), on="signal_id", how="semi")
    newest = evidence.sort("declaration_date", "snapshot_id", "row_number", descending=[True, False, False], nulls_last=True)
    rows = {str(key): found for (key,), found in newest.group_by("signal_id", maintain_order=True)}
    return [_read_lead(lead.to_dicts(), rows) for _, lead in signals.group_by("lead_rank", maintain_order=True)]


def _read_lead(signals: list[dict[str, Any]], rows: dict[str, pl.DataFrame]) -> CompanyLead:
    head, *others = signals
    found = rows.get(head["signal_id"])
    shown = [] if found is None else found.head(_EVIDENCE_SHOWN).to_dicts()
    return CompanyLead(head, others, shown, 0 if found is None else found.height)
