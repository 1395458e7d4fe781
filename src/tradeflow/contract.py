"""Declared once: the columns, rules and code lists of every table, read from `data_contracts/`.

A contract is an Open Data Contract Standard v3.1 file. This module turns it into frozen Python objects; the polars schema, the row rules,
the Great Expectations suite, the Hypothesis strategies and the data dictionary are all made from these objects.

What the standard has no field for stands in `customProperties`:

- of a column: `unit`; `codelist` ("area.area_code": the value must stand there); `alias` ("area_alias" or
  "substance_name.name": other spellings and their fix); `mapsTo` (the column of the target that a source's column becomes) or `ignored`
  (why it is not read);
- of a table: `derive` (columns of the target that the source does not name, as SQL expressions); `conformsTo` (the target); `encodings`;
  `hasHeading` (false: columns are told by their place); `decimalMark` ("," where numbers are written 1.234,5); `refusesFormulas` (true for
  what people fill in: text that begins with "=" is a formula that was saved in place of its value. In what others declare it stays text).

`transformLogic` of a source's column is a SQL expression over the source's own columns, evaluated by polars before the mapping.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from tradeflow.exceptions import ContractError

_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C, where PyYAML was built with it, takes a sixth of the time."""
_POLARS_TYPES: dict[tuple[str, str], pl.DataType] = {
    ("string", "VARCHAR"): pl.String(),
    ("integer", "INTEGER"): pl.Int32(),
    ("integer", "BIGINT"): pl.Int64(),
    ("number", "DOUBLE"): pl.Float64(),
    ("boolean", "BOOLEAN"): pl.Boolean(),
    ("date", "DATE"): pl.Date(),
    ("timestamp", "TIMESTAMP"): pl.Datetime("us", "UTC"),
}


@dataclass(frozen=True)
class Column:
    """One column as its contract declares it."""

    name: str
    dtype: pl.DataType
    meaning: str
    is_required: bool = False
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    valid_values: tuple[str | int, ...] = ()
    codelist: str | None = None
    alias: str | None = None
    maps_to: str | None = None
    ignored: str | None = None
    transform: str | None = None
    date_format: str | None = None
    examples: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A row rule over several columns: the SQL expression that a good row makes true.

    `is_set_aside` rows are not wrong: the project does not use them (a component that its total already holds), and they are counted apart.
    """

    name: str
    expression: str
    meaning: str
    is_set_aside: bool = False


@dataclass(frozen=True)
class Contract:
    """What one table or one source's layout must look like."""

    name: str
    version: str
    meaning: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    conforms_to: str | None = None
    derive: dict[str, str] = field(default_factory=dict)
    encodings: tuple[str, ...] = ("utf-8",)
    has_heading: bool = True
    decimal_mark: str = "."
    refuses_formulas: bool = False
    path: Path | None = None

    @property
    def schema(self) -> pl.Schema:
        """Column names and polars types, in the order of the contract."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    @property
    def column_names(self) -> list[str]:
        """The names alone, in the order of the contract."""
        return [column.name for column in self.columns]

    def column(self, name: str) -> Column:
        """Return one column; ContractError where the contract does not declare it."""
        for column in self.columns:
            if column.name == name:
                return column
        raise ContractError(f"contract {self.name!r} declares no column {name!r}; it has {', '.join(self.column_names)}")

    def empty_frame(self) -> pl.DataFrame:
        """Return a frame of no rows in this contract's schema."""
        return pl.DataFrame(schema=self.schema)


def contracts_folder() -> Path:
    """Return where the contract files lie: inside an installed package, else beside `src/` in a checkout."""
    installed = Path(__file__).parent / "_data_contracts"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "data_contracts"


def contract_names() -> list[str]:
    """Return the names of all contracts, sorted; a source's layout begins with `source_`."""
    return sorted(path.name.removesuffix(".odcs.yaml") for path in contracts_folder().glob("*.odcs.yaml"))


def source_layouts(target: str = "trade_flow") -> list[Contract]:
    """Return the contracts of all source layouts that conform to a table, by name."""
    contracts = [load_contract(name) for name in contract_names() if name.startswith("source_")]
    return [contract for contract in contracts if contract.conforms_to == target]


@functools.cache
def load_contract(name: str) -> Contract:
    """Read one contract by name; ContractError where there is none or it cannot be read."""
    path = contracts_folder() / f"{name}.odcs.yaml"
    if not path.is_file():
        raise ContractError(f"no contract named {name!r}; known are {', '.join(contract_names())}")
    return read_contract(path)


