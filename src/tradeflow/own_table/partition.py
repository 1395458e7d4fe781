"""The numbered rows of a table by ranges of commodities, one part worked on at a time: in memory as far as they fit, else on disk."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.exceptions import SourceError

PART_ROWS = 250_000
"""Input rows of one part, roughly; a single commodity is never divided."""
KEPT_BYTES = 1 << 29
"""Of what is spilled; a few million rows never see the disk."""


@dataclass(frozen=True)
class KeySpace:
    """How many areas, commodities and periods there are; one whole number holds commodity, exporter, importer, period in this order."""

    areas: int
    commodities: int
    periods: int

    def __post_init__(self) -> None:
        if math.prod((self.commodities, self.areas, self.areas, self.periods, 2)) >= 2**63:
            raise SourceError(
                f"{self.areas:,} areas, {self.commodities:,} commodities and {self.periods:,} periods are too many for one table"
            )

    def pack(self, commodity: pl.Expr, exporter: pl.Expr, importer: pl.Expr, period: pl.Expr) -> pl.Expr:
        """Return the number of each pair."""
        packed = commodity.cast(pl.Int64)
        for place, size in ((exporter, self.areas), (importer, self.areas), (period, self.periods)):
            packed = packed * size + place
        return packed

    def unpack(self, numbers: NDArray[np.int64]) -> dict[str, NDArray[np.int32]]:
        """Return the places of exporter, importer, commodity and period of each pair."""
        places: dict[str, NDArray[np.int32]] = {}
        for name, size in (("period", self.periods), ("importer", self.areas), ("exporter", self.areas)):
            # A division by one number for all is fast, divmod is not.
            left = numbers // size
            places[name], numbers = (numbers - left * size).astype(np.int32), left
        places["commodity"] = numbers.astype(np.int32)
        return {name: places[name] for name in ("exporter", "importer", "commodity", "period")}


def divide_commodities(rows_of_commodity: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Return the part of each commodity: ranges in the labels' order, of about PART_ROWS rows each."""
    before = np.cumsum(rows_of_commodity) - rows_of_commodity
    parts: NDArray[np.uint16] = np.unique(before // PART_ROWS, return_inverse=True)[1].astype(np.uint16)
    return parts


class Spill:
    """Frames appended to the parts that they belong to: up to KEPT_BYTES in memory, the rest on disk.

    On disk they are uncompressed Arrow streams in one folder, read in a third of a file's time.
    """

    def __init__(self, folder: Path, name: str, part_of_commodity: NDArray[np.uint16]) -> None:
        self._folder, self._name, self._part_of = folder, name, part_of_commodity
        self._pieces: dict[int, list[pl.DataFrame | Path]] = {}
        self._kept_bytes = 0

    @property
    def parts(self) -> list[int]:
        """The parts that hold a row, in order."""
        return sorted(self._pieces)

    def append(self, rows: pl.DataFrame, commodities: NDArray[np.int64]) -> None:
        """Write each row to the part of its commodity."""
        parts = self._part_of[commodities]
        # Taking rows from a frame in pieces costs several times as much.
        ordered = rows.rechunk()[np.argsort(parts, kind="stable")]
        counts = np.bincount(parts)
        for part, end in enumerate(np.cumsum(counts)):
            if counts[part]:
                self.append_to(part, ordered.slice(end - counts[part], counts[part]))

    def append_to(self, part: int, rows: pl.DataFrame) -> None:
        """Add a frame to one part."""
        pieces = self._pieces.setdefault(part, [])
        self._kept_bytes += int(rows.estimated_size())
        if self._kept_bytes <= KEPT_BYTES:
            pieces.append(rows)
            return
        path = self._folder / f"{self._name}-{part}-{len(pieces)}.arrow"
        rows.write_ipc_stream(path, compression="uncompressed")
        pieces.append(path)

    def read(self, part: int) -> pl.DataFrame:
        """Return one part."""
        pieces = (piece if isinstance(piece, pl.DataFrame) else pl.read_ipc_stream(piece) for piece in self._pieces[part])
        return pl.concat(pieces, rechunk=True)

    def remove(self, part: int) -> None:
        """Forget one part."""
        for piece in self._pieces.pop(part):
            if isinstance(piece, Path):
                piece.unlink()
