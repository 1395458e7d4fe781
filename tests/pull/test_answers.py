"""Each way in which a file can be bad: what is kept, what is set apart, and what is said about it."""

import gzip
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from tradeflow.contract import Contract, load_contract, source_layouts
from tradeflow.exceptions import SourceError, UnreadableAnswerError
from tradeflow.pull.answers import Answer, detect_layout, read_answer

LEGACY = load_contract("source_comtrade_legacy")
PORTAL = load_contract("source_comtrade_portal")
API = load_contract("source_comtrade_api")
HEADER = "period,trade_flow_code,trade_flow,reporter,partner,commodity_code,commodity,net_weight_kg,trade_value_usd"
ROWS = (
    "201501,1,Imports,Germany,Chile,282760,Iodides,5400,151000",
    "201501,2,Exports,Chile,Germany,282760,Iodides,5350,148000",
    '201502,1,Imports,Germany,Chile,282760,"Iodides, and iodide oxides",,99000',
)
VALUES = [99000, 148000, 151000]


def text_of(*rows: str, header: str = HEADER, end: str = "\n") -> str:
    return end.join([header, *rows]) + end


def values_of(answer: Answer) -> list[int]:
    return sorted(int(value) for value in answer.frame["trade_value_usd"])


def read_bytes(folder: Path, content: bytes, name: str = "answer.csv") -> Answer:
    path = folder / name
    path.write_bytes(content)
    return read_answer(path, LEGACY)


GOOD = text_of(*ROWS)
AS_OBJECTS = [dict(zip(HEADER.split(","), row.replace('"', "").split(",")[:9], strict=True)) for row in ROWS[:2]]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(GOOD.encode(), id="plain"),
        pytest.param(GOOD.encode("utf-8-sig"), id="byte order mark"),
        pytest.param(GOOD.encode("utf-16"), id="UTF-16"),
        pytest.param(GOOD.encode("utf-16-be"), id="UTF-16 without a mark"),
        pytest.param(text_of(*ROWS, end="\r\n").encode(), id="Windows line ends"),
        pytest.param(text_of(*ROWS, end="\r").encode(), id="old Macintosh line ends"),
        pytest.param(GOOD.rstrip().encode(), id="no line end after the last row"),
        pytest.param(("\n" + GOOD.replace("\n", "\n\n")).encode(), id="blank lines"),
        pytest.param(text_of(*ROWS, header=HEADER.upper().replace(",", " , ")).encode(), id="header in capitals, with spaces"),
        pytest.param(text_of(*[f"{row}," for row in ROWS]).encode(), id="a comma too many in each row"),
        pytest.param(text_of(*ROWS[:2], f"{ROWS[2]},,,").encode(), id="empty cells after one row"),
        pytest.param(gzip.compress(GOOD.encode()), id="gzip"),
        pytest.param(gzip.compress(GOOD[:300].encode()) + gzip.compress(GOOD[300:].encode()), id="gzip in two pieces"),
        pytest.param(gzip.compress(GOOD.encode("utf-16")) + b"\0" * 512, id="gzip filled up with zeros"),
    ],
)
def test_every_row_of_a_sound_file_is_read(tmp_path: Path, content: bytes) -> None:
    answer = read_bytes(tmp_path, content)

    assert values_of(answer) == VALUES
    assert answer.frame["row_number"].to_list() == [1, 2, 3]
    assert answer.frame.columns == ["row_number", *LEGACY.column_names]
    assert answer.frame["commodity"][2] == "Iodides, and iodide oxides"
    assert answer.frame["net_weight_kg"].to_list() == ["5400", "5350", None]
    assert (answer.missing_columns, answer.unreadable.height, answer.problems) == ((), 0, ())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(tmp_path: Path, delimiter: str) -> None:
    answer = read_bytes(tmp_path, text_of(*ROWS[:2], end="\n").replace(",", delimiter).encode())

    assert values_of(answer) == VALUES[1:]


@dataclass(frozen=True)
class Bad:
    """What must come of a bad file: values kept, (row, part of the reason) set apart, part of a problem line."""

    content: bytes
    kept: list[int]
    set_apart: list[tuple[int, str]]
    problem: str = ""


