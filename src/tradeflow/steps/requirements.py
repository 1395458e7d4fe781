"""Reads what areas legitimately need in a year, and says of every cell that cannot be used where it is and why."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.exceptions import SettingsError, SourceError
from tradeflow.steps.kept_table import read_kept


def read_requirements(path: Path | None, watch_list: pl.DataFrame) -> pl.DataFrame:
    """Return importer_code, commodity_code, requirement_year, requirement_kg, requirement_source; no rows where no file is named.

    `watch_list` gives the code of a substance that has one to itself. SettingsError names each cell that breaks the contract: of needs that
    are stated in part, leads above a need would be wrong.
    """
    contract = load_contract("annual_requirement")
    if path is None:
        return contract.empty_frame().drop("required_substance_code")
    try:
        kept = read_kept(path, contract)
    except SourceError as error:
        raise SettingsError(f"watch.requirements {error}") from error
    return _with_codes(kept, watch_list, path)


def _with_codes(kept: pl.DataFrame, watch_list: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Put the code of a substance of its own in place of its name; SettingsError where it has none or a need is stated twice."""
    own = (
        watch_list.filter(pl.col("substance_code").is_not_null())
        .group_by("substance_code")
        .agg(pl.col("commodity_code").first().alias("_own"))
    )
    joined = kept.join(own, left_on="required_substance_code", right_on="substance_code", how="left", maintain_order="left")
    coded = joined.with_columns(pl.coalesce("commodity_code", "_own").alias("commodity_code"))
    if not (orphans := coded.filter(pl.col("commodity_code").is_null())).is_empty():
        names = ", ".join(orphans["required_substance_code"].unique().sort())
        raise SettingsError(f"watch.requirements {path}: {names}: no HS code holds this substance alone; state the need by commodity_code")
    key = ["importer_code", "commodity_code", "requirement_year"]
    if coded.select(key).is_duplicated().any():
        raise SettingsError(f"watch.requirements {path}: a substance and its code state a need of the same area and year; keep one of them")
    return coded.select(*key, "requirement_kg", "requirement_source")