def read_contract(path: Path) -> Contract:
    """Read a contract file; ContractError with the file and the field where it breaks the form."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_YAML_LOADER)  # noqa: S506
        table = document["schema"][0]
        custom = _custom_properties(table)
        return Contract(
            name=document["id"],
            version=document["version"],
            meaning=_one_line(table["description"]),
            columns=_read_columns(table["properties"]),
            rules=tuple(_read_rule(each) for each in table.get("quality", ()) if each.get("type") == "custom"),
            unique_keys=tuple(
                tuple(each["arguments"]["properties"]) for each in table.get("quality", ()) if each.get("metric") == "duplicateValues"
            ),
            conforms_to=custom.get("conformsTo"),
            derive=custom.get("derive", {}),
            encodings=tuple(custom.get("encodings", ("utf-8",))),
            has_heading=custom.get("hasHeading", True),
            decimal_mark=custom.get("decimalMark", "."),
            refuses_formulas=custom.get("refusesFormulas", False),
            path=path,
        )
    except yaml.YAMLError as error:
        raise ContractError(f"{path}: not YAML: {_one_line(str(error))}") from error
    except ContractError as error:
        raise ContractError(f"{path}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: cannot be read: {error}") from error
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ContractError(f"{path}: not a contract of the form that tradeflow reads: missing or wrong {error}") from error


@functools.cache
def load_codelist(name: str) -> pl.DataFrame:
    """Read `data_contracts/codelists/<name>.csv`: `*_code` of areas, units and flows typed by the contracts, the rest as text."""
    path = contracts_folder() / "codelists" / f"{name}.csv"
    if not path.is_file():
        raise ContractError(f"no code list named {name!r} in {path.parent}")
    integers = dict.fromkeys(["area_code", "quantity_unit_code", "base_unit_code", "chile_area_code", "chile_unit_code"], pl.Int32)
    numbers = dict.fromkeys(
        ["latitude", "longitude", "kg_per_unit", "base_unit_factor", "density_kg_per_litre", "density_log_sigma", "weight"], pl.Float64
    )
    with path.open(encoding="utf-8") as file:
        header = file.readline().strip().split(",")
    booleans = {column: pl.Boolean for column in header if column.startswith(("is_", "has_", "reports_"))}
    types = {column: (integers | numbers | booleans).get(column, pl.String) for column in header}
    return pl.read_csv(path, schema_overrides=types)


def codes_of(codelist: str) -> pl.Series:
    """Return the column that a contract's `codelist` names as "list.column"."""
    name, _, column = codelist.partition(".")
    codes = load_codelist(name)
    if column not in codes.columns:
        raise ContractError(f"code list {name!r} has no column {column!r}; it has {', '.join(codes.columns)}")
    return codes[column]


def _read_columns(properties: list[dict[str, Any]]) -> tuple[Column, ...]:
    columns: list[Column] = []
    for number, document in enumerate(properties, 1):
        name = document.get("name", f"number {number}")
        if name in (column.name for column in columns):
            raise ContractError(f"column {name!r} is declared twice")
        try:
            columns.append(_read_column(document))
        except (KeyError, TypeError, AttributeError) as error:
            raise ContractError(f"column {name!r}: missing or wrong {error}") from error
    return tuple(columns)


def _read_column(document: dict[str, Any]) -> Column:
    custom = _custom_properties(document)
    options = document.get("logicalTypeOptions", {})
    logical, physical = document["logicalType"], document["physicalType"]
    if (logical, physical) not in _POLARS_TYPES:
        raise ContractError(f"column {document['name']!r}: type {logical} {physical} is none of {_known_types()}")
    return Column(
        name=document["name"],
        dtype=_POLARS_TYPES[logical, physical],
        meaning=_one_line(document["description"]),
        is_required=document.get("required", False),
        unit=custom.get("unit"),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        pattern=options.get("pattern"),
        valid_values=tuple(_valid_values(document.get("quality", ()))),
        codelist=custom.get("codelist"),
        alias=custom.get("alias"),
        maps_to=custom.get("mapsTo"),
        ignored=custom.get("ignored"),
        transform=document.get("transformLogic"),
        date_format=options.get("format"),
        examples=tuple(document.get("examples", ())),
    )


def _known_types() -> str:
    return ", ".join(f"{logical} {physical}" for logical, physical in _POLARS_TYPES)


def _valid_values(quality: list[dict[str, Any]]) -> list[str | int]:
    return [value for each in quality if each.get("metric") == "invalidValues" for value in each["arguments"]["validValues"]]


def _read_rule(document: dict[str, Any]) -> Rule:
    return Rule(
        name=document["name"],
        expression=_one_line(document["implementation"]),
        meaning=_one_line(document["description"]),
        is_set_aside=document.get("severity") == "info",
    )


def _custom_properties(document: dict[str, Any]) -> dict[str, Any]:
    return {each["property"]: each["value"] for each in document.get("customProperties", ())}


def _one_line(text: str) -> str:
    return " ".join(text.split())
