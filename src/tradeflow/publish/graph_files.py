"""The graph of companies as nodes.csv and edges.csv (Gephi, i2, spreadsheets) and as GraphML (Gephi, yEd, Cytoscape, networkx)."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tradeflow.telling.company_graph import CompanyRecords, list_nodes
from tradeflow.telling.spreadsheets import neutralise_formulas

_NODE_HEADINGS = {"entity_id": "id", "entity_name": "label"}
_EDGE_HEADINGS = {"entity_id": "source", "linked_entity_id": "target"}
_NOT_IN_XML = "[^\\t\\n\\r\\x20-\\x{D7FF}\\x{E000}-\\x{FFFD}\\x{10000}-\\x{10FFFF}]"
"""Signs that XML 1.0 (section 2.2) cannot hold, escaped or not."""


def write_graph_csv(folder: Path, records: CompanyRecords) -> None:
    """Write nodes.csv and edges.csv; no cell is one that a spreadsheet would run."""
    folder.mkdir(parents=True, exist_ok=True)
    neutralise_formulas(list_nodes(records)).rename(_NODE_HEADINGS).write_csv(folder / "nodes.csv")
    neutralise_formulas(records.company_link).rename(_EDGE_HEADINGS).write_csv(folder / "edges.csv")


def write_graphml(path: Path, records: CompanyRecords) -> None:
    """Write one directed graph of several kinds of ties; an attribute that is not known is left out."""
    import networkx  # only who asks for GraphML waits for it

    graph = networkx.MultiDiGraph()
    graph.add_nodes_from((node.pop("id"), node) for node in _list_attributes(list_nodes(records).rename(_NODE_HEADINGS)))
    edges = records.company_link.rename(_EDGE_HEADINGS)
    graph.add_edges_from((edge.pop("source"), edge.pop("target"), edge["link_kind"], edge) for edge in _list_attributes(edges))
    networkx.write_graphml(graph, path, encoding="utf-8")


def _list_attributes(table: pl.DataFrame) -> list[dict[str, object]]:
    clean = table.with_columns(pl.col(pl.String).str.replace_all(_NOT_IN_XML, " "))
    return [{name: told for name, told in row.items() if told is not None} for row in clean.iter_rows(named=True)]
