"""Reads a workbook: every cell as text; rows in which a formula or an error stands in place of a value are set apart."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import polars as pl

from tradeflow.exceptions import UnreadableAnswerError
from tradeflow.pull.delimited import name_columns
from tradeflow.pull.reading import BadRow, Reading, number_rows, unreadable_rows

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

Cells = tuple[Any, ...]
_TOLD_CELLS = 20


def read_workbook(path: Path, wanted: Collection[str]) -> list[tuple[str, Reading]]:
    """Return each visible sheet that has a row of column names, with its title; UnreadableAnswerError where none has.

    The names stand in the first row with two filled cells or more: what stands alone above them is a heading. Blank rows are no rows. A
    formula in a `wanted` column is not taken for its value, which the workbook may hold from another day or not at all.
    """
    looked_at = {name.casefold() for name in wanted}
    with _opened(path) as book:
        readings = [(sheet.title, _read_sheet(sheet, looked_at)) for sheet in _visible_sheets(book)]
    filled = [(title, reading) for title, reading in readings if reading is not None]
    if not filled:
        raise UnreadableAnswerError("a workbook without a row of column names; expected a header and rows in its first sheet")
    return filled


def read_workbook_names(path: Path) -> list[str]:
    """Return the column names of a workbook's first sheet that has some."""
    with _opened(path) as book:
        for sheet in _visible_sheets(book):
            if header := _next_header(sheet.iter_rows()):
                return list(header)
    return []


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Workbook]:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    with contextlib.ExitStack() as stack:
        # openpyxl warns of what it leaves out: validation lists, conditional formats, default styles.
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        try:
            # By its file, not its name: a snapshot's part may have any ending.
            book = load_workbook(stack.enter_context(path.open("rb")), read_only=True)
            stack.callback(book.close)
            yield book
        except (InvalidFileException, BadZipFile, KeyError, ValueError, SyntaxError, EOFError) as error:
            # A broken part of the archive is a SyntaxError to the XML parser.
            raise UnreadableAnswerError(f"a workbook that cannot be read ({str(error).partition(chr(10))[0]}); save it again") from error


def _visible_sheets(book: Workbook) -> list[ReadOnlyWorksheet]:
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    for sheet in sheets:
        # Some writers state too small a size, beyond which nothing would be read.
        sheet.reset_dimensions()
    return sheets


def _next_header(rows: Iterator[Cells]) -> tuple[str, ...]:
    for cells in rows:
        names = [_as_text(cell.value) or "" for cell in cells]
        while names and not names[-1]:
            names.pop()
        if sum(bool(name) for name in names) >= 2:
            return name_columns(names)
    return ()


def _read_sheet(sheet: ReadOnlyWorksheet, looked_at: Collection[str]) -> Reading | None:
    rows = iter(sheet.iter_rows())
    names = _next_header(rows)
    if not names:
        return None
    kept: list[list[str | None]] = []
    bad_rows: list[BadRow] = []
    told: list[str] = []
    filled = (cells for cells in rows if any(_as_text(cell.value) for cell in cells))
    for place, cells in enumerate(filled, start=1):
        texts = [_as_text(cell.value) for cell in cells]
        faults = list(_faults(cells, texts, names, looked_at))
        if faults:
            told += [line for _, line in faults if line]
            reasons = dict.fromkeys(reason for reason, _ in faults)
            bad_rows.append(BadRow(place, "; ".join(reasons), " | ".join(text or "" for text in texts)))
        else:
            kept.append([*texts, *[None] * (len(names) - len(texts))][: len(names)])
    frame = pl.DataFrame(kept, schema=dict.fromkeys(names, pl.String), orient="row")
    numbers = number_rows(frame.height, [bad.row_number for bad in bad_rows])
    return Reading(names, frame, numbers, unreadable_rows(bad_rows), tuple(_shorten(told)))


def _faults(cells: Cells, texts: Sequence[str | None], names: Sequence[str], looked_at: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield why a row cannot be used, and where the cell stands that is in the way: what it says may be a name, and lines are for all."""
    if any(texts[len(names) :]):
        yield f"{len(texts)} cells, where the header has {len(names)}", ""
    for name, cell in zip(names, cells, strict=False):
        if name.casefold() not in looked_at:
            continue
        if cell.data_type == "f":
            yield f"a formula in column {name}", f"cell {cell.coordinate} ({name}) holds a formula; write its value"
        elif cell.data_type == "e":
            yield f"an error in column {name}", f"cell {cell.coordinate} ({name}) holds an error; write its value"


def _shorten(told: list[str]) -> list[str]:
    return [*told[:_TOLD_CELLS], f"{len(told) - _TOLD_CELLS:,} cells more"] if len(told) > _TOLD_CELLS else told


def _as_text(value: Any) -> str | None:
    """Write a cell as a CSV file would have it: whole numbers without a decimal point, days as 2026-01-31."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    # A formula over several cells is an object of its own.
    return str(getattr(value, "text", value))
