"""Workbooks as people send them: headings above the table, days and numbers as cells, formulas, several sheets."""

import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from tests.control_tables import LICENCE, write_rows
from tradeflow.contract import load_contract
from tradeflow.exceptions import UnreadableAnswerError
from tradeflow.pull.answers import Answer, detect_layout, read_answer
from tradeflow.pull.workbook import read_workbook_names

LAYOUT = load_contract("source_licensed_operator")
Fill = Callable[[Any, Any], None]


def write_book(folder: Path, **sheets: Fill) -> Path:
    path = folder / "given.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        for title, fill in sheets.items():
            fill(book, book.add_worksheet(title))
    return path


def table(rows: list[list[object]], first_row: int = 0) -> Fill:
    def fill(book: Any, sheet: Any) -> None:
        day_format = book.add_format({"num_format": "dd.mm.yy"})
        for place, row in enumerate(rows, start=first_row):
            for at, value in enumerate(row):
                if isinstance(value, datetime):
                    sheet.write_datetime(place, at, value, day_format)
                else:
                    sheet.write(place, at, value)

    return fill


def read(path: Path) -> Answer:
    return read_answer(path, LAYOUT)


HEAD: list[object] = ["operator_name", "operator_country", "tax_number", "licence_kind", "valid_from", "annual_limit_kg"]


def test_cells_become_text_as_a_csv_file_would_have_it(tmp_path: Path) -> None:
    row: list[object] = ["Qarona", "DEU", 412345678, "import", datetime(2024, 5, 1), 12.5]
    found = read(write_book(tmp_path, licences=table([HEAD, row])))
    assert found.frame.row(0) == (1, "Qarona", "DEU", "412345678", "import", "2024-05-01", "12.5")


def test_a_workbook_and_the_same_csv_are_read_alike(tmp_path: Path) -> None:
    rows = [LICENCE, LICENCE | {"licence_number": "L-2", "valid_to": "", "annual_limit_kg": 0.25}]
    assert read(write_rows(tmp_path / "a.xlsx", rows)).frame.equals(read(write_rows(tmp_path / "a.csv", rows)).frame)


def test_a_heading_above_the_table_and_blank_rows_are_passed_over(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Licences of 2024"], [], HEAD, ["Qarona", "DEU"], [], ["Velutra", "MEX"]]
    path = write_book(tmp_path, licences=table(rows, first_row=1))
    assert read(path).frame.select("row_number", "operator_name").rows() == [(1, "Qarona"), (2, "Velutra")]
    assert detect_layout(path, [LAYOUT, load_contract("source_precursor_incident")]) is LAYOUT


def test_a_formula_and_an_error_are_told_by_their_cells_and_cost_their_rows(tmp_path: Path) -> None:
    rows: list[list[object]] = [HEAD, ["=A1", "DEU"], ["Velutra", "MEX", "", "", "", "=NA()"], ["Borlan", "PER"]]
    found = read(write_book(tmp_path, licences=table(rows)))
    assert found.frame.select("row_number", "operator_name").rows() == [(3, "Borlan")]
    assert found.unreadable["reason"].to_list() == ["a formula in column operator_name", "a formula in column annual_limit_kg"]
    assert found.problems == (
        "given.xlsx: cell A2 (operator_name) holds a formula; write its value",
        "given.xlsx: cell F3 (annual_limit_kg) holds a formula; write its value",
    )


def test_a_formula_in_a_column_that_is_not_read_costs_nothing(tmp_path: Path) -> None:
    found = read(write_book(tmp_path, licences=table([[*HEAD, "total"], ["Qarona", "DEU", "", "", "", 1, "=F2*2"]])))
    assert (found.frame.height, found.new_columns, found.problems) == (1, ("total",), ())


def test_a_value_beside_the_table_means_shifted_columns(tmp_path: Path) -> None:
    found = read(write_book(tmp_path, licences=table([HEAD, ["Qarona", "", "DEU", "1", "import", datetime(2024, 1, 1), 5]])))
    assert found.unreadable["reason"].to_list() == ["7 cells, where the header has 6"]


def test_another_sheet_is_told_a_hidden_one_is_not_read(tmp_path: Path) -> None:
    def hide(book: Any, sheet: Any) -> None:
        table([HEAD, ["Hidden", "DEU"]])(book, sheet)
        sheet.hide()

    found = read(write_book(tmp_path, licences=table([HEAD, ["Qarona", "DEU"]]), notes=table([["a", "b"]]), old=hide))
    assert found.frame["operator_name"].to_list() == ["Qarona"]
    assert len(found.problems) == 1
    assert "given.xlsx: notes: has no column of the layout" in found.problems[0]


def test_only_the_first_broken_cells_are_told_one_by_one(tmp_path: Path) -> None:
    found = read(write_book(tmp_path, licences=table([HEAD, *(["=A1", "DEU"] for _ in range(25))])))
    assert found.unreadable.height == 25
    assert found.problems[-1] == "given.xlsx: 5 cells more"


@pytest.mark.parametrize("content", [{}, {"xl/worksheets/sheet1.xml": "<worksheet><sheetData><row>"}], ids=["nothing", "cut short"])
def test_a_broken_workbook_is_one_clear_line(tmp_path: Path, content: dict[str, str]) -> None:
    path = tmp_path / "broken.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {"[Content_Types].xml": "", "xl/workbook.xml": "", **content}.items():
            archive.writestr(name, text)
    with pytest.raises(UnreadableAnswerError, match=r"broken.xlsx: a workbook that cannot be read .*; save it again") as told:
        read(path)
    assert "\n" not in str(told.value)


def test_a_workbook_without_a_table_is_told(tmp_path: Path) -> None:
    path = write_book(tmp_path, notes=table([["only a heading"]]))
    assert read_workbook_names(path) == []
    with pytest.raises(UnreadableAnswerError, match="without a row of column names"):
        read(path)
