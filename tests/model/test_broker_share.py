"""A broker's part in a substance: shares by window, beside its size in all goods, and how central it is."""

from collections.abc import Iterable

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeflow.contract import load_contract
from tradeflow.model.broker_share import share_brokers

Sent = tuple[str, str | None, str, int, float]
"""Exporter, broker, importer, period, kg."""


def list_items(sent: Iterable[Sent], substance: str = "acetone") -> pl.DataFrame:
    named = ("exporter_entity_id", "broker_entity_id", "importer_entity_id", "period", "net_weight_kg")
    item = {"source": "files", "snapshot_id": "0" * 16, "reporter_code": 484, "flow_code": "M", "substance_code": substance}
    rows = [item | {"row_number": at, "declaration_id": f"D{at}"} | dict(zip(named, each, strict=True)) for at, each in enumerate(sent)]
    return pl.DataFrame(rows, schema=load_contract("company_item").schema)


def count_all(rows: Iterable[tuple[str, int, int]]) -> pl.DataFrame:
    schema = {"entity_id": pl.String, "period": pl.Int32, "item_count": pl.Int64}
    told = pl.DataFrame(list(rows), schema, orient="row")
    return told.with_columns(party_role=pl.lit("broker"), reporter_code=pl.lit(484, pl.Int32), commodity_chapter=pl.lit("29"))


def test_shares_are_of_twelve_months_and_stand_beside_the_year_before_and_all_goods() -> None:
    items = list_items(
        [("X1", "B1", "M1", 202301, 10), ("X1", "B2", "M1", 202301, 30), ("X1", "B1", "M2", 202312, 60), ("X1", None, "M3", 202401, 20)]
    )
    shares = share_brokers(items, count_all([("B1", 202312, 1), ("B2", 202312, 3)]))

    assert shares.schema == load_contract("broker_share").schema
    told = {(row["broker_entity_id"], row["period"]): row for row in shares.rows(named=True)}
    assert sorted(told) == [("B1", 202301), ("B1", 202312), ("B1", 202401), ("B2", 202301), ("B2", 202312)]
    assert told["B1", 202312]["share_ratio"] == pytest.approx(0.7)
    assert told["B1", 202312]["expected_share_ratio"] == pytest.approx(0.25)
    assert (told["B1", 202312]["company_count"], told["B1", 202312]["declaration_count"]) == (2, 2)
    # What no broker declared is part of the whole.
    assert told["B1", 202401]["share_ratio"] == pytest.approx(0.75)
    assert told["B1", 202401]["past_share_ratio"] == pytest.approx(0.25)
    assert told["B1", 202312]["past_share_ratio"] is None


def test_a_bridge_between_two_markets_is_the_most_central() -> None:
    sides = [("X1", "B1", "M1"), ("X2", "B1", "M2"), ("X3", "B2", "M3"), ("X4", "B2", "M4"), ("X1", "B3", "M3")]
    shares = share_brokers(list_items((*each, 202301, 1.0) for each in sides), count_all([]))

    central = dict(shares.select("broker_entity_id", "betweenness").rows())
    # Ten other companies; the bridge joins the five on one side of it to the five on the other: 25 of the 45 pairs.
    assert central["B3"] == pytest.approx(25 / 45)
    assert central["B1"] == pytest.approx(central["B2"])


months = st.integers(0, 30).map(lambda month: 202201 + month // 12 * 100 + month % 12)
sendings = st.lists(
    st.tuples(st.sampled_from("UV"), st.sampled_from(["B1", "B2", None]), st.sampled_from("MN"), months, st.integers(1, 9).map(float)),
    min_size=1, max_size=25,
)  # fmt: skip


@given(sendings)
def test_a_later_month_changes_no_earlier_row_and_the_sums_are_the_obvious_ones(sent: list[Sent]) -> None:
    items = list_items(sent)
    everything = count_all((broker, period, 1) for _, broker, _, period, _ in sent if broker)
    shares = share_brokers(items, everything)

    cut = max(each[3] for each in sent)
    earlier = share_brokers(items.filter(pl.col("period") < cut), everything)
    assert earlier.equals(shares.filter(pl.col("period") < cut))
    for row in shares.rows(named=True):
        last = row["period"]
        window = [each for each in sent if last - 100 < each[3] <= last]
        own = sum(kg for _, broker, _, _, kg in window if broker == row["broker_entity_id"])
        assert row["share_ratio"] == pytest.approx(own / sum(each[4] for each in window))
        assert row["company_count"] == len({each[2] for each in window if each[1] == row["broker_entity_id"]})
