"""What has to be asked of UN Comtrade: the periods that the settings name, less what is kept already as it was last released."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tradeflow.exceptions import SettingsError
from tradeflow.lake import Snapshot
from tradeflow.pull.comtrade_query import Query, name_periods, query_parameters
from tradeflow.settings import ComtradeSource

PERIODS_PER_CALL = 12

Cell = tuple[int, int]
"""A reporter and a period: what the service releases as one."""


@dataclass(frozen=True)
class Unit:
    """What one snapshot holds: a query, and for each of its periods the release that the service announced (None: not known)."""

    query: Query
    releases: tuple[str | None, ...]

    @property
    def cells(self) -> set[Cell]:
        """The reporter and period of each release."""
        return {(self.query.reporter_code, period) for period in self.query.periods}


def requested_periods(source: ComtradeSource, now: datetime) -> list[int]:
    """Return the periods that the settings name, up to the current one; SettingsError where one has the wrong form."""
    newest = now.year if source.frequency == "A" else now.year * 100 + now.month
    last = newest if source.last_period is None else source.last_period
    for name, period in (("first_period", source.first_period), ("last_period", last)):
        _check_period(source, name, period)
    if source.first_period > last:
        raise SettingsError(f"`first_period` {source.first_period} lies after `last_period` {last}; nothing could be asked")
    step = range(source.first_period, last + 1)
    return [period for period in step if source.frequency == "A" or 1 <= period % 100 <= 12]


def _check_period(source: ComtradeSource, name: str, period: int) -> None:
    monthly = source.frequency == "M"
    form = r"(19|20|21)\d\d" + (r"(0[1-9]|1[0-2])" if monthly else "")
    if not re.fullmatch(form, str(period)):
        expected = "YYYYMM, as 202403" if monthly else "YYYY, as 2024"
        raise SettingsError(
            f"`{name}` is {period}, but `frequency` {source.frequency!r} needs {expected}: "
            "the service answers the wrong form with no rows and no error, so it is not asked"
        )


def check_codes(source: ComtradeSource, commodities: Sequence[str]) -> None:
    """Raise SettingsError where a commodity is no HS code, or where nothing is left to ask for."""
    wrong = [code for code in commodities if not re.fullmatch(r"\d{2}|\d{4}|\d{6}", code)]
    if wrong:
        raise SettingsError(f"`commodities` holds {', '.join(map(repr, wrong))}; expected HS codes of 2, 4 or 6 digits without points")
    if not commodities or not source.flows:
        raise SettingsError(f"nothing to ask for: {len(commodities)} commodities and {len(source.flows)} flows; name at least one of each")
    wrong = [flow for flow in source.flows if not re.fullmatch(r"[A-Z]{1,3}", flow)]
    if wrong:
        raise SettingsError(f"`flows` holds {', '.join(map(repr, wrong))}; expected codes such as M, X, RM, RX")


def plan_units(
    released: dict[Cell, str | None], kept: Sequence[Snapshot], commodities: Sequence[str], flows: Sequence[str], limit: int
) -> list[Unit]:
    """Return a unit for every reporter and up to 12 periods of which something is not kept as it was released, newest periods first.

    `kept`: the snapshots of earlier pulls, oldest first. `limit`: rows that an answer may hold now; what was cut at less is asked again.
    """
    kept_of = _index_by_cell(kept)
    missing: dict[tuple[int, tuple[str, ...]], list[int]] = defaultdict(list)
    for (reporter, period), release in sorted(released.items()):
        codes = _missing_commodities(kept_of[reporter, period], period, release, commodities, flows, limit)
        if codes:
            missing[reporter, codes].append(period)
    units = [
        Unit(Query(reporter, part, codes, tuple(flows)), tuple(released[reporter, period] for period in part))
        for (reporter, codes), periods in missing.items()
        for part in period_blocks(periods)
    ]
    return sorted(units, key=lambda unit: (-unit.query.periods[-1], unit.query.reporter_code, unit.query.commodities))


def period_blocks(periods: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the periods in blocks of as many as one call may name; adding later periods moves no block."""
    return [tuple(periods[at : at + PERIODS_PER_CALL]) for at in range(0, len(periods), PERIODS_PER_CALL)]


def _index_by_cell(kept: Sequence[Snapshot]) -> defaultdict[Cell, list[Snapshot]]:
    index: defaultdict[Cell, list[Snapshot]] = defaultdict(list)
    for snapshot in kept:
        for reporter in snapshot.scope.get("reporter_code", []):
            for period in snapshot.scope.get("period", []):
                index[reporter, period].append(snapshot)
    return index


def _missing_commodities(
    kept: Sequence[Snapshot], period: int, release: str | None, commodities: Sequence[str], flows: Sequence[str], limit: int
) -> tuple[str, ...]:
    current: set[tuple[str, str]] = set()
    for snapshot in kept:
        covered = {(code, flow) for code in snapshot.scope["commodity_code"] for flow in snapshot.scope["flow_code"]}
        current = current | covered if _is_current(snapshot, period, release, limit) else current - covered
    return tuple(code for code in commodities if any((code, flow) not in current for flow in flows))


def _is_current(snapshot: Snapshot, period: int, release: str | None, limit: int) -> bool:
    """Whether a kept answer need not be asked for again.

    Where the service did not say what is released, an answer whose release is known stands: asking for everything again would use up the
    day's calls at the first trouble with the availability endpoint.
    """
    stored = snapshot.query["releases"].get(str(period))
    if snapshot.query["cut"] and snapshot.query["row_limit"] < limit:
        return False
    return stored is not None and release in (None, stored)


def narrow_unit(unit: Unit, piece: Query) -> Unit:
    """Return the unit for a piece of this unit's query."""
    release_of = dict(zip(unit.query.periods, unit.releases, strict=True))
    return Unit(piece, tuple(release_of[period] for period in piece.periods))


def unit_key(source: ComtradeSource, unit: Unit, limit: int) -> str:
    """Return the name of a unit's query.

    The release and the limit of rows are part of it, because a re-release, or a limit that cuts less, is another question: its answer is
    kept even where no byte differs, and the manifest then says so. Which of two answers to believe for a cell follows from `scope` and
    `retrieved_at`.
    """
    query = unit.query
    whole = "|".join([*query_parameters(query).values(), *map(str, unit.releases), str(limit)])
    digest = hashlib.sha256(whole.encode()).hexdigest()[:16]
    return f"C/{source.frequency}/HS {query.reporter_code} {name_periods(query.periods)} {digest}"
