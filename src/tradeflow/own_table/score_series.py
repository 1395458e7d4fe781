"""Anyone's table of monthly series in; scored months, and a summary of each series, out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from tradeflow.broken_rows import count_rows
from tradeflow.exceptions import SourceError
from tradeflow.model.own_series import score_series
from tradeflow.own_table.series_reading import read_series
from tradeflow.own_table.writing import beside, refuse_name, write_table


@dataclass(frozen=True)
class Written:
    """How much was written, and one line for each thing that a reader should know."""

    series: int
    months: int
    notes: tuple[str, ...]


def score_own_series(given: Path, out: Path, summary: Path | None, *, last: int | None, control_period: int | None, today: date) -> Written:
    """Score one table, write OUT (`own_series_score`) and, where wanted, SUMMARY (`own_series_change`); each whole or not at all.

    Rows that cannot be used go to a file beside OUT with the reason, and their months count as missing. SourceError where nothing can be
    used or a name is taken twice.
    """
    paths = [path for path in (given, out, summary) if path is not None]
    if len({path.resolve() for path in paths}) < len(paths):
        raise SourceError(f"{out}: the tables read and written must be different files")
    for path in paths[1:]:
        refuse_name(path)
    table = read_series(given)
    scores, changes = score_series(table.rows, last=last, control_period=control_period)
    write_table(scores, out)
    if summary is not None:
        write_table(changes, summary)
    notes = list(table.notes)
    unused = beside(out, "set_aside.csv")
    if table.set_aside.is_empty():
        unused.unlink(missing_ok=True)
    else:
        write_table(table.set_aside, unused)
        notes.append(f"{given}: not used: {count_rows(table.set_aside.height)}, in {unused.name} with the reason of each")
    if later := table.rows.filter(pl.col("period") > today.year * 100 + today.month).height:
        notes.append(f"{given}: {count_rows(later)} of months later than {today:%Y-%m}, scored as given")
    ended = scores.group_by("series_id").agg(pl.col("period").max()).filter(pl.col("period") < pl.col("period").max()).height
    if ended:
        notes.append(f"{ended:,} series end before the newest month of the table; each is judged by its own newest month")
    silent = changes.filter(changes["last_month_score"].is_null()).height
    if silent:
        notes.append(f"{silent:,} series have no score for their newest month; not_scored_reason says why")
    return Written(changes.height, scores.height, tuple(notes))
