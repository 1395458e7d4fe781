"""Whether companies are open to a visit: by the right to read them, and under a purpose."""

from __future__ import annotations

from tradeflow.serve.access import Right
from tradeflow.serve.visit import Visit


def may_open_companies(visit: Visit) -> bool:
    """Tell whether companies may be shown now."""
    return visit.may(Right.READ_COMPANIES) and visit.purpose is not None


def hold_to_table(visit: Visit, signal_kind: str) -> None:
    """Go on with a table of leads (country or company) only where it is open to the visit."""
    if signal_kind == "company":
        visit.hold_to(Right.READ_COMPANIES, needs_purpose=True)


def hold_to_kind(visit: Visit, watch_kind: str) -> None:
    """Go on with a thing to watch only where it is open to the visit: to watch a company is to open it."""
    hold_to_table(visit, "company" if watch_kind == "entity" else "country")
