"""A file read slice by slice says the same as the file read whole: rows, places, what could not be read, what was wrong."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.declaration_files import DUA_ITEM, dbf_table, din_text, zipped
from tradeflow.contract import load_contract
from tradeflow.exceptions import UnreadableAnswerError
from tradeflow.lake import Lake, Snapshot, write_snapshot
from tradeflow.pull import answers
from tradeflow.pull.answers import Answer, read_in_slices, read_snapshot

OWN, DIN, DUA = (load_contract(f"source_{name}") for name in ("customs_declaration", "chile_din", "peru_dua"))
HEAD = "declaration_id,declaration_date,national_code,description\n"
LINE = "A{0},2024-03-05,29141100,{1}\n"


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "SLICED_FROM_BYTES", 0)
    monkeypatch.setattr(answers, "_BYTES_AT_ONCE", 150)
    monkeypatch.setattr(answers, "_ROWS_AT_ONCE", 4)


def keep(folder: Path, layout: str, *parts: tuple[str, bytes]) -> Snapshot:
    kept, _ = write_snapshot(
        Lake(folder), source="files", layout=layout, query_key="one", query={}, retrieved_at=datetime(2026, 1, 1, tzinfo=UTC),
        licence="own", parts=[(name, content, -1) for name, content in parts],
    )  # fmt: skip
    return kept


def compare(snapshot: Snapshot, layout: str) -> list[Answer]:
    whole, slices = read_snapshot(snapshot, load_contract(layout)), list(read_in_slices(snapshot, load_contract(layout)))
    assert_frame_equal(pl.concat([each.frame for each in slices if each.frame.width > 1]), whole.frame)
    assert_frame_equal(pl.concat([each.unreadable for each in slices]), whole.unreadable)
    return slices


def own_text(*descriptions: str) -> str:
    return HEAD + "".join(LINE.format(place, text) for place, text in enumerate(descriptions, 1))


@pytest.mark.usefixtures("small_slices")
def test_a_quoted_cell_over_lines_is_never_cut(tmp_path: Path) -> None:
    text = own_text(*['"of two\nlines, ""quoted"""' if place % 3 == 0 else "acetone" for place in range(40)])
    slices = compare(keep(tmp_path, OWN.name, ("a.csv", text.encode())), OWN.name)
    assert len(slices) > 5
    assert slices[-1].frame["row_number"].max() == 40


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("bad", ["A9,2024-03-05\n", 'A9,2024-03-05,29141100,"never closed\n', "A9,2024-03-05,1,2,3,4,5\n", "\n\n"])
def test_rows_that_cannot_be_read_keep_their_places(tmp_path: Path, bad: str) -> None:
    lines = [LINE.format(place, "acetone") for place in range(30)]
    text = HEAD + "".join(line + (bad if place in (7, 21) else "") for place, line in enumerate(lines))
    compare(keep(tmp_path, OWN.name, ("a.csv", text.encode())), OWN.name)


@pytest.mark.usefixtures("small_slices")
def test_accents_of_another_encoding_are_told_by_their_line_of_the_file(tmp_path: Path) -> None:
    text = own_text(*["acetona" if place != 33 else "ácido" for place in range(1, 41)])
    slices = compare(keep(tmp_path, OWN.name, ("a.csv", text.encode("latin-1"))), OWN.name)
    assert [line for each in slices for line in each.problems] == [
        "a.csv: lines that are not utf-8: 1, the first is line 34; they were read as cp1252"
    ]


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("packed", ["plain", "gz", "zip"])
def test_a_text_without_heading_and_a_table_of_records_are_cut_too(tmp_path: Path, packed: str) -> None:
    for layout, name, content in (
        (DIN.name, "din.txt", din_text(*[{"NUMITEM": str(place), "DNOMBRE": "ÁCIDO"} for place in range(1, 20)])),
        (DUA.name, "ma.dbf", dbf_table([DUA_ITEM | {"NUME_SERIE": place} for place in range(1, 20)], deleted=[3, 9, 10])),
        (OWN.name, "own.csv", own_text(*["acetone"] * 30).encode()),
    ):
        given = {"plain": content, "gz": gzip.compress(content), "zip": zipped(name, content)}[packed]
        slices = compare(keep(tmp_path / name, layout, (f"{name}.{packed}" if packed != "plain" else name, given)), layout)
        assert len(slices) >= 5


@pytest.mark.usefixtures("small_slices")
def test_parquet_is_cut_and_json_is_not(tmp_path: Path) -> None:
    frame = pl.DataFrame({"declaration_id": [f"A{place}" for place in range(11)], "description": "acetone"})
    frame.write_parquet(tmp_path / "a.parquet")
    assert len(compare(keep(tmp_path / "one", OWN.name, ("a.parquet", (tmp_path / "a.parquet").read_bytes())), OWN.name)) == 3
    text = json.dumps(frame.to_dicts()).encode()
    assert len(compare(keep(tmp_path / "two", OWN.name, ("a.json", text)), OWN.name)) == 1


@pytest.mark.usefixtures("small_slices")
def test_a_cut_archive_gives_its_whole_rows_and_says_so(tmp_path: Path) -> None:
    packed = gzip.compress(own_text(*[f"acetone {place**7}" for place in range(200)]).encode())
    slices = compare(keep(tmp_path, OWN.name, ("a.csv.gz", packed[: len(packed) // 2])), OWN.name)
    assert "cut short" in slices[-1].problems[0]


@pytest.mark.usefixtures("small_slices")
def test_a_part_that_cannot_be_read_is_a_line_unless_it_is_all_there_is(tmp_path: Path) -> None:
    bad, good = ("b.csv", b"%PDF-1.4 no table"), ("c.csv", own_text("acetone").encode())
    for parts in ((bad, good), (good, bad)):
        slices = compare(keep(tmp_path / parts[0][0], OWN.name, *parts), OWN.name)
        assert ["b.csv: a PDF" in line for each in slices for line in each.problems] == [True]
    with pytest.raises(UnreadableAnswerError, match="a PDF"):
        list(read_in_slices(keep(tmp_path / "none", OWN.name, bad), OWN))


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.just("\n"), max_size=12)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=3, max_size=30))
def test_any_text_that_was_written_as_csv_is_read_alike(
    tmp_path_factory: pytest.TempPathFactory, small_slices: None, cells: list[tuple[str, str]]
) -> None:
    frame = pl.DataFrame(cells, schema=["declaration_id", "description"], orient="row")
    compare(keep(tmp_path_factory.mktemp("any"), OWN.name, ("a.csv", frame.write_csv().encode())), OWN.name)
