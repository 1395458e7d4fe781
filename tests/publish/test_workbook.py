from __future__ import annotations

import zipfile
from pathlib import Path

import polars as pl
import pytest

from tests.release_world import Made, replace_tables
from tradeflow.publish.workbook import write_workbook
from tradeflow.telling.wording import READING_NOTE


@pytest.fixture(scope="module")
def book(release_folder: Path) -> dict[str, pl.DataFrame]:
    return pl.read_excel(release_folder / "signal.xlsx", sheet_id=0, has_header=False, infer_schema_length=0)


def test_sheets_stand_in_reading_order(book: dict[str, pl.DataFrame]) -> None:
    assert list(book) == ["Read me", "signal", "feature", "evidence", "reporter", "data dictionary"]


def test_read_me_says_what_it_is(book: dict[str, pl.DataFrame], made: Made) -> None:
    cells = [cell for row in book["Read me"].iter_rows() for cell in row if cell]
    assert READING_NOTE in cells
    assert made[1]["release_id"] in cells
    assert "2019-01 to 2024-12" in cells


def test_headers_are_words_with_units_and_explain_themselves(book: dict[str, pl.DataFrame], release_folder: Path) -> None:
    header = book["signal"].row(0)
    assert "Observed (kg)" in header
    assert "Unit value (USD/kg)" in header
    assert "Importer name" in header
    with zipfile.ZipFile(release_folder / "signal.xlsx") as parts:
        comments = parts.read("xl/comments1.xml").decode()
        sheet = parts.read("xl/worksheets/sheet2.xml").decode()
    assert "What the model expected before it saw the period" in comments
    assert 'state="frozen"' in sheet
    assert "<autoFilter" in sheet


def test_sheet_holds_every_signal(book: dict[str, pl.DataFrame], made: Made) -> None:
    assert book["signal"].height == made[0].signal.height + 1
    assert book["signal"].rows()[1][0] == made[0].signal["signal_id"][0]


def test_no_cell_is_a_formula_or_a_link(few: Made, tmp_path: Path) -> None:
    tables, manifest = few
    tables = replace_tables(tables, signal=tables.signal.with_columns(signal_reason=pl.lit('=HYPERLINK("http://example.com")')))
    write_workbook(tmp_path / "signal.xlsx", tables, manifest)
    with zipfile.ZipFile(tmp_path / "signal.xlsx") as parts:
        written = b"".join(parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets/sheet"))
        texts = parts.read("xl/sharedStrings.xml").decode()
    assert b"<f>" not in written
    assert b"hyperlink" not in written
    assert "'=HYPERLINK" in texts


def test_workbook_holds_the_first_leads_and_says_so(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradeflow.publish.workbook._LEADS", 3)
    write_workbook(tmp_path / "signal.xlsx", *made)
    book = pl.read_excel(tmp_path / "signal.xlsx", sheet_id=0, infer_schema_length=0)
    kept = made[0].signal.filter(pl.col("lead_rank") <= 3)["signal_id"].to_list()
    assert book["signal"]["Signal id"].to_list() == kept
    assert set(book["evidence"]["Signal id"]) == set(kept)
    assert "the first 3 of 60; all stand in signal.parquet and signal.csv" in str(book["Read me"].rows())
