"""How much a reporter is believed, in words and in ranks: the reader's side of `reporter_reliability`."""

from __future__ import annotations

from typing import Any

import polars as pl

from tradeflow import amounts as say
from tradeflow.publish import wording
from tradeflow.publish.names import name_area

_RANKED_WITHIN = ["flow_code", "measure"]


def rank_reporters(reporter_reliability: pl.DataFrame) -> pl.DataFrame:
    """Add `place` (1 is the steadiest) and `reporters`, the number ranked, among those of one role and measure."""
    return reporter_reliability.with_columns(
        place=pl.col("log_error_sigma").rank("min").over(_RANKED_WITHIN), reporters=pl.len().over(_RANKED_WITHIN)
    )


def say_standing(standing: dict[str, Any]) -> str:
    """Say how steady a reporter is in its role, on how much that rests, and where it stands among the others."""
    role = wording.ROLE_WORDS[standing["flow_code"]]
    return (
        f"{name_area(standing['reporter_code'])}’s {role} usually lie within {say.say_spread(standing['log_error_sigma'])} of the true "
        f"weight, judged by {say.say_count(standing['pair_count'])} partners and {say.say_count(standing['observation_count'])} two-sided "
        f"flows: place {standing['place']} of {standing['reporters']}, the steadiest first."
    )
