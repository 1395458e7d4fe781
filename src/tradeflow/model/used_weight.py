"""The weight that an import is judged by: as reported, or derived where no usable one was reported, and labelled so."""

from __future__ import annotations

import polars as pl

WEIGHT_BASES = ["as_reported", "value_over_unit_value", "other_side"]
"""From the surest to the least sure."""
_USUAL_PERIODS = 24
"""Newest periods, the judged one among them, whose unit values say what is usual."""
_FEWEST = 3
"""Unit values of a route from which it has a usual one of its own; with fewer the importer's for the code is taken."""
_IMPORTER = ["freq_code", "importer_code", "commodity_code"]
_ROUTE = [*_IMPORTER, "exporter_code"]


def use_import_weights(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return one row per route and period that its importer reports, with net_weight_kg, primary_value_usd and weight_basis.

    `pairs`: contract `mirror_pair`. Where the importer's weight is missing or out of scale it is its value over the median value per
    kilogram of the newest periods, else the weight that the exporter reports. No later period is read.
    """
    key = [*_ROUTE, "period"]
    reported = pl.when(~pl.col("is_import_weight_out_of_scale")).then("import_net_weight_kg")
    imports = pairs.filter(pl.col("import_value_usd").is_not_null()).select(
        *key,
        reported.alias("_reported_kg"),
        pl.when(~pl.col("is_export_weight_out_of_scale")).then("export_net_weight_kg").alias("_other_kg"),
        pl.col("import_value_usd").alias("primary_value_usd"),
    )
    derived = imports.join(_usual_unit_values(imports), on=key, how="left", maintain_order="left").with_columns(
        (pl.col("primary_value_usd") / pl.col("_usual")).alias("_derived_kg")
    )
    sources = ["_reported_kg", "_derived_kg", "_other_kg"]
    basis = pl.coalesce(
        pl.when(pl.col(source).is_not_null()).then(pl.lit(name)) for source, name in zip(sources, WEIGHT_BASES, strict=True)
    )
    return derived.select(*key, "primary_value_usd", pl.coalesce(sources).alias("net_weight_kg"), basis.alias("weight_basis"))


def _usual_unit_values(imports: pl.DataFrame) -> pl.DataFrame:
    """Return _usual, the median value per kilogram of the newest periods, for the rows without a reported weight."""
    lacking = imports.filter(pl.col("_reported_kg").is_null())
    at = pl.col("period").cast(pl.Int64)
    index = pl.when(at > 9999).then(at // 100 * 12 + at % 100).otherwise(at).alias("_index")
    unit_value = (pl.col("primary_value_usd") / pl.col("_reported_kg")).alias("_unit_value")
    near = imports.join(lacking.select(_IMPORTER).unique(), on=_IMPORTER, how="semi").with_columns(index, unit_value).sort("_index")
    medians = [_newest_medians(near, by) for by in (_ROUTE, _IMPORTER)]
    asked = lacking.with_columns(index).join(medians[0], on=[*_ROUTE, "_index"], how="left")
    both = asked.join(medians[1], on=[*_IMPORTER, "_index"], how="left", suffix="_importer")
    usual = pl.when(pl.col("_known") >= _FEWEST).then("_median").otherwise("_median_importer")
    return both.select(*_ROUTE, "period", usual.alias("_usual"))


def _newest_medians(near: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    rolled = near.rolling("_index", period=f"{_USUAL_PERIODS}i", group_by=by).agg(
        pl.col("_unit_value").median().alias("_median"), pl.col("_unit_value").count().alias("_known")
    )
    return rolled.unique([*by, "_index"])


def weight_bases(imports: pl.DataFrame) -> pl.DataFrame:
    """Return freq_code, period, importer_code, exporter_code, commodity_code, weight_basis: of each route and, under 0, of the importer.

    An importer's is the least sure of its routes'. Imports without a weight_basis are as reported.
    """
    named = imports if "weight_basis" in imports.columns else imports.with_columns(pl.lit(WEIGHT_BASES[0]).alias("weight_basis"))
    key = ["freq_code", "period", "importer_code", "commodity_code"]
    routes = named.select(*key, pl.col("exporter_code").cast(pl.Int32), pl.col("weight_basis").cast(pl.Enum(WEIGHT_BASES)))
    whole = routes.group_by(key).agg(pl.lit(0, pl.Int32).alias("exporter_code"), pl.col("weight_basis").max())
    # Imports that name no exporter stand under 0 already: the importer's label is theirs.
    return pl.concat([routes.filter(pl.col("exporter_code") != 0), whole.select(routes.columns)])
