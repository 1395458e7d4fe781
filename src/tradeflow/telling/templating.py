"""What the templates of the report and of the application share: filters, words, and the style and scripts of a lead."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

import jinja2

from tradeflow import amounts as say
from tradeflow.telling import wording
from tradeflow.telling.language import t
from tradeflow.telling.names import name_area, name_commodity, name_substance, spell_code

_SPOKEN = ("period", "count", "weight", "ratio", "probability", "share", "spread", "deviation", "number")
TEMPLATES = jinja2.PackageLoader("tradeflow.telling")
FILTERS: dict[str, Callable[..., object]] = {
    **{name: getattr(say, f"say_{name}") for name in _SPOKEN},
    "area": name_area,
    "commodity": name_commodity,
    "substance": name_substance,
    "spell": spell_code,
    "value": wording.say_value,
    "rule": wording.say_rule,
    "company_rule": wording.say_company_rule,
}
GLOBALS: dict[str, object] = {
    "t": t,
    "flow_words": wording.FLOW_WORDS,
    "evidence_words": wording.EVIDENCE_WORDS,
    "role_words": wording.ROLE_WORDS,
    "company_role_words": wording.COMPANY_ROLE_WORDS,
    "company_evidence_words": wording.COMPANY_EVIDENCE_WORDS,
    "unlocated_words": wording.UNLOCATED_WORDS,
}


def read_static(name: str) -> str:
    """Return a style sheet or script of this package as text."""
    return (files("tradeflow.telling") / "static" / name).read_text(encoding="utf-8")