BAD_FILES = {
    "row too short": Bad(text_of(ROWS[0], "201501,1,Imports", *ROWS[1:]).encode(), VALUES, [(2, "3 cells, where the header has 9")]),
    "row too long": Bad(text_of(ROWS[0], ROWS[1] + ",x,y", ROWS[2]).encode(), [99000, 151000], [(2, "11 cells, where the header has 9")]),
    "footer": Bad((GOOD + "Source: the ministry\n").encode(), VALUES, [(4, "1 cells")]),
    "quote never closed": Bad(
        text_of(ROWS[0], ROWS[1].replace("Iodides", '"Iodides'), ROWS[2]).encode(), [99000, 151000], [(2, "never closed")]
    ),
    "quote never closed in the last cell": Bad(
        text_of(ROWS[0], ROWS[1].replace("148000", '"148000'), ROWS[2]).encode(), [99000, 151000], [(2, "never closed")]
    ),
    "two stray quotes that would swallow a row": Bad(
        text_of(ROWS[0].replace("151000", '"151000'), ROWS[1].replace("148000", '"148000'), ROWS[2]).encode(),
        [99000],
        [(1, "never closed"), (2, "never closed")],
    ),
    "one row in another encoding": Bad(
        text_of(ROWS[0], ROWS[1].replace("Chile", "Perú")).encode("latin-1"), [151000], [(2, "bytes")], "lines that are not utf-8: 1"
    ),
    "half a character in UTF-16": Bad(
        text_of(ROWS[0], ROWS[1].replace("Chile", "\ud800")).encode("utf-16", "surrogatepass"), [151000], [(2, "bytes")]
    ),
    "UTF-16 with a byte too few": Bad(GOOD.encode("utf-16")[:-1], VALUES, [], "middle of a utf-16-le character"),
    "gzip followed by other bytes": Bad(gzip.compress(GOOD.encode()) + b"<html>", VALUES, [], "follow the end"),
    "plain text cut in a row": Bad(GOOD.encode()[:-40], VALUES[1:], [(3, "cells")]),
}


