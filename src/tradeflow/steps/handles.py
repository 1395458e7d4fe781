"""What a step hands to the next: small, frozen, picklable; the rows themselves are in the lake."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import polars as pl

from tradeflow.contract import contracts_folder
from tradeflow.lake import Lake, TableVersion, read_table, table_version, write_table

AVAILABILITY = "comtrade_availability"
"""The source whose snapshots say what is published; they hold no trade."""


@dataclass(frozen=True)
class Pulled:
    """How many answers are new, how many were kept already, and what went wrong, a line each."""

    new: int
    unchanged: int
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Conformed:
    """The conformed tables as they stood when the step was done, and what was wrong with an answer as a whole."""

    tables: tuple[TableVersion, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """Which figures a run sees: all that was known at `as_of` in these versions of the conformed tables, under a key that changes when
    they do, or what is watched of them. `trade_key` changes with the trade and the watch, `answers_key` with the answers alone. Trade after
    `last_period` is not seen.
    """

    key: str
    as_of: datetime | None
    tables: tuple[TableVersion, ...]
    answers_key: str = ""
    trade_key: str = ""
    last_period: int | None = None


@dataclass(frozen=True)
class Made:
    """The tables that a step made or found standing, and whether it had to make them."""

    tables: tuple[TableVersion, ...]
    is_new: bool


def read_handed(lake: Lake, handed: Conformed | Known | Made, table: str) -> pl.LazyFrame:
    """Scan a table at the version that a step handed over, whatever was committed since by a run with other settings."""
    return read_table(lake, table, next(each.version for each in handed.tables if each.table == table))


def certificate_folder(lake: Lake) -> Path:
    """Return where the certificates of conformed batches lie, each in a folder named by the batch's key, with its Data Docs."""
    return lake.root / "2_conformed" / "certificate"


@cache
def code_version() -> str:
    """Return a hash of the package's code, contracts and code lists: other code may make other figures of the same rows."""
    package = Path(__file__).parents[1]
    contracts = contracts_folder()
    files = sorted([*package.rglob("*.py"), *contracts.rglob("*.yaml"), *contracts.rglob("*.csv")])
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def hash_texts(*texts: str) -> str:
    """Return a short hash of several texts."""
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:16]


def standing(lake: Lake, key: str, *tables: str) -> tuple[TableVersion, ...] | None:
    """Return the tables' versions where all of them stand with this key."""
    versions = [table_version(lake, table) for table in tables]
    if all(version is not None and version.inputs_key == key for version in versions):
        return tuple(version for version in versions if version is not None)
    return None


def commit(lake: Lake, key: str, **frames: pl.DataFrame) -> tuple[TableVersion, ...]:
    """Commit tables made under one key, skipping those that a killed run committed already."""
    written = []
    for table, frame in frames.items():
        stands = standing(lake, key, table)
        written.append(stands[0] if stands else write_table(lake, table, frame, key))
    return tuple(written)
