"""Anyone's table of goods descriptions in; the rows that name a watched substance, and whether the code beside them fits, out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradeflow.conform.declared_substance import is_code_of_substance, name_substances, substance_codes
from tradeflow.contract import load_contract
from tradeflow.exceptions import SourceError, UnreadableAnswerError
from tradeflow.own_table.appending import open_table
from tradeflow.own_table.trade_reading import scan_table
from tradeflow.own_table.writing import refuse_name

_BATCH_ROWS = 1_000_000
_DESCRIPTION, _CODE = "description", "commodity_code"
_ADDED = load_contract("own_named_substance").column_names


@dataclass(frozen=True)
class Found:
    """Rows read, rows that name a substance, and of these the rows with a code that is of none of the substances named."""

    rows: int
    naming: int
    misfits: int


def find_in_own_table(path: Path, out: Path) -> Found:
    """Write OUT, whole or not at all; SourceError where IN is missing, has no description or a column that OUT adds."""
    refuse_name(out)
    given = scan_table(path)
    names = _find_columns(path, list(given.collect_schema()))
    counts = Found(0, 0, 0)
    try:
        with open_table(out) as opened:
            for batch in given.with_row_index("row_number", 1).collect_batches(chunk_size=_BATCH_ROWS, engine="streaming"):
                rows = _find_in_rows(batch, names)
                opened.append(rows)
                counts = _count(counts, batch, rows)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableAnswerError(f"{path}: cannot be read: {str(error).strip().splitlines()[0][:200]}") from error
    if not counts.rows:
        raise SourceError(f"{path}: a heading without a row")
    return counts


def _find_columns(path: Path, columns: list[str]) -> dict[str, str]:
    """Return the table's own spelling of description and commodity_code; capitals and blanks around a name do not matter."""
    found: dict[str, str] = {}
    for name in columns:
        ours = name.strip().lower()
        if ours in found:
            raise SourceError(f"{path}: columns {found[ours]!r} and {name!r} are both read as {ours}; leave out one of them")
        if ours in (_DESCRIPTION, _CODE):
            found[ours] = name
    if _DESCRIPTION not in found:
        raise SourceError(f"{path}: no column {_DESCRIPTION}; found {', '.join(columns)}")
    if taken := [name for name in columns if name in _ADDED]:
        raise SourceError(f"{path}: has a column {', '.join(taken)}, which the result adds; rename it")
    return found


def _find_in_rows(batch: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    text = pl.col(names[_DESCRIPTION]).cast(pl.String)
    told = batch.with_columns(text.alias("_text"), _subheading(names.get(_CODE)).alias("_hs6"))
    named = name_substances(told["_text"]).join(substance_codes(), on="substance_code", how="left")
    linked = told.join(named.rename({_DESCRIPTION: "_text"}), on="_text").sort("row_number", "substance_code")
    fitted = linked.with_columns(is_code_of_substance("_hs6"), pl.col("_codes").list.join(" ").alias("substance_hs_codes"))
    return fitted.select(*batch.columns, *(name for name in _ADDED if name not in batch.columns))


def _subheading(column: str | None) -> pl.Expr:
    """The first six digits of a code, a lost leading zero put back; nothing where there is no such code."""
    if column is None:
        return pl.lit(None, pl.String)
    digits = pl.col(column).cast(pl.String).str.replace(r"\.0$", "").str.replace_all(r"[. ]", "")
    whole = pl.when(digits.str.len_chars() % 2 == 1).then("0" + digits).otherwise(digits)
    return pl.when(whole.str.contains(r"^\d{6,12}$")).then(whole.str.head(6))


def _count(before: Found, batch: pl.DataFrame, rows: pl.DataFrame) -> Found:
    by_row = rows.group_by("row_number").agg(pl.col("is_code_of_substance").any(ignore_nulls=False).alias("_fits"))
    misfits = by_row.filter(~pl.col("_fits")).height
    return Found(before.rows + batch.height, before.naming + by_row.height, before.misfits + misfits)
