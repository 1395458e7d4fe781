"""Goods descriptions with what they name: how many of the watched substances are found, and how many of the findings are right."""

from __future__ import annotations

import polars as pl

from tradeflow.conform.declared_substance import name_substances


def measure_naming(described: pl.DataFrame) -> pl.DataFrame:
    """Take part, language, description and substances (codes joined by ";", empty where none is named); return recall and precision.

    One row for each part and language, and one for all languages of a part: named, found (rightly) and false as counts of descriptions and
    substances.
    """
    rows = described.with_row_index("row")
    truth = rows.select("row", pl.col("substances").str.split(";").alias("substance_code")).explode("substance_code")
    truth = truth.filter(pl.col("substance_code") != "").with_columns(pl.lit(value=True).alias("is_named"))
    found = rows.join(name_substances(described["description"]), on="description").select("row", "substance_code")
    both = truth.join(found.with_columns(pl.lit(value=True).alias("is_found")), on=["row", "substance_code"], how="full", coalesce=True)
    both = both.with_columns(pl.col("is_named", "is_found").fill_null(value=False)).join(rows.select("row", "part", "language"), on="row")
    every = pl.concat([both, both.with_columns(pl.lit("all").alias("language"))])
    counted = every.group_by("part", "language").agg(
        pl.col("is_named").sum().alias("named"),
        (pl.col("is_named") & pl.col("is_found")).sum().alias("found"),
        (pl.col("is_found") & ~pl.col("is_named")).sum().alias("false"),
    )
    return counted.with_columns(
        (pl.col("found") / pl.col("named")).alias("recall"), (pl.col("found") / (pl.col("found") + pl.col("false"))).alias("precision")
    ).sort("part", "language")
