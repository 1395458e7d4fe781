"""One code for one product across HS editions, for the watched codes; and the date on which a code came into being.

A code that only changed its number is restated under its newest one. A code that was born by a split of a residual code cannot be found in
the older edition: its history is unknown, not zero, and the residual's level breaks without any change in trade. No row is lost here:
what the concordance does not know keeps its own code.
"""

from __future__ import annotations

import polars as pl


def state_in_newest_edition(trade_flow: pl.LazyFrame, concordance: pl.DataFrame) -> pl.LazyFrame:
    """Return the rows with `commodity_code` in the newest edition wherever the way there is one to one or many to one.

    concordance: from_revision, from_code, to_revision, to_code, relation, weight (`codelists/hs_concordance.csv`). Rows without an edition
    keep their code.
    """
    newest = _newest_codes(concordance).lazy()
    return (
        trade_flow.join(newest, left_on=["hs_revision", "commodity_code"], right_on=["from_revision", "from_code"], how="left")
        .with_columns(
            pl.coalesce("_newest_code", "commodity_code").alias("commodity_code"),
            pl.coalesce(pl.col("_newest_code").str.head(2), "commodity_chapter").alias("commodity_chapter"),
        )
        .drop("_newest_code")
    )


def _newest_codes(concordance: pl.DataFrame) -> pl.DataFrame:
    """Follow whole-weight steps from edition to edition; the last code of the chain, only where it differs from the first."""
    # The list also leads back to older editions; only steps forward end at the newest code.
    forward = concordance.filter((pl.col("weight") == 1.0) & (pl.col("to_revision") > pl.col("from_revision")))
    steps = forward.select("from_revision", "from_code", "to_revision", "to_code")
    chains = steps
    for _ in range(steps["from_revision"].n_unique()):
        onward = steps.rename({"to_revision": "_revision", "to_code": "_code"})
        chains = (
            chains.join(onward, left_on=["to_revision", "to_code"], right_on=["from_revision", "from_code"], how="left")
            .with_columns(
                pl.coalesce("_revision", "to_revision").alias("to_revision"),
                pl.coalesce("_code", "to_code").alias("to_code"),
            )
            .drop("_revision", "_code")
        )
    changed = chains.filter(pl.col("from_code") != pl.col("to_code"))
    last = changed.sort("to_revision").group_by("from_revision", "from_code").last()
    return last.select("from_revision", "from_code", pl.col("to_code").alias("_newest_code"))


def find_code_births(trade_flow: pl.LazyFrame, concordance: pl.DataFrame) -> pl.DataFrame:
    """Return reporter_code, commodity_code, first_period, freq_code: from when a reporter could use a code that a split gave birth to.

    Only codes whose edition the concordance names as the result of a split (1:n) are listed; a reporter that never used the edition has
    no row.
    """
    born = (
        concordance.filter((pl.col("relation") == "1:n") & (pl.col("from_code") != pl.col("to_code")))
        .filter(pl.col("to_revision") > pl.col("from_revision"))
        .select(pl.col("to_code").alias("commodity_code"), pl.col("to_revision").alias("_born_in"))
        .group_by("commodity_code")
        .agg(pl.col("_born_in").min())
    )
    switched = (
        trade_flow.filter(pl.col("hs_revision").is_not_null())
        .group_by("freq_code", "reporter_code", "hs_revision")
        .agg(pl.col("period").min().alias("first_period"))
        .collect()
    )
    reached = switched.join(born, how="cross").filter(pl.col("hs_revision") >= pl.col("_born_in"))
    return (
        reached.group_by("freq_code", "reporter_code", "commodity_code")
        .agg(pl.col("first_period").min())
        .sort("freq_code", "reporter_code", "commodity_code")
    )
