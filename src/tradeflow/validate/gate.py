"""Any table and its contract in; the rows that keep the contract, and the others with the reason for each, out.

No row is lost and none is repaired in silence: rows kept + rows broken = rows in, in the order in which they came. What
the gate does mend is what the contract says it may: a number written as text, and a spelling that the contract's alias
list knows.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from tradeflow.contract import Column, Contract, codes_of
from tradeflow.validate.notation import write_plainly
from tradeflow.validate.reading import read_as_declared
from tradeflow.validate.spelling import fix_spellings

KEY_RULE = "key_is_unique"
REPEAT_RULE = "duplicate_row"
_PLACE = "_place_in_frame"


@dataclass(frozen=True)
class Verdict:
    """What became of a table's rows.

    `kept` has the contract's columns in their declared types (a name that was fixed has its code's type), then the
    columns that passed through. `broken` has the columns that passed through, then `rule`, `is_set_aside` and
    `raw_row`. `counts` has the rows of each broken rule.
    """

    kept: pl.DataFrame
    broken: pl.DataFrame
    counts: dict[str, int]


def hold_to_contract(frame: pl.DataFrame, contract: Contract, *, within: tuple[str, ...] = ()) -> Verdict:
    """Sort rows into those that keep the contract and those that break it or are set aside by it.

    Columns that the contract does not declare pass through untouched; a declared column that is absent counts as empty. Many answers can
    be judged at once: a key is then unique `within` the columns, passed through, that tell them apart.
    """
    absent = {name: dtype for name, dtype in contract.schema.items() if name not in frame.columns}
    arrived = frame.with_columns(_empty(frame.height, dtype).alias(name) for name, dtype in absent.items())
    arrived = write_plainly(arrived.select(contract.column_names), contract)
    typed, breaches = _read_columns(arrived, contract)
    breaches |= _break_columns(typed, contract, breaches)
    breaches |= _break_row_rules(typed, contract, breaches)
    breaches |= _break_uniqueness(typed.hstack(frame.select(within)), contract, breaches, within)
    passed = frame.select(name for name in frame.columns if name not in contract.schema)
    breaches = {rule: breaches[rule] for rule in rules_of(contract) if rule in breaches}
    is_broken = _any_of(list(breaches.values()), frame.height)
    kept = typed.hstack(passed).filter(~is_broken)
    counts = {rule: int(mask.sum()) for rule, mask in breaches.items()}
    return Verdict(kept, _explain_rows(frame, contract, breaches, is_broken), counts)


def hash_keys(frame: pl.DataFrame, contract: Contract) -> pl.Series:
    """Return a number for each row, the same for rows that may have the same key once they are read: rows to judge together.

    Blanks, zeros in front and codes with aliases do not tell keys apart here: `hold_to_contract` does. Null where no part of a key stands.
    """
    names = [name for keys in contract.unique_keys[:1] for name in keys if name in frame.columns and not contract.column(name).codelist]
    if not names:
        return pl.Series("_key", [None] * frame.height, pl.UInt64)
    bare = [pl.col(name).cast(pl.String).str.strip_chars().str.strip_chars_start("0").str.replace(r"\.0+$", "") for name in names]
    hashed = frame.select(bare).hash_rows().alias("_key")
    return hashed.set(frame.select(pl.all_horizontal(pl.col(names).is_null())).to_series(), None)


def kept_schema(contract: Contract) -> pl.Schema:
    """Return the types of the rows that are kept: as declared, but a text column with a code list has its codes' type."""
    types = dict(contract.schema)
    for column in contract.columns:
        if column.codelist is not None and column.dtype == pl.String:
            types[column.name] = codes_of(column.codelist).dtype
    return pl.Schema(types)


def rules_of(contract: Contract) -> list[str]:
    """Return the names of all rules that the gate may say a row broke, in the order in which it says them."""
    checks = ("required", "type", "known_code", "minimum", "maximum", "pattern", "valid_values", "formula")
    by_column = [f"{name}:{check}" for name in contract.column_names for check in checks]
    return [*by_column, *(rule.name for rule in contract.rules), KEY_RULE, REPEAT_RULE]


def _read_columns(arrived: pl.DataFrame, contract: Contract) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    plain = {column.name: column.dtype for column in contract.columns if column.codelist is None}
    typed, unreadable = read_as_declared(arrived, plain)
    breaches = {f"{name}:type": mask for name, mask in unreadable.items()}
    coded = []
    for column in contract.columns:
        if column.codelist is None:
            continue
        raw = arrived[column.name]
        fixed = fix_spellings(raw, column)
        coded.append(fixed.codes)
        for rule, values in (("type", fixed.unreadable), ("known_code", fixed.unknown)):
            if len(values):
                breaches[f"{column.name}:{rule}"] = raw.is_in(values.implode()).fill_null(False)
    return typed.with_columns(coded).select(contract.column_names), breaches


def _column_rules(column: Column) -> Iterator[tuple[str, pl.Expr]]:
    """Yield the rules of one column as expressions that are true where a row breaks them."""
    value = pl.col(column.name)
    if column.minimum is not None:
        yield f"{column.name}:minimum", value < column.minimum
    if column.maximum is not None:
        yield f"{column.name}:maximum", value > column.maximum
    if column.pattern is not None:
        yield f"{column.name}:pattern", ~value.str.contains(column.pattern)
    if column.valid_values:
        yield f"{column.name}:valid_values", ~value.is_in(list(column.valid_values))


