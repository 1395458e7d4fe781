"""One query of UN Comtrade's v1 API: its URL, and how it is cut in pieces where it is too large."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tradeflow.contract import codes_of
from tradeflow.settings import ComtradeSource

PREVIEW_ROWS = 500
LONGEST_URL = 4096
# What each tier of the service is known to cut at: an answer of exactly so many rows is cut, whatever `row_limit` says.
KNOWN_ROW_LIMITS = (PREVIEW_ROWS, 100_000, 250_000)

LICENCE = "United Nations, UN Comtrade: licence agreement on its site; its section 5 restricts re-dissemination of the figures"

_T = TypeVar("_T")


@dataclass(frozen=True)
class Query:
    """What one call asks for; no partners stands for all of them, World included."""

    reporter_code: int
    periods: tuple[int, ...]
    commodities: tuple[str, ...]
    flows: tuple[str, ...]
    partners: tuple[int, ...] = ()


def row_limit(source: ComtradeSource, is_keyed: bool) -> int:
    """Return how many rows one answer may hold."""
    return source.row_limit if is_keyed else PREVIEW_ROWS


def data_path(source: ComtradeSource, is_keyed: bool) -> str:
    """Return the path of the endpoint for data: with a key the whole answer, without one the preview."""
    return f"/{'data/v1/get' if is_keyed else 'public/v1/preview'}/C/{source.frequency}/HS"


def query_parameters(query: Query) -> dict[str, str]:
    """Return the call's parameters: the classic breakdown, so that totals do not come together with their parts."""
    parameters = {
        "reporterCode": str(query.reporter_code),
        "period": _listed(query.periods),
        "cmdCode": _listed(query.commodities),
        "flowCode": _listed(query.flows),
        "partnerCode": _listed(query.partners),
        "partner2Code": "0",
        "customsCode": "C00",
        "motCode": "0",
        "breakdownMode": "classic",
        "includeDesc": "false",
    }
    return {name: value for name, value in parameters.items() if value}


def data_url(source: ComtradeSource, is_keyed: bool, query: Query, count_only: bool = False) -> str:
    """Return the URL of a call; its commas stay as they are, which the service reads and which keeps it short."""
    ending = {"countOnly": "true"} if count_only else {"maxRecords": str(row_limit(source, is_keyed))}
    return _url(source, data_path(source, is_keyed), query_parameters(query) | ending)


def availability_path(source: ComtradeSource) -> str:
    """Return the path of the endpoint that says what is released; it takes no key."""
    return f"/public/v1/getDA/C/{source.frequency}/HS"


def availability_parameters(source: ComtradeSource, periods: Sequence[int]) -> dict[str, str]:
    """Return the parameters that ask what is released for these periods."""
    parameters = {"period": _listed(periods), "reporterCode": _listed(source.reporters)}
    return {name: value for name, value in parameters.items() if value}


def availability_url(source: ComtradeSource, periods: Sequence[int]) -> str:
    """Return the URL that asks what is released for these periods."""
    return _url(source, availability_path(source), availability_parameters(source, periods))


def _url(source: ComtradeSource, path: str, parameters: dict[str, str]) -> str:
    return f"{source.url.rstrip('/')}{path}?" + "&".join(f"{name}={value}" for name, value in parameters.items())


def _listed(values: Iterable[object]) -> str:
    return ",".join(map(str, values))


def split_query(query: Query, pieces: int) -> list[Query]:
    """Cut a query by period, else commodity, else flow, else partner; [] where one cell with one partner is left.

    At least two pieces; at most one per value, so that a piece may have to be cut again.
    """
    if len(query.periods) > 1:
        return [replace(query, periods=part) for part in _cut(query.periods, pieces)]
    if len(query.commodities) > 1:
        return [replace(query, commodities=part) for part in _cut(query.commodities, pieces)]
    if len(query.flows) > 1:
        return [replace(query, flows=part) for part in _cut(query.flows, pieces)]
    partners = query.partners or tuple(sorted(codes_of("area.area_code").to_list()))
    return [replace(query, partners=part) for part in _cut(partners, pieces)] if len(partners) > 1 else []


def shorten_query(query: Query) -> list[Query]:
    """Cut a query whose URL is too long in two, at the list that takes most of it; [] where every list has one value."""
    lists = {"periods": query.periods, "commodities": query.commodities, "flows": query.flows, "partners": query.partners}
    lengths = {name: len(_listed(values)) for name, values in lists.items() if len(values) > 1}
    if not lengths:
        return []
    longest = max(lengths, key=lengths.__getitem__)
    changes: list[dict[str, Any]] = [{longest: part} for part in _cut(lists[longest], 2)]
    return [replace(query, **change) for change in changes]


def _cut(values: Sequence[_T], pieces: int) -> list[tuple[_T, ...]]:
    size = -(-len(values) // max(2, min(pieces, len(values))))
    return [tuple(values[at : at + size]) for at in range(0, len(values), size)]


def name_periods(periods: Sequence[int]) -> str:
    """Return periods for a person to read."""
    return str(periods[0]) if len(periods) == 1 else f"{periods[0]}-{periods[-1]}"


def name_query(query: Query) -> str:
    """Return a query for a person to read."""
    return (
        f"reporter {query.reporter_code}, {name_periods(query.periods)}, {_name_codes(query.commodities, 'commodities')}, "
        f"flow {_listed(query.flows)}"
    )


def _name_codes(codes: Sequence[str], noun: str) -> str:
    return _listed(codes) if len(codes) <= 3 else f"{len(codes)} {noun} from {codes[0]} to {codes[-1]}"
