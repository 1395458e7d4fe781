"""What passed the gate and its contract in; a Great Expectations certificate out: results as JSON and pages to read.

The gate decides row by row; the certificate is the second opinion that is kept with a run. The suite is made from the same
contract by Great Expectations' own words, so that a row which came round the gate is refused here. A rule over several columns
is SQL, which Great Expectations cannot run on pandas: polars evaluates it and the certificate expects every answer to be true.

Nothing leaves the machine: no analytics, no progress bars, and the pages carry no script, picture or style from elsewhere.
"""

from __future__ import annotations

import json
import math
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tradeflow.contract import Column, Contract, codes_of
from tradeflow.validate import data_docs
from tradeflow.validate.gate import kept_schema

LARGEST_PARTITION = 5_000_000
"""Rows that are given to pandas at once; at about 250 bytes a row that is a bit over a gigabyte."""

_TYPE_WORDS = {pl.String: "str", pl.Boolean: "bool", pl.Float64: "float", pl.Date: "date", pl.Datetime: "Timestamp"}


@dataclass(frozen=True)
class Certificate:
    """Whether every partition met every expectation; `failures` has one line for each that was not met."""

    is_passed: bool
    partitions: int
    expectations_evaluated: int
    failures: tuple[str, ...]
    docs_path: Path


def certify(frame: pl.DataFrame, contract: Contract, folder: Path, *, partition_by: str | None) -> Certificate:
    """Hold each partition to the contract's suite and write `certificate.json`, a JSON and a page each, and `index.html`.

    Columns that the contract does not declare are not looked at. A partition above LARGEST_PARTITION rows is cut by its key,
    so that rows of one key are judged together.
    """
    folder.mkdir(parents=True, exist_ok=True)
    batches, suite = _prepare(contract)
    outcomes = []
    for name, rows in _partitions(frame, contract, partition_by):
        result = _validate(batches, suite, _with_row_rules(rows, contract))
        data_docs.write_result_page(result, contract, name, folder)
        _write_json(folder / f"{data_docs.file_stem(name)}.json", result.to_json_dict())
        outcomes.append(_sum_up(name, rows.height, result))
    certificate = Certificate(
        is_passed=all(outcome["is_passed"] for outcome in outcomes),
        partitions=len(outcomes),
        expectations_evaluated=sum(outcome["expectations"] for outcome in outcomes),
        failures=tuple(f"{contract.name} {failure}" for outcome in outcomes for failure in outcome["failures"]),
        docs_path=data_docs.write_index(contract, outcomes, suite, folder),
    )
    summary = {"contract": contract.name, "version": contract.version, "is_passed": certificate.is_passed}
    _write_json(folder / "certificate.json", summary | {"partition_by": partition_by, "partitions": outcomes})
    return certificate


def expectations_of(contract: Contract) -> list[Any]:
    """Return the contract's expectations, in the order of its columns, then its rules and keys."""
    gxe = _import_great_expectations().expectations
    per_column = [each for column in contract.columns for each in _expect_column(gxe, column, kept_schema(contract))]
    row_rules = [gxe.ExpectColumnValuesToBeInSet(column=rule.name, value_set=[True]) for rule in contract.rules]
    return [
        gxe.ExpectTableColumnsToMatchSet(column_set=contract.column_names, exact_match=False),
        *per_column,
        *row_rules,
        *(_expect_unique(gxe, keys) for keys in contract.unique_keys),
    ]


def _expect_column(gxe: Any, column: Column, schema: pl.Schema) -> Iterator[Any]:
    name = column.name
    yield gxe.ExpectColumnValuesToBeOfType(column=name, type_=_type_word(schema[name]))
    if column.is_required:
        yield gxe.ExpectColumnValuesToNotBeNull(column=name)
    if column.minimum is not None or column.maximum is not None:
        yield gxe.ExpectColumnValuesToBeBetween(column=name, min_value=column.minimum, max_value=column.maximum)
    if column.pattern is not None:
        yield gxe.ExpectColumnValuesToMatchRegex(column=name, regex=column.pattern)
    if column.valid_values:
        yield gxe.ExpectColumnValuesToBeInSet(column=name, value_set=list(column.valid_values))
    if column.codelist is not None:
        yield gxe.ExpectColumnValuesToBeInSet(column=name, value_set=codes_of(column.codelist).to_list())


def _expect_unique(gxe: Any, keys: tuple[str, ...]) -> Any:
    if len(keys) == 1:
        return gxe.ExpectColumnValuesToBeUnique(column=keys[0])
    return gxe.ExpectCompoundColumnsToBeUnique(column_list=list(keys), ignore_row_if="never")


def _type_word(dtype: pl.DataType) -> str:
    """Return the Python type by which Great Expectations knows an Arrow column: it cannot tell 32 bits from 64."""
    return "int" if dtype.is_integer() else _TYPE_WORDS[dtype.base_type()]


