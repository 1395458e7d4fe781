"""The contracts in; the page that says what every table's columns mean out: `python -m tradeflow.data_dictionary` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from tradeflow.contract import Column, Contract, contract_names, contracts_folder, load_codelist, load_contract

PAGE = Path(__file__).parents[2] / "docs" / "data_dictionary.md"

_TYPE_WORDS = {
    pl.String: "text", pl.Int32: "integer", pl.Int64: "integer (64 bits)", pl.Float64: "number",
    pl.Boolean: "true or false", pl.Date: "date", pl.Datetime: "time, UTC",
}  # fmt: skip


def write_page() -> str:
    """Return the whole page as Markdown."""
    contracts = [load_contract(name) for name in contract_names()]
    tables = [contract for contract in contracts if not contract.name.startswith("source_")]
    sources = [contract for contract in contracts if contract.name.startswith("source_")]
    lines = [
        "# Data dictionary",
        "",
        "Written from `data_contracts/` by `python -m tradeflow.data_dictionary`; change the contracts, not this page.",
        "A column of one name has one type, one unit and one meaning in every table.",
        "",
        "## Tables",
        *(line for contract in tables for line in _write_contract(contract)),
        "",
        "## Layouts of the sources",
        "",
        "A column goes to the column of `trade_flow` or `customs_declaration` that is named, or it is not read, and the reason is given.",
        *(line for contract in sources for line in _write_contract(contract)),
        "",
        "## Code lists",
        "",
        *_write_codelists(),
    ]
    return "\n".join(lines) + "\n"


def _write_contract(contract: Contract) -> Iterator[str]:
    yield from ("", f"### {contract.name}", "", f"{contract.meaning} Version {contract.version}.", "")
    is_layout = contract.conforms_to is not None
    yield from _table(["column", "type", "unit", "required", "meaning", "rules", *(["goes to"] if is_layout else [])])
    for column in contract.columns:
        yield _row([*_describe(column), *([_destination(column)] if is_layout else [])])
    yield from _write_rules(contract)


def _describe(column: Column) -> list[str]:
    return [
        f"`{column.name}`",
        _TYPE_WORDS[column.dtype.base_type()],
        column.unit or "",
        "yes" if column.is_required else "",
        column.meaning,
        "; ".join(_column_rules(column)),
    ]


def _column_rules(column: Column) -> Iterator[str]:
    if column.minimum is not None:
        yield f"at least {_number(column.minimum)}"
    if column.maximum is not None:
        yield f"at most {_number(column.maximum)}"
    if column.pattern is not None:
        yield f"matches `{column.pattern}`"
    if column.valid_values:
        yield "one of " + ", ".join(f"`{value}`" for value in column.valid_values)
    if column.codelist is not None:
        yield f"a code of `{column.codelist}`"
    if column.alias is not None:
        yield f"other spellings: `{column.alias}`"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _destination(column: Column) -> str:
    if column.maps_to is None:
        return f"not read: {column.ignored}"
    return f"`{column.maps_to}`" + (f" as `{column.transform}`" if column.transform else "")


def _write_rules(contract: Contract) -> Iterator[str]:
    keys = [f"- No two rows share {', '.join(f'`{name}`' for name in keys)}." for keys in contract.unique_keys]
    rules = [
        f"- `{rule.name}`: {rule.meaning}{' Such rows are set aside.' if rule.is_set_aside else ''} `{rule.expression}`"
        for rule in contract.rules
    ]
    derived = [f"- `{name}` is derived: `{' '.join(expression.split())}`" for name, expression in contract.derive.items()]
    if keys or rules or derived:
        yield from ("", *keys, *rules, *derived)


def _write_codelists() -> Iterator[str]:
    yield from _table(["list", "rows", "columns"])
    for path in sorted((contracts_folder() / "codelists").glob("*.csv")):
        codes = load_codelist(path.stem)
        yield _row([f"`{path.stem}`", str(codes.height), ", ".join(f"`{name}`" for name in codes.columns)])


def _table(headings: list[str]) -> list[str]:
    return [_row(headings), _row(["---"] * len(headings))]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(write_page(), encoding="utf-8")
