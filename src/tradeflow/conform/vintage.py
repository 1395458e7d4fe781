"""Which of all the figures that were ever sent is the one to believe at a given time.

A statistic is known by its cell (frequency, reporter, period, flow, commodity) and by when we learned of it. The newest answer that covers
a cell speaks for it alone: rows that an earlier answer had there and the newer one has not are gone, other cells are untouched. Answers
of the same time (the files of one folder) are read together; where they overlap, one of them speaks for each partner, or it would count
twice.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

CELL = ["freq_code", "reporter_code", "period", "flow_code", "commodity_code"]


def select_known_rows(
    trade_flow: pl.LazyFrame, snapshots: pl.DataFrame, scopes: pl.DataFrame, as_of: datetime | None = None
) -> pl.LazyFrame:
    """Return the rows of `trade_flow` that were the newest known at `as_of` (None: now).

    snapshots: snapshot_id, source, query_key, retrieved_at; one row per snapshot.
    scopes: snapshot_id and the columns of `CELL`; what a snapshot's query asked for, so that a cell that is empty in a newer answer
    is known to be empty. Snapshots that declare no scope speak only for the cells in which they have rows.
    """
    known = snapshots if as_of is None else snapshots.filter(pl.col("retrieved_at") <= as_of)
    newest_answers = known.sort("retrieved_at", "snapshot_id").group_by("source", "query_key", maintain_order=True).last()
    rows = trade_flow.join(newest_answers.lazy().select("snapshot_id"), on="snapshot_id", how="semi")
    if newest_answers["retrieved_at"].n_unique() > 1:
        rows = _newest_of_each_cell(rows, newest_answers, scopes)
    return rows if newest_answers["retrieved_at"].is_unique().all() else _without_overlap(rows)


def _newest_of_each_cell(rows: pl.LazyFrame, newest_answers: pl.DataFrame, scopes: pl.DataFrame) -> pl.LazyFrame:
    asked = scopes.lazy().join(newest_answers.lazy().select("snapshot_id", "retrieved_at"), on="snapshot_id")
    learned = (
        pl.concat(
            [rows.select([*CELL, "retrieved_at"]).unique(), asked.select([*CELL, "retrieved_at"])],
            how="vertical_relaxed",
        )
        .group_by(CELL)
        .agg(pl.col("retrieved_at").max().alias("_newest"))
    )
    return rows.join(learned, on=CELL).filter(pl.col("retrieved_at") == pl.col("_newest")).drop("_newest")


def _without_overlap(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Leave each partner's figure in a cell to one answer: of several of the same time none is better, so always the same one is taken."""
    key = [*CELL, "partner_code"]
    said = rows.group_by(key).agg(pl.col("snapshot_id").min().alias("_least"), pl.col("snapshot_id").max().alias("_speaker"))
    overlapping = said.filter(pl.col("_least") != pl.col("_speaker")).drop("_least")
    speaks = pl.col("_speaker").is_null() | (pl.col("snapshot_id") == pl.col("_speaker"))
    return rows.join(overlapping, on=key, how="left").filter(speaks).drop("_speaker")
