"""What areas legitimately need in a year: as the sources hold it, or as a file says that the settings name."""

from __future__ import annotations

import logging
from pathlib import Path

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.exceptions import SettingsError, SourceError
from tradeflow.steps.kept_table import read_kept

_log = logging.getLogger("tradeflow")
_KEY = ["importer_code", "commodity_code", "requirement_year"]


def gather_requirements(path: Path | None, recorded: pl.DataFrame, watch_list: pl.DataFrame) -> pl.DataFrame:
    """Return importer_code, commodity_code, requirement_year, requirement_kg, requirement_source, of the file where one is named.

    `recorded`: `annual_requirement`, of which what cannot be used is left out with a warning. `watch_list` gives the code of a substance
    that has one to itself. A file is taken whole or not at all: SettingsError names each cell that breaks the contract.
    """
    if path is not None:
        return _read_requirements(path, watch_list)
    coded = _with_codes(recorded, watch_list)
    usable = coded.drop_nulls("commodity_code").unique(_KEY, keep="first", maintain_order=True)
    if left_out := coded.height - usable.height:
        _log.warning(f"{left_out} requirements left out: no HS code holds their substance alone, or a code states the same need")
    return usable.drop("required_substance_code")


def _read_requirements(path: Path, watch_list: pl.DataFrame) -> pl.DataFrame:
    try:
        coded = _with_codes(read_kept(path, load_contract("source_annual_requirement")), watch_list)
    except SourceError as error:
        raise SettingsError(f"watch.requirements {error}") from error
    if not (orphans := coded.filter(pl.col("commodity_code").is_null())).is_empty():
        names = ", ".join(orphans["required_substance_code"].unique().sort())
        raise SettingsError(f"watch.requirements {path}: {names}: no HS code holds this substance alone; state the need by commodity_code")
    if coded.select(_KEY).is_duplicated().any():
        raise SettingsError(f"watch.requirements {path}: a substance and its code state a need of the same area and year; keep one of them")
    return coded.drop("required_substance_code")


def _with_codes(stated: pl.DataFrame, watch_list: pl.DataFrame) -> pl.DataFrame:
    """Put the code of a substance of its own beside its name."""
    own = (
        watch_list.filter(pl.col("substance_code").is_not_null())
        .group_by("substance_code")
        .agg(pl.col("commodity_code").first().alias("_own"))
    )
    joined = stated.join(own, left_on="required_substance_code", right_on="substance_code", how="left", maintain_order="left")
    coded = joined.with_columns(pl.coalesce("commodity_code", "_own").alias("commodity_code"))
    return coded.select(*_KEY, "requirement_kg", "requirement_source", "required_substance_code")
