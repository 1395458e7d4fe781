"""How much a reporter is believed, in words and in ranks: the reader's side of `reporter_reliability`."""

from __future__ import annotations

from typing import Any

import polars as pl

from tradeflow import amounts as say
from tradeflow.telling import wording
from tradeflow.telling.language import t
from tradeflow.telling.names import name_area

ALL_CHAPTERS = "all"
_RANKED_WITHIN = ["flow_code", "measure", "product_group"]
_STANDING = {
    ("M", False): "{area}’s imports usually lie within {spread} of the true weight (90% interval {interval})",
    ("M", True): "{area}’s imports of HS chapter {chapter} usually lie within {spread} of the true weight (90% interval {interval})",
    ("X", False): "{area}’s exports usually lie within {spread} of the true weight (90% interval {interval})",
    ("X", True): "{area}’s exports of HS chapter {chapter} usually lie within {spread} of the true weight (90% interval {interval})",
}
_90_PERCENT = 1.645
"""Standard errors to each side that hold 90% of a normal distribution."""


def rank_reporters(reporter_reliability: pl.DataFrame) -> pl.DataFrame:
    """Add `place` (1 is the steadiest), `reporters` (the number ranked) and the 90% interval of the spread, `sigma_lower`, `sigma_upper`.

    Reporters are ranked among those of one role, measure and product group.
    """
    sigma, half = pl.col("log_error_sigma"), _90_PERCENT * pl.col("log_error_sigma_se")
    return reporter_reliability.with_columns(
        place=pl.col("log_error_sigma").rank("min").over(_RANKED_WITHIN),
        reporters=pl.len().over(_RANKED_WITHIN),
        sigma_lower=sigma * (-half / sigma).exp(),  # on the log scale, so that it stays above zero
        sigma_upper=sigma + half,
    )


def standing_of(ranked: pl.DataFrame, reporter: int, flow_code: str, commodity_code: str) -> dict[str, Any] | None:
    """Return a reporter's row for net weights of the code's HS chapter, else of all chapters together; None where there is none."""
    own = (pl.col("reporter_code") == reporter) & (pl.col("flow_code") == flow_code) & (pl.col("measure") == "net_weight")
    for product_group in (commodity_code[:2], ALL_CHAPTERS):
        rows = ranked.filter(own & (pl.col("product_group") == product_group))
        if rows.height:
            return rows.row(0, named=True)
    return None


def say_standing(standing: dict[str, Any]) -> str:
    """Say how steady a reporter is in its role, on how much that rests, and where it stands among the others."""
    chapter = None if standing["product_group"] == ALL_CHAPTERS else standing["product_group"]
    return t(
        _STANDING[standing["flow_code"], chapter is not None],
        area=name_area(standing["reporter_code"]),
        chapter=chapter,
        spread=say.say_spread(standing["log_error_sigma"], t("a factor of ")),
        interval=wording.say_spread_interval(standing["sigma_lower"], standing["sigma_upper"]),
    ) + t(
        ", judged by {partners} partners and {flows} two-sided flows: place {place} of {reporters}, the steadiest first.",
        partners=say.say_count(standing["pair_count"]),
        flows=say.say_count(standing["observation_count"]),
        place=standing["place"],
        reporters=standing["reporters"],
    )
