"""Reads a small table that a person fills in and a run has to take whole: CSV or XLSX, each cell that cannot be used named."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tradeflow.contract import Contract
from tradeflow.exceptions import SourceError
from tradeflow.pull.answers import read_answer
from tradeflow.validate.cells import tell_cells
from tradeflow.validate.gate import hold_to_contract


def read_kept(path: Path, contract: Contract) -> pl.DataFrame:
    """Return a table of which every row keeps its contract, a repeated row once; SourceError with a line per cell that does not."""
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    answer = read_answer(path, contract)
    if lacking := [name for name in answer.missing_columns if contract.column(name).is_required]:
        raise SourceError(f"{path}: no column {', '.join(lacking)}; needed are {', '.join(contract.column_names)}")
    verdict = hold_to_contract(answer.frame, contract)
    unreadable = [f"row {row['row_number']}: {row['reason']}" for row in answer.unreadable.iter_rows(named=True)]
    if told := [*answer.problems, *unreadable, *tell_cells(verdict.broken, contract)]:
        raise SourceError(f"{path}: {'; '.join(told)}")
    return verdict.kept.select(contract.column_names)
