"""Keeps a fetched unit as one snapshot, with what a later pull needs to know whether it has to be asked for again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tradeflow.lake import Lake, Snapshot, list_snapshots, write_snapshot
from tradeflow.pull.comtrade_answer import read_answer
from tradeflow.pull.comtrade_client import Caller, Clock
from tradeflow.pull.comtrade_fetch import FetchedPart
from tradeflow.pull.comtrade_plan import Unit, unit_key
from tradeflow.pull.comtrade_query import LICENCE, data_path, query_parameters, row_limit

SOURCE = "comtrade"


def keep_unit(
    lake: Lake, caller: Caller, unit: Unit, parts: Sequence[FetchedPart], kept: Sequence[Snapshot], calls: int
) -> Snapshot | None:
    """Write a unit's answers and return the snapshot; None where an earlier answer to the same query holds the same rows.

    `kept`: the snapshots of earlier pulls, oldest first. `calls`: how many calls this snapshot accounts for.
    """
    key = unit_key(caller.source, unit, row_limit(caller.source, caller.key is not None))
    earlier = [snapshot for snapshot in kept if snapshot.query_key == key]
    if earlier and holds_same_rows(earlier[-1], [part.body for part in parts]):
        return None
    query = unit.query
    snapshot, is_new = write_snapshot(
        lake,
        source=SOURCE,
        layout="source_comtrade_api",
        query_key=key,
        query=_describe_query(caller, unit, parts) | {"calls": calls},
        retrieved_at=caller.clock.now(),
        licence=LICENCE,
        parts=[(_part_name(number), part.body, part.rows) for number, part in enumerate(parts, 1)],
        scope={
            "reporter_code": [query.reporter_code],
            "period": list(query.periods),
            "commodity_code": list(query.commodities),
            "flow_code": list(query.flows),
        },
    )
    return snapshot if is_new else None


def _describe_query(caller: Caller, unit: Unit, parts: Sequence[FetchedPart]) -> dict[str, Any]:
    """Return what the manifest says of the query: for each period its release, for each part what it asked and whether it was cut."""
    numbered = list(enumerate(parts, 1))
    return {
        "path": data_path(caller.source, caller.key is not None),
        "parameters": query_parameters(unit.query),
        "releases": {str(period): release for period, release in zip(unit.query.periods, unit.releases, strict=True)},
        "row_limit": row_limit(caller.source, caller.key is not None),
        "parts": {_part_name(number): query_parameters(part.query) for number, part in numbered},
        "cut": {_part_name(number): part.cut for number, part in numbered if part.cut},
    }


def _part_name(number: int) -> str:
    return f"part-{number:03}.json"


def holds_same_rows(snapshot: Snapshot, bodies: Sequence[bytes]) -> bool:
    """Whether a snapshot's answers hold these rows: every answer states the time that it took, so the bytes always differ."""
    return _rows_of([path.read_bytes() for path in snapshot.part_paths]) == _rows_of(bodies)


def _rows_of(bodies: Sequence[bytes]) -> list[dict[str, Any]]:
    return [row for body in bodies for row in read_answer(body).rows]


def count_new_calls(caller: Caller, new: Sequence[Snapshot]) -> int:
    """Return how many calls of this run no snapshot accounts for yet."""
    return len(caller.calls) - sum(int(snapshot.query["calls"]) for snapshot in new)


def count_earlier_calls(lake: Lake, clock: Clock) -> int:
    """Return how many calls earlier runs made within a day, as far as their snapshots tell."""
    since = clock.now() - timedelta(days=1)
    kept = [*list_snapshots(lake, SOURCE), *list_snapshots(lake, "comtrade_availability")]
    return sum(int(snapshot.query["calls"]) for snapshot in kept if snapshot.retrieved_at > since)
