"""Anyone's table of monthly series in; usable rows, the rows that are set aside with the reason for each, and notes out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradeflow.broken_rows import count_rows
from tradeflow.contract import load_contract
from tradeflow.exceptions import SourceError, UnreadableAnswerError
from tradeflow.own_table.trade_reading import scan_table

REQUIRED = ("series_id", "period", "net_weight_kg")
MONTH = ["series_id", "period"]
"""What names a row: one series in one month."""
_MONTH = r"^(\d{4})[-/.]?M?(0[1-9]|1[0-2])([-/.]?\d{2}([T ].*)?)?$"
_YEAR = r"^\d{4}(\.0)?$"
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_MISSING = ["", "na", "n/a", "nan", "null", "none"]


@dataclass(frozen=True)
class OwnSeries:
    """`rows`: series_id, period (YYYYMM), net_weight_kg (empty where missing) and, where given, group; one row per series and month.

    A month whose rows are all set aside stands in `rows` as missing. `set_aside`: row_number, reason and the row as given.
    `notes`: one line for each thing that a reader should know.
    """

    rows: pl.DataFrame
    set_aside: pl.DataFrame
    notes: tuple[str, ...]


def read_series(path: Path) -> OwnSeries:
    """Read one CSV or Parquet table; SourceError where a column is missing or none of its rows can be used."""
    scanned = scan_table(path)
    named, ignored = _name_columns(path, scanned)
    try:
        given = named.with_row_index("row_number", 1).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableAnswerError(f"{path}: cannot be read: {str(error).strip().splitlines()[0][:200]}") from error
    if given.is_empty():
        raise SourceError(f"{path}: a heading without a row")
    weights = _with_decimal_points(given["net_weight_kg"])
    typed = (
        given.with_columns(weights.alias("net_weight_kg"))
        .with_columns(_weight(), series_id=_text("series_id"), period=_period())
        .with_columns(reason=_fault(given))
    )
    judged = _refuse_contradictions(typed)
    usable = judged.filter(pl.col("reason").is_null())
    if usable.is_empty():
        raise SourceError(f"{path}: none of its {given.height:,} rows can be used: {_commonest(judged['reason'])}")
    bad = judged.filter(pl.col("reason").is_not_null()).select("row_number", "reason")
    told = given.with_columns(pl.exclude("row_number").cast(pl.String))
    set_aside = bad.join(told, on="row_number", how="left", maintain_order="left")
    notes = [f"columns that are not used: {', '.join(ignored)}"] if ignored else []
    if not weights.equals(given["net_weight_kg"]):
        notes.append("net_weight_kg is read with decimal commas")
    if repeated := usable.height - usable.n_unique(MONTH):
        notes.append(f"{count_rows(repeated)} repeating another row of the same series and month, left out")
    rows = _one_row_a_month(judged)
    if mixed := _count_mixed(rows):
        notes.append(f"{mixed:,} series stand in more than one group; the first one counts")
    return OwnSeries(rows, set_aside, tuple(f"{path}: {note}" for note in notes))


def _one_row_a_month(judged: pl.DataFrame) -> pl.DataFrame:
    """Return one row per series and month; a month whose weight cannot be used stays, without a weight."""
    is_refused = pl.col("reason").is_not_null()
    named = judged.drop_nulls(MONTH).with_columns(net_weight_kg=pl.when(~is_refused).then("net_weight_kg"))
    return named.sort(is_refused, maintain_order=True).unique(MONTH, keep="first", maintain_order=True).drop("row_number", "reason")


def _count_mixed(rows: pl.DataFrame) -> int:
    if "group" not in rows.columns:
        return 0
    return rows.group_by("series_id").agg(pl.col("group").drop_nulls().n_unique()).filter(pl.col("group") > 1).height


def _refuse_contradictions(typed: pl.DataFrame) -> pl.DataFrame:
    """Give a reason to the usable rows of a month that has several weights; the month is then missing."""
    usable = typed.filter(pl.col("reason").is_null())
    weights = usable.unique([*MONTH, "net_weight_kg"]).select(MONTH)
    contradicted = (
        weights.filter(weights.is_duplicated()).unique().with_columns(_twice=pl.lit("the month has another row with another weight"))
    )
    told = typed.join(contradicted, on=MONTH, how="left", maintain_order="left")
    return told.with_columns(reason=pl.coalesce("reason", "_twice")).drop("_twice")


def _name_columns(path: Path, scanned: pl.LazyFrame) -> tuple[pl.LazyFrame, list[str]]:
    """Put the columns under the contract's names; capitals and blanks around a name do not matter. Also returns those not used."""
    wanted = load_contract("own_series").column_names
    found: dict[str, str] = {}
    names = list(scanned.collect_schema())
    for name in names:
        ours = name.strip().lower()
        if ours in wanted and ours in found:
            raise SourceError(f"{path}: columns {found[ours]!r} and {name!r} are both read as {ours}; leave out one of them")
        if ours in wanted:
            found[ours] = name
    if lacking := [name for name in REQUIRED if name not in found]:
        raise SourceError(f"{path}: no column {', '.join(lacking)}; found {', '.join(names)}; needed are {', '.join(REQUIRED)}")
    used = [name for name in wanted if name in found]
    return scanned.select(pl.col(found[name]).alias(name) for name in used), [name for name in names if name not in found.values()]


