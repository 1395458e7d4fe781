"""Tells by its column names which declared layout a file is in."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradeflow.contract import Contract
from tradeflow.exceptions import SourceError, UnreadableAnswerError
from tradeflow.pull.dbf import is_dbf, read_dbf_head
from tradeflow.pull.decoding import decode_head
from tradeflow.pull.delimited import read_header
from tradeflow.pull.packing import is_workbook, open_members, read_head
from tradeflow.pull.records import first_record_names
from tradeflow.pull.workbook import read_workbook_names

PARQUET_MAGIC = b"PAR1"
_HEAD_BYTES = 1 << 16
_SHOWN_NAMES = 6
_SHOWN_CHARACTERS = 40
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0e-\x1f]")
_UNNAMED = re.compile(r"_column_\d+")
_BINARY_MAGICS = {b"\xd0\xcf\x11\xe0": "an old Office file", b"%PDF": "a PDF", b"SQLi": "an SQLite database"}


@dataclass(frozen=True)
class Agreement:
    """How a file's columns meet those of a contract; names are compared without case and without space around them.

    `declared_names` gives the contract's spelling by the file's. An unnamed column that is not there (`_column_48`) is not missing.
    """

    contract: Contract
    declared_names: dict[str, str]
    missing: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def share(self) -> float:
        """Columns in common by columns in either, 0 to 1."""
        either = len(self.contract.columns) + len(self.new)
        return len(self.declared_names) / either

    @property
    def has_half_of_required(self) -> bool:
        """Tell whether at least half of the layout's required columns are there."""
        return 2 * len(self.missing_required) <= sum(column.is_required for column in self.contract.columns)

    @property
    def missing_required(self) -> tuple[str, ...]:
        """The required columns that are not there."""
        return tuple(column.name for column in self.contract.columns if column.is_required and column.name in self.missing)


def compare_columns(found: Sequence[str], contract: Contract) -> Agreement:
    """Lay a file's column names beside a contract's; of two that mean the same column the first counts, the other is new."""
    declared = {name.strip().casefold(): name for name in contract.column_names}
    matched: dict[str, str] = {}
    for name in found:
        meant = declared.get(name.strip().casefold())
        if meant and meant not in matched.values():
            matched[name] = meant
    missing = [name for name in contract.column_names if name not in matched.values() and not _UNNAMED.fullmatch(name)]
    return Agreement(contract, matched, tuple(missing), tuple(name for name in found if name not in matched))


def detect_layout(path: Path, layouts: Sequence[Contract]) -> Contract:
    """Return the layout whose columns agree best with a file's; SourceError where none has half of its required columns there."""
    found = read_column_names(path)
    if not found:
        raise SourceError(f"{path}: an answer without a record, so its layout cannot be told; nothing of it can be used")
    return choose_layout(path, found, layouts)


def choose_layout(path: Path, found: Sequence[str], layouts: Sequence[Contract]) -> Contract:
    """Return the layout that agrees best with the column names found in a file; SourceError as `detect_layout`.

    A layout without a heading is known by its number of columns; lines may end in a delimiter.
    """
    agreements = [compare_columns(found, layout) for layout in layouts]
    fitting = [each for each in agreements if each.has_half_of_required and each.declared_names]
    if fitting:
        return max(fitting, key=lambda each: each.share).contract
    by_place = [layout for layout in layouts if not layout.has_heading and len(found) - len(layout.columns) in (0, 1)]
    if len(by_place) != 1:
        raise SourceError(_no_layout(path, found, agreements))
    return by_place[0]


def read_column_names(path: Path) -> list[str]:
    """Return the column names of a file's first data member from its beginning, none for an answer without a record.

    UnreadableAnswerError where it is no data.
    """
    if is_workbook(path):
        return read_workbook_names(path)
    head = read_head(path, _HEAD_BYTES)
    if head.startswith(PARQUET_MAGIC):
        return _parquet_names(path)
    if is_dbf(head):
        return [name for name, _, _ in read_dbf_head(head).fields]
    refuse_other_content(head)
    text = decode_head(head)
    if not is_json(text):
        return list(read_header(text).names)
    return first_record_names(text)


def is_json(text: str) -> bool:
    """Tell JSON from delimited text by its first character."""
    return text.lstrip()[:1] in ("{", "[")


def refuse_other_content(head: bytes) -> None:
    """Raise UnreadableAnswerError for what is plainly no data: a web page, a binary file, nothing at all."""
    kind = next((kind for magic, kind in _BINARY_MAGICS.items() if head.startswith(magic)), "")
    text = decode_head(head).strip()
    if not kind and len(_CONTROL_CHARACTER.findall(text)) > len(text) // 100:
        kind = "a binary file of unknown kind"
    if kind:
        raise UnreadableAnswerError(f"{kind}, not CSV, XLSX, JSON or Parquet; export it to one of these")
    if not text:
        raise UnreadableAnswerError("empty: not one line of text; expected a header and rows; download it again")
    if text.startswith("<"):
        title = re.search(r"<title[^>]*>\s*(.*?)\s*</title", text, re.DOTALL | re.IGNORECASE)
        shown = " ".join(title[1].split()) if title else text[:60]
        raise UnreadableAnswerError(f"a web page or XML ({shown!r}), not data; the source may have sent an error page: download it again")


def _parquet_names(path: Path) -> list[str]:
    member = next(iter(open_members(path)))
    source = member.content if isinstance(member.content, Path) else io.BytesIO(member.content)
    try:
        return list(pl.read_parquet_schema(source))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableAnswerError(f"a Parquet file that cannot be read ({_first_line(error)}); copy it again") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _no_layout(path: Path, found: Sequence[str], agreements: Sequence[Agreement]) -> str:
    if not agreements:
        return f"{path}: no layouts are declared to compare it with; add a contract to data_contracts/"
    nearest = max(agreements, key=lambda each: each.share)
    return (
        f"{path}: its {len(found)} columns fit no declared layout; the nearest is {nearest.contract.name}, "
        f"of which it lacks {shorten_names(nearest.missing_required)} and which does not know {shorten_names(nearest.new)}; "
        "rename the columns, or declare the layout in a new file data_contracts/source_<name>.odcs.yaml"
    )


def shorten_names(names: Sequence[str]) -> str:
    """Return the first few names, each cut to a readable length and without characters that do not print."""
    printable = ["".join(each if each.isprintable() else "?" for each in name) for name in names[:_SHOWN_NAMES]]
    shown = ", ".join(name if len(name) <= _SHOWN_CHARACTERS else f"{name[:_SHOWN_CHARACTERS]}..." for name in printable)
    return f"{shown} and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else shown or "nothing"
