"""The release as Parquet, exactly as the contracts say, and as CSV for people: names beside codes, no cell that a spreadsheet would run."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tradeflow.telling.spreadsheets import for_people
from tradeflow.telling.tables import ReleaseTables

_ABOUT_COMPANIES = ("company_signal", "company_signal_evidence", "signal_declaration", "entity", "entity_name", "company_link")
"""Tables that a release has where a source has declarations and companies are not left out."""


def write_table_files(folder: Path, tables: ReleaseTables) -> None:
    """Write the release's tables as Parquet and CSV, the features as Parquet alone."""
    tables.signal_feature.write_parquet(folder / "signal_feature.parquet")
    for table in (
        "signal",
        "signal_evidence",
        "reporter_reliability",
        "corridor",
        "detectable_excess",
        "series_change",
        "requirement_use",
        "unlocated_trade",
        "model_card",
    ):
        write_table_file(folder, table, getattr(tables, table))
    for table in _ABOUT_COMPANIES:
        frame: pl.DataFrame = getattr(tables, table)
        if not frame.is_empty():
            write_table_file(folder, table, frame)


def write_table_file(folder: Path, table: str, frame: pl.DataFrame) -> None:
    """Write one table as Parquet and CSV."""
    frame.write_parquet(folder / f"{table}.parquet")
    for_people(frame).write_csv(folder / f"{table}.csv")
