"""What the templates of the pages know beside what they are given: words for codes, addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from tradeflow.serve.chart_assets import asset_url
from tradeflow.serve.links import link
from tradeflow.serve.queries.company_leads import RULES
from tradeflow.serve.queries.signals import MOST_COUNTED
from tradeflow.serve.translations import LANGUAGES, retell
from tradeflow.telling.language import t
from tradeflow.telling.names import area_names, substance_names
from tradeflow.telling.wording import READING_NOTE, say_company_rule, say_family, say_rule

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
PARTY_WORDS = {
    "importer": "importer",
    "exporter": "exporter",
    "broker": "customs broker",
    "consignee": "consignee",
    "notify_party": "party to be notified",
    "licensee": "licence holder",
    "named": "named",
}
LINK_WORDS = {
    "traded_with": "traded with",
    "brokered_by": "brokered by",
    "consigned_to": "consigned to",
    "notified_with": "notified with",
    "shares_address": "same address",
    "shares_number": "same number",
}
LICENCE_WORDS = {
    "import": "import",
    "export": "export",
    "trade": "trade",
    "end_use_declaration": "end-use declaration",
    "white_list": "white list",
}
NOTICE_WORDS = {"open": "open", "not_objected": "not objected to", "objected": "objected to", "withdrawn": "withdrawn"}
NAMED_BY_WORDS = {"code": "by its code", "words": "by the words of its description", "both": "by code and words"}
KIND_WORDS = {"company": "Companies", "substance": "Substances", "commodity": "HS codes", "area": "Countries"}
WATCH_WORDS = {"area": "country", "substance": "substance", "commodity": "HS code", "entity": "company"}


@pass_context
def retold(context: Context, text: str, kind: str = "sentences") -> Markup:
    """Return a sentence of the release in the page's language, or marked as English where it has no translation."""
    if context["language"] == LANGUAGES[0]:
        return Markup.escape(text)
    told = retell(text, context["language"], kind)
    return Markup('<span lang="en">{}</span>').format(text) if told is None else Markup.escape(told)


FILTERS: dict[str, Callable[..., object]] = {"retold": retold}
GLOBALS: dict[str, object] = {
    "link": link,
    "reading_note": READING_NOTE,
    "asset_url": asset_url,
    "status_words": STATUS_WORDS,
    "decision_words": DECISION_WORDS,
    "dismissal_words": DISMISSAL_WORDS,
    "party_words": PARTY_WORDS,
    "link_words": LINK_WORDS,
    "licence_words": LICENCE_WORDS,
    "notice_words": NOTICE_WORDS,
    "named_by_words": NAMED_BY_WORDS,
    "kind_words": KIND_WORDS,
    "say_family": say_family,
    "say_rule": say_rule,
    "say_company_rule": say_company_rule,
    "company_rules": RULES,
    "watch_words": WATCH_WORDS,
    "substances": lambda: _by_name({code: t(name) for code, name in substance_names().items()}),
    "areas": lambda: _by_name({code: t(name) for code, name in area_names().items() if code}),
    "most_counted": MOST_COUNTED,
}


def _by_name(named: Mapping[Any, str]) -> list[tuple[Any, str]]:
    return sorted(named.items(), key=lambda each: each[1].casefold())
