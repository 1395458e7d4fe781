"""The graph of companies for other tools: what is handed out, and that it opens there whatever the names hold."""

from dataclasses import replace
from pathlib import Path

import networkx
import polars as pl

from tests.telling.company_records import HOSTILE, make_records
from tradeflow.contract import load_contract
from tradeflow.publish.graph_files import write_graph_csv, write_graphml
from tradeflow.telling.company_graph import list_nodes, take_companies, take_flagged


def test_the_flagged_and_who_is_tied_to_them_are_handed_out_and_all_where_asked() -> None:
    records = make_records()

    assert sorted(take_flagged(records).entity["entity_id"]) == ["EB", "EC", "EM", "EX"]
    assert sorted(take_companies(records).entity["entity_id"]) == ["EB", "EC", "EM", "EN", "EX", "EY"]
    assert take_flagged(records).company_item["declaration_id"].unique().to_list() == ["D1"]


def test_items_are_of_the_substance_that_the_lead_names() -> None:
    records = make_records()
    of_toluene = records.company_signal.with_columns(substance_code=pl.lit("toluene"))
    named = take_flagged(replace(records, company_signal=of_toluene))

    assert named.company_item["substance_code"].to_list() == ["toluene"]


def test_a_node_tells_the_company_and_its_strongest_lead() -> None:
    nodes = list_nodes(take_companies(make_records()))

    assert nodes.schema == load_contract("company_node").schema
    told = nodes.filter(entity_id="EM").row(0, named=True)
    assert (told["roles"], told["main_chapter"], told["is_flagged"], told["lead_rank"]) == ("exporter;importer", "29", True, 1)
    # A signal that was not flagged marks nobody.
    assert nodes.filter(entity_id="EN").select("is_flagged", "lead_rank").row(0) == (False, None)


def test_csv_holds_nodes_and_edges_and_no_formula(tmp_path: Path) -> None:
    write_graph_csv(tmp_path / "out", take_flagged(make_records()))
    nodes, edges = (pl.read_csv(tmp_path / "out" / f"{name}.csv") for name in ("nodes", "edges"))

    assert set(edges["source"]) | set(edges["target"]) <= set(nodes["id"])
    assert nodes.filter(id="EX")["label"].item() == f"'{HOSTILE}"
    assert edges.height == 3


def test_graphml_opens_in_networkx_with_every_tie_and_kind(tmp_path: Path) -> None:
    records = take_flagged(make_records())
    write_graphml(tmp_path / "out.graphml", records)
    graph = networkx.read_graphml(tmp_path / "out.graphml")

    assert graph.is_directed()
    assert sorted(graph.nodes) == ["EB", "EC", "EM", "EX"]
    assert graph.nodes["EX"]["label"] == HOSTILE
    assert graph.nodes["EM"]["label"].startswith("Qaron    <b>&")
    assert graph.nodes["EM"]["lead_score"] == 92.5
    kinds = sorted((one, other, told["link_kind"], told["net_weight_kg"]) for one, other, told in graph.edges(data=True))
    assert kinds == sorted(records.company_link.select("entity_id", "linked_entity_id", "link_kind", "net_weight_kg").rows())
