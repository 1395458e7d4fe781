"""Reads what areas legitimately need in a year, and says of every cell that cannot be used where it is and why."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.exceptions import SettingsError
from tradeflow.validate.gate import hold_to_contract

_SHOWN = 20


def read_requirements(path: Path | None, watch_list: pl.DataFrame) -> pl.DataFrame:
    """Return importer_code, commodity_code, requirement_year, requirement_kg, requirement_source; no rows where no file is named.

    `watch_list` gives the code of a substance that has one to itself. SettingsError names each cell that breaks the contract.
    """
    contract = load_contract("annual_requirement")
    if path is None:
        return contract.empty_frame().drop("required_substance_code")
    rows = _read_texts(path)
    lacking = [column.name for column in contract.columns if column.is_required and column.name not in rows.columns]
    if lacking:
        raise SettingsError(f"watch.requirements {path}: lacks {', '.join(lacking)}; it needs {', '.join(contract.column_names)}")
    given = rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None, pl.String)).str.strip_chars().replace("", None).alias(name)
        for name in contract.column_names
    )
    verdict = hold_to_contract(given.with_row_index("row_number", offset=1).cast({"row_number": pl.Int64}), contract)
    if not verdict.broken.is_empty():
        raise SettingsError(f"watch.requirements {path}: {_tell_cells(verdict.broken)}")
    return _with_codes(verdict.kept, watch_list, path)


def _read_texts(path: Path) -> pl.DataFrame:
    from fastexcel import FastExcelError

    try:
        if path.suffix.lower() == ".xlsx":
            return pl.read_excel(path, infer_schema_length=0).cast(pl.String)
        return pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, FastExcelError, OSError) as error:
        raise SettingsError(f"watch.requirements {path}: cannot be read: {str(error).splitlines()[0]}") from error


def _tell_cells(broken: pl.DataFrame) -> str:
    told = []
    for row in broken.head(_SHOWN).iter_rows(named=True):
        values = json.loads(row["raw_row"])
        for rule in row["rule"].split(";"):
            column = rule.partition(":")[0]
            found = f" (found {values[column]!r})" if column in values else ""
            told.append(f"row {row['row_number']} breaks {rule}{found}")
    more = f"; and {broken.height - _SHOWN} rows more" if broken.height > _SHOWN else ""
    return "; ".join(told) + more


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
