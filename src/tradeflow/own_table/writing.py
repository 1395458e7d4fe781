"""What is written for a user: whole or not at all, CSV or Parquet as the name says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl

from tradeflow.exceptions import SourceError
from tradeflow.telling.spreadsheets import neutralise_formulas

_SUFFIXES = (".csv", ".parquet")


def refuse_name(path: Path) -> None:
    """Raise SourceError where a table's name does not say how it is to be written."""
    if path.suffix.lower() not in _SUFFIXES:
        raise SourceError(f"{path}: a table is written as {' or '.join(_SUFFIXES)}; give it a name that ends so")


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write a table as its name says; a cell of a CSV that a spreadsheet would run loses its power."""
    refuse_name(path)
    if path.suffix.lower() == ".parquet":
        _replace(path, frame.write_parquet)
    else:
        _replace(path, neutralise_formulas(frame).write_csv)


def write_text(text: str, path: Path) -> None:
    """Write a text file."""
    _replace(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))


def beside(path: Path, ending: str) -> Path:
    """Return the name of a file beside `path`: out.csv and "model_card.md" give out.model_card.md."""
    return path.with_name(f"{path.stem}.{ending}")


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".unfinished-{path.name}")
    try:
        write(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
