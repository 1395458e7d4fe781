"""Declarations as their sources publish them: text without a heading, DBF tables, and what is wrong with some of them."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.declaration_files import DIN_ITEM, DUA_ITEM, dbf_table, din_text, zipped
from tradeflow.contract import load_contract, source_layouts
from tradeflow.exceptions import SourceError, UnreadableAnswerError
from tradeflow.lake import Lake
from tradeflow.pull.answers import Answer, detect_layout, read_answer, read_source_row
from tradeflow.pull.dbf import read_dbf
from tradeflow.pull.files import pull_files

LAYOUTS = [*source_layouts(), *source_layouts("customs_declaration")]


def read(path: Path, content: bytes) -> Answer:
    path.write_bytes(content)
    return read_answer(path, detect_layout(path, LAYOUTS))


# --- text whose columns are told by their place -------------------------------------------------------------------------------


def test_a_din_text_is_known_by_its_number_of_columns_and_loses_no_line(tmp_path: Path) -> None:
    found = read(tmp_path / "din.txt", din_text({}, {"NUMITEM": "2", "DNOMBRE": "ÑANDÚ; NO"}, {"NUMITEM": "3"}))

    assert found.frame["row_number"].to_list() == [1, 3]
    assert found.frame["DMARCA"].to_list() == ["MARCA ÑANDÚ"] * 2
    assert found.frame["FECACEP"][0] == DIN_ITEM["FECACEP"]
    assert found.unreadable.select("row_number", "reason").rows() == [(2, "179 cells, where the header has 178")]


def test_a_din_text_may_have_a_heading_or_end_its_lines_in_a_delimiter(tmp_path: Path) -> None:
    heading = ";".join(load_contract("source_chile_din").column_names).encode() + b"\r\n"
    ended = din_text({}, {"NUMITEM": "2"}).replace(b"\r\n", b";\r\n")

    assert read(tmp_path / "a.txt", heading + din_text({})).frame["NUMITEM"].to_list() == ["1"]
    assert read(tmp_path / "b.txt", ended).frame["NUMITEM"].to_list() == ["1", "2"]


def test_a_text_of_another_width_is_no_din_text(tmp_path: Path) -> None:
    path = tmp_path / "din.txt"
    path.write_bytes(din_text({}).replace(b"70012345;", b""))

    with pytest.raises(SourceError, match="its 177 columns fit no declared layout"):
        detect_layout(path, LAYOUTS)


# --- DBF ----------------------------------------------------------------------------------------------------------------------


def test_a_dbf_table_in_a_zip_archive_is_read_and_deleted_records_keep_their_place(tmp_path: Path) -> None:
    rows = [DUA_ITEM, DUA_ITEM | {"NUME_SERIE": 2}, DUA_ITEM | {"NUME_SERIE": 3, "DESC_MATCO": ""}]

    found = read(tmp_path / "ma.zip", zipped("ma.DBF", dbf_table(rows, deleted=[2])))

    assert found.frame["row_number"].to_list() == [1, 3]
    assert found.frame["DNOMBRE"][0] == "QUÍMICA LUNAR S.A.C."
    assert found.frame["DESC_MATCO"].to_list() == ["ENTERA", None]
    assert found.unreadable["reason"].to_list() == ["the source marked this record as deleted"]


def test_a_dbf_table_that_is_cut_short_keeps_its_whole_records(tmp_path: Path) -> None:
    found = read(tmp_path / "ma.dbf", dbf_table([DUA_ITEM] * 3)[:-60])

    assert found.frame.height == 2
    assert "its head promises 3 records, 2 whole ones came" in found.problems[0]


def test_a_dbf_table_whose_head_contradicts_itself_gets_one_clear_line(tmp_path: Path) -> None:
    content = bytearray(dbf_table([DUA_ITEM]))
    content[10] += 1
    (tmp_path / "ma.dbf").write_bytes(content)

    with pytest.raises(UnreadableAnswerError, match="whose fields take"):
        read_answer(tmp_path / "ma.dbf", load_contract("source_peru_dua"))


@given(st.lists(st.tuples(*[st.text(st.characters(max_codepoint=255, exclude_categories=["Cc", "Zs"]), max_size=5)] * 2), max_size=6))
def test_a_dbf_table_gives_back_what_was_written(rows: list[tuple[str, str]]) -> None:
    fields = (("A", "C", 5), ("B", "C", 7))
    content = dbf_table([dict(zip("AB", row, strict=True)) for row in rows], fields)

    found = read_dbf(content, ["latin-1"]).frame

    assert found.rows() == [tuple(cell or None for cell in row) for row in rows]
    assert found.schema == pl.Schema({"A": pl.String, "B": pl.String})


@pytest.mark.parametrize(
    ("name", "content", "column", "value"),
    [
        ("din.txt", din_text({}, {"NUMITEM": "2"}), "NUMITEM", "2"),
        ("ma.dbf", dbf_table([DUA_ITEM, DUA_ITEM | {"NUME_SERIE": 2}]), "NUME_SERIE", "2"),
    ],
)
def test_a_row_is_found_again_at_its_source(tmp_path: Path, name: str, content: bytes, column: str, value: str) -> None:
    lake = Lake(tmp_path / "lake")
    (tmp_path / name).write_bytes(content)
    (snapshot,) = pull_files(lake, tmp_path / name, now=datetime(2026, 2, 1, tzinfo=UTC), report_progress=print).new

    assert read_source_row(snapshot, 2)[column] == value
