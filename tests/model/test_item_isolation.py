import random
from typing import Any

import polars as pl
import pytest

from tests.signals.company.tables import item
from tests.signals.tables import table
from tradeflow.model.item_isolation import isolate_items


def world(*more: dict[str, Any], count: int = 500) -> pl.DataFrame:
    """Items of the three years before 2024 and of the year itself."""
    chance = random.Random(3)
    rows = [
        item(f"C{chance.randint(0, 9)}", f"{2021 + number * 4 // count}-{1 + number % 12:02d}-{1 + number % 28:02d}",
             kg := chance.lognormvariate(6, 0.4), value_usd=kg * chance.lognormvariate(0.7, 0.2), office=chance.choice("AAAB"),
             broker_entity_id=f"B{chance.randint(0, 2)}", exporter_entity_id=f"E{chance.randint(0, 4)}")
        for number in range(count)
    ]  # fmt: skip
    return table("company_item", *rows, *more).with_columns(pl.lit("sea").alias("transport_mode"))


def scores(items: pl.DataFrame) -> dict[int, float]:
    return dict(isolate_items(items, 202401, trees=50, seed=1).select("row_number", "isolation_score").iter_rows())


def test_who_is_unlike_all_in_several_ways_stands_alone() -> None:
    odd = item("NEW", "2024-05-05", 2.0, office="Z", broker_entity_id="SOLE", value_usd=900.0, exporter_entity_id="ELSE")
    found = scores(world(odd))
    assert odd["row_number"] in sorted(found, key=found.__getitem__)[-5:]


def test_what_the_forest_grew_from_is_not_scored() -> None:
    known = world()
    scored = known.filter(pl.col("row_number").is_in(list(scores(known))))
    assert scored["declaration_date"].min() > known["declaration_date"].min()
    assert set(scored["row_number"]) >= set(known.filter(pl.col("period") >= 202401)["row_number"])


def test_a_later_item_changes_no_other_score() -> None:
    known = world()
    added = pl.concat([known, world(item("NEW", "2024-12-30"), count=1).tail(1)])
    first, second = scores(known), scores(added)
    assert {row: second[row] for row in first} == pytest.approx(first)
    assert len(second) == len(first) + 1


def test_of_few_items_nothing_is_told() -> None:
    told = isolate_items(world(count=60), 202401, trees=50, seed=1)
    assert told.is_empty()
    assert told.columns == ["snapshot_id", "row_number", "substance_code", "isolation_score", "comparable_group"]
