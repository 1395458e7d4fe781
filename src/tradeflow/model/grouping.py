"""With what a flow can be compared: the same commodity and importers of like size, or the next wider group that is large enough.

A group is named by its path: "28/282760/large importers" lies in "28/282760", that in "28", that in "" (all).
"""

from __future__ import annotations

import polars as pl

SPLIT_ROWS = 6_000
"""Rows of a commodity from which importers of unlike size are kept apart."""
MIN_ROWS = 300
"""Rows below which a commodity is compared within its chapter: percentiles of fewer are too coarse to rank."""
SIZES = ["small importers", "medium importers", "large importers"]


def comparable_groups(flows: pl.DataFrame) -> pl.Series:
    """Return the group's path for each row of `flows` (freq_code, commodity_code, importer_kg over the year before)."""
    commodity = ["freq_code", "commodity_code"]
    chapter = pl.col("commodity_code").str.head(2)
    rank = pl.col("importer_kg").rank("average").over(commodity) / pl.len().over(commodity)
    size = pl.when(rank <= 1 / 3).then(pl.lit(SIZES[0])).when(rank <= 2 / 3).then(pl.lit(SIZES[1])).otherwise(pl.lit(SIZES[2]))
    path = commodity_path(pl.col("commodity_code"))
    group = (
        pl.when(pl.len().over(commodity) >= SPLIT_ROWS)
        .then(pl.concat_str([path, size], separator="/"))
        .when(pl.len().over(commodity) >= MIN_ROWS)
        .then(path)
        .otherwise(chapter)
    )
    return flows.select(comparable_group=group).to_series()


def commodity_path(commodity_code: pl.Expr) -> pl.Expr:
    """Return "28/282760" for 282760; a chapter that is itself the commodity gives "28/28"."""
    return pl.concat_str([commodity_code.str.head(2), commodity_code], separator="/")


def parent_groups(groups: pl.Expr) -> pl.Expr:
    """Return the next wider group of each path; "" is the widest."""
    return pl.when(groups.str.contains("/")).then(groups.str.replace(r"/[^/]*$", "")).otherwise(pl.lit(""))


def describe_groups(groups: pl.Expr) -> pl.Expr:
    """Return each path in words that finish "earlier flows ..."."""
    slashes = groups.str.count_matches("/", literal=True)
    return (
        pl.when(groups == "")
        .then(pl.lit("of all commodities"))
        .when(slashes == 0)
        .then(pl.lit("of the same chapter"))
        .when(slashes == 1)
        .then(pl.lit("of the same commodity"))
        .otherwise(pl.lit("of the same commodity among importers of like size"))
    )
