"""What of the kept snapshots has to be conformed: whole answers, and large ones in pieces, of which some may stand in the lake already.

A large file of declarations comes slice by slice. Rows whose key may occur again anywhere in it are held back on the disk and come last,
those of like keys in one piece: so repeats and contradictions are told over the whole file, however long it is.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tradeflow.contract import Contract, load_contract
from tradeflow.exceptions import SourceError
from tradeflow.lake import Lake, Snapshot, read_table, table_version
from tradeflow.validate.gate import hash_keys

if TYPE_CHECKING:
    from tradeflow.pull.answers import Answer

DECLARATIONS = "customs_declaration"
_HELD_AT_ONCE = 250_000
"""Rows of repeated keys that are judged in one piece, roughly."""


@dataclass(frozen=True)
class Arrived:
    """A snapshot as it was read, or a piece of a large one, of which only the one that `is_last` tells the problems and the rows in.

    `answer` is None where not one row of the snapshot can be read, and in the last piece of a large one. `is_half_done` where a killed run
    left some of a piece's rows in the lake.
    """

    snapshot: Snapshot
    answer: Answer | None
    problems: tuple[str, ...]
    row_count: int
    is_piece: bool = False
    is_last: bool = True
    is_half_done: bool = False

    @property
    def piece_id(self) -> str:
        """A name that other pieces of the same snapshot do not have."""
        if self.answer is None or not self.is_piece:
            return self.snapshot.snapshot_id
        numbers = _numbers(self.answer)
        return f"{self.snapshot.snapshot_id} {_span(numbers)} {numbers.len()}"

    @property
    def rows_sql(self) -> str:
        """The SQL that selects a piece's rows in the lake."""
        if self.answer is None:
            return "false"
        numbers, whose = _numbers(self.answer), f"snapshot_id = '{self.snapshot.snapshot_id}'"
        first, last = _span(numbers)
        if numbers.len() == last - first + 1:
            return f"({whose} AND row_number BETWEEN {first} AND {last})"
        return f"({whose} AND row_number IN ({', '.join(map(str, numbers))}))"

    def share_of(self, batch_rows: dict[str, int]) -> float:
        """Return how much of a batch the rows fill, by the table that they conform to."""
        return 0 if self.answer is None else _count(self.answer) / batch_rows[str(load_contract(self.snapshot.layout).conforms_to)]


@dataclass
class _Tally:
    row_count: int = 0
    problems: dict[str, None] = field(default_factory=dict)


def read_arrivals(lake: Lake, snapshot: Snapshot) -> Iterator[Arrived]:
    """Yield a snapshot, in pieces where it is a large file of declarations; pieces that the lake holds whole are left out."""
    layout = load_contract(snapshot.layout)
    try:
        if layout.conforms_to == DECLARATIONS and is_large(snapshot):
            yield from _read_pieces(snapshot, layout, _rows_in_lake(lake, snapshot.snapshot_id))
        else:
            yield _read_whole(snapshot, layout)
    except SourceError as error:
        yield Arrived(snapshot, None, (str(error),), 0)


def is_large(snapshot: Snapshot) -> bool:
    """Tell whether a snapshot is read in slices."""
    from tradeflow.pull.answers import SLICED_FROM_BYTES

    return sum(part.size_bytes for part in snapshot.parts) > SLICED_FROM_BYTES


def _read_whole(snapshot: Snapshot, layout: Contract) -> Arrived:
    from tradeflow.pull.answers import read_snapshot

    answer = read_snapshot(snapshot, layout)
    return Arrived(snapshot, answer, tuple(_tell(snapshot, layout, answer)), _count(answer))


def _read_pieces(snapshot: Snapshot, layout: Contract, standing: pl.Series) -> Iterator[Arrived]:
    tally = _Tally()
    for answer in _slices_then_repeats(snapshot, layout, tally):
        stands = int(_numbers(answer).is_in(standing.implode()).sum()) if len(standing) else 0
        if stands < _count(answer):
            yield Arrived(snapshot, answer, (), 0, is_piece=True, is_last=False, is_half_done=stands > 0)
    yield Arrived(snapshot, None, tuple(tally.problems), tally.row_count, is_piece=True)


