"""Declared once: the contracts are good contracts, agree with one another, and the code uses no column that nobody declared."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tradeflow import data_dictionary
from tradeflow.contract import (
    Column,
    Contract,
    codes_of,
    contract_names,
    contracts_folder,
    load_codelist,
    load_contract,
    source_layouts,
)
from tradeflow.validate.gate import kept_schema

SOURCE = Path(__file__).parents[1] / "src" / "tradeflow"
CONTRACTS = [load_contract(name) for name in contract_names()]
TABLES = [contract for contract in CONTRACTS if not contract.name.startswith("source_")]
LAYOUTS = [
    *source_layouts(),
    *source_layouts("customs_declaration"),
    *source_layouts("licensed_operator"),
    *source_layouts("pre_export_notification"),
    *source_layouts("precursor_incident"),
    *source_layouts("annual_requirement"),
]

UNIT_ENDINGS = {"USD": "_usd", "kg": "_kg", "USD/kg": "_usd_per_kg"}
UNITS = {*UNIT_ENDINGS, "ratio", "percent", "log", "log2"}
MADE_WITHOUT_UNIT = {"z_kg", "z_usd"}  # standard deviations of an error in kg, in USD
SUPPLIED_BY_THE_PIPELINE = {
    "source", "snapshot_id", "row_number", "retrieved_at", "commodity_level", "commodity_chapter",
}  # fmt: skip
BANNED_NAMES = {"data", "df", "value", "flow", "code", "country", "info", "utils", "helpers", "common", "process", "handle"}
CODES_UNDER_THEIR_OWN_NAME = {"hs_revision"}

every_table = pytest.mark.parametrize("contract", TABLES, ids=lambda contract: contract.name)
every_layout = pytest.mark.parametrize("contract", LAYOUTS, ids=lambda contract: contract.name)


@pytest.mark.usefixtures("socket_disabled")
def test_the_standards_own_linter_accepts_every_contract() -> None:
    from datacontract.data_contract import DataContract

    results = {each.name: DataContract(data_contract_file=str(each.path)).lint() for each in CONTRACTS}

    complaints = {name: [check.reason for check in each.checks] for name, each in results.items() if each.result != "passed"}
    assert complaints == {}
    assert all(each.checks for each in results.values())


def test_a_contract_is_named_like_its_file_and_version() -> None:
    for contract in CONTRACTS:
        assert contract.path is not None
        assert contract.path.name == f"{contract.name}.odcs.yaml"
        assert re.fullmatch(r"\d+\.\d+\.\d+", contract.version)


def test_a_column_of_one_name_has_one_type_unit_and_meaning() -> None:
    said = defaultdict(set)
    # Anyone's own table keeps its own labels: what `period` is there nobody but its owner knows.
    for contract in (each for each in TABLES if not each.name.startswith("own_")):
        for column in contract.columns:
            said[column.name].add((str(column.dtype), column.unit, column.meaning))

    assert {name: meanings for name, meanings in said.items() if len(meanings) > 1} == {}


# --- names ---------------------------------------------------------------------------------------------------------------------


def name_faults(column: Column) -> Iterator[str]:
    ending = UNIT_ENDINGS.get(column.unit or "")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", column.name) or column.name in BANNED_NAMES:
        yield "not a name of ours"
    if column.unit is not None and column.unit not in UNITS:
        yield f"unit {column.unit} is unknown"
    if ending is not None and not column.name.endswith(ending):
        yield f"its unit {column.unit} does not end its name"
    if column.unit is None and column.name.endswith(tuple(UNIT_ENDINGS.values())) and column.name not in MADE_WITHOUT_UNIT:
        yield "its name ends in a unit that it does not declare"
    if (column.dtype == pl.Boolean) != column.name.startswith(("is_", "has_")):
        yield "is_ and has_ belong to true-or-false columns, and to all of them"
    is_code = column.codelist is not None and column.name not in CODES_UNDER_THEIR_OWN_NAME
    if is_code and not column.name.endswith("_code"):
        yield "a code does not end in _code"
    if column.name.endswith("_code") and not (column.codelist or column.valid_values or column.pattern):
        yield "nothing says which codes it may hold"


@every_table
def test_names_follow_the_rules(contract: Contract) -> None:
    faults = {column.name: list(name_faults(column)) for column in contract.columns}

    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize(
    "column",
    [
        Column("data", pl.String(), "."),
        Column("netWgt", pl.Float64(), "."),
        Column("weight", pl.Float64(), ".", unit="kg"),
        Column("weight_kg", pl.Float64(), "."),
        Column("estimated", pl.Boolean(), "."),
        Column("is_late", pl.Int32(), "."),
        Column("reporter", pl.Int32(), ".", codelist="area.area_code"),
        Column("port_code", pl.String(), "."),
        Column("height", pl.Float64(), ".", unit="furlong"),
    ],
    ids=lambda column: column.name,
)
def test_a_name_against_the_rules_is_seen(column: Column) -> None:
    assert len(list(name_faults(column))) == 1


# --- rules and lists -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_rules_keys_and_lists_name_what_exists(contract: Contract) -> None:
    columns = set(contract.column_names)
    assert len(columns) == len(contract.columns)
    for keys in contract.unique_keys:
        assert set(keys) <= columns
    for expression in [*(rule.expression for rule in contract.rules), *contract.derive.values()]:
        assert set(pl.sql_expr(expression).meta.root_names()) <= columns
    for column in contract.columns:
        assert column.pattern is None or re.compile(column.pattern)
        if column.codelist is not None:
            assert codes_of(column.codelist).null_count() == 0
            assert codes_of(column.codelist).is_unique().all()
        if column.alias is not None:
            name, _, spelling = column.alias.partition(".")
            assert (spelling or "alias") in load_codelist(name).columns


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_a_columns_rules_fit_its_type(contract: Contract) -> None:
    for column in contract.columns:
        if column.minimum is not None or column.maximum is not None:
            assert column.dtype.is_numeric(), column.name
        if column.pattern is not None:
            assert column.dtype == pl.String, column.name
        assert {type(value) for value in column.valid_values} <= {str if column.dtype == pl.String else int}, column.name


# --- layouts of sources --------------------------------------------------------------------------------------------------------


@every_layout
def test_every_column_of_a_source_is_mapped_or_ignored_by_name(contract: Contract) -> None:
    undecided = [column.name for column in contract.columns if (column.maps_to is None) == (column.ignored is None)]

    assert undecided == []


@every_layout
def test_a_mapping_leads_to_a_column_of_the_same_type_and_unit(contract: Contract) -> None:
    target = load_contract(str(contract.conforms_to))
    made = dict(derived_types(contract))
    for column in contract.columns:
        if column.maps_to is not None:
            assert made[column.maps_to] == target.schema[column.maps_to], column.name
            assert column.unit == target.column(column.maps_to).unit, column.name
    mapped = [column.maps_to for column in contract.columns if column.maps_to is not None] + list(contract.derive)
    assert len(mapped) == len(set(mapped))


def derived_types(contract: Contract) -> Iterator[tuple[str, pl.DataType]]:
    """What each mapped column becomes once its spellings are fixed and its transformation has run."""
    kept = pl.DataFrame(schema=kept_schema(contract))
    for column in contract.columns:
        if column.maps_to is not None:
            transformed = pl.sql_expr(column.transform) if column.transform else pl.col(column.name)
            yield column.maps_to, kept.select(transformed.alias("made")).schema["made"]


@every_layout
def test_every_required_column_of_the_target_has_an_origin(contract: Contract) -> None:
    target = load_contract(str(contract.conforms_to))
    required = {column.name for column in target.columns if column.is_required}
    mapped = {column.maps_to for column in contract.columns}

    assert required - mapped - set(contract.derive) - SUPPLIED_BY_THE_PIPELINE == set()
    assert set(contract.derive) <= set(target.column_names)


# --- columns in the code -------------------------------------------------------------------------------------------------------


def declared_names() -> set[str]:
    in_contracts = {name for contract in CONTRACTS for name in [*contract.column_names, *contract.derive]}
    lists = (contracts_folder() / "codelists").glob("*.csv")
    return in_contracts | {name for path in lists for name in load_codelist(path.stem).columns}


def texts(node: ast.AST) -> Iterator[ast.Constant]:
    """Whole texts: a name that is put together when the code runs cannot be read here."""
    pieces = {id(piece) for each in ast.walk(node) if isinstance(each, ast.JoinedStr) for piece in each.values}
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and id(each) not in pieces:
            yield each


def undeclared_columns(modules: list[str]) -> set[str]:
    """Names that `pl.col` reads in a stage, that no contract declares and that the stage itself makes nowhere.

    A stage may make a column for its own use: its name begins with an underscore, or it stands in the stage as a keyword or
    as a text outside `pl.col`.
    """
    read: set[str] = set()
    made: set[str] = set()
    for tree in map(ast.parse, modules):
        reads = [argument for call in ast.walk(tree) if is_column_read(call) for argument in [*call.args]]
        read_nodes = {id(text): text.value for argument in reads for text in texts(argument)}
        read |= set(read_nodes.values())
        made |= {text.value for text in texts(tree) if id(text) not in read_nodes}
        made |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
    return {name for name in read - declared_names() - made if not name.startswith("_")}


def is_column_read(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "col"


@pytest.mark.parametrize("stage", sorted({path.relative_to(SOURCE).parts[0] for path in SOURCE.rglob("*.py")}))
def test_the_code_reads_no_column_that_nobody_declared(stage: str) -> None:
    paths = (SOURCE / stage).rglob("*.py") if (SOURCE / stage).is_dir() else [SOURCE / stage]

    assert undeclared_columns([path.read_text(encoding="utf-8") for path in paths]) == set()


def test_a_misspelt_column_is_seen() -> None:
    assert undeclared_columns(['pl.col("net_weight_kgs") / pl.col("primary_value_usd")']) == {"net_weight_kgs"}
    assert undeclared_columns(['frame.with_columns(_rank=1).filter(pl.col("_rank") > 0)']) == set()


# --- the page ------------------------------------------------------------------------------------------------------------------


def test_the_data_dictionary_says_what_the_contracts_say() -> None:
    message = "write it anew: python -m tradeflow.data_dictionary"

    assert data_dictionary.PAGE.read_text(encoding="utf-8") == data_dictionary.write_page(), message


def test_the_data_dictionary_has_every_column_of_every_contract() -> None:
    sections = data_dictionary.PAGE.read_text(encoding="utf-8").split("\n### ")
    by_name = {section.partition("\n")[0]: section for section in sections[1:]}

    assert set(by_name) == set(contract_names())
    for contract in CONTRACTS:
        assert [name for name in contract.column_names if f"| `{name}` |" not in by_name[contract.name]] == []
