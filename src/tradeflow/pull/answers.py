"""Reads what a source sent: a file or a snapshot in, its rows under the contract's names out, and beside them what could not be read."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from tradeflow.contract import Contract, load_contract
from tradeflow.exceptions import NotFoundError, UnreadableAnswerError
from tradeflow.lake import Snapshot
from tradeflow.pull.dbf import is_dbf, read_dbf, slice_dbf
from tradeflow.pull.decoding import decode_head, is_wide
from tradeflow.pull.delimited import read_delimited
from tradeflow.pull.layouts import PARQUET_MAGIC, Agreement, compare_columns, detect_layout, is_json, refuse_other_content, shorten_names
from tradeflow.pull.packing import Member, is_workbook, open_members
from tradeflow.pull.reading import Reading, unreadable_rows, whole_reading
from tradeflow.pull.records import read_records
from tradeflow.pull.text_slices import slice_delimited
from tradeflow.pull.workbook import read_workbook

__all__ = ["Answer", "detect_layout", "read_answer", "read_snapshot", "read_source_row"]

_HEAD_BYTES = 1 << 14
SLICED_FROM_BYTES = 1 << 24
"""Size of a snapshot, packed as it came, from which on it is read in slices."""
_BYTES_AT_ONCE = 1 << 24
_ROWS_AT_ONCE = 100_000


@dataclass(frozen=True)
class Answer:
    """The rows of one file or snapshot.

    `frame`: `row_number` (Int64, 1-based over the snapshot) and every column of the contract that the source has, in the contract's
    spelling and order, values as they came: text for delimited files (an empty cell is null), native types for Parquet and JSON.
    `missing_columns`: declared, but in no part; `new_columns`: at the source, but declared nowhere.
    `unreadable`: `row_number`, `reason`, `raw_row` (JSON) of what could not be split into columns; it shares the row numbers, so that
    `frame.height + unreadable.height` rows came in. `problems`: one line each.
    """

    frame: pl.DataFrame
    missing_columns: tuple[str, ...]
    new_columns: tuple[str, ...]
    unreadable: pl.DataFrame
    problems: tuple[str, ...]


def read_answer(path: Path, contract: Contract) -> Answer:
    """Read one file, plain, .gz or .zip; UnreadableAnswerError where not one row of it can be read."""
    return _join_readings(list(_read_file(path, contract)), contract, str(path))


def read_snapshot(snapshot: Snapshot, contract: Contract) -> Answer:
    """Read all parts of a snapshot in order; a part that cannot be read is a problem line unless it is the only one."""
    readings = [each for path in snapshot.part_paths for each in _read_part(path, contract)]
    return _join_readings(readings, contract, f"snapshot {snapshot.snapshot_id}")


def whole_answer(frame: pl.DataFrame) -> Answer:
    """Return numbered rows, all of them readable, as an answer that has nothing else to say."""
    return Answer(frame, (), (), unreadable_rows([]), ())


def read_in_slices(snapshot: Snapshot, contract: Contract) -> Iterator[Answer]:
    """Yield the rows of a large snapshot some megabytes at a time, in order and numbered over the whole; a small one comes in one piece.

    A part that cannot be read is a problem line of the next slice, or of one without rows at the end; UnreadableAnswerError where not
    one row can be read. JSON, workbooks and texts of two bytes a character are never cut.
    """
    if sum(part.size_bytes for part in snapshot.parts) <= SLICED_FROM_BYTES:
        yield read_snapshot(snapshot, contract)
        return
    before, faults, has_rows = 0, list[str](), False
    with tempfile.TemporaryDirectory() as unpack_to:
        for part in (each for path in snapshot.part_paths for each in _read_part(path, contract, Path(unpack_to))):
            fault = part.fault if isinstance(part, _Failed) else _misfit(part.rows, contract)
            if fault or isinstance(part, _Failed):
                faults.append(f"{part.name}: {fault}")
            else:
                has_rows, told, faults = True, faults, []
                yield _join_readings([part], contract, part.name, before, tuple(told))
            before += part.rows.row_count if isinstance(part, _Read) else 0
    if not has_rows:
        raise UnreadableAnswerError(f"snapshot {snapshot.snapshot_id}: {'; '.join(faults) or 'holds no part'}")
    if faults:
        yield replace(whole_answer(pl.DataFrame(schema={"row_number": pl.Int64})), problems=tuple(faults))


def read_source_row(snapshot: Snapshot, row_number: int) -> dict[str, Any]:
    """Return one row of a snapshot under the source's own names, or its `reason` and `raw_row` if it could not be read."""
    contract = load_contract(snapshot.layout)
    before = 0
    for path in snapshot.part_paths:
        for reading in _read_part(path, contract):
            if isinstance(reading, _Read) and row_number - before in range(1, reading.rows.row_count + 1):
                return _find_row(reading.rows, row_number - before)
            before += reading.rows.row_count if isinstance(reading, _Read) else 0
    raise NotFoundError(f"snapshot {snapshot.snapshot_id} has {before:,} rows, none numbered {row_number:,}; numbers begin at 1")


