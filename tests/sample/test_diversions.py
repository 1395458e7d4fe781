"""What is planted in a market, before anybody counts it."""

import polars as pl
import pytest

from tradeflow.sample.simulation import plan_world, stage_item
from tradeflow.sample.world import DEFAULT_TODAY


@pytest.mark.parametrize("seed", [101, 102, 106])
def test_a_consignment_of_a_fixed_weight_is_worth_four_of_its_buyers_largest_months(seed: int) -> None:
    world = plan_world(150_000, seed, DEFAULT_TODAY)
    place = [item.codes[-1] for item in world.items].index(291812)
    goods, cases, _ = stage_item(world, place)
    case = next(case for case in cases if case.typology == "excess_import")
    buyer = world.offices.areas.code.tolist().index(case.importer_code)
    month = pl.Series("month", world.offices.clock.month_of(goods["depart_day"].to_numpy()))
    bought = goods.with_columns(month).filter((pl.col("importer") == buyer) & (pl.col("case") < 0))
    assert bought["month"].n_unique() > 24
    assert bought.group_by("month").agg(pl.col("kg").sum())["kg"].max() <= case.excess_kg / 4
