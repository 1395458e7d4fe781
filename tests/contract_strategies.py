"""Hypothesis strategies made from a contract: frames that keep it, and frames with one deliberate breach and its name.

What keeps a contract is said here a second time, in plain Python and value by value, so that the gate is tested against
something else than itself. Rules over several columns are met, or broken, by trying small combinations of values.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
from hypothesis import strategies as st

from tradeflow.contract import Column, Contract, codes_of, load_codelist

Row = dict[str, Any]
Fragment = dict[str, Any]

_WORDS = st.text("abcxyzABC éñ0123456789-./", min_size=1, max_size=8).map(str.strip).filter(bool)
_NO_SUCH_CODE = {pl.String: "no such code", pl.Int32: 999_999}
_UNREADABLE = "not readable"


@dataclass(frozen=True)
class Breach:
    """A frame in which the rows at `places` break `rule` and no row breaks anything else."""

    frame: pl.DataFrame
    rule: str
    places: tuple[int, ...]


def valid_frames(contract: Contract, min_rows: int = 0, max_rows: int = 3) -> st.SearchStrategy[pl.DataFrame]:
    """Frames in the declared types of which every row keeps every rule."""
    distinct = tuple(lambda row, keys=keys: tuple(row[key] for key in keys) for keys in contract.unique_keys)
    rows = st.lists(_rows(contract), min_size=min_rows, max_size=max_rows, unique_by=distinct or None)
    return rows.map(lambda drawn: _to_frame(drawn, contract))


def broken_frames(contract: Contract, *, is_typed: bool = False) -> st.SearchStrategy[Breach]:
    """Frames with one deliberate breach; `is_typed` leaves out what a frame in the kept types cannot hold or may repeat."""
    fragments = dict(_breaking_values(contract)) | {
        rule.name: broken for rule in contract.rules if (broken := _breaking_fragments(contract, rule.name))
    }
    others = list(_breakable_keys(contract))
    others += [] if is_typed else [*_type_rules(contract), *(["duplicate_row"] if contract.unique_keys else [])]
    valid = valid_frames(contract, min_rows=1)

    @st.composite
    def draw_breach(draw: st.DrawFn) -> Breach:
        frame = draw(valid)
        place = draw(st.integers(0, frame.height - 1))
        rule = draw(st.sampled_from(sorted([*fragments, *others])))
        if rule in fragments:
            return _overwrite(frame, contract, rule, place, draw(st.sampled_from(fragments[rule])))
        if rule == "duplicate_row":
            return Breach(pl.concat([frame, frame[place]]), rule, (frame.height,))
        if rule == "key_is_unique":
            return _contradict(frame, contract, rule, place)
        return _write_unreadable(frame, rule, place)

    return draw_breach()


def breakable_rules(contract: Contract) -> set[str]:
    """The names of the contract's own rules and keys that `broken_frames` can break."""
    by_row_rule = {rule.name for rule in contract.rules if _breaking_fragments(contract, rule.name)}
    return by_row_rule | set(_breakable_keys(contract))


# --- rows that keep the contract -----------------------------------------------------------------------------------------------


def _rows(contract: Contract) -> st.SearchStrategy[Row]:
    pools = [_keeping_fragments(contract, group) for group in _rule_groups(contract)]
    ruled = {name for pool in pools for name in pool[0]}
    free = st.fixed_dictionaries({column.name: _values(column) for column in contract.columns if column.name not in ruled})
    return st.tuples(free, *map(st.sampled_from, pools)).map(lambda parts: {k: v for part in parts for k, v in part.items()})


def _values(column: Column) -> st.SearchStrategy[Any]:
    value = _present_values(column)
    return value if column.is_required else st.none() | value