def _formula_rules(contract: Contract) -> Iterator[tuple[str, pl.Expr]]:
    """Yield for free text whether a formula stands there, where the contract refuses them."""
    for column in contract.columns:
        is_free_text = column.dtype == pl.String and not (column.codelist or column.pattern or column.valid_values)
        if contract.refuses_formulas and is_free_text:
            yield f"{column.name}:formula", pl.col(column.name).str.starts_with("=")


def _break_columns(typed: pl.DataFrame, contract: Contract, unread: dict[str, pl.Series]) -> dict[str, pl.Series]:
    """Judge each value that could be read; a required one that is there but unreadable is not called missing as well."""
    rules = [rule for column in contract.columns for rule in _column_rules(column)]
    breaches = _true_masks(typed, dict([*rules, *_formula_rules(contract)]))
    for column in contract.columns:
        if column.is_required and typed[column.name].null_count():
            missing = typed[column.name].is_null() & ~_any_of(_masks_of_column(unread, column.name), typed.height)
            if missing.any():
                breaches[f"{column.name}:required"] = missing
    return breaches


def _break_row_rules(typed: pl.DataFrame, contract: Contract, breaches: dict[str, pl.Series]) -> dict[str, pl.Series]:
    """Judge the contract's own rules; null is not true. A row is not judged by a column that it already failed on."""
    expressions = {rule.name: pl.sql_expr(rule.expression) for rule in contract.rules}
    masks = _true_masks(typed, {name: ~expression.fill_null(False) for name, expression in expressions.items()})
    judged = {}
    for name, mask in masks.items():
        judged_by = set(expressions[name].meta.root_names())
        causes = [breach for column in judged_by for breach in _masks_of_column(breaches, column)]
        own = mask & ~_any_of(causes, typed.height)
        if own.any():
            judged[name] = own
    return judged


def _break_uniqueness(
    typed: pl.DataFrame, contract: Contract, breaches: dict[str, pl.Series], within: tuple[str, ...]
) -> dict[str, pl.Series]:
    """Judge the rows that passed everything else: a repeat is set aside, rows that contradict each other all break the key.

    A repeat says the same as an earlier row in the key and in every column that is read.
    """
    found: dict[str, pl.Series] = {}
    for declared in contract.unique_keys:
        keys = (*declared, *within)
        passed = ~_any_of([*breaches.values(), *found.values()], typed.height)
        suspects = _rows_with_shared_key(typed, keys, passed)
        if suspects.is_empty():
            continue
        said = [*(column.name for column in contract.columns if column.ignored is None or column.name in keys), *within]
        first = suspects.select(pl.struct(said).is_first_distinct()).to_series()
        contradicting = suspects.filter(first).filter(pl.struct(keys).is_duplicated())
        for rule, rows in ((REPEAT_RULE, suspects.filter(~first)), (KEY_RULE, contradicting)):
            if rows.height:
                mask = pl.repeat(False, typed.height, eager=True).scatter(rows[_PLACE], True)
                found[rule] = found[rule] | mask if rule in found else mask
    return found


def _rows_with_shared_key(typed: pl.DataFrame, keys: tuple[str, ...], passed: pl.Series) -> pl.DataFrame:
    """Return the passed rows whose key may occur twice, with their place; a hash finds them, their values decide."""
    hashes = typed.select(keys).filter(passed).hash_rows()
    if hashes.n_unique() == len(hashes):
        return typed.clear()
    places = passed.arg_true().filter(hashes.is_duplicated())
    return typed[places].with_columns(places.alias(_PLACE))


def _explain_rows(frame: pl.DataFrame, contract: Contract, breaches: dict[str, pl.Series], is_broken: pl.Series) -> pl.DataFrame:
    """Return the broken rows as the quarantine wants them; their text is taken from the frame as it came."""
    declared = [name for name in contract.column_names if name in frame.columns]
    masks = [mask.alias(rule).filter(is_broken) for rule, mask in breaches.items()]
    setting_aside = {REPEAT_RULE} | {rule.name for rule in contract.rules if rule.is_set_aside}
    reasons = [pl.when(pl.col(rule)).then(pl.lit(rule)) for rule in breaches]
    wrong = [pl.col(rule) for rule in breaches if rule not in setting_aside]
    rows = frame.filter(is_broken).hstack(masks)
    return rows.select(
        pl.exclude(declared + list(breaches)),
        rule=pl.concat_str(pl.lit(None, pl.String), *reasons, separator=";", ignore_nulls=True),
        is_set_aside=~pl.any_horizontal(pl.lit(False), *wrong),
        raw_row=pl.struct(map(_as_it_came, rows.select(declared))).struct.json_encode() if declared else pl.repeat("{}", rows.height),
    )


def _true_masks(typed: pl.DataFrame, rules: dict[str, pl.Expr]) -> dict[str, pl.Series]:
    masks = typed.select(broken.fill_null(False).alias(rule) for rule, broken in rules.items())
    return {mask.name: mask for mask in masks.get_columns() if mask.any()}


def _masks_of_column(breaches: dict[str, pl.Series], column: str) -> list[pl.Series]:
    return [mask for rule, mask in breaches.items() if rule.startswith(f"{column}:")]


def _as_it_came(values: pl.Series) -> pl.Series:
    """JSON has no infinity and no NaN: a column that holds one is written as text."""
    return values.cast(pl.String) if values.dtype.is_float() and not values.is_finite().all() else values


def _empty(height: int, dtype: pl.DataType) -> pl.Series:
    return pl.repeat(None, height, dtype=dtype, eager=True)


def _any_of(masks: list[pl.Series], height: int) -> pl.Series:
    return functools.reduce(operator.or_, masks, pl.repeat(False, height, dtype=pl.Boolean, eager=True))