@dataclass(frozen=True)
class _Read:
    name: str
    rows: Reading


@dataclass(frozen=True)
class _Failed:
    name: str
    fault: str


def _read_part(path: Path, contract: Contract, unpack_to: Path | None = None) -> Iterator[_Read | _Failed]:
    try:
        yield from _read_file(path, contract, unpack_to)
    except UnreadableAnswerError as error:
        yield _Failed(path.name, str(error).removeprefix(f"{path}: "))


def _read_file(path: Path, contract: Contract, unpack_to: Path | None = None) -> Iterator[_Read | _Failed]:
    """Read a file's members; slice by slice where a folder to unpack to is given."""
    if is_workbook(path):
        yield from _read_sheets(path, contract)
        return
    for member in open_members(path, unpack_to):
        name = member.name if member.name == path.name else f"{path.name}: {member.name}"
        try:
            if unpack_to is None:
                yield _Read(name, _read_member(member, contract))
            else:
                yield from (_Read(name, rows) for rows in _slice_member(member, contract))
        except UnreadableAnswerError as error:
            yield _Failed(name, str(error))


def _read_sheets(path: Path, contract: Contract) -> Iterator[_Read | _Failed]:
    try:
        sheets = read_workbook(path, contract.column_names)
    except UnreadableAnswerError as error:
        yield _Failed(path.name, str(error))
        return
    yield from (_Read(path.name if len(sheets) == 1 else f"{path.name}: {title}", reading) for title, reading in sheets)


def _read_member(member: Member, contract: Contract) -> Reading:
    head = member.read_head(_HEAD_BYTES)
    if member.fault and not head:
        raise UnreadableAnswerError(member.fault)
    if head.startswith(PARQUET_MAGIC):
        return _read_parquet(member.content)
    reading = read_dbf(member.read_bytes(), contract.encodings) if is_dbf(head) else _read_text(member, head, contract)
    return replace(reading, problems=(*_fault_line(member, reading.row_numbers.len()), *reading.problems))


def _slice_member(member: Member, contract: Contract) -> Iterator[Reading]:
    """Yield a member's rows slice by slice, what is wrong with its packing beside the last; whole where its form cannot be cut."""
    head = member.read_head(_HEAD_BYTES)
    assert isinstance(member.content, Path)
    if (member.fault and not head) or is_json(decode_head(head)) or is_wide(head):
        yield _read_member(member, contract)
        return
    if head.startswith(PARQUET_MAGIC):
        yield from _slice_parquet(member.content)
        return
    if is_dbf(head):
        slices = slice_dbf(member.content, contract.encodings, _ROWS_AT_ONCE)
    else:
        refuse_other_content(head)
        names = () if contract.has_heading else contract.column_names
        slices = slice_delimited(member.content, contract.encodings, _BYTES_AT_ONCE, is_cut=member.is_cut, names=names)
    rows = 0
    for reading in slices:
        rows += reading.row_numbers.len()
        yield reading
    if member.fault:
        yield replace(
            reading,
            frame=reading.frame.clear(),
            row_numbers=reading.row_numbers.clear(),
            unreadable=unreadable_rows([]),
            problems=_fault_line(member, rows),
        )


def _read_text(member: Member, head: bytes, contract: Contract) -> Reading:
    refuse_other_content(head)
    if is_json(decode_head(head)):
        return read_records(member.read_bytes(), contract.encodings)
    names = () if contract.has_heading else contract.column_names
    return read_delimited(member.read_bytes(), contract.encodings, is_cut=member.is_cut, names=names)