def _slices_then_repeats(snapshot: Snapshot, layout: Contract, tally: _Tally) -> Iterator[Answer]:
    from tradeflow.pull.answers import read_in_slices

    repeated = _find_repeated_keys(snapshot, layout)
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder)
        for number, answer in enumerate(read_in_slices(snapshot, layout)):
            tally.row_count += _count(answer)
            tally.problems |= dict.fromkeys(_tell(snapshot, layout, answer))
            yield _hold_back(answer, layout, repeated, held / f"{number:06d}.parquet") if len(repeated) else answer
        yield from _release(held, layout)


def _find_repeated_keys(snapshot: Snapshot, layout: Contract) -> pl.Series:
    """Return the hashes of the keys that more than one row of the snapshot may have; eight bytes a row are held."""
    from tradeflow.pull.answers import read_in_slices

    every = [hash_keys(each.frame, layout) for each in read_in_slices(snapshot, layout)]
    hashes = pl.concat([pl.Series("_key", [], pl.UInt64), *every]).drop_nulls()
    return hashes.filter(hashes.is_duplicated()).unique()


def _hold_back(answer: Answer, layout: Contract, repeated: pl.Series, path: Path) -> Answer:
    is_held = hash_keys(answer.frame, layout).is_in(repeated.implode())
    if not is_held.any():
        return answer
    answer.frame.filter(is_held).write_parquet(path)
    return replace(answer, frame=answer.frame.filter(~is_held))


def _release(held: Path, layout: Contract) -> Iterator[Answer]:
    from tradeflow.pull.answers import whole_answer

    files = sorted(held.glob("*.parquet"))
    count = sum(pl.scan_parquet(file).select(pl.len()).collect().item() for file in files)
    pieces = math.ceil(count / _HELD_AT_ONCE)
    for number in range(pieces):
        parts = [rows.filter(hash_keys(rows, layout) % pieces == number) for rows in map(pl.read_parquet, files)]
        yield whole_answer(pl.concat(parts, how="diagonal_relaxed").sort("row_number"))


def _rows_in_lake(lake: Lake, snapshot_id: str) -> pl.Series:
    """Return the places of a snapshot's rows that a run which was killed committed: `snapshot` does not list it yet."""
    found = [pl.Series("row_number", [], pl.Int64)]
    for name in (DECLARATIONS, "quarantine"):
        if table_version(lake, name) is not None:
            found.append(read_table(lake, name).filter(snapshot_id=snapshot_id).select("row_number").collect()["row_number"])
    return pl.concat(found)


def _span(numbers: pl.Series) -> tuple[int, int]:
    """Return the first and the last place; there is one at least."""
    return int(numbers.min()), int(numbers.max())  # type: ignore[arg-type]


def _numbers(answer: Answer) -> pl.Series:
    return pl.concat([answer.frame["row_number"], answer.unreadable["row_number"]])


def _count(answer: Answer) -> int:
    return answer.frame.height + answer.unreadable.height


def _tell(snapshot: Snapshot, layout: Contract, answer: Answer) -> list[str]:
    """Return what was wrong with an answer as a whole, a line each."""
    only_part = f"{snapshot.parts[0].name}: " if len(snapshot.parts) == 1 else ""
    lines = [line.removeprefix(only_part) for line in answer.problems]
    # A table under our own names has the columns that its maker has figures for.
    if answer.missing_columns and any(column.maps_to != column.name for column in layout.columns):
        lines.append(f"columns missing at the source: {', '.join(answer.missing_columns)}")
    if answer.new_columns:
        lines.append(f"new columns at the source, not read: {', '.join(answer.new_columns)}; declare them in the layout's contract")
    return lines
