"""Anyone's table of reported trade in; numbered rows batch by batch, and the rows that cannot be used with the reason for each, out."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.exceptions import SourceError, UnreadableAnswerError
from tradeflow.own_table.partition import KeySpace
from tradeflow.pull.decoding import decode_head, decode_text, is_wide

BATCH_ROWS = 1_000_000
_HEAD_BYTES, _PART_BYTES = 65_536, 1 << 20
_FLOWS = ["X", "M"]
_CONTAINED = ["RX", "RM"]
_AMOUNTS = ["value_usd", "net_weight_kg"]
_LABELS = ["reporter", "partner", "commodity"]
_WORLD = ["world", "wld", "w00"]
"""What UN Comtrade calls the sum of all partners, in words and in its two lists of codes; 0 where areas are numbers."""


@dataclass(frozen=True)
class TradeTable:
    """A table that has been looked at: where it lies, its rows as given under our names, and its labels in order."""

    path: Path
    rows: pl.LazyFrame
    areas: pl.Series
    commodities: pl.Series
    commodity_rows: pl.Series
    periods: pl.Series
    """Empty where the table has no column `period`."""
    row_count: int

    @property
    def world_labels(self) -> list[str]:
        """The labels that stand for all areas together: never a side of a pair."""
        are_numbers = self.areas.str.contains(r"^\d+$").all()
        is_world = self.areas.str.to_lowercase().is_in(_WORLD) | (are_numbers & (self.areas.str.strip_chars_start("0") == ""))
        return self.areas.filter(is_world).to_list()


def open_trade_table(path: Path) -> TradeTable:
    """Look at a CSV or Parquet table; SourceError where it is missing, cannot be read, or lacks a column or every row."""
    rows = _name_columns(path, scan_table(path))
    try:
        counts, areas, periods, flows = _look(rows)
        if not all(map(_are_plain, (counts["commodity"].drop_nulls(), areas, periods, flows))) or (flows != flows.str.to_uppercase()).any():
            rows = _trim(rows)
            counts, areas, periods, flows = _look(rows)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableAnswerError(f"{path}: cannot be read: {_first_line(error)}") from error
    if not counts["len"].sum():
        raise SourceError(f"{path}: a heading without a row")
    known = counts.drop_nulls("commodity")
    return TradeTable(path, rows, areas, known["commodity"], known["len"].cast(pl.Int64), periods, int(counts["len"].sum()))


def _look(rows: pl.LazyFrame) -> tuple[pl.DataFrame, pl.Series, pl.Series, pl.Series]:
    """Return the rows of each commodity, and the labels of areas, of periods and of flows."""
    labels = rows.select(pl.col(*_LABELS, "period", "flow_code").cast(pl.String))
    counts = labels.group_by("commodity").len().collect(engine="streaming").sort("commodity")
    areas = pl.concat([labels.select(pl.col(name).alias("area")).unique() for name in ("reporter", "partner")])
    each = (areas, labels.select("period"), labels.select("flow_code"))
    return counts, *(label.unique().drop_nulls().collect(engine="streaming").to_series().sort() for label in each)  # type: ignore[return-value]


def _trim(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Take the blanks around labels off, and write flows in capitals; a label of blanks alone is none."""
    plain = [pl.col(name).cast(pl.String).str.strip_chars() for name in (*_LABELS, "period")]
    flow = pl.col("flow_code").cast(pl.String).str.strip_chars().str.to_uppercase()
    return rows.with_columns(pl.when(label != "").then(label) for label in (*plain, flow))


def _are_plain(labels: pl.Series) -> bool:
    return not (labels.str.contains(r"^\s|\s$") | (labels == "")).any()


def scan_table(path: Path) -> pl.LazyFrame:
    """Open a CSV (all text) or a Parquet file; SourceError where it is missing, has another name or cannot be read."""
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    try:
        if path.suffix.lower() == ".parquet":
            scanned = pl.scan_parquet(path)
        elif path.suffix.lower() == ".csv":
            scanned = pl.scan_csv(_as_utf8(path), infer_schema=False, encoding="utf8-lossy", separator=_separator(path))
        else:
            raise SourceError(f"{path}: a table is read from .csv or .parquet; this name ends in {path.suffix or 'nothing'}")
        scanned.collect_schema()
    except pl.exceptions.NoDataError as error:
        raise UnreadableAnswerError(f"{path}: empty: there is not even a heading") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableAnswerError(f"{path}: cannot be read: {_first_line(error)}") from error
    return scanned


def _as_utf8(path: Path) -> Path | bytes:
    """Return the file, or its text as UTF-8 where it is written otherwise: what a spreadsheet saves is often Windows-1252 or UTF-16."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        is_utf8 = not is_wide(file.read(_HEAD_BYTES))
        file.seek(0)
        try:
            while is_utf8 and (part := file.read(_PART_BYTES)):
                decoder.decode(part)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    return path if is_utf8 else decode_text(path.read_bytes(), ["utf-8", "cp1252"]).utf8


def _separator(path: Path) -> str:
    """A spreadsheet of half the world writes semicolons; the heading tells."""
    with path.open("rb") as file:
        heading = decode_head(file.read(_HEAD_BYTES)).partition("\n")[0]
    return max([",", ";", "\t"], key=heading.count)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def _name_columns(path: Path, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Put the columns under the contract's names; capitals and blanks around a name do not matter."""
    schema = rows.collect_schema()
    contract = load_contract("own_trade")
    plain: dict[str, str] = {}
    for name in schema:
        ours = name.strip().lower()
        if ours in plain and ours in contract.column_names:
            raise SourceError(f"{path}: columns {plain[ours]!r} and {name!r} are both read as {ours}; leave out one of them")
        plain.setdefault(ours, name)
    lacking = [name for name in contract.column_names if name not in plain and name not in ("net_weight_kg", "period")]
    if lacking:
        raise SourceError(f"{path}: no column {', '.join(lacking)}; found {', '.join(schema)}; needed are {_needed()}")
    optional = [pl.lit(None, pl.String).alias(name) for name in ("net_weight_kg", "period") if name not in plain]
    given = [pl.col(plain[name]).alias(name) for name in contract.column_names if name in plain]
    for name in _AMOUNTS:
        if name in plain and not (schema[plain[name]].is_numeric() or schema[plain[name]] in (pl.String, pl.Null)):
            raise SourceError(f"{path}: {name} is of type {schema[plain[name]]}; expected a number")
    return rows.select(*given, *optional)


