"""A release of any size for benches: the small one of the tests, tiled, with companies drawn at random; kept as Parquet."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tests.release_world import make_release
from tradeflow.contract import Contract, load_codelist, load_contract
from tradeflow.serving_database import SERVING
from tradeflow.telling.tables import ReleaseTables

_COMPANY_TABLES = ("entity", "entity_name", "company_profile", "company_month", "company_link", "company_item", "company_signal")
WORDS = [
    "norte",
    "sur",
    "andina",
    "quimica",
    "global",
    "trading",
    "export",
    "industrias",
    "labor",
    "delta",
    "agro",
    "farma",
    "pinturas",
    "lima",
]


def make_large_release(signals: int, companies: int) -> tuple[ReleaseTables, dict[str, Any]]:
    """Return a release of so many signals and companies: the small release of the tests, tiled; companies drawn at random."""
    tables, manifest = make_release(60)
    copies = -(-signals // tables.signal.height)
    tiled = {name: _tile(getattr(tables, name), copies) for name in ("signal", "signal_feature", "signal_evidence")}
    chance = np.random.default_rng(1)
    sizes = {
        "entity": 1,
        "entity_name": 2,
        "company_profile": 1,
        "company_month": 6,
        "company_link": 3,
        "company_item": 5,
        "company_signal": 0.2,
    }
    drawn = {name: _draw(load_contract(name), int(companies * sizes[name]), companies, chance) for name in _COMPANY_TABLES}
    kept = {table: getattr(tables, table) for table in tables.__dataclass_fields__}
    return ReleaseTables(**(kept | tiled | drawn)), manifest


def find_shape() -> str:
    """Return a mark of the columns that the serving tables have now: what was kept for others is made anew."""
    columns = {table.name: table.c.keys() for table in SERVING.sorted_tables}
    return hashlib.sha256(json.dumps(columns, sort_keys=True).encode()).hexdigest()[:8]


def keep_release(keep: Path, signals: int, companies: int) -> Path:
    """Make the release once, as one Parquet file per table; return where."""
    folder = keep / f"release-{find_shape()}"
    if not (folder / "manifest.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        tables, manifest = make_large_release(signals, companies)
        for table in tables.__dataclass_fields__:
            getattr(tables, table).write_parquet(folder / f"{table}.parquet")
        (folder / "manifest.json").write_text(json.dumps(manifest, default=str))
    return folder


def read_release(folder: Path) -> tuple[ReleaseTables, dict[str, Any]]:
    """Read the release that was kept."""
    tables = {table: pl.read_parquet(folder / f"{table}.parquet") for table in ReleaseTables.__dataclass_fields__}
    return ReleaseTables(**tables), json.loads((folder / "manifest.json").read_text())


def _tile(frame: pl.DataFrame, copies: int) -> pl.DataFrame:
    marks = pl.DataFrame({"_copy": pl.arange(0, copies, eager=True)})
    tiled = frame.join(marks, how="cross")
    ids = [name for name in ("signal_id", "lead_id") if name in frame.columns]
    tiled = tiled.with_columns((pl.format("{}", pl.col("_copy")).str.zfill(6) + pl.col(name).str.slice(6)).alias(name) for name in ids)
    if "lead_rank" in frame.columns:
        tiled = tiled.with_columns(pl.col("lead_rank") + pl.col("_copy").cast(pl.Int32) * int(frame["lead_rank"].max() or 0))  # type: ignore[call-overload]
        tiled = tiled.with_columns(_elsewhere(pl.col(name)).alias(name) for name in ("importer_code", "exporter_code"))
    return tiled.select(frame.columns).sort("lead_rank" if "lead_rank" in frame.columns else "signal_id")


def _elsewhere(code: pl.Expr) -> pl.Expr:
    """Move every second copy of a lead to another country, so that there are as many to choose from as there are."""
    areas = load_codelist("area").filter(pl.col("area_class") == "country")["area_code"].cast(pl.Int32)
    drawn = pl.lit(areas).gather((pl.col("_copy") + code) % areas.len())
    return pl.when((code == 0) | (pl.col("_copy") % 2 == 0)).then(code).otherwise(drawn)


def _draw(contract: Contract, rows: int, companies: int, chance: np.random.Generator) -> pl.DataFrame:
    """Return rows of a table about companies: keys distinct, values of the declared kind, nothing a real one would be judged by."""
    number = np.arange(rows)
    columns = {column.name: _draw_column(column.name, column, number, companies, chance) for column in contract.columns}
    return pl.DataFrame(columns).cast(contract.schema).unique(contract.unique_keys[0], maintain_order=True)  # type: ignore[arg-type]


def _draw_column(name: str, column: Any, number: np.ndarray, companies: int, chance: np.random.Generator) -> Any:
    rows = len(number)
    if name == "merged_into_id":
        return [None] * rows
    if name in ("entity_id", "left_entity_id"):
        return _ids(number % companies)
    if name.endswith("entity_id"):
        # Most companies buy, a third sell, one in a hundred clears for others: a walk upstream soon ends, as it does in trade.
        lowest, highest = {"exporter_entity_id": (0.66, 0.99), "broker_entity_id": (0.99, 1.0)}.get(name, (0.0, 0.66))
        return _ids(chance.integers(int(lowest * companies), int(highest * companies), rows))
    if name in ("signal_id", "lead_id", "party_id", "snapshot_id", "declaration_id"):
        return [f"{each:016x}" for each in number]
    if name in ("entity_name", "party_name"):
        words = chance.choice(WORDS, (rows, 3))
        return [f"{a} {b} {c} {each} sa" for (a, b, c), each in zip(words, number, strict=True)]
    if name == "substance_code":
        return chance.choice(load_codelist("substance")["substance_code"].unique().to_numpy(), rows)
    if column.valid_values:
        return chance.choice(np.array(column.valid_values), rows)
    return _draw_kind(name, column.dtype, number, chance)


def _draw_kind(name: str, dtype: pl.DataType, number: np.ndarray, chance: np.random.Generator) -> Any:
    rows = len(number)
    if "period" in name:
        return 202000 + 100 * chance.integers(0, 5, rows) + chance.integers(1, 13, rows)
    if name == "lead_rank":
        return number + 1
    kinds: dict[pl.DataType, Any] = {
        pl.Float64(): chance.lognormal(5, 2, rows),
        pl.Boolean(): chance.random(rows) < 0.5,
        pl.Date(): [date(2024, 1, 1)] * rows,
        pl.Datetime("us", "UTC"): [datetime(2024, 1, 1, tzinfo=UTC)] * rows,
        pl.String(): [f"{name[:8]} {each % 1000}" for each in number],
    }
    return kinds.get(dtype, chance.integers(1, 400, rows))


def _ids(numbers: np.ndarray) -> list[str]:
    return [f"E{each:09d}" for each in numbers]
