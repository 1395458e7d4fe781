"""With what a flow can be compared: the same commodity and importers of like size, or the next wider group that is large enough.

A group is named by what is compared and where: "flows of 28/282760/large importers" lies in "flows of 28/282760", that in "flows of 28",
that in "flows of all commodities".
"""

from __future__ import annotations

import re

import polars as pl

SPLIT_ROWS = 2_000
"""Rows of a commodity in a year from which importers of unlike size are kept apart."""
MIN_ROWS = 100
"""Rows in a year below which a commodity is compared within its chapter: percentiles of fewer are too coarse to rank."""
SIZES = ["small importers", "medium importers", "large importers"]
EVERYTHING = "all commodities"
_NAMED_GROUP = re.compile(r"(?:(?P<kind>.+) of )?(?:HS )?(?P<place>\d[^ ]*(?: importers)?|TOTAL)")


def comparable_groups(flows: pl.DataFrame, typical: pl.DataFrame) -> pl.Series:
    """Return the place of each row of `flows`, such as "28/282760", by how many `typical` rows there are and how large their importers.

    Both: freq_code, commodity_code, importer_kg (the importer's total of the year before).
    """
    commodity = ["freq_code", "commodity_code"]
    kg = pl.col("importer_kg")
    known = typical.group_by(commodity).agg(
        pl.len().alias("_rows"), kg.quantile(1 / 3, "midpoint").alias("_small"), kg.quantile(2 / 3, "midpoint").alias("_large")
    )
    size = (
        pl.when(kg <= pl.col("_small"))
        .then(pl.lit(SIZES[0]))
        .when(kg <= pl.col("_large"))
        .then(pl.lit(SIZES[1]))
        .otherwise(pl.lit(SIZES[2]))
    )
    chapter = pl.col("commodity_code").str.head(2)
    place = pl.concat_str([chapter, "commodity_code"], separator="/")
    group = (
        pl.when(pl.col("_rows") >= SPLIT_ROWS)
        .then(pl.concat_str([place, size], separator="/"))
        .when(pl.col("_rows") >= MIN_ROWS)
        .then(place)
        .otherwise(chapter)
    )
    return flows.join(known, on=commodity, how="left", maintain_order="left").select(comparable_group=group).to_series()


def like_rows(group: str, typical: pl.DataFrame) -> pl.DataFrame:
    """Return the typical rows that a group is compared with: its own, else its chapter's, else all, until there are MIN_ROWS."""
    own = typical.filter(comparable_group=group)
    chapter = typical.filter(pl.col("commodity_code").str.starts_with(group[:2]))
    return next((rows for rows in (own, chapter) if rows.height >= MIN_ROWS), typical)


def spell_group(group: str) -> str:
    """Return the full name of a group: "importer series of HS 282760" becomes "importer series of 28/282760".

    A name that holds no HS code is kept as it stands and lies directly in everything of its kind.
    """
    named = _NAMED_GROUP.fullmatch(group)
    if named is None:
        return group
    kind, place = named["kind"] or "flows", named["place"]
    return f"{kind} of {place}" if "/" in place else f"{kind} of {place[:2]}/{place}"


def widen_group(group: str) -> str:
    """Return the next wider group; the widest is its own."""
    if "/" in group:
        return group.rpartition("/")[0]
    kind, _, _ = group.rpartition(" of ")
    return f"{kind or group} of {EVERYTHING}"


def describe_group(group: str) -> str:
    """Return a group in words: "flows of HS 282760 among large importers"."""
    kind, _, place = group.rpartition(" of ")
    parts = place.split("/")
    if not kind or not parts[0].isdigit():
        return group
    kind = f"periods of {kind}" if kind.endswith("series") else kind
    where = f"HS chapter {parts[0]}" if len(parts) == 1 else f"HS {parts[1]}"
    return f"{kind} of {where}" + (f" among {parts[2]}" if len(parts) > 2 else "")