def _needed() -> str:
    return ", ".join(name for name in load_contract("own_trade").column_names if name not in ("net_weight_kg", "period"))


def read_batches(table: TradeTable, space: KeySpace) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield (usable rows, set-aside rows) batch by batch.

    Usable: row_number, key (twice the number of the pair in `space`, by places in the table's sorted labels, and 1 more of an export),
    commodity (its place), value_usd, net_weight_kg (NaN where it is missing).
    Set aside: row_number, reason, and the row as it was given.
    """
    areas, commodities, periods = pl.Enum(table.areas), pl.Enum(table.commodities), pl.Enum(table.periods)
    numbered, world = table.rows.with_row_index("row_number", 1), table.world_labels
    try:
        for batch in numbered.collect_batches(chunk_size=BATCH_ROWS, engine="streaming"):
            yield _sort_out(batch, areas, commodities, periods, world, space)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableAnswerError(f"{table.path}: cannot be read: {_first_line(error)}") from error


def _sort_out(
    batch: pl.DataFrame, areas: pl.Enum, commodities: pl.Enum, periods: pl.Enum, world: list[str], space: KeySpace
) -> tuple[pl.DataFrame, pl.DataFrame]:
    value, weight = (pl.col(name).cast(pl.Float64, strict=False) for name in _AMOUNTS)
    typed = batch.with_columns(
        pl.col("flow_code").cast(pl.String).alias("_flow"),
        pl.col("reporter", "partner").cast(pl.String).cast(areas),
        pl.col("commodity").cast(pl.String).cast(commodities),
        pl.col("period").cast(pl.String).cast(periods),
        value.alias("_value"),
        weight.alias("_weight"),
    )
    is_good = (
        pl.col("_flow").is_in(_FLOWS)
        & (pl.col("reporter") != pl.col("partner"))
        & pl.col("commodity").is_not_null()
        & pl.col("_value").is_finite()
        & (pl.col("_value") >= 0)
        & ((pl.col("_weight").is_finite() & (pl.col("_weight") >= 0)) | pl.col("net_weight_kg").is_null())
    )
    if world:
        is_good = is_good & ~pl.any_horizontal(pl.col("reporter", "partner").is_in(world))
    if len(periods.categories):
        is_good = is_good & pl.col("period").is_not_null()
    is_good = is_good.fill_null(value=False)
    marked = typed.with_columns(is_good.alias("_is_good"))
    if marked["_is_good"].all():
        return _numbered(marked, space), batch.clear().with_columns(pl.lit("").alias("reason"))
    bad = marked.filter(~pl.col("_is_good")).select("row_number", _reason(bool(len(periods.categories)), world).alias("reason"))
    given = batch.select("row_number", pl.exclude("row_number").cast(pl.String))
    return _numbered(marked.filter("_is_good"), space), bad.join(given, on="row_number", how="left", maintain_order="left")


def _numbered(rows: pl.DataFrame, space: KeySpace) -> pl.DataFrame:
    is_export = pl.col("_flow") == "X"
    reporter, partner, commodity, period = (pl.col(name).to_physical() for name in (*_LABELS, "period"))
    exporter, importer = pl.when(is_export).then(reporter).otherwise(partner), pl.when(is_export).then(partner).otherwise(reporter)
    return rows.select(
        "row_number",
        (space.pack(commodity, exporter, importer, period.fill_null(0)) * 2 + is_export.cast(pl.Int64)).alias("key"),
        commodity.alias("commodity"),
        pl.col("_value").alias("value_usd"),
        pl.col("_weight").fill_null(float("nan")).alias("net_weight_kg"),
    )


def _reason(has_period: bool, world: list[str]) -> pl.Expr:
    """The first thing that is wrong with a row."""
    flow = pl.col("_flow")
    faults = [
        (flow.is_null(), "flow_code is missing"),
        (flow.is_in(_CONTAINED), "re-exports and re-imports are contained in X and M: not paired"),
        (~flow.is_in(_FLOWS), "flow_code is none of M, X, RM, RX"),
        *[(pl.col(name).is_null(), f"{name} is missing") for name in [*_LABELS, *(["period"] if has_period else [])]],
        (pl.col("reporter") == pl.col("partner"), "reporter and partner are the same"),
        (pl.any_horizontal(pl.col("reporter", "partner").is_in(world)), "World is the sum of all partners: not paired"),
        (pl.col("value_usd").is_null(), "value_usd is missing"),
    ]
    for name, typed in (("value_usd", pl.col("_value")), ("net_weight_kg", pl.col("_weight"))):
        faults += [
            (pl.col(name).is_not_null() & typed.is_null(), f"{name} is no number"),
            (~typed.is_finite(), f"{name} is not finite"),
            (typed < 0, f"{name} is negative"),
        ]
    return pl.coalesce(*[pl.when(is_wrong).then(pl.lit(told)) for is_wrong, told in faults], pl.lit("cannot be used"))
