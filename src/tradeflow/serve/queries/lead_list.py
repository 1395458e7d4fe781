"""The leads of the release that is served, in memory: any filter and any order of a million takes milliseconds, and is counted whole.

A database would need an index for each pair of filter and order. What the filters look at is a few dozen bytes a lead (contract
`listed_lead`), comes with the release as one Arrow file and is read once per release; the rows themselves stay in the database.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from io import BytesIO

import polars as pl
import sqlalchemy as sa

from tradeflow.contract import load_codelist
from tradeflow.exceptions import QuestionError
from tradeflow.serve.queries.lead_filter import SIGNAL, STATUS, LeadFilter, families
from tradeflow.serve.queries.paging import LOWEST, UNREADABLE, read_cursor, write_cursor
from tradeflow.serving_database import RELEASE


@dataclass(frozen=True)
class Listed:
    """The leads of one release (contract `listed_lead`, codes as categories), by rank, and each set of rules that a lead broke."""

    leads: pl.DataFrame
    broken_together: tuple[str, ...]


_read: dict[tuple[str, str], Listed] = {}
_reading = threading.Lock()


def read_listed(connection: sa.Connection) -> Listed:
    """Return the leads of the release that a transaction sees."""
    key = (str(connection.engine.url), str(connection.scalar(sa.select(RELEASE.c.id))))
    found = _read.get(key)
    if found is None:
        with _reading:  # of many who come at once after a release, one reads
            found = _read.get(key)
            if found is None:
                found = _read_file(connection)
                for outdated in [each for each in _read if each[0] == key[0]]:
                    del _read[outdated]
                _read[key] = found
    return found


def narrow(connection: sa.Connection, asked: LeadFilter) -> pl.DataFrame:
    """Return the leads that pass a filter, by rank, with what they are sorted by and what is told of each in a list."""
    listed = read_listed(connection)
    told = dict.fromkeys(("lead_rank", asked.order[0], "broken_rules", "is_new"))  # each once
    passing = listed.leads.lazy().filter(*_about_trade(asked, listed), *_about_people(connection, asked))
    return passing.select(*told).collect()


def sort_leads(leads: pl.DataFrame, asked: LeadFilter, limit: int | None = None) -> tuple[pl.DataFrame, str | None]:
    """Return the leads in the order that is asked for, from its cursor on, and the cursor behind the last one; None where none follows."""
    name, is_falling = asked.order
    figure = pl.col(name).fill_null(LOWEST) if is_falling else pl.col(name)
    beyond = leads.lazy() if asked.behind is None else leads.lazy().filter(_behind(asked.behind, figure, is_falling=is_falling))
    ordered = beyond if name == "lead_rank" else beyond.sort(figure, "lead_rank", descending=[is_falling, False], nulls_last=True)
    found = (ordered if limit is None else ordered.head(limit + 1)).collect()
    if limit is None or found.height <= limit:
        return found, None
    place = found.select(figure.alias("figure"), "lead_rank").row(limit - 1)
    return found.head(limit), write_cursor(*place)


def _behind(cursor: str, figure: pl.Expr, *, is_falling: bool) -> pl.Expr:
    last, rank = read_cursor(cursor)
    if type(rank) is not int:
        raise QuestionError(UNREADABLE)
    place = pl.lit(float(last)), pl.lit(float(rank))  # whole numbers of any size can be written into a cursor
    further: pl.Expr = figure < place[0] if is_falling else figure > place[0]
    return further | ((figure == place[0]) & (pl.col("lead_rank") > place[1]))


def _read_file(connection: sa.Connection) -> Listed:
    leads = pl.read_ipc(BytesIO(connection.scalar(sa.select(RELEASE.c.listed_leads)) or b""))
    return Listed(leads, tuple(leads["broken_rules"].unique().cast(pl.String)))


def _about_trade(asked: LeadFilter, listed: Listed) -> list[pl.Expr]:
    equal = {"substance_code": asked.substance, "importer_code": asked.importer, "exporter_code": asked.exporter}
    found = [pl.col(name) == value for name, value in equal.items() if value is not None]
    found += [pl.col(name) >= value for name, value in {"period": asked.since, "lead_score": asked.score}.items() if value is not None]
    if asked.until is not None:
        found.append(pl.col("period") <= asked.until)
    if asked.area is not None:
        found.append((pl.col("importer_code") == asked.area) | (pl.col("exporter_code") == asked.area))
    if asked.rule is not None:
        found.append(pl.col("broken_rules").is_in([each for each in listed.broken_together if asked.rule in each.split(";")]))
    if asked.commodity is not None:
        found.append(pl.col("commodity_code").cat.starts_with(asked.commodity.replace(".", "")))
    if asked.family is not None:
        found.append(_holds_family(asked.family))
    return found


def _about_people(connection: sa.Connection, asked: LeadFilter) -> list[pl.Expr]:
    found: list[pl.Expr] = [pl.col("signal_count") > 0] if asked.flagged else []
    if asked.new:
        found.append(pl.col("is_new"))
    if asked.status == "open":
        found.append(~pl.col("lead_rank").is_in(_ranks(connection, STATUS.c.status != "open")))
    elif asked.status is not None:
        found.append(pl.col("lead_rank").is_in(_ranks(connection, STATUS.c.status == asked.status)))
    if asked.assigned is not None:
        found.append(pl.col("lead_rank").is_in(_ranks(connection, STATUS.c.assigned_to == asked.assigned)))
    return found


def _ranks(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> list[int]:
    same = STATUS.join(SIGNAL, SIGNAL.c.signal_id == STATUS.c.signal_id)
    return list(connection.scalars(sa.select(SIGNAL.c.lead_rank).select_from(same).where(condition, SIGNAL.c.is_lead_head)))


def _holds_family(family: str) -> pl.Expr:
    substances = families().get(family, [])
    known = load_codelist("substance").filter(pl.col("substance_code").is_in(substances))
    codes = {code for column in known.columns if column.startswith("commodity_code_") for code in known[column].drop_nulls()}
    of_codes = pl.col("substance_code").is_null() & pl.col("commodity_code").is_in(sorted(codes))
    return pl.col("substance_code").is_in(substances) | of_codes