@pytest.mark.parametrize("bad", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_the_good_rows_of_a_bad_file_are_kept(tmp_path: Path, bad: Bad) -> None:
    answer = read_bytes(tmp_path, bad.content)

    assert values_of(answer) == bad.kept
    assert answer.unreadable["row_number"].to_list() == [row for row, _ in bad.set_apart]
    for (_, expected), reason in zip(bad.set_apart, answer.unreadable["reason"], strict=True):
        assert expected in reason
    assert any(bad.problem in problem for problem in answer.problems) == bool(bad.problem)
    together = sorted([*answer.frame["row_number"], *answer.unreadable["row_number"]])
    assert together == list(range(1, len(bad.kept) + len(bad.set_apart) + 1))


def test_a_raw_row_is_json_with_stray_bytes_by_their_number(tmp_path: Path) -> None:
    answer = read_bytes(tmp_path, text_of(ROWS[0].replace("Chile", "Perú")).encode("latin-1"))

    assert json.loads(answer.unreadable["raw_row"][0]) == ROWS[0].replace("Chile", "Per\\xfa")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_rows_before_the_cut_of_a_gzip_are_kept(tmp_path: Path, share: float) -> None:
    rows = [row.replace("151000", str(place)) for place, row in enumerate([ROWS[0]] * 5000)]
    packed = gzip.compress(text_of(*rows).encode())
    answer = read_bytes(tmp_path, packed[: int(len(packed) * share)], "answer.csv.gz")

    count = answer.frame.height
    assert 0 < count < 5000
    assert answer.frame["trade_value_usd"].to_list() == [str(place) for place in range(count)]
    assert answer.unreadable["row_number"].to_list() in ([count + 1], [])
    assert answer.problems[0].startswith(f"answer.csv.gz: the gzip file is cut short after {count:,} whole rows")


def test_a_last_row_that_looks_whole_is_not_trusted_where_the_gzip_is_cut(tmp_path: Path) -> None:
    packed = gzip.compress(GOOD.encode()[:-3], compresslevel=0)
    answer = read_bytes(tmp_path, packed[:-8])

    assert values_of(answer) == VALUES[1:]
    assert answer.unreadable.rows() == [(3, "the file is cut short in this row", json.dumps(ROWS[2][:-2]))]


def test_damage_inside_a_gzip_keeps_what_came_before_it(tmp_path: Path) -> None:
    rows = [row.replace("151000", str(place)) for place, row in enumerate([ROWS[0]] * 400_000)]
    packed = bytearray(gzip.compress(text_of(*rows).encode(), compresslevel=1))
    packed[len(packed) * 9 // 10] ^= 0xFF
    answer = read_bytes(tmp_path, bytes(packed))

    assert answer.frame.height > 0
    assert "the gzip file" in answer.problems[0]
    assert answer.frame["trade_value_usd"].head(100).to_list() == [str(place) for place in range(100)]


def test_missing_and_new_columns_are_named(tmp_path: Path) -> None:
    header = HEADER.replace("net_weight_kg", "gross_weight_kg").replace("commodity,", "Commodity Name,")
    answer = read_bytes(tmp_path, text_of(*ROWS, header=header).encode())

    assert answer.missing_columns == ("commodity", "net_weight_kg")
    assert answer.new_columns == ("Commodity Name", "gross_weight_kg")
    assert values_of(answer) == VALUES
    assert "net_weight_kg" not in answer.frame.columns


def test_of_two_columns_that_mean_the_same_the_first_counts_and_the_other_is_new(tmp_path: Path) -> None:
    answer = read_bytes(tmp_path, text_of(f"{ROWS[0]},7", header=f"{HEADER},PERIOD").encode())

    assert answer.frame["period"].to_list() == ["201501"]
    assert answer.new_columns == ("PERIOD",)


def test_duplicates_and_wrong_types_are_left_to_the_gate(tmp_path: Path) -> None:
    answer = read_bytes(tmp_path, text_of(ROWS[0], ROWS[0], ROWS[0].replace("151000", "many")).encode())

    assert answer.frame["trade_value_usd"].to_list() == ["151000", "151000", "many"]
    assert answer.unreadable.is_empty()


def test_a_header_without_rows_is_an_answer_of_no_rows(tmp_path: Path) -> None:
    answer = read_bytes(tmp_path, HEADER.encode())

    assert answer.frame.height == 0
    assert answer.missing_columns == ()


def test_a_quoted_cell_may_span_lines(tmp_path: Path) -> None:
    spanning = ROWS[0].replace("Iodides", '"Iodides\nand\r\nother ""iodine"""')
    answer = read_bytes(tmp_path, text_of(spanning, "201501,1", ROWS[1]).encode())

    assert answer.frame["commodity"].to_list() == ['Iodides\nand\r\nother "iodine"', "Iodides"]
    assert answer.frame["row_number"].to_list() == [1, 3]


def test_a_portal_file_is_latin_1_with_an_unnamed_last_column(tmp_path: Path) -> None:
    names = API.column_names
    cells = ["x"] * 8 + ["Côte d'Ivoire"] + ["1"] * (len(names) - 9)
    path = tmp_path / "TradeData.csv"
    path.write_bytes((",".join(names) + "\r\n" + ",".join(f'"{cell}"' for cell in cells) + ",\r\n").encode("latin-1"))

    layout = detect_layout(path, source_layouts())
    answer = read_answer(path, layout)

    assert layout.name == "source_comtrade_portal"
    assert answer.frame["reporterDesc"].to_list() == ["Côte d'Ivoire"]
    assert answer.frame["_column_48"].to_list() == [None]
    assert (answer.missing_columns, answer.new_columns) == ((), ())
    assert "read as latin-1" in answer.problems[0]


# --- packing -------------------------------------------------------------------------------------------------------------------


def zip_bytes(**members: bytes | str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return packed.getvalue()


def test_the_members_of_a_zip_are_read_in_order_of_their_names(tmp_path: Path) -> None:
    packed = zip_bytes(
        **{"b__csv": text_of(ROWS[1]), "a__csv__gz": gzip.compress(text_of(ROWS[0]).encode()), "README__txt": "no data", "__DS_Store": "x"}
    )
    answer = read_bytes(tmp_path, packed, "both.zip")

    assert answer.frame["trade_value_usd"].to_list() == ["151000", "148000"]
    assert answer.frame["row_number"].to_list() == [1, 2]
    assert answer.problems == ()


def test_a_bad_member_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    packed = zip_bytes(a__csv=text_of(ROWS[0]), b__csv="<html><title>Access denied</title>", c__zip="", d__csv=text_of(ROWS[1], "short"))
    answer = read_bytes(tmp_path, packed, "four.zip")

    assert answer.frame["row_number"].to_list() == [1, 2]
    assert answer.unreadable["row_number"].to_list() == [3]
    assert [problem.split(": ")[1] for problem in answer.problems] == ["b.csv", "c.zip"]
    assert "Access denied" in answer.problems[0]


def test_a_damaged_member_is_named_and_its_end_not_trusted(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.csv", text_of(*ROWS * 5000))
        archive.writestr("b.csv", GOOD)
    answer = read_bytes(tmp_path, packed.getvalue().replace(b"Chile", b"Chili", 1), "two.zip")

    assert "a.csv: the zip member is damaged (Bad CRC-32" in answer.problems[0]
    kept_of_a = answer.frame.height - len(ROWS)
    assert 0 < kept_of_a < 15_000
    assert f"after {kept_of_a:,} whole rows" in answer.problems[0]


def test_a_locked_member_is_one_clear_line(tmp_path: Path) -> None:
    packed = bytearray(zip_bytes(a__csv=GOOD))
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(header) + flags] |= 1

    with pytest.raises(UnreadableAnswerError, match=r"a\.csv is locked by a password"):
        read_bytes(tmp_path, bytes(packed), "locked.zip")


def test_a_member_that_grows_beyond_reason_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradeflow.pull.packing._SAFE_BYTES", 1 << 20)
    bomb = "0" * (1 << 22)

    for name, content in (("bomb.zip", zip_bytes(a__csv=bomb)), ("bomb.gz", gzip.compress(bomb.encode()))):
        with pytest.raises(UnreadableAnswerError, match="unpacks to more than .* decompression bomb"):
            read_bytes(tmp_path, content, name)


UNREADABLE = {
    "nothing": (b"", "empty"),
    "blank lines only": (b"\n \r\n", "empty"),
    "web page": (b"<!DOCTYPE html><html><title> 503 \n Unavailable</title>", "a web page or XML .'503 Unavailable'"),
    "PDF": (b"%PDF-1.7 ...", "a PDF"),
    "old Excel": (b"\xd0\xcf\x11\xe0" + bytes(600), "an old Office file"),
    "new Excel": (zip_bytes(**{"[Content_Types]__xml": "", "xl/workbook__xml": ""}), "a workbook that cannot be read"),
    "binary": (bytes(range(256)) * 40, "a binary file of unknown kind"),
    "zip without a data file": (zip_bytes(README__md="x"), "without a data file"),
    "broken zip": (zip_bytes(a__csv=GOOD)[:-30], "cannot be opened"),
    "gzip cut before its first row": (gzip.compress(GOOD.encode())[:11], "cut short before its first row"),
    "Parquet cut short": (b"PAR1\x15\x04\x15", "a Parquet file that cannot be read"),
    "other columns": (b"name,colour\nsky,blue\n", "has no column of the layout"),
    "error answer": (b'{"statusCode": 401, "message": "Access denied due to invalid key"}', "Access denied due to invalid key"),
    "error answer over lines": (b'{\n"error": "no such period"\n}', "no such period"),
}


@pytest.mark.parametrize(("content", "words"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_data_gets_one_clear_line(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableAnswerError, match=words) as refusal:
        read_bytes(tmp_path, content)

    assert "\n" not in str(refusal.value)
    assert "answer.csv" in str(refusal.value)


def make_folder(path: Path) -> None:
    path.mkdir()


def make_broken_link(path: Path) -> None:
    path.symlink_to(path.with_name("gone.csv"))


def make_locked_file(path: Path) -> None:
    path.write_text(GOOD)
    path.chmod(0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_folder, "a folder, where one file was expected"),
        (make_broken_link, "a link to .*gone.csv, which does not exist"),
        (os.mkfifo, "neither a file nor a folder"),
        (lambda path: None, "no such file"),
        pytest.param(
            make_locked_file, "no permission", marks=pytest.mark.skipif(os.geteuid() == 0, reason="nothing is locked to the administrator")
        ),
    ],
)
def test_what_cannot_be_opened_gets_one_clear_line(tmp_path: Path, make: Callable[[Path], None], words: str) -> None:
    path = tmp_path / "answer.csv"
    make(path)

    with pytest.raises(UnreadableAnswerError, match=words):
        read_answer(path, LEGACY)
    with pytest.raises(UnreadableAnswerError, match=words):
        detect_layout(path, [LEGACY])


# --- layouts -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", source_layouts(), ids=lambda layout: layout.name)
def test_each_declared_layout_is_known_by_its_own_columns(tmp_path: Path, layout: Contract) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame(schema=layout.schema).write_parquet(path)

    assert detect_layout(path, source_layouts()) is layout


def test_a_layout_is_known_although_a_required_column_is_missing_and_another_is_new(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text_of(ROWS[0], header=HEADER.replace("trade_value_usd", "value")))

    assert detect_layout(path, source_layouts()) is LEGACY


def test_columns_of_no_layout_name_the_nearest_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("period,partner,price\n1,2,3\n")

    with pytest.raises(SourceError, match=r"a\.csv: its 3 columns fit no declared layout; the nearest is source_comtrade_legacy, ") as no:
        detect_layout(path, source_layouts())
    assert "lacks trade_flow, reporter, commodity_code, trade_value_usd" in str(no.value)
    assert "does not know price" in str(no.value)