def _read_parquet(content: bytes | Path) -> Reading:
    try:
        return whole_reading(pl.read_parquet(content if isinstance(content, Path) else io.BytesIO(content)))
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise UnreadableAnswerError(f"a Parquet file that cannot be read ({reason}); copy it again") from error


def _slice_parquet(path: Path) -> Iterator[Reading]:
    try:
        rows = pl.scan_parquet(path)
        count = rows.select(pl.len()).collect().item()
        for start in range(0, max(count, 1), _ROWS_AT_ONCE):
            yield whole_reading(rows.slice(start, _ROWS_AT_ONCE).collect())
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise UnreadableAnswerError(f"a Parquet file that cannot be read ({reason}); copy it again") from error


def _fault_line(member: Member, rows: int) -> tuple[str, ...]:
    if not member.fault:
        return ()
    kept = f" after {rows:,} whole rows, which were kept" if member.is_cut else ""
    return (f"{member.fault}{kept}; download it again",)


def _find_row(reading: Reading, row_number: int) -> dict[str, Any]:
    unreadable = reading.unreadable.filter(row_number=row_number)
    if unreadable.height:
        return unreadable.drop("row_number").row(0, named=True)
    return reading.frame.filter(reading.row_numbers == row_number).row(0, named=True)


def _join_readings(parts: Sequence[_Read | _Failed], contract: Contract, whole: str, before: int = 0, told: tuple[str, ...] = ()) -> Answer:
    """Put readings under one another, numbered from `before` on; `told` are problem lines that stand before theirs."""
    frames, unreadable, problems, new = [], [unreadable_rows([])], list(told), dict[str, None]()
    for part in parts:
        fault = part.fault if isinstance(part, _Failed) else _misfit(part.rows, contract)
        if fault or isinstance(part, _Failed):
            problems.append(f"{part.name}: {fault}")
        else:
            agreement = compare_columns(part.rows.columns, contract)
            frames.append(_select_declared(part.rows, agreement, before))
            unreadable.append(part.rows.unreadable.with_columns(pl.col("row_number") + before))
            problems += [f"{part.name}: {problem}" for problem in part.rows.problems]
            new |= dict.fromkeys(agreement.new)
        before += part.rows.row_count if isinstance(part, _Read) else 0
    if not frames:
        faults = [problem.removeprefix(f"{Path(whole).name}: ") for problem in problems]
        raise UnreadableAnswerError(f"{whole}: {'; '.join(faults) or 'holds no part'}")
    frame = _stack(frames, contract)
    missing = compare_columns(frame.columns, contract).missing if frame.width > 1 else ()
    return Answer(frame, missing, tuple(new), pl.concat(unreadable), tuple(problems))


def _misfit(reading: Reading, contract: Contract) -> str:
    if not reading.columns or compare_columns(reading.columns, contract).declared_names:
        return ""
    found, expected = shorten_names(reading.columns), shorten_names(contract.column_names)
    return (
        f"has no column of the layout {contract.name}; found {found}; expected {expected}; give the file's own layout or rename its columns"
    )


def _select_declared(reading: Reading, agreement: Agreement, before: int) -> pl.DataFrame:
    declared = reading.frame.select(pl.col(found).alias(meant) for found, meant in agreement.declared_names.items())
    return declared.insert_column(0, (reading.row_numbers + before).alias("row_number"))


def _stack(frames: Sequence[pl.DataFrame], contract: Contract) -> pl.DataFrame:
    """Put parts under one another; a column that is of several types in them becomes text, or the wider number."""
    ordered = ["row_number", *(name for name in contract.column_names if any(name in frame.columns for frame in frames))]
    if len({tuple(frame.schema.items()) for frame in frames}) > 1:
        texts = [name for name in ordered if _needs_text(name, frames)]
        frames = [frame.cast({name: pl.String for name in texts if name in frame.columns}) for frame in frames]
    return pl.concat(frames, how="diagonal_relaxed").select(ordered)


def _needs_text(name: str, frames: Sequence[pl.DataFrame]) -> bool:
    kinds = {frame.schema[name] for frame in frames if name in frame.columns} - {pl.Null()}
    return len(kinds) > 1 and not all(kind.is_numeric() for kind in kinds)
