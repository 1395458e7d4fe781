"""A file of distances between areas: exporter, importer, distance_km."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.exceptions import SourceError, UnreadableAnswerError

_COLUMNS = ["exporter", "importer", "distance_km"]


def read_distances(path: Path, areas: pl.Series, corridor_keys: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the distance of each corridor (exporter's place * areas + importer's), NaN where the file has none in either direction."""
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    try:
        given = pl.read_parquet(path) if path.suffix.lower() == ".parquet" else pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableAnswerError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error
    lacking = [name for name in _COLUMNS if name not in given.columns]
    if lacking:
        raise SourceError(f"{path}: no column {', '.join(lacking)}; found {', '.join(given.columns)}; needed are {', '.join(_COLUMNS)}")
    known = given.select(pl.col("exporter", "importer").cast(pl.String), pl.col("distance_km").cast(pl.Float64, strict=False))
    known = known.filter(pl.col("distance_km").is_finite() & (pl.col("distance_km") > 0))
    if known.is_empty():
        raise SourceError(f"{path}: no row has a positive distance_km")
    back = known.select(pl.col("importer").alias("exporter"), pl.col("exporter").alias("importer"), "distance_km")
    both = pl.concat([known, back]).unique(["exporter", "importer"], keep="first", maintain_order=True)
    corridors = pl.DataFrame({
        "exporter": areas.gather(pl.Series(corridor_keys // len(areas))), "importer": areas.gather(pl.Series(corridor_keys % len(areas))),
    })  # fmt: skip
    joined = corridors.join(both, on=["exporter", "importer"], how="left", maintain_order="left")
    return joined["distance_km"].fill_null(float("nan")).to_numpy()