def _import_great_expectations() -> Any:
    """Import the library where it is used: it takes seconds, and it warns about its own use of the standard library."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations
        import great_expectations.expectations
    return great_expectations


def _prepare(contract: Contract) -> tuple[Any, Any]:
    gx = _import_great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("tradeflow").add_dataframe_asset(contract.name)
    suite = gx.ExpectationSuite(name=contract.name, expectations=expectations_of(contract))
    return asset.add_batch_definition_whole_dataframe("partition"), suite


def _validate(batches: Any, suite: Any, rows: pl.DataFrame) -> Any:
    batch = batches.get_batch({"dataframe": _to_pandas(rows)})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This pattern is interpreted as a regular expression", UserWarning)
        result = batch.validate(suite, result_format="SUMMARY")
    for each in result.results:
        each.result = _json_safe(each.result)  # the library's own pages stumble over pandas' NA
    return result


def _to_pandas(rows: pl.DataFrame) -> Any:
    """Return Arrow columns, but numpy's numbers and times where these say the same: on Arrow's some checks go row by row."""
    widened = rows.with_columns(pl.selectors.integer().cast(pl.Int64))
    frame = widened.to_pandas(use_pyarrow_extension_array=True)
    for column in widened.select(pl.selectors.numeric()).get_columns():
        is_same = not column.is_nan().any() if column.dtype.is_float() else column.null_count() == 0
        if is_same:
            frame[column.name] = column.to_numpy()
    for column in widened.select(pl.selectors.datetime()).get_columns():
        frame[column.name] = column.to_pandas()
    return frame


def _partitions(frame: pl.DataFrame, contract: Contract, partition_by: str | None) -> Iterator[tuple[str, pl.DataFrame]]:
    declared = frame.select(name for name in contract.column_names if name in frame.columns)
    if partition_by is None or frame.is_empty():
        yield from _cut("all", declared, contract)
        return
    for value in declared[partition_by].unique().sort():
        chosen = declared.filter(pl.col(partition_by).eq_missing(pl.lit(value)))
        yield from _cut("none" if value is None else str(value), chosen, contract)


def _cut(name: str, rows: pl.DataFrame, contract: Contract) -> Iterator[tuple[str, pl.DataFrame]]:
    pieces = math.ceil(rows.height / LARGEST_PARTITION)
    if pieces <= 1:
        yield name, rows
        return
    keys = [key for keys in contract.unique_keys[:1] for key in keys] or rows.columns
    piece = rows.select(keys).hash_rows() % pieces
    for number in range(pieces):
        yield f"{name} part {number + 1} of {pieces}", rows.filter(piece == number)


def _with_row_rules(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Add each rule's answer as a column; where a column that it reads is absent the answer is no."""
    answers = []
    for rule in contract.rules:
        expression = pl.sql_expr(rule.expression)
        can_be_asked = set(expression.meta.root_names()) <= set(rows.columns)
        answers.append((expression.fill_null(False) if can_be_asked else pl.lit(False)).alias(rule.name))
    return rows.with_columns(answers)


def _sum_up(name: str, rows: int, result: Any) -> dict[str, Any]:
    failures = [f"{name}: {failure}" for failure in map(_failure, result.results) if failure]
    return {
        "partition": name,
        "rows": rows,
        "is_passed": bool(result.success) and not failures,
        "expectations": len(result.results),
        "failures": failures,
    }


def _failure(result: Any) -> str | None:
    """Return one line where an expectation was not met or could not be judged: an exception looks like a failure too."""
    config = result.expectation_config
    expectation = f"{_subject(config.kwargs)} {config.type}"
    raised = _raised(result.exception_info or {})
    if raised:
        return f"{expectation} could not be judged: {raised}"
    if result.success:
        return None
    found = result.result
    if "unexpected_count" not in found:
        return f"{expectation}: found {found.get('observed_value')}"
    examples = ", ".join(str(value) for value in found.get("partial_unexpected_list", [])[:3])
    return f"{expectation}: {found['unexpected_count']} of {found['element_count']} rows, such as {examples}"


def _subject(kwargs: dict[str, Any]) -> str:
    return str(kwargs.get("column") or " + ".join(kwargs.get("column_list", ["table"])))


def _raised(exception_info: dict[str, Any]) -> str:
    """Return the message of what was raised: the library nests it by metric when a metric failed."""
    infos = [exception_info] if "raised_exception" in exception_info else list(exception_info.values())
    messages = [str(info.get("exception_message")) for info in infos if info.get("raised_exception")]
    return re.sub(r"\s+", " ", messages[0]) if messages else ""


def _write_json(path: Path, document: dict[str, Any]) -> None:
    text = json.dumps(_json_safe(document), indent=1, ensure_ascii=False, allow_nan=False)
    unfinished = path.with_name(f".unfinished-{path.name}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)  # whoever reads the certificate sees the whole of it or none


def _json_safe(value: Any) -> Any:
    """Turn numpy's and pandas' scalars, NaN and infinity into what JSON has words for."""
    if isinstance(value, dict):
        return {str(key): _json_safe(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | np.ndarray):
        return [_json_safe(each) for each in value]
    if isinstance(value, np.generic):
        return _json_safe(value.item())
    if type(value).__name__ == "NAType" or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
