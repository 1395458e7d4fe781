"""Ties between companies, and the way back from a company to every source that could stand behind it."""

from datetime import date
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tradeflow.contract import load_codelist, load_contract
from tradeflow.resolve.company_link import link_companies
from tradeflow.resolve.spelling import NameLists
from tradeflow.telling.upstream import walk_upstream

ITEM = {
    "source": "files", "snapshot_id": "0" * 16, "reporter_code": 484, "flow_code": "M", "substance_code": "acetone", "period": 202401,
    "declaration_date": date(2024, 1, 1), "net_weight_kg": 10.0,
}  # fmt: skip


def list_items(*rows: dict[str, Any]) -> pl.DataFrame:
    told = [ITEM | {"row_number": at, "declaration_id": f"D{at}"} | row for at, row in enumerate(rows)]
    return pl.DataFrame(told, schema=load_contract("company_item").schema)


def name(*rows: tuple[str, str, str | None, str | None]) -> pl.DataFrame:
    told = [
        {"party_id": f"P{at}", "entity_id": entity, "entity_name": entity, "party_name": entity, "party_country": country,
         "tax_number": number, "party_address": address, "mention_count": 1}
        for at, (entity, country, number, address) in enumerate(rows)
    ]  # fmt: skip
    return pl.DataFrame(told, schema=load_contract("entity_name").schema)


def link(items: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    lists = NameLists(*(load_codelist(each) for each in ("legal_form", "name_word", "address_word")))
    return link_companies(items, names, lists, load_codelist("number_placeholder")["placeholder_number"])


def sent(exporter: str | None, importer: str, day: int = 1, **more: object) -> dict[str, Any]:
    return {"exporter_entity_id": exporter, "importer_entity_id": importer, "declaration_date": date(2024, 1, day)} | more


def test_ties_keep_their_roles_apart_and_an_item_of_two_substances_counts_once() -> None:
    both = sent("X", "M", broker_entity_id="B", consignee_entity_id="M", notify_party_entity_id="N", row_number=7)
    links = link(list_items(both, both | {"substance_code": "toluene", "declaration_id": "D0"}), name())

    assert links.schema == load_contract("company_link").schema
    told = {(row["entity_id"], row["linked_entity_id"], row["link_kind"]): row for row in links.rows(named=True)}
    assert set(told) == {("X", "M", "traded_with"), ("M", "B", "brokered_by"), ("M", "N", "notified_with")}
    assert told["X", "M", "traded_with"]["net_weight_kg"] == 10.0
    assert told["X", "M", "traded_with"]["substances"] == "acetone;toluene"
    assert told["X", "M", "traded_with"]["declaration_count"] == 1


def test_the_broker_of_an_export_is_the_exporters() -> None:
    links = link(list_items(sent("X", "M", flow_code="X", broker_entity_id="B")), name())

    assert ("X", "B", "brokered_by") in links.select("entity_id", "linked_entity_id", "link_kind").rows()


def test_a_shared_address_or_number_ties_few_and_an_agents_nobody() -> None:
    road = "Calle Qaro 12, Bodega 4"
    agent = "Avenida Qelis 1"
    names = name(
        ("Qaron Quimica", "MEX", "QAR010203AB1", road),
        ("Velqis Trading", "MEX", None, "CALLE QARO 12 BODEGA 4"),
        ("Duqel Impex", "PER", "QAR010203AB1", road),
        ("Zoqan Impex", "MEX", "qar-010203-ab1", None),
        *((f"{letter}uqar Export", "MEX", None, agent) for letter in "bcdfghjklmnprst"),
    )
    items = list_items(*(sent(entity, "M") for entity in names["entity_id"]))
    shared = link(items, names).filter(pl.col("link_kind").str.starts_with("shares"))

    assert shared.select("entity_id", "linked_entity_id", "link_kind", "declaration_count").rows() == [
        ("Qaron Quimica", "Velqis Trading", "shares_address", 0),
        ("Qaron Quimica", "Zoqan Impex", "shares_number", 0),
    ]


def steps(items: pl.DataFrame, entity_id: str) -> list[tuple[int, str | None, str]]:
    walked = walk_upstream(items, entity_id)
    assert walked.schema == load_contract("upstream_trade").schema
    return walked.select("step_count", "entity_id", "linked_entity_id").rows()


def test_the_way_back_goes_through_who_received_in_time() -> None:
    items = list_items(
        sent("MAKER", "TRADER", 3),
        sent("LATE", "TRADER", 9),
        sent("TRADER", "END", 5),
        sent("SOLVENTS", "TRADER", 3, substance_code="toluene"),
    )

    assert steps(items, "END") == [(1, "TRADER", "END"), (2, "MAKER", "TRADER")]


def test_goods_for_another_consignee_did_not_stay_with_the_importer() -> None:
    items = list_items(sent("MAKER", "AGENT", 2, consignee_entity_id="OTHER"), sent("AGENT", "END", 5), sent(None, "AGENT", 4))

    assert steps(items, "END") == [(1, "AGENT", "END"), (2, None, "AGENT")]
    assert steps(items, "OTHER") == [(1, "MAKER", "OTHER")]
    assert (1, "MAKER", "AGENT") in steps(items, "AGENT")


def test_a_circle_ends() -> None:
    items = list_items(sent("A", "B", 1), sent("B", "A", 2), sent("A", "B", 3), sent("B", "END", 4))

    assert steps(items, "END") == [(1, "B", "END"), (2, "A", "B"), (3, "B", "A")]


@given(st.lists(st.tuples(st.sampled_from("ABCDE"), st.sampled_from("ABCDE"), st.integers(1, 28)), min_size=1, max_size=14))
def test_the_walk_finds_what_the_slow_search_finds(trades: list[tuple[str, str, int]]) -> None:
    def search(receiver: str, until: int, seen: frozenset[int]) -> set[int]:
        found = {at for at, (one, other, day) in enumerate(trades) if other == receiver != one and day <= until and at not in seen}
        return found.union(*(search(trades[at][0], trades[at][2], seen | found) for at in found))

    items = list_items(*(sent(*trade) for trade in trades))
    expected = search("A", 28, frozenset())

    assert walk_upstream(items, "A", most_steps=99)["declaration_count"].sum() == len(expected)
