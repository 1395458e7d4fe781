"""The degrees of freedom of a month's chance: what the model takes is what ordinary months of other seeds agree with."""

import polars as pl

from tradeflow.evaluate.tail_degrees import measure_tails
from tradeflow.model.excess import TAIL_DEGREES


def test_the_degrees_taken_give_each_level_its_share() -> None:
    found = measure_tails(1_500, seed=93)
    taken = found.filter(pl.col("degrees") == TAIL_DEGREES)
    often, seldom = (taken.filter(pl.col("level") == level)["mean"].item() for level in (0.05, 0.01))
    assert abs(often - 1) < 0.1
    assert abs(seldom - 1) < 0.15
    far = found.filter(pl.col("level") == 0.001).sort("degrees")["mean"]
    assert (far.diff().drop_nulls() > 0).all()
    assert ((found["least"] <= found["mean"]) & (found["mean"] <= found["most"])).all()
