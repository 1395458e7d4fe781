"""Anyone's table of company names in; appearances under our names out, with what an earlier run and people's decisions say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradeflow.contract import load_codelist, load_contract
from tradeflow.exceptions import SourceError, UnreadableAnswerError
from tradeflow.own_table.trade_reading import scan_table
from tradeflow.own_table.writing import beside
from tradeflow.resolve.entity import Known
from tradeflow.steps.kept_table import read_kept

_HEADINGS = {"name": "party_name", "country": "party_country", "address": "party_address", "role": "party_role"}
_MADE = ["party_id", "entity_id", "entity_name"]


@dataclass(frozen=True)
class OwnParties:
    """`given`: the table as it came; `appearances`: its rows under the names of contract `own_party`; `notes`: what was not used."""

    given: pl.DataFrame
    appearances: pl.DataFrame
    notes: tuple[str, ...]


def read_parties(path: Path) -> OwnParties:
    """Read one CSV or Parquet table; SourceError where it has no column of names or no row with a name."""
    scanned = scan_table(path)
    found = _find_columns(path, list(scanned.collect_schema()))
    given = _collect(path, scanned).drop(_MADE, strict=False)
    texts = [
        _text(found[ours]).alias(ours) if ours in found else pl.lit(None, pl.String).alias(ours)
        for ours in load_contract("own_party").column_names
    ]
    appearances = given.select(texts).with_columns(_fix_country(), pl.col("party_role").str.to_lowercase().str.replace_all("[ -]", "_"))
    named = appearances["party_name"].drop_nulls().len()
    if not named:
        raise SourceError(f"{path}: no row names a company")
    roles = load_contract("own_party").column("party_role").valid_values
    strange = appearances["party_role"].drop_nulls().filter(~appearances["party_role"].drop_nulls().is_in(roles)).unique().sort()
    notes = [f"{path}: {given.height - named:,} rows name nobody"] if named < given.height else []
    if len(strange):
        notes.append(f"{path}: roles that are not counted: {', '.join(strange.head(5))}; known are {', '.join(map(str, roles))}")
    return OwnParties(given, appearances, tuple(notes))


def read_known(previous: Path | None, decisions: Path | None) -> Known:
    """Read the tables that an earlier run wrote beside its OUT, and what people decided; empty where there is none."""
    tables = {name: load_contract(name).empty_frame() for name in ("entity_name", "entity", "entity_decision")}
    if previous is not None:
        for name, ending in (("entity_name", "names"), ("entity", "entities")):
            tables[name] = read_kept(beside(previous, f"{ending}{previous.suffix}"), load_contract(name))
    if decisions is not None:
        tables["entity_decision"] = read_kept(decisions, load_contract("entity_decision"))
    return Known(**tables)


def _find_columns(path: Path, names: list[str]) -> dict[str, str]:
    """Return the table's column for each of ours; capitals and blanks around a heading do not matter."""
    wanted = load_contract("own_party").column_names
    found: dict[str, str] = {}
    for name in names:
        plain = name.strip().lower()
        ours = _HEADINGS.get(plain, plain)
        if ours in wanted and ours in found:
            raise SourceError(f"{path}: columns {found[ours]!r} and {name!r} are both read as {ours}; leave out one of them")
        if ours in wanted:
            found[ours] = name
    if "party_name" not in found:
        raise SourceError(f"{path}: no column name; found {', '.join(names)}")
    return found


def _collect(path: Path, scanned: pl.LazyFrame) -> pl.DataFrame:
    try:
        return scanned.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableAnswerError(f"{path}: cannot be read: {str(error).strip().splitlines()[0][:200]}") from error


def _text(name: str) -> pl.Expr:
    stripped = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _fix_country() -> pl.Expr:
    """Write ISO 3166 alpha-3 where a code or name of a country is known; leave other words as they are."""
    areas = load_codelist("area").drop_nulls("iso3")
    spellings = pl.concat([areas.select(pl.col(name).alias("_spelt"), "iso3") for name in ("iso2", "iso3", "area_name")])
    aliases = load_codelist("area_alias").join(areas, on="area_code").select(pl.col("alias").alias("_spelt"), "iso3")
    known = (
        pl.concat([spellings, aliases])
        .drop_nulls()
        .with_columns(pl.col("_spelt").str.to_lowercase())
        .unique("_spelt", keep="first", maintain_order=True)
    )
    return (
        pl.col("party_country")
        .str.to_lowercase()
        .replace_strict(known["_spelt"], known["iso3"], default=pl.col("party_country"))
        .alias("party_country")
    )
