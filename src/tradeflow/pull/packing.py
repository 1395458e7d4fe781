"""Takes the packing off a file: plain, .gz or .zip in, its members' bytes out; what is cut short is kept up to the cut.

A large member is unpacked onto the disk, into a folder that the caller keeps as long as it reads.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from tradeflow.exceptions import UnreadableAnswerError

TEXT_ENDING = ".txt"
SKIPPED_ENDINGS = frozenset({".txt", ".md", ".pdf"})
_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
_WORKBOOK_PART = "xl/workbook.xml"
_WORKBOOK_ENDINGS = (".xlsx", ".xlsm")
_CHUNK_BYTES = 1 << 18
# Statistics in JSON shrink by up to 60 times; nothing honest needs more than this.
_LARGEST_EXPANSION = 200
_SAFE_BYTES = 1 << 30


@dataclass(frozen=True)
class Member:
    """One file inside the packing: its bytes, or its path where it was not packed at all or was unpacked onto the disk.

    `fault` says what was wrong with the packing; `is_cut` that the content ends before its true end.
    """

    name: str
    content: bytes | Path
    fault: str = ""
    is_cut: bool = False

    def read_head(self, size_bytes: int) -> bytes:
        """Return the first bytes of the content."""
        if isinstance(self.content, bytes):
            return self.content[:size_bytes]
        with self.content.open("rb") as file:
            return file.read(size_bytes)

    def read_bytes(self) -> bytes:
        """Return the content in memory."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


def open_members(path: Path, unpack_to: Path | None = None) -> Iterator[Member]:
    """Yield a file's members, those of an archive ordered by name; UnreadableAnswerError where it cannot be opened.

    What is packed is unpacked in memory, or into files of the folder `unpack_to`.
    """
    with _plain_words(path):
        with path.open("rb") as file:
            magic = file.read(4)
        if magic.startswith(_GZIP_MAGIC):
            yield _open_gzip(path, unpack_to)
        elif magic in _ZIP_MAGICS:
            yield from _open_zip(path, unpack_to)
        else:
            yield Member(path.name, path)


def is_workbook(path: Path) -> bool:
    """Tell an Office workbook (.xlsx, .xlsm), which is an archive too; UnreadableAnswerError where it would fill the memory."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with _plain_words(path), zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if not any(info.filename == _WORKBOOK_PART for info in infos):
            return False
        _refuse_bomb(sum(info.file_size for info in infos), sum(info.compress_size for info in infos))
    return True


def read_head(path: Path, size_bytes: int) -> bytes:
    """Return the first bytes of a file's first data member, unpacked; the rest of the file is not read."""
    with _plain_words(path), path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        if magic.startswith(_GZIP_MAGIC):
            return _head_of(_refuse_nothing(_inflate(file, size_bytes, io.BytesIO(), stop_at=size_bytes)), size_bytes)
        if magic in _ZIP_MAGICS:
            return _zip_head(path, size_bytes)
        return file.read(size_bytes)


@contextlib.contextmanager
def _plain_words(path: Path) -> Iterator[None]:
    try:
        # A named pipe would keep its reader waiting for ever.
        if path.exists() and not path.is_file() and not path.is_dir():
            raise UnreadableAnswerError("neither a file nor a folder; move it away")
        yield
    except UnreadableAnswerError as error:
        raise UnreadableAnswerError(f"{path}: {error}") from error
    except FileNotFoundError as error:
        if path.is_symlink():
            text = f"{path}: a link to {path.readlink()}, which does not exist; mend the link or remove it"
            raise UnreadableAnswerError(text) from error
        raise UnreadableAnswerError(f"{path}: no such file; check the path") from error
    except IsADirectoryError as error:
        raise UnreadableAnswerError(f"{path}: a folder, where one file was expected") from error
    except PermissionError as error:
        raise UnreadableAnswerError(f"{path}: no permission to read it; allow it to this user or move it away") from error
    except OSError as error:
        raise UnreadableAnswerError(f"{path}: cannot be read: {error.strerror or error}; copy it again") from error
    except zipfile.BadZipFile as error:
        raise UnreadableAnswerError(f"{path}: a zip archive that cannot be opened ({error}); download it again") from error


@dataclass(frozen=True)
class _Inflated:
    """What came out of the packing, as far as it goes: in memory or in an open file."""

    content: IO[bytes]
    fault: str = ""
    is_cut: bool = False


@contextlib.contextmanager
def _new_content(unpack_to: Path | None) -> Iterator[IO[bytes]]:
    if unpack_to is None:
        yield io.BytesIO()
        return
    with tempfile.NamedTemporaryFile(dir=unpack_to, delete=False) as file:
        yield file


def _as_member(name: str, inflated: _Inflated) -> Member:
    content = inflated.content
    inner = content.getvalue() if isinstance(content, io.BytesIO) else Path(content.name)
    return Member(name, inner, inflated.fault, inflated.is_cut)


def _head_of(inflated: _Inflated, size_bytes: int) -> bytes:
    inflated.content.seek(0)
    return inflated.content.read(size_bytes)


def _open_gzip(path: Path, unpack_to: Path | None) -> Member:
    with path.open("rb") as file, _new_content(unpack_to) as content:
        return _as_member(path.name, _refuse_nothing(_inflate(file, path.stat().st_size, content)))


