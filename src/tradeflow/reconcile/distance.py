"""How far areas are from one another."""

from __future__ import annotations

import polars as pl

_EARTH_RADIUS_KM = 6371.0


def measure_distances(corridors: pl.DataFrame, areas: pl.DataFrame) -> pl.DataFrame:
    """Return exporter_code, importer_code, distance_km: the great circle between the areas' positions, null where one has none.

    corridors: exporter_code, importer_code. areas: area_code, latitude, longitude in degrees.
    """
    places = corridors.select("exporter_code", "importer_code")
    for side in ("exporter", "importer"):
        position = areas.select(
            pl.col("area_code").alias(f"{side}_code"),
            pl.col("latitude").radians().alias(f"_{side}_latitude"),
            pl.col("longitude").radians().alias(f"_{side}_longitude"),
        )
        places = places.join(position, on=f"{side}_code", how="left", maintain_order="left")
    here, there = pl.col("_exporter_latitude"), pl.col("_importer_latitude")
    east = pl.col("_exporter_longitude") - pl.col("_importer_longitude")
    haversine = ((here - there) / 2).sin() ** 2 + here.cos() * there.cos() * (east / 2).sin() ** 2
    distance = (2 * _EARTH_RADIUS_KM * haversine.sqrt().clip(0, 1).arcsin()).alias("distance_km")
    return places.select("exporter_code", "importer_code", distance)
