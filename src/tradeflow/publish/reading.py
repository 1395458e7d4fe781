"""Questions to the release that is served; each is answered from one release, also while the next one is going in."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import sqlalchemy as sa

from tradeflow.contract import load_codelist, load_contract
from tradeflow.exceptions import LakeError, NotFoundError
from tradeflow.serving_database import TABLES, open_database
from tradeflow.telling.names import area_names

_SIGNAL = TABLES["signal"]


@dataclass(frozen=True)
class SignalDossier:
    """All that the release holds about one signal: its row, the features that drove it (largest share first), its source rows."""

    signal: dict[str, Any]
    features: pl.DataFrame
    evidence: pl.DataFrame


def read_signals(
    url: str,
    *,
    rule: str | None = None,
    commodity: str | None = None,
    importer: str | int | None = None,
    min_score: float | None = None,
    limit: int | None = None,
) -> pl.DataFrame:
    """Return signals in the contract's columns: the heads of the leads by rank, then the other signals of these leads.

    `commodity` is an HS code or the beginning of one, dots allowed; `importer` an M49 code, ISO code or name; `min_score` is held against
    the score of the lead, by which the table is ranked.
    """
    question = sa.select(_SIGNAL).order_by(*_by_rank(_SIGNAL))
    if rule is not None:
        question = question.where(_SIGNAL.c.rule == _known_rule(rule))
    if commodity is not None:
        question = question.where(_SIGNAL.c.commodity_code.startswith(commodity.replace(".", ""), autoescape=True))
    if importer is not None:
        question = question.where(_SIGNAL.c.importer_code == find_area(importer))
    if min_score is not None:
        question = question.where(_SIGNAL.c.lead_score >= min_score)
    with _reader(url) as connection:
        return _frame(connection, "signal", question.limit(limit))


def _by_rank(signal: sa.Table) -> list[sa.ColumnElement[Any]]:
    """Heads first, by rank; in one order, whatever index answers."""
    return [signal.c.is_lead_head.desc(), signal.c.lead_rank, signal.c.anomaly_score.desc(), signal.c.signal_id]


def read_company_signals(url: str, *, rule: str | None = None, min_score: float | None = None, limit: int | None = None) -> pl.DataFrame:
    """Return the leads on companies as `read_signals` returns those on countries; none where the release has none."""
    signal = TABLES["company_signal"]
    question = sa.select(signal).order_by(*_by_rank(signal))
    if rule is not None:
        question = question.where(signal.c.rule == rule)
    if min_score is not None:
        question = question.where(signal.c.lead_score >= min_score)
    with _reader(url) as connection:
        return _frame(connection, "company_signal", question.limit(limit))


def read_signal(url: str, signal_id: str) -> SignalDossier:
    """Return one signal with what stands behind it; a beginning of the id will do where only one id has it. Else NotFoundError."""
    with _reader(url) as connection:
        whole_id = _find_signal_id(connection, signal_id.strip().lower())
        found = {
            name: _frame(connection, name, sa.select(table).where(table.c.signal_id == whole_id))
            for name, table in TABLES.items()
            if "signal_id" in table.c
        }
    return SignalDossier(
        signal=found["signal"].row(0, named=True),
        features=found["signal_feature"].sort("feature_share", descending=True),
        evidence=found["signal_evidence"].sort("evidence_role", "period", "snapshot_id", "row_number"),
    )


def find_area(area: str | int) -> int:
    """Return the M49 code of an area given by that code, its ISO2 or ISO3 code, its name or another spelling of it."""
    asked = str(area).strip().casefold()
    spellings = _area_spellings()
    if asked.lstrip("0") in spellings:
        return spellings[asked.lstrip("0")]
    near = difflib.get_close_matches(asked, spellings, n=3, cutoff=0.6)
    hint = f"; did you mean {', '.join(sorted({area_names()[spellings[each]] for each in near}))}?" if near else ""
    raise NotFoundError(f"no area {str(area)!r}: give an ISO code, an M49 code or a name{hint}")


def _area_spellings() -> dict[str, int]:
    areas, aliases = load_codelist("area"), load_codelist("area_alias")
    spellings = {alias.casefold(): int(code) for alias, code in aliases.select("alias", "area_code").iter_rows()}
    for column in ("area_name", "iso2", "iso3", "area_code"):
        named = areas.select(pl.col(column).cast(pl.String), pl.col("area_code").alias("code")).drop_nulls()
        spellings |= {spelling.casefold(): code for spelling, code in named.iter_rows()}
    return spellings


def _known_rule(rule: str) -> str:
    known = dict.fromkeys(value for table in ("signal", "company_signal") for value in load_contract(table).column("rule").valid_values)
    if rule not in known:
        raise NotFoundError(f"no rule {rule!r}; known are {', '.join(map(str, known))}")
    return rule


def _reader(url: str) -> sa.Connection:
    address = sa.make_url(url)
    if address.drivername == "sqlite":
        _need_release(Path(address.database or "").is_file(), address.database)
        url = _readable_url(Path(address.database or ""))
    try:
        connection = open_database(url).connect()
    except sa.exc.OperationalError as error:
        told = " ".join(str(error.orig).split())
        raise LakeError(f"serving database {address.database}: {told}; allow this user to read it, or publish again") from error
    if address.drivername != "sqlite":
        _need_release(sa.inspect(connection).has_table(_SIGNAL.name), f"table {_SIGNAL.name} in {address!r}")
    return connection


def _need_release(is_there: bool, place: str | None) -> None:
    if not is_there:
        raise NotFoundError(f"no release is served yet: there is no {place}; run `tradeflow run` first")


def _readable_url(database: Path) -> str:
    """Name the database so that a folder which may not be written can be read: SQLite else writes a file beside it even to read."""
    is_at_rest = not database.with_name(f"{database.name}-wal").exists()
    if is_at_rest and not os.access(database.parent, os.W_OK):
        return f"sqlite:///file:{quote(str(database.absolute()))}?immutable=1&uri=true"
    return f"sqlite:///{database}"


def _frame(connection: sa.Connection, table: str, question: sa.Select[Any]) -> pl.DataFrame:
    """Return the rows of a table; LakeError where it cannot be read, as of a release that a version with other columns put in."""
    try:
        rows = [tuple(row) for row in connection.execute(question)]
    except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
        told = " ".join(str(error.orig).split())
        raise LakeError(
            f"table {table} of the release that is served: {told}; if another version made it, `tradeflow run` makes it anew"
        ) from error
    return pl.DataFrame(rows, schema=load_contract(table).schema, orient="row")


def _find_signal_id(connection: sa.Connection, asked: str) -> str:
    matches = _ids_beginning_with(connection, asked)
    if len(matches) == 1 or asked in matches:
        return asked if asked in matches else matches[0]
    if matches:
        raise NotFoundError(f"several signals begin with {asked!r}: {', '.join(matches)}; give more of the id")
    for kept in range(len(asked) - 1, 0, -1):
        near = _ids_beginning_with(connection, asked[:kept])
        if near:
            raise NotFoundError(f"no signal {asked!r} in the release that is served; near it are {', '.join(near)}")
    raise NotFoundError(f"no signal {asked!r} in the release that is served; `tradeflow signals` lists them")


def _ids_beginning_with(connection: sa.Connection, beginning: str) -> list[str]:
    if not beginning:
        return []
    ids = sa.select(_SIGNAL.c.signal_id).where(_SIGNAL.c.signal_id.startswith(beginning, autoescape=True))
    return list(connection.scalars(ids.order_by(_SIGNAL.c.signal_id).limit(5)))