def _refuse_nothing(inflated: _Inflated) -> _Inflated:
    if inflated.fault and not inflated.content.tell():
        raise UnreadableAnswerError(f"{inflated.fault} before its first row; download it again")
    return inflated


def _inflate(file: IO[bytes], packed_bytes: int, content: IO[bytes], stop_at: int | None = None) -> _Inflated:
    """Unpack gzip, also of several members one after the other, as far as it goes."""
    engine, is_inside, is_first = zlib.decompressobj(wbits=31), False, True
    while chunk := file.read(_CHUNK_BYTES):
        while chunk:
            try:
                content.write(engine.decompress(chunk))
            except zlib.error as error:
                return _broken_gzip(content, error, is_trailing=not is_inside and not is_first)
            is_inside = not engine.eof
            if is_inside:
                break
            # Some writers fill the last disk block with zeros, which gzip allows.
            chunk, is_first = engine.unused_data.lstrip(b"\0"), False
            engine = zlib.decompressobj(wbits=31)
        _refuse_bomb(content.tell(), packed_bytes)
        if stop_at is not None and content.tell() >= stop_at:
            return _Inflated(content)
    if is_inside:
        return _Inflated(content, "the gzip file is cut short", is_cut=True)
    return _Inflated(content)


def _broken_gzip(content: IO[bytes], error: zlib.error, *, is_trailing: bool) -> _Inflated:
    if is_trailing:
        return _Inflated(content, "bytes that are no gzip follow the end of the gzip file and were left out")
    return _Inflated(content, f"the gzip file is damaged ({error})", is_cut=True)


def _refuse_bomb(grown_bytes: int, packed_bytes: int) -> None:
    if grown_bytes > _SAFE_BYTES and grown_bytes > _LARGEST_EXPANSION * max(packed_bytes, 1):
        text = (
            f"unpacks to more than {grown_bytes:,} bytes, over {_LARGEST_EXPANSION} times its {packed_bytes:,} packed bytes: "
            "a decompression bomb or no trade data; unpack it by hand if it is to be trusted"
        )
        raise UnreadableAnswerError(text)


def _open_zip(path: Path, unpack_to: Path | None) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in _data_members(archive):
            yield _open_zip_member(archive, info, unpack_to)


def _zip_head(path: Path, size_bytes: int) -> bytes:
    with zipfile.ZipFile(path) as archive:
        for info in _data_members(archive):
            if not _fault_of_member(info):
                with archive.open(info) as member:
                    head = member.read(size_bytes)
                is_packed = head.startswith(_GZIP_MAGIC)
                return _head_of(_inflate(io.BytesIO(head), size_bytes, io.BytesIO()), size_bytes) if is_packed else head
        raise UnreadableAnswerError(_fault_of_member(_data_members(archive)[0]))


def _data_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    if "[Content_Types].xml" in archive.namelist():
        raise UnreadableAnswerError("an Office file, but no workbook with sheets; save the table as .xlsx or as CSV (UTF-8)")
    listed = [info for info in archive.infolist() if not info.is_dir()]
    members = [info for info in listed if not _is_skipped(info.filename)] or [info for info in listed if _is_text(info.filename)]
    if not members:
        raise UnreadableAnswerError(f"a zip archive without a data file; it holds {archive.namelist()[:5]}")
    return sorted(members, key=lambda info: info.filename)


def _is_skipped(member_name: str) -> bool:
    parts = PurePosixPath(member_name).parts
    is_hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return is_hidden or PurePosixPath(member_name).suffix.lower() in SKIPPED_ENDINGS


def _is_text(member_name: str) -> bool:
    """Tell a text that may hold a table without a heading; beside a data file it is taken for a note."""
    path = PurePosixPath(member_name)
    return path.suffix.lower() == TEXT_ENDING and not any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _fault_of_member(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 1:
        return f"{info.filename} is locked by a password; unpack the archive by hand"
    if info.filename.lower().endswith((".zip", *_WORKBOOK_ENDINGS)):
        return f"{info.filename} is an archive inside an archive; unpack the outer one"
    return ""


def _open_zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, unpack_to: Path | None) -> Member:
    if fault := _fault_of_member(info):
        return Member(info.filename, b"", fault, is_cut=True)
    try:
        with _new_content(unpack_to) as content:
            return _as_member(info.filename, _unpack(archive, info, content))
    except NotImplementedError as error:
        return Member(info.filename, b"", f"packed in a way that cannot be read ({error}); pack it again", is_cut=True)
    except UnreadableAnswerError as error:
        return Member(info.filename, b"", str(error), is_cut=True)


def _inflate_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, content: IO[bytes]) -> _Inflated:
    with archive.open(info) as member:
        return _inflate(member, info.file_size, content)


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, content: IO[bytes]) -> _Inflated:
    _refuse_bomb(info.file_size, info.compress_size)
    with archive.open(info) as member:
        try:
            chunk = member.read(_CHUNK_BYTES)
            if chunk.startswith(_GZIP_MAGIC):
                return _inflate_member(archive, info, content)
            while chunk:
                content.write(chunk)
                _refuse_bomb(content.tell(), info.compress_size)
                chunk = member.read(_CHUNK_BYTES)
        except (zlib.error, EOFError, zipfile.BadZipFile) as error:
            return _Inflated(content, f"the zip member is damaged ({error})", is_cut=True)
    return _Inflated(content)
