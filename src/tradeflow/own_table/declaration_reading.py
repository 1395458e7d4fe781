"""Anyone's table of declarations in; its rows under our names, the rows that could not be used, and the table's own names, out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from tradeflow.contract import Contract, load_codelist, load_contract
from tradeflow.exceptions import SourceError, UnreadableAnswerError
from tradeflow.pull.answers import read_answer
from tradeflow.pull.layouts import read_column_names
from tradeflow.validate.gate import hold_to_contract

TABLE = "inspected_declaration"
REQUIRED = ["declaration_id", "declaration_date"]


@dataclass(frozen=True)
class OwnDeclarations:
    """`rows` under the names of contract `inspected_declaration`, only the columns that the table has; `spelling` gives the table's own.

    `set_aside`: row_number, rule, raw_row of the rows that are not used. `notes`: one line each on what was ignored or mended.
    """

    rows: pl.DataFrame
    spelling: dict[str, str]
    set_aside: pl.DataFrame
    notes: tuple[str, ...]


def read_declarations(path: Path, *, needs_outcome: bool) -> OwnDeclarations:
    """Read one CSV, Parquet or JSON table; SourceError where its columns or none of its rows can be used."""
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    found = read_column_names(path)
    spelling = spell_columns(path, found)
    required = [*REQUIRED, "is_fraud"] if needs_outcome else REQUIRED
    _refuse_missing(path, found, spelling, required)
    contract = _in_its_spelling(load_contract(TABLE), spelling)
    answer = read_answer(path, contract)
    arrived, mended = _mend_texts(answer.frame, spelling)
    if not needs_outcome and "is_fraud" in spelling:
        arrived = arrived.with_columns(_outcome_if_readable(spelling["is_fraud"]))
    verdict = hold_to_contract(arrived, contract)
    rows = verdict.kept.select("row_number", *(pl.col(own).alias(ours) for ours, own in spelling.items()))
    unreadable = answer.unreadable.rename({"reason": "rule"}).select("row_number", "rule", "raw_row")
    set_aside = pl.concat([unreadable, verdict.broken.select("row_number", "rule", "raw_row")], how="vertical_relaxed").sort("row_number")
    if rows.is_empty():
        raise SourceError(f"{path}: {_tell_nothing(arrived.height, verdict.counts)}")
    ignored = [name for name in found if name not in spelling.values()]
    notes = [*answer.problems, *mended, *([f"columns that are not used: {', '.join(ignored)}"] if ignored else [])]
    return OwnDeclarations(rows.drop("row_number"), spelling, set_aside, tuple(f"{path}: {note}" for note in notes))


def spell_columns(path: Path, found: Sequence[str]) -> dict[str, str]:
    """Return the table's name of each of our columns that it has, in the contract's order; SourceError where two mean the same.

    A name is known from our own contract or from code list `declaration_alias`; case, blanks
    and punctuation do not matter.
    """
    meanings = _known_names()
    claims: dict[str, list[str]] = defaultdict(list)
    for name in found:
        if meant := meanings.get(_plain(name)):
            claims[meant].append(name)
    for ours, names in claims.items():
        if len(names) > 1:
            raise SourceError(f"{path}: columns {' and '.join(map(repr, names))} are both read as {ours}; rename or leave out one of them")
    return {ours: claims[ours][0] for ours in load_contract(TABLE).column_names if ours in claims}


def _known_names() -> dict[str, str]:
    names = {_plain(name): name for name in load_contract(TABLE).column_names}
    return names | dict(load_codelist("declaration_alias").select("alias", "column_name").iter_rows())


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _refuse_missing(path: Path, found: Sequence[str], spelling: dict[str, str], required: Sequence[str]) -> None:
    missing = [name for name in required if name not in spelling]
    described = [name for name in spelling if name not in (*REQUIRED, "is_fraud", "inspection_ground")]
    if not found:
        raise UnreadableAnswerError(f"{path}: holds no column and no row")
    if missing:
        wanted = "; ".join(f"{name} ({load_contract(TABLE).column(name).meaning.rstrip('.')})" for name in missing)
        raise SourceError(f"{path}: no column can be read as {wanted}; found {', '.join(found)}; name the column so")
    if not described:
        raise SourceError(f"{path}: no column says anything about the goods or the companies; found {', '.join(found)}")


def _in_its_spelling(contract: Contract, spelling: dict[str, str]) -> Contract:
    """Return the contract under the table's own names, so that what is wrong is told in them."""
    columns = tuple(replace(column, name=spelling[column.name]) for column in contract.columns if column.name in spelling)
    keys = tuple(tuple(spelling[name] for name in key) for key in contract.unique_keys)
    return replace(contract, columns=columns, unique_keys=keys)


def _mend_texts(arrived: pl.DataFrame, spelling: dict[str, str]) -> tuple[pl.DataFrame, list[str]]:
    """Put back lost zeros of HS codes, shorten national codes to six digits, drop what stands behind a day; say how often."""
    notes: list[str] = []
    if "hs6_code" in spelling:
        arrived, notes = _mend_codes(arrived, spelling["hs6_code"])
    day = spelling["declaration_date"]
    if arrived.schema[day] in (pl.String, pl.Int64, pl.Int32):
        written = pl.col(day).cast(pl.String).str.strip_chars()
        arrived = arrived.with_columns(written.str.replace(r"^(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})([T ].*)?$", "$1-$2-$3").alias(day))
    return arrived, notes


def _mend_codes(arrived: pl.DataFrame, name: str) -> tuple[pl.DataFrame, list[str]]:
    own = pl.col(name).cast(pl.String).str.strip_chars()
    digits = own.str.replace(r"\.0$", "").str.replace_all(r"[. ]", "")
    length = digits.str.len_chars()
    is_code = digits.str.contains(r"^\d{5,10}$")
    lost_zero = is_code & (length % 2 == 1)
    whole = pl.when(lost_zero).then(pl.concat_str(pl.lit("0"), digits)).otherwise(digits)
    short, long = arrived.select(lost_zero.sum().alias("short"), (is_code & (length > 6)).sum().alias("long")).row(0)
    notes = [f"{name}: {short:,} codes had lost a leading zero, which was put back"] if short else []
    notes += [f"{name}: of {long:,} codes of more than six digits the first six are read"] if long else []
    return arrived.with_columns(pl.when(is_code).then(whole.str.head(6)).otherwise(own).alias(name)), notes


def _outcome_if_readable(name: str) -> pl.Expr:
    """A row to score is scored whatever stands in the place of its outcome."""
    written = pl.col(name).cast(pl.String).str.strip_chars().str.to_lowercase()
    return pl.when(written.is_in(["0", "1", "0.0", "1.0", "false", "true"])).then(written).alias(name)


def _tell_nothing(rows: int, counts: dict[str, int]) -> str:
    if not rows:
        return "a heading without a row"
    most = sorted(counts.items(), key=lambda each: -each[1])[:3]
    told = "; ".join(f"{rule} ({broken:,} rows)" for rule, broken in most)
    return f"none of its {rows:,} rows can be used: {told}; a day is YYYY-MM-DD, an outcome 1 or 0, an HS code six digits"
