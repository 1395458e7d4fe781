"""Fetches one query whole: asks for the count first, and cuts the query in pieces where an answer would be cut by a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from tradeflow.pull.comtrade_answer import Answer, AnswerRefusedError, read_answer, read_count, values_of
from tradeflow.pull.comtrade_client import Caller, QueryTooLongError, ask
from tradeflow.pull.comtrade_query import (
    KNOWN_ROW_LIMITS,
    LONGEST_URL,
    Query,
    data_url,
    name_query,
    row_limit,
    shorten_query,
    split_query,
)

# Rows are never spread evenly over periods or commodities: a piece is planned to be filled to four fifths.
_PLANNED_FILLING = 0.8


@dataclass(frozen=True)
class FetchedPart:
    """One answer that is kept: its query, its bytes, its number of rows and, where it may lack rows, why."""

    query: Query
    body: bytes
    rows: int
    cut: str = ""


def fetch_query(caller: Caller, query: Query) -> list[FetchedPart] | list[Query]:
    """Return the answers that hold the query's rows or, where it asks for more than one answer holds, the smaller queries to ask instead.

    Only flows and partners are pieced together here. Queries of fewer periods or commodities are units of their own: each is kept as soon
    as it is whole, so that a run that is stopped has lost little and the memory needed stays small.
    Raises AnswerRefusedError or NoAnswerError where an answer is not data (then none is returned), and PullStoppedError.
    """
    try:
        announced = read_count(_ask_for(caller, query, count_only=True))
        answer = None if announced >= _limit(caller) else _fetch_answer(caller, query)
        if answer and not _is_cut(answer, announced, _limit(caller)):
            return [FetchedPart(query, answer.body, answer.count, _shortfall([answer.count], announced))]
        pieces = split_query(query, _pieces(announced, answer, _limit(caller)))
    except QueryTooLongError as error:
        announced, answer, pieces = 0, None, shorten_query(query)
        if not pieces:
            raise AnswerRefusedError(f"{error}, with one code of each kind: no query is shorter; look at the setting `url`") from None
    if not pieces:
        return [_keep_cut_answer(caller, query, answer)]
    if len(query.periods) > 1 or len(query.commodities) > 1:
        return pieces
    return _fetch_pieces(caller, pieces, announced)


def _fetch_pieces(caller: Caller, pieces: Sequence[Query], announced: int) -> list[FetchedPart]:
    fetched = [part for piece in pieces for part in fetch_query(caller, piece)]
    # A piece of one period and one commodity comes back as answers, never as smaller queries.
    parts = [part for part in fetched if isinstance(part, FetchedPart)]
    shortfall = _shortfall([part.rows for part in parts], announced)
    if shortfall and not any(part.cut for part in parts):
        parts[-1] = replace(parts[-1], cut=f"{shortfall} in {len(parts)} pieces: a partner may be missing in the code list `area`")
    return parts


def _keep_cut_answer(caller: Caller, query: Query, answer: Answer | None) -> FetchedPart:
    answer = answer or _fetch_answer(caller, query)
    reason = f"{answer.count:,} rows came, as many as an answer may hold, and the query cannot be made smaller"
    return FetchedPart(query, answer.body, answer.count, reason)


def _limit(caller: Caller) -> int:
    return row_limit(caller.source, caller.key is not None)


def _is_cut(answer: Answer, announced: int, limit: int) -> bool:
    return answer.count >= limit or (answer.count in KNOWN_ROW_LIMITS and answer.count < announced)


def _shortfall(rows: Sequence[int], announced: int) -> str:
    return f"{announced:,} rows were announced, {sum(rows):,} came" if sum(rows) < announced else ""


def _pieces(announced: int, answer: Answer | None, limit: int) -> int:
    room = min(limit, answer.count) if answer else limit
    return max(2, ceil(announced / (room * _PLANNED_FILLING)))


def _ask_for(caller: Caller, query: Query, count_only: bool = False) -> bytes:
    url = data_url(caller.source, caller.key is not None, query, count_only)
    if len(url) > LONGEST_URL:
        raise QueryTooLongError(f"the URL has {len(url):,} characters, the service takes {LONGEST_URL:,}")
    return ask(caller, url)


def _fetch_answer(caller: Caller, query: Query) -> Answer:
    answer = read_answer(_ask_for(caller, query))
    asked = {
        "reporterCode": {str(query.reporter_code)},
        "period": set(map(str, query.periods)),
        "cmdCode": set(query.commodities),
        "flowCode": set(query.flows),
        "partnerCode": set(map(str, query.partners)),
    }
    for field, values in asked.items():
        strange = sorted(values_of(answer.rows, field) - values) if values else []
        if strange:
            raise AnswerRefusedError(
                f"{name_query(query)}: the answer holds rows with {field} {', '.join(map(repr, strange[:5]))}, which was not asked for; "
                "nothing of it was kept"
            )
    return answer