def _text(name: str) -> pl.Expr:
    stripped = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _period() -> pl.Expr:
    text = pl.col("period").cast(pl.String).str.strip_chars().str.replace(r"\.0$", "")
    year, month = (text.str.extract(_MONTH, part).cast(pl.Int32) for part in (1, 2))
    return pl.when(year.is_between(_FIRST_YEAR, _LAST_YEAR)).then(year * 100 + month)


def _with_decimal_points(weights: pl.Series) -> pl.Series:
    """Put points for decimal commas: where no number has a point, and there is a comma that cannot part thousands."""
    if weights.dtype != pl.String:
        return weights
    has_point, has_many = weights.str.contains(r"\d\.\d").any(), weights.str.contains(r",.*,").any()
    is_decimal = weights.str.contains(r"^\s*-?\d+,(\d{1,2}|\d{4,})\s*$").any()
    return weights.str.replace(",", ".", literal=True) if is_decimal and not (has_point or has_many) else weights


def _weight() -> pl.Expr:
    return pl.col("net_weight_kg").cast(pl.Float64, strict=False).fill_nan(None)


def _fault(given: pl.DataFrame) -> pl.Expr:
    """Return why a typed row cannot be used, empty where it can."""
    text = given["net_weight_kg"].cast(pl.String).str.strip_chars().str.to_lowercase()
    is_missing = text.is_null() | text.is_in(_MISSING)
    period = given["period"].cast(pl.String).str.strip_chars()
    weight = pl.col("net_weight_kg")
    return (
        pl.when(pl.col("series_id").is_null())
        .then(pl.lit("no series_id"))
        .when(pl.col("period").is_null() & pl.lit(period.str.contains(_YEAR)))
        .then(pl.lit("period is a year; only months are judged"))
        .when(pl.col("period").is_null())
        .then(pl.lit("period is not a month: YYYYMM, YYYY-MM or a date"))
        .when(weight.is_null() & ~pl.lit(is_missing))
        .then(pl.lit("net_weight_kg is not a number: written 1234.5, without a mark between thousands"))
        .when(weight.is_infinite())
        .then(pl.lit("net_weight_kg is not finite"))
        .when(weight < 0)
        .then(pl.lit("net_weight_kg is negative"))
    )


def _commonest(reasons: pl.Series) -> str:
    counts = reasons.drop_nulls().value_counts(sort=True).head(3)
    return "; ".join(f"{reason} ({rows:,} rows)" for reason, rows in counts.iter_rows())
