"""Reading stated needs: CSV and XLSX alike, every cell that cannot be used named."""

from pathlib import Path

import polars as pl
import pytest

from tradeflow.contract import load_contract
from tradeflow.exceptions import SettingsError
from tradeflow.steps.requirements import gather_requirements

WATCHED = pl.DataFrame({"commodity_code": ["291411", "293890"], "substance_code": ["acetone", None], "exposure": ["own", "shared"]})
NOTHING = load_contract("annual_requirement").empty_frame()
GOOD = [
    {"importer_code": "484", "commodity_code": "291411", "requirement_year": "2024", "requirement_kg": "1500.5", "requirement_source": "A"},
    {"importer_code": "76", "commodity_code": "293890", "requirement_year": "2024", "requirement_kg": "0", "requirement_source": "B"},
]


def write(folder: Path, rows: list[dict[str, str]], name: str = "needs.csv") -> Path:
    path = folder / name
    table = pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String))
    table.write_excel(path) if path.suffix == ".xlsx" else table.write_csv(path)
    return path


@pytest.mark.parametrize("name", ["needs.csv", "needs.xlsx"])
def test_good_rows_are_read(tmp_path: Path, name: str) -> None:
    found = gather_requirements(write(tmp_path, GOOD, name), NOTHING, WATCHED)
    assert found.rows() == [(484, "291411", 2024, 1500.5, "A"), (76, "293890", 2024, 0.0, "B")]


def test_areas_and_substances_go_by_their_names(tmp_path: Path) -> None:
    row = GOOD[0] | {"importer_code": "Mexico", "commodity_code": "", "required_substance_code": "acetona"}
    assert gather_requirements(write(tmp_path, [row]), NOTHING, WATCHED).select("importer_code", "commodity_code").rows() == [
        (484, "291411")
    ]


def test_no_file_no_rows() -> None:
    assert gather_requirements(None, NOTHING, WATCHED).is_empty()


def test_a_substance_gets_its_own_code(tmp_path: Path) -> None:
    row = GOOD[0] | {"commodity_code": "", "required_substance_code": "acetone"}
    assert gather_requirements(write(tmp_path, [row]), NOTHING, WATCHED)["commodity_code"].to_list() == ["291411"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"requirement_kg": "much"}, "row 1: requirement_kg: found 'much'; expected a number"),
        ({"requirement_kg": "-1"}, "row 1: requirement_kg: found '-1'; expected at least 0"),
        ({"importer_code": "1"}, "row 1: importer_code: found '1'; expected a code or name of the code list area"),
        ({"requirement_year": ""}, "row 1: requirement_year is empty; it must be filled in"),
        ({"commodity_code": ""}, "row 1: breaks states_code_or_substance: A requirement is for a code or for a substance"),
        ({"required_substance_code": "acetone"}, "row 1: breaks states_code_or_substance"),
    ],
)
def test_every_bad_cell_is_named(tmp_path: Path, changed: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError) as raised:
        gather_requirements(
            write(tmp_path, [GOOD[0] | changed, GOOD[1] | dict.fromkeys(changed.keys() - GOOD[1].keys(), "")]), NOTHING, WATCHED
        )
    assert told in str(raised.value)


def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "no.xlsx").write_text("no workbook")
    cases = {
        tmp_path / "none.csv": "no such file", tmp_path / "no.xlsx": "has no column of the layout source_annual_requirement",
        write(tmp_path, [{"year": "1", "requirement_kg": "2"}], "other.csv"): "no column importer_code",
    }  # fmt: skip
    for path, told in cases.items():
        with pytest.raises(SettingsError, match=told) as raised:
            gather_requirements(path, NOTHING, WATCHED)
        assert "\n" not in str(raised.value)


def test_a_substance_without_a_code_of_its_own_is_refused(tmp_path: Path) -> None:
    row = GOOD[0] | {"commodity_code": "", "required_substance_code": "toluene"}
    with pytest.raises(SettingsError, match="toluene: no HS code"):
        gather_requirements(write(tmp_path, [row]), NOTHING, WATCHED)


def test_a_need_stated_twice_is_refused(tmp_path: Path) -> None:
    again = GOOD[0] | {"commodity_code": "", "required_substance_code": "acetone"}
    with pytest.raises(SettingsError, match="keep one of them"):
        gather_requirements(write(tmp_path, [GOOD[0] | {"required_substance_code": ""}, again]), NOTHING, WATCHED)


def test_recorded_needs_are_used_and_what_cannot_be_used_of_them_is_told(caplog: pytest.LogCaptureFixture) -> None:
    needs = [("291411", None), (None, "acetone"), (None, "toluene"), ("293890", None)]
    rows = [(484, code, substance, 2024, 5.0, "A") for code, substance in needs]
    recorded = pl.concat([NOTHING, pl.DataFrame(rows, NOTHING.schema.names()[4:], orient="row")], how="diagonal_relaxed")
    found = gather_requirements(None, recorded, WATCHED)
    assert found["commodity_code"].to_list() == ["291411", "293890"]
    assert "2 requirements left out" in caplog.text


def test_a_named_file_stands_in_place_of_what_is_recorded(tmp_path: Path) -> None:
    recorded = pl.concat([NOTHING, pl.DataFrame({"importer_code": [4], "commodity_code": ["291411"]})], how="diagonal_relaxed")
    assert gather_requirements(write(tmp_path, GOOD), recorded, WATCHED)["importer_code"].to_list() == [484, 76]
