"""What a person decided about two parties, for this run and all later ones."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Decisions:
    """`same`, `apart`: _left, _right (places of parties) of the newest decision on each pair. `notes`: what could not be used."""

    same: pl.DataFrame
    apart: pl.DataFrame
    notes: tuple[str, ...]


def place_decisions(entity_decision: pl.DataFrame, parties: pl.DataFrame) -> Decisions:
    """Return the decisions on the parties of this run; of two on one pair the newest holds, of one day the last in the table."""
    ends = ("left_party_id", "right_party_id")
    ordered = entity_decision.with_row_index("_row").sort("decided_on", "_row", nulls_last=False)
    paired = ordered.with_columns(pl.min_horizontal(ends).alias("_low"), pl.max_horizontal(ends).alias("_high"))
    newest = paired.unique(["_low", "_high"], keep="last", maintain_order=True)
    places = parties.select("party_id", "_p")
    left = newest.join(places.rename({"party_id": "left_party_id", "_p": "_left"}), on="left_party_id", how="left", maintain_order="left")
    both = left.join(places.rename({"party_id": "right_party_id", "_p": "_right"}), on="right_party_id", how="left", maintain_order="left")
    known = both.drop_nulls(["_left", "_right"])
    unknown = both.height - known.height
    notes = (f"{unknown:,} decisions name a party that is in no table of this run",) if unknown else ()
    # The newest comes first among a person's links, so that it holds where two decisions contradict each other in a roundabout way.
    same = known.reverse().filter(pl.col("decision") == "same").select("_left", "_right")
    return Decisions(same, known.filter(pl.col("decision") == "different").select("_left", "_right"), notes)
