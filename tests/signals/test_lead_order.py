"""Leads in the order that decisions teach."""

from __future__ import annotations

import polars as pl
from polars.testing import assert_frame_equal

from tests.release_world import Made
from tradeflow.signals.lead_order import order_leads


def test_leads_go_by_what_is_learned_those_without_a_flag_below_the_others(made: Made) -> None:
    signals = made[0].signal
    heads = signals.filter("is_lead_head").sort("lead_rank")
    confirmed = heads.select("lead_id", confirmed_probability=pl.int_range(pl.len()) / pl.len())
    without = heads["lead_id"][:3].to_list()
    signals = signals.with_columns(signal_count=pl.when(pl.col("lead_id").is_in(without)).then(0).otherwise("signal_count").cast(pl.Int32))

    ordered = order_leads(signals, confirmed)

    assert ordered.schema == signals.schema
    told = ordered.filter("is_lead_head")
    assert told["lead_rank"].to_list() == list(range(1, heads.height + 1))
    assert told["lead_id"].to_list() == [*heads["lead_id"][3:].reverse(), *reversed(without)]
    same = ["signal_id", "lead_id", "lead_score", "anomaly_score", "is_lead_head"]
    assert_frame_equal(ordered.select(same), signals.select(same), check_row_order=False)
    assert ordered.select("lead_id", "lead_rank").unique().height == heads.height


def test_leads_of_one_probability_keep_their_order(made: Made) -> None:
    signals = made[0].signal.sort("lead_rank", "is_lead_head", descending=[False, True])
    alike = signals.select("lead_id").unique().with_columns(confirmed_probability=0.5)
    assert_frame_equal(order_leads(signals, alike).drop("confirmed_probability"), signals.drop("confirmed_probability"))
