import polars as pl

from tests.signals.company.tables import item
from tests.signals.tables import table
from tradeflow.contract import load_contract
from tradeflow.model.proposed_inspection import propose_item_inspections

ITEMS = table(
    "company_item",
    *(item(f"C{number}", "2024-05-05", declaration_id=f"D{number:04d}") for number in range(1000)),
    *(item(f"C{number}", "2023-05-05", declaration_id=f"OLD{number:04d}") for number in range(1000)),
)
RANKED = pl.DataFrame({"snapshot_id": ["0" * 16] * 3, "declaration_id": ["D0007", "D0007", "D0008"], "lead_rank": [4, 2, 9]})


def proposed(named: pl.DataFrame = RANKED, inspected_share: float = 0.2, audit_share: float = 0.5) -> pl.DataFrame:
    return propose_item_inspections(ITEMS, named, 202401, inspected_share=inspected_share, audit_share=audit_share, seed=1)


def test_leads_and_lots_are_told_apart() -> None:
    found = proposed()
    assert found.schema == load_contract("proposed_inspection").schema
    ranked = found.filter(inspection_ground="ranked").select("declaration_id", "best_lead_rank").rows()
    assert set(ranked) <= {("D0007", 2), ("D0008", 9)}
    assert 70 < found.filter(inspection_ground="random").height < 130
    assert not found["declaration_id"].str.starts_with("OLD").any()


def test_the_lot_does_not_depend_on_the_leads() -> None:
    drawn = [set(proposed(named).filter(inspection_ground="random")["declaration_id"]) for named in (RANKED, RANKED.clear())]
    assert drawn[0] == drawn[1]


def test_no_more_are_proposed_than_can_be_inspected() -> None:
    every = pl.DataFrame(
        {"snapshot_id": "0" * 16, "declaration_id": [f"D{number:04d}" for number in range(1000)], "lead_rank": range(1, 1001)}
    )
    found = proposed(every, inspected_share=0.1, audit_share=0.1)
    assert found.height == 100
    ranks = found.filter(inspection_ground="ranked")["best_lead_rank"]
    assert ranks.max() <= 100 + found.filter(inspection_ground="random").height


def test_where_nothing_is_declared_nothing_is_proposed() -> None:
    empty = propose_item_inspections(ITEMS.clear(), RANKED, 202401, inspected_share=0.2, audit_share=0.5, seed=1)
    assert empty.is_empty()
