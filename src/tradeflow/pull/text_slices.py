"""Cuts a large delimited text between rows: a path in, readings of some megabytes each out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tradeflow.pull.decoding import decode_head
from tradeflow.pull.delimited import Header, is_whole_row, name_by_place, read_delimited, read_header
from tradeflow.pull.reading import Reading

_HEAD_BYTES = 1 << 16
_LINES_TRIED = 200
"""Line ends tried for a cut, from the last one back; a quoted cell over more lines is waited out."""


def slice_delimited(
    path: Path, encodings: Sequence[str], bytes_at_once: int, *, is_cut: bool = False, names: Sequence[str] = ()
) -> Iterator[Reading]:
    """Yield what `read_delimited` reads of a file, slice by slice; the places in each begin at 1.

    A cut lies between two lines that are each a whole row: a quoted cell over several lines is never cut. Not for texts of two bytes a
    character.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        text = decode_head(head)
        header = name_by_place(read_header(text), names)
        heading = b"".join(file.readline() for _ in range(text.count("\n", 0, header.body_start)))
        waiting, lines_before = b"", 0
        while chunk := file.read(bytes_at_once):
            waiting += chunk
            end = _find_cut(waiting, header)
            if end:
                yield read_delimited(heading + waiting[:end], encodings, names=names, lines_before=lines_before)
                lines_before += waiting.count(b"\n", 0, end)
                waiting = waiting[end:]
        yield read_delimited(heading + waiting, encodings, is_cut=is_cut, names=names, lines_before=lines_before)


def _find_cut(waiting: bytes, header: Header) -> int:
    """Return where the last row ends behind which another whole row stands, 0 where there is none."""
    after = waiting.rfind(b"\n")
    for _ in range(_LINES_TRIED):
        end = waiting.rfind(b"\n", 0, max(after, 0))
        if end < 0:
            return 0
        begin = waiting.rfind(b"\n", 0, end) + 1
        if _is_row(waiting[begin:end], header) and _is_row(waiting[end + 1 : after], header):
            return end + 1
        after = end
    return 0


def _is_row(line: bytes, header: Header) -> bool:
    # Delimiters and quotation marks are the same bytes in every encoding that is cut here.
    return is_whole_row(line.decode("latin-1"), header)
