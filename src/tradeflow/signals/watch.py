"""Which codes are watched, for which substance, and whether the code is the substance's own."""

from __future__ import annotations

from datetime import date

import polars as pl


def build_watch_list(substances: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return commodity_code, substance_code, exposure, one row per code, as of a date.

    substances: `codelists/substance.csv`, with a private overlay's rows below it. A substance counts while its validity dates hold; an
    unknown date does not exclude it. Where one substance has the code to itself, substance_code names it; where the code is a residual
    (or several substances share it) the exposure is that of the code and no substance is named.
    """
    valid = _valid_on(substances, as_of)
    is_own = pl.col("has_own_commodity_code").any()
    owners = pl.col("substance_code").filter(pl.col("has_own_commodity_code"))
    return (
        valid.group_by(pl.col("commodity_code_hs2022").alias("commodity_code"))
        .agg(
            pl.when(owners.n_unique() == 1).then(owners.first()).alias("substance_code"),
            pl.when(is_own).then(pl.lit("own")).otherwise(pl.lit("shared")).alias("exposure"),
        )
        .sort("commodity_code")
    )


def group_families(substances: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return commodity_code, family: the codes of each family that one of its substances has to itself, as of a date."""
    own = _valid_on(substances, as_of).filter(pl.col("has_own_commodity_code") & pl.col("family").is_not_null())
    named = own.select(commodity_code="commodity_code_hs2022", family=pl.col("family").str.split(";")).explode("family")
    return named.unique().sort("family", "commodity_code")


def _valid_on(substances: pl.DataFrame, as_of: date) -> pl.DataFrame:
    day = as_of.isoformat()
    starts, ends = pl.col("valid_from").fill_null("").cast(pl.String), pl.col("valid_to").fill_null("9999").cast(pl.String)
    return substances.filter((starts <= day) & (ends >= day) & pl.col("commodity_code_hs2022").is_not_null())
