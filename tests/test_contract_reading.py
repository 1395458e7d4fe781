"""A contract file that breaks the form is refused with the file and the field, and what is read is what is written."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from tradeflow.contract import Column, Rule, codes_of, load_codelist, load_contract, read_contract, source_layouts
from tradeflow.exceptions import ContractError

PARCEL = """
id: parcel
version: 1.2.3
schema:
- description: |
    One row is
      one parcel.
  properties:
  - {name: weight_kg, logicalType: number, physicalType: DOUBLE, description: Weight., required: true,
     logicalTypeOptions: {minimum: 0, maximum: 30}, transformLogic: weight_kg * 1,
     customProperties: [{property: unit, value: kg}, {property: mapsTo, value: net_weight_kg}]}
  - {name: speed, logicalType: string, physicalType: VARCHAR, description: How fast.,
     quality: [{metric: invalidValues, arguments: {validValues: [slow, fast]}}]}
  quality:
  - {metric: duplicateValues, arguments: {properties: [weight_kg, speed]}}
  - {type: custom, name: fast_is_light, implementation: "weight_kg < 5   OR speed = 'slow'", description: Light.}
  - {type: custom, name: sample, implementation: weight_kg > 0, description: No sample., severity: info}
  customProperties: [{property: conformsTo, value: trade_flow}, {property: derive, value: {freq_code: "'M'"}}]
"""


def document() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(PARCEL)
    return read


def write(folder: Path, content: object) -> Path:
    path = folder / "parcel.odcs.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, document())

    contract = read_contract(path)

    assert (contract.name, contract.version, contract.meaning, contract.path) == ("parcel", "1.2.3", "One row is one parcel.", path)
    assert contract.columns == (
        Column(
            "weight_kg", pl.Float64(), "Weight.", is_required=True, unit="kg", minimum=0, maximum=30,
            maps_to="net_weight_kg", transform="weight_kg * 1",
        ),
        Column("speed", pl.String(), "How fast.", valid_values=("slow", "fast")),
    )  # fmt: skip
    assert contract.rules == (
        Rule("fast_is_light", "weight_kg < 5 OR speed = 'slow'", "Light."),
        Rule("sample", "weight_kg > 0", "No sample.", is_set_aside=True),
    )
    assert contract.unique_keys == (("weight_kg", "speed"),)
    assert (contract.conforms_to, contract.derive, contract.encodings) == ("trade_flow", {"freq_code": "'M'"}, ("utf-8",))
    assert contract.empty_frame().schema == {"weight_kg": pl.Float64, "speed": pl.String}
    assert contract.column("speed") is contract.columns[1]
    with pytest.raises(ContractError, match="contract 'parcel' declares no column 'colour'; it has weight_kg, speed"):
        contract.column("colour")


def break_column(**change: object) -> dict[str, Any]:
    broken = document()
    broken["schema"][0]["properties"][1] |= change
    return broken


def leave_out(*path: str | int) -> dict[str, Any]:
    broken = document()
    inner: Any = broken
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return broken


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("schema: [", "not YAML: while parsing a flow node"),
        ("", "missing or wrong 'NoneType'"),
        ("just text", "missing or wrong string indices"),
        (leave_out("id"), "missing or wrong 'id'"),
        (leave_out("schema"), "missing or wrong 'schema'"),
        (leave_out("schema", 0), "missing or wrong list index out of range"),
        (leave_out("schema", 0, "properties"), "missing or wrong 'properties'"),
        ({**document(), "schema": [{"description": None}]}, "missing or wrong 'NoneType'"),
        (leave_out("schema", 0, "quality", 1, "implementation"), "missing or wrong 'implementation'"),
        (leave_out("schema", 0, "properties", 1, "description"), "column 'speed': missing or wrong 'description'"),
        (leave_out("schema", 0, "properties", 1, "name"), "column 'number 2': missing or wrong 'name'"),
        (break_column(description=None), "column 'speed': missing or wrong 'NoneType'"),
        (break_column(logicalTypeOptions=None), "column 'speed': missing or wrong 'NoneType'"),
        (break_column(physicalType="TEXT"), "column 'speed': type string TEXT is none of string VARCHAR, integer INTEGER, "),
        (break_column(name="weight_kg"), "column 'weight_kg' is declared twice"),
    ],
)
def test_a_broken_file_is_told_with_the_file_and_the_field(tmp_path: Path, content: object, told: str) -> None:
    path = write(tmp_path, content)

    with pytest.raises(ContractError) as error:
        read_contract(path)

    assert str(error.value).startswith(f"{path}: ")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_not_utf8_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="nowhere.odcs.yaml: cannot be read: .*No such file"):
        read_contract(tmp_path / "nowhere.odcs.yaml")
    (tmp_path / "latin.odcs.yaml").write_bytes("id: café".encode("latin-1"))
    with pytest.raises(ContractError, match="latin.odcs.yaml: cannot be read: 'utf-8' codec"):
        read_contract(tmp_path / "latin.odcs.yaml")


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(ContractError, match="no contract named 'trade_flows'; known are .*trade_flow"):
        load_contract("trade_flows")
    with pytest.raises(ContractError, match="no code list named 'areas' in "):
        load_codelist("areas")
    with pytest.raises(ContractError, match="code list 'area' has no column 'colour'; it has area_code, iso2"):
        codes_of("area.colour")


def test_layouts_are_the_sources_of_trade_flow_alone() -> None:
    names = [layout.name for layout in source_layouts()]

    assert "source_comtrade_api" in names
    assert "source_comtrade_availability" not in names
    assert names == sorted(names)


def test_codes_keep_their_leading_zeros_and_areas_are_numbers() -> None:
    assert load_codelist("hs_concordance").select("from_code", "to_code", "weight").dtypes == [pl.String, pl.String, pl.Float64]
    assert codes_of("area.area_code").dtype == pl.Int32
    # Namibia's two letters are the text NA, which is also how many files write a missing value.
    assert load_codelist("area").filter(pl.col("area_code") == 516)["iso2"].to_list() == ["NA"]
