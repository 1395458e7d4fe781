"""What the templates of the pages know beside what they are given: words for codes, addresses."""

from __future__ import annotations

from collections.abc import Callable

from tradeflow.serve.chart_assets import asset_url
from tradeflow.serve.links import link
from tradeflow.telling.wording import READING_NOTE

STATUS_WORDS = {"open": "open", "confirmed": "confirmed", "dismissed": "dismissed", "passed_on": "passed on"}
DECISION_WORDS = {"confirmed": "confirmed", "dismissed": "dismissed", "passed_on": "passed on", "reopened": "opened again"}
DISMISSAL_WORDS = {
    "known_trade": "Known, ordinary trade",
    "source_error": "An error at the source",
    "unit_slip": "A slip of unit or decimal point",
    "timing": "A matter of timing",
    "legitimate_need": "A legitimate need explains it",
    "too_small": "Too small to follow",
    "other": "Another reason",
}
FILTERS: dict[str, Callable[..., object]] = {}
GLOBALS: dict[str, object] = {
    "link": link,
    "reading_note": READING_NOTE,
    "asset_url": asset_url,
    "status_words": STATUS_WORDS,
    "decision_words": DECISION_WORDS,
    "dismissal_words": DISMISSAL_WORDS,
}
