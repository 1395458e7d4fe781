"""What is planted in a market, before anybody counts it."""

import polars as pl
import pytest

from tradeflow.sample.simulation import World, plan_world, stage_item
from tradeflow.sample.world import DEFAULT_TODAY


def with_months(goods: pl.DataFrame, world: World) -> pl.DataFrame:
    month_of = world.offices.clock.month_of
    arrival = goods["depart_day"] + goods["transit_days"]
    return goods.with_columns(month=pl.Series(month_of(goods["depart_day"].to_numpy())), arrival=pl.Series(month_of(arrival.to_numpy())))


@pytest.mark.parametrize("seed", [101, 107])
def test_a_single_consignment_goes_to_a_small_buyer_and_arrives_in_a_published_month(seed: int) -> None:
    world = plan_world(150_000, seed, DEFAULT_TODAY)
    place = [item.codes[-1] for item in world.items].index(291812)
    goods, cases, _ = stage_item(world, place)
    case = next(case for case in cases if case.typology == "excess_import")
    buyer = world.offices.areas.code.tolist().index(case.importer_code)
    bought = with_months(goods.filter(pl.col("importer") == buyer), world)
    usual = bought.filter(pl.col("case") < 0).group_by("month").agg(pl.col("kg").sum())
    assert usual.height > 24
    assert usual["kg"].max() <= case.excess_kg / 4
    first_days = world.offices.releases.first_day[buyer, bought.filter(kg=case.excess_kg)["arrival"].to_numpy()]
    assert len(first_days) == 1
    assert first_days[0] <= world.offices.clock.pull_days[-1]
