from __future__ import annotations

import pytest

from tests.company_world import entity_id
from tests.serve.conftest import publish
from tests.serve.with_companies import made_with_companies
from tradeflow.lake import Lake
from tradeflow.serve.database import open_stores
from tradeflow.serve.queries.company import read_company
from tradeflow.serve.queries.lead import list_earlier_leads, read_lead, read_signal
from tradeflow.serve.queries.lead_filter import LeadFilter
from tradeflow.serve.queries.run import describe_run
from tradeflow.serve.queries.search import find_declarations, fold, search
from tradeflow.serve.queries.signals import count_leads, count_statuses, list_leads, read_choices

FINDS = [
    ("Qalem Química", "company", entity_id("importer")),
    ("qalem quimca", "company", entity_id("importer")),
    ("quimica qalem", "company", entity_id("importer")),
    ("克林化工有限公司", "company", entity_id("exporter")),
    ("Quart Khimia", "company", entity_id("foreign")),
    ("QEXP800101AB1", "company", entity_id("exporter")),
    ("aceton", "substance", "acetone"),
    ("丙酮", "substance", "acetone"),
    ("108-24-7", "substance", "acetic_anhydride"),
    ("2914.11", "commodity", "291411"),
    ("MX", "area", "484"),
    ("mexiko", "area", "484"),
]


def test_both_databases_answer_every_question(lake: Lake) -> None:
    publish(lake, made_with_companies())
    stores = open_stores(lake)
    with stores.reading.connect() as connection:
        for text, kind, target in FINDS:
            found = search(connection, text, limit=5)
            assert (kind, target) in [(each.kind, each.target) for each in found], (text, found)
        assert search(connection, "") == search(connection, "?!") == search(connection, "zzzz qqqq wwww") == []
        assert [each.kind for each in search(connection, "qalem", kinds=("substance",))] == []
        assert find_declarations(connection, "24-0000001")[0]["declaration_id"] == "24-0000001"
        for asked in (LeadFilter(), LeadFilter(new=True), LeadFilter(family="cocaine"), LeadFilter(rule="new_route", sort="excess")):
            assert len(list_leads(connection, asked, limit=500).rows) == count_leads(connection, asked)
        assert sum(count_statuses(connection, "202412-first").values()) == 60
        assert read_choices(connection, "202412-first")["rule"]
        signal = list_leads(connection, LeadFilter(), limit=1).rows[0].signal
        assert read_lead(connection, read_signal(connection, signal["signal_id"])).facts
        list_earlier_leads(connection, signal)
        company = read_company(connection, entity_id("importer"))
        assert (company.names.height, len(company.notifications), company.upstream.height) == (3, 3, 3)
        assert describe_run(connection, "202412-first", {}, "en")["rules"]
    stores.dispose()


@pytest.mark.parametrize(
    ("text", "folded"), [("  Ácido  Sulfúrico, S.A. ", "acido sulfurico sa"), ("克林", "kelin"), ("Кварт", "kvart"), ("!?", "")]
)
def test_what_is_typed_is_folded_as_what_is_indexed(text: str, folded: str) -> None:
    assert fold(text) == folded
