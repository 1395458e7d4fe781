"""Turns a file's bytes into UTF-8, line by line where one encoding does not read them all."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SNIFFED_BYTES = 4096


@dataclass(frozen=True)
class Decoded:
    """A text as UTF-8 without its byte order mark. Bytes that no declared encoding reads stand in it as they came: it is then no UTF-8."""

    utf8: bytes
    problems: tuple[str, ...] = ()
    has_stray_bytes: bool = False


def decode_text(content: bytes, encodings: Sequence[str], lines_before: int = 0) -> Decoded:
    """Decode by the byte order mark, else by the declared encodings in order; what was not the first of them is a problem line.

    Where the content is a slice of a file, `lines_before` are counted in.
    """
    wide, start = _wide_encoding(content)
    if wide:
        return _decode_wide(content[start:], wide)
    body = content[start:]
    if _reads(body, encodings[0]):
        return Decoded(body if _is_utf8(encodings[0]) else body.decode(encodings[0]).encode())
    return _decode_lines(body, encodings, lines_before)


def is_wide(head: bytes) -> bool:
    """Tell a text of two or four bytes a character, whose lines cannot be told before it is decoded."""
    return bool(_wide_encoding(head)[0])


def decode_head(head: bytes) -> str:
    """Decode the first bytes of a file well enough to read its column names."""
    wide, start = _wide_encoding(head)
    return head[start:].decode(wide or "utf-8", "replace")


def _wide_encoding(content: bytes) -> tuple[str, int]:
    """Return a two- or four-byte encoding, or "", and where the text begins."""
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return ("" if encoding == "utf-8" else encoding), len(mark)
    # Text without a mark: Latin letters in UTF-16 have every other byte zero.
    sniffed = content[:_SNIFFED_BYTES]
    zeros = [sniffed[place::2].count(0) for place in (0, 1)]
    if max(zeros) > len(sniffed) * 0.3 and min(zeros) < len(sniffed) * 0.05:
        return ("utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"), 0
    return "", 0


def _decode_wide(content: bytes, encoding: str) -> Decoded:
    width = 2 if "16" in encoding else 4
    whole = content[: len(content) - len(content) % width]
    # A lone half of a surrogate pair becomes bytes that are no UTF-8, so that its line is found and set apart later.
    utf8 = whole.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")
    cut = () if len(whole) == len(content) else (f"ends in the middle of a {encoding} character",)
    return Decoded(utf8, cut, has_stray_bytes=not _reads(utf8, "utf-8"))


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "utf-8"


def _reads(content: bytes, encoding: str) -> bool:
    if _is_utf8(encoding) and content.isascii():
        return True
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _decode_lines(content: bytes, encodings: Sequence[str], lines_before: int) -> Decoded:
    lines = content.split(b"\n")
    used: dict[str, list[int]] = {}
    for place, line in enumerate(lines):
        encoding = next((each for each in encodings if _reads(line, each)), "")
        if encoding != encodings[0]:
            used.setdefault(encoding, []).append(lines_before + place + 1)
        if encoding and not _is_utf8(encoding):
            lines[place] = line.decode(encoding).encode()
    problems = [_fallback_line(encoding, places, encodings) for encoding, places in used.items()]
    return Decoded(b"\n".join(lines), tuple(problems), has_stray_bytes="" in used)


def _fallback_line(encoding: str, places: list[int], encodings: Sequence[str]) -> str:
    where = f"lines that are not {encodings[0]}: {len(places):,}, the first is line {places[0]:,}"
    if encoding:
        return f"{where}; they were read as {encoding}"
    return f"{where}; nor are they any other declared encoding ({', '.join(encodings)}): save the file as UTF-8 to have them read"
