"""With what a flow can be compared: the same commodity and importers of like size, or the next wider group that is large enough.

A group is named by what is compared and where: "flows of 28/282760/large importers" lies in "flows of 28/282760", that in "flows of 28",
that in "flows of all commodities".
"""

from __future__ import annotations

import re

import polars as pl

SPLIT_ROWS = 6_000
"""Rows of a commodity from which importers of unlike size are kept apart."""
MIN_ROWS = 300
"""Rows below which a commodity is compared within its chapter: percentiles of fewer are too coarse to rank."""
SIZES = ["small importers", "medium importers", "large importers"]
EVERYTHING = "all commodities"
_NAMED_GROUP = re.compile(r"(?:(?P<kind>.+) of )?(?:HS )?(?P<place>\d[^ ]*(?: importers)?|TOTAL)")


def comparable_groups(flows: pl.DataFrame) -> pl.Series:
    """Return the place of each row of `flows` (freq_code, commodity_code, importer_kg over the year before), such as "28/282760"."""
    commodity = ["freq_code", "commodity_code"]
    chapter = pl.col("commodity_code").str.head(2)
    rank = pl.col("importer_kg").rank("average").over(commodity) / pl.len().over(commodity)
    size = pl.when(rank <= 1 / 3).then(pl.lit(SIZES[0])).when(rank <= 2 / 3).then(pl.lit(SIZES[1])).otherwise(pl.lit(SIZES[2]))
    place = pl.concat_str([chapter, "commodity_code"], separator="/")
    group = (
        pl.when(pl.len().over(commodity) >= SPLIT_ROWS)
        .then(pl.concat_str([place, size], separator="/"))
        .when(pl.len().over(commodity) >= MIN_ROWS)
        .then(place)
        .otherwise(chapter)
    )
    return flows.select(comparable_group=group).to_series()


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
