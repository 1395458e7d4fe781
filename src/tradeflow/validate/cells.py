"""What is wrong with each cell of a small table, in words for the person who fills it in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl

from tradeflow.contract import Column, Contract
from tradeflow.validate.gate import KEY_RULE

SHOWN_CELLS = 20
_KINDS = {pl.Float64: "a number", pl.Int32: "a whole number", pl.Int64: "a whole number", pl.Date: "a day as 2026-01-31"}


def tell_cells(broken: pl.DataFrame, contract: Contract, shown: int = SHOWN_CELLS, *, is_for_all: bool = False) -> list[str]:
    """Take rows that the gate refused (row_number, rule, is_set_aside, raw_row); return a line for each cell, `shown` of them at the most.

    Rows that are only set aside have none. Row 1 is the first below the column names; blank rows do not count. Lines that `is_for_all` do
    not say what was found: where columns are shifted, it is a company's name.
    """
    wrong = broken.filter(~pl.col("is_set_aside")).sort("row_number")
    told = [line for row in wrong.head(shown).iter_rows(named=True) for line in _tell_row(row, contract, is_for_all)]
    return [*told[:shown], f"and {wrong.height - shown:,} rows more"] if wrong.height > shown else told


def _tell_row(row: dict[str, Any], contract: Contract, is_for_all: bool) -> Iterator[str]:
    values = json.loads(row["raw_row"])
    for rule in row["rule"].split(";"):
        name, _, check = rule.partition(":")
        if check:
            found = "" if is_for_all else f"found {values.get(name)!r}; "
            yield f"row {row['row_number']}: {_tell_cell(contract.column(name), check, found)}"
        elif rule == KEY_RULE:
            key = ", ".join(contract.unique_keys[0])
            yield f"row {row['row_number']}: another row has the same {key} and says something else; keep the right one"
        else:
            meaning = next(each.meaning for each in contract.rules if each.name == rule)
            yield f"row {row['row_number']}: breaks {rule}: {meaning}"


def _tell_cell(column: Column, check: str, found: str) -> str:
    if check == "required":
        return f"{column.name} is empty; it must be filled in"
    if check == "formula":
        return f"{column.name} holds a formula; write its value"
    return f"{column.name}: {found}expected {_expected(column, check)}"


def _expected(column: Column, check: str) -> str:
    if column.codelist is not None and check in ("type", "known_code"):
        return f"a code{' or name' if column.alias else ''} of the code list {column.codelist.partition('.')[0]}"
    return {
        "type": _KINDS.get(column.dtype.base_type(), "true or false"),
        "minimum": f"at least {column.minimum}",
        "maximum": f"at most {column.maximum}",
        "pattern": f"the form {column.pattern}",
        "valid_values": f"one of {', '.join(map(str, column.valid_values))}",
    }[check]