def _present_values(column: Column) -> st.SearchStrategy[Any]:
    if column.ignored is not None and column.codelist is None:
        return st.sampled_from([value for value in _plain_values(column) if _keeps(column, value)])
    if column.codelist is not None or column.valid_values:
        return st.sampled_from(_listed_values(column))
    if column.pattern is not None:
        return st.from_regex(column.pattern, fullmatch=True)
    if column.dtype == pl.Float64:
        low, high = column.minimum, column.maximum
        return st.floats(0.0 if low is None else low, 1e12 if high is None else high, allow_subnormal=False)
    if column.dtype.is_integer():
        low, high = column.minimum, column.maximum
        return st.integers(0 if low is None else int(low), 10**6 if high is None else int(high))
    return {pl.Boolean: st.booleans(), pl.Date: st.dates(), pl.String: _WORDS}.get(
        column.dtype.base_type(), st.datetimes(datetime(2101, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
    )


def _listed_values(column: Column) -> list[Any]:
    """The values that a column's list allows; a text column of numeric codes holds the names that stand beside them."""
    if column.codelist is None:
        return list(column.valid_values)
    codes = codes_of(column.codelist)
    if column.dtype == pl.String and codes.dtype != pl.String:
        named = load_codelist(column.codelist.partition(".")[0]).filter(pl.col("area_name").is_unique())
        return named["area_name"].to_list()
    return codes.to_list()


def _keeps(column: Column, value: Any) -> bool:
    if value is None:
        return not column.is_required
    if column.codelist is not None and value not in _listed_values(column):
        return False
    is_listed = not column.valid_values or value in column.valid_values
    is_above = column.minimum is None or value >= column.minimum
    is_below = column.maximum is None or value <= column.maximum
    return is_listed and is_above and is_below and (column.pattern is None or bool(re.search(column.pattern, value)))


# --- combinations that keep or break rules over several columns ----------------------------------------------------------------


def _rule_groups(contract: Contract) -> list[list[str]]:
    """The columns that rules read, put together where rules share them."""
    groups: list[set[str]] = []
    for rule in contract.rules:
        columns = set(pl.sql_expr(rule.expression).meta.root_names())
        joined = columns.union(*(group for group in groups if group & columns))
        groups = [group for group in groups if not group & columns] + [joined]
    return [sorted(group) for group in groups]


def _keeping_fragments(contract: Contract, columns: list[str]) -> list[Fragment]:
    answers = _answer_rules(contract, columns)
    kept = answers.filter(pl.all_horizontal(pl.exclude(columns))).select(columns).to_dicts()
    assert kept, f"{contract.name}: no combination of simple values of {columns} keeps every rule"
    return kept


def _breaking_fragments(contract: Contract, rule: str) -> list[Fragment]:
    """Values that keep every column's own rules and every rule over several columns but this one."""
    group = next(group for group in _rule_groups(contract) if set(_read_columns(contract, rule)) <= set(group))
    answers = _answer_rules(contract, group)
    others = [name for name in answers.columns if name not in (*group, rule)]
    return answers.filter(~pl.col(rule) & pl.all_horizontal(pl.lit(True), *others)).select(group).to_dicts()


def _read_columns(contract: Contract, rule: str) -> list[str]:
    return next(pl.sql_expr(each.expression).meta.root_names() for each in contract.rules if each.name == rule)


def _answer_rules(contract: Contract, columns: list[str]) -> pl.DataFrame:
    rules = [rule for rule in contract.rules if set(_read_columns(contract, rule.name)) <= set(columns)]
    literals = [literal for rule in rules for literal in re.findall(r"'([^']*)'|\b(\d+)\b", rule.expression)]
    choices = [_simple_values(contract.column(name), [text or number for text, number in literals]) for name in columns]
    schema = {name: contract.schema[name] for name in columns}
    combined = pl.DataFrame(list(itertools.product(*choices)), schema=schema, orient="row")
    return combined.with_columns(pl.sql_expr(rule.expression).fill_null(False).alias(rule.name) for rule in rules)


def _simple_values(column: Column, literals: list[str]) -> list[Any]:
    """A few values that keep the column's own rules, among them the literals of the rules that read it."""
    can_be_read = not column.dtype.is_temporal()
    read = pl.Series(literals, dtype=pl.String).cast(column.dtype, strict=False).drop_nulls().to_list() if can_be_read else []
    tried = [None, *read, *column.examples, *_plain_values(column), *column.valid_values]
    tried += _listed_values(column)[:4] if column.codelist is not None else []
    return list(dict.fromkeys(value for value in tried if _keeps(column, value)))


def _plain_values(column: Column) -> list[Any]:
    if column.dtype == pl.Float64 or column.dtype.is_integer():
        low = 0 if column.minimum is None else column.minimum
        convert = float if column.dtype == pl.Float64 else int
        return [convert(low), convert(low + 1), convert(low + 3)]
    return {pl.String: ["zz"], pl.Boolean: [True, False], pl.Date: [date(2020, 2, 29), date(2019, 7, 1)]}.get(
        column.dtype.base_type(), [datetime(2101, 2, 28, tzinfo=UTC), datetime(1900, 1, 1, tzinfo=UTC)]
    )


# --- breaches ------------------------------------------------------------------------------------------------------------------


def _breaking_values(contract: Contract) -> Iterator[tuple[str, list[Fragment]]]:
    """Each rule of a single column, with values that break it and nothing else."""
    for column in contract.columns:
        if column.is_required:
            yield f"{column.name}:required", [{column.name: None}]
        if column.minimum is not None:
            yield f"{column.name}:minimum", [{column.name: type(_plain_values(column)[0])(column.minimum - 1)}]
        if column.maximum is not None:
            yield f"{column.name}:maximum", [{column.name: type(_plain_values(column)[0])(column.maximum + 1)}]
        if column.pattern is not None:
            yield f"{column.name}:pattern", [{column.name: "~"}]
        if column.valid_values:
            yield f"{column.name}:valid_values", [{column.name: _NO_SUCH_CODE[column.dtype.base_type()]}]
        if column.codelist is not None:
            yield f"{column.name}:known_code", [{column.name: _NO_SUCH_CODE[column.dtype.base_type()]}]
        if contract.refuses_formulas and column.dtype == pl.String and _is_free(column):
            yield f"{column.name}:formula", [{column.name: "=A1"}]


def _is_free(column: Column) -> bool:
    return not (column.pattern or column.codelist or column.valid_values)


def _type_rules(contract: Contract) -> Iterator[str]:
    """Columns whose type text can miss; one with other spellings calls it an unknown code instead."""
    for column in contract.columns:
        if column.dtype != pl.String and column.alias is None:
            yield f"{column.name}:type"


def _breakable_keys(contract: Contract) -> Iterator[str]:
    if contract.unique_keys and _changeable(contract):
        yield "key_is_unique"


def _changeable(contract: Contract) -> list[Column]:
    """Columns that are read, are in no key and in no rule, and can hold several plain values."""
    taken = {name for group in [*contract.unique_keys, *_rule_groups(contract)] for name in group}
    free = [column for column in contract.columns if column.name not in taken and column.ignored is None]
    return [column for column in free if sum(_keeps(column, value) for value in _plain_values(column)) > 1]


def _overwrite(frame: pl.DataFrame, contract: Contract, rule: str, place: int, fragment: Fragment) -> Breach:
    rows = frame.to_dicts()
    rows[place] |= fragment
    return Breach(_to_frame(rows, contract), rule, (place,))


def _contradict(frame: pl.DataFrame, contract: Contract, rule: str, place: int) -> Breach:
    row = frame.row(place, named=True)
    column = _changeable(contract)[0]
    other = next(value for value in _plain_values(column) if value != row[column.name] and _keeps(column, value))
    return Breach(_to_frame([*frame.to_dicts(), row | {column.name: other}], contract), rule, (place, frame.height))


def _write_unreadable(frame: pl.DataFrame, rule: str, place: int) -> Breach:
    name = rule.removesuffix(":type")
    text = frame[name].dt.to_string("iso:strict") if frame[name].dtype.is_temporal() else frame[name].cast(pl.String)
    here = pl.int_range(frame.height, eager=True) == place
    return Breach(frame.with_columns(text.set(here, _UNREADABLE).alias(name)), rule, (place,))


def _to_frame(rows: list[Row], contract: Contract) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=contract.schema, orient="row")
