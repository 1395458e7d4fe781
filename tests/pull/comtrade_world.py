"""One pull's surroundings for the tests of the UN Comtrade client: server, lake, clock and settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.pull.comtrade_server import ComtradeServer, Request, make_release, make_row, run_comtrade_server
from tradeflow.lake import Lake, Snapshot, list_snapshots
from tradeflow.pull.comtrade import pull_comtrade
from tradeflow.pull.comtrade_client import Clock
from tradeflow.pull.report import PullReport
from tradeflow.settings import ComtradeSource

ACETONE, ACETIC_ANHYDRIDE = "291411", "291524"
NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)


@dataclass
class FakeClock:
    moment: datetime = NOON
    sleeps: list[float] = field(default_factory=list)

    def clock(self) -> Clock:
        return Clock(now=self.now, sleep=self.sleep)

    def now(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.moment += timedelta(seconds=seconds)


@dataclass
class World:
    """A server, a lake, a clock and the settings that a test changes."""

    server: ComtradeServer
    lake: Lake
    time: FakeClock = field(default_factory=FakeClock)
    settings: dict[str, Any] = field(default_factory=dict)
    key: str | None = "0123456789abcdef"
    lines: list[str] = field(default_factory=list)

    def pull(self, commodities: tuple[str, ...] = (ACETONE,), **changes: Any) -> PullReport:
        self.server.requests.clear()
        named = {"url": self.server.url, "first_period": 202401, "last_period": 202406, "flows": ("M", "X"), "calls_per_minute": 6000}
        source = ComtradeSource(kind="comtrade", **(named | self.settings | changes))
        return pull_comtrade(self.lake, source, commodities, key=self.key, report_progress=self.lines.append, clock=self.time.clock())

    def kept(self) -> list[Snapshot]:
        return list_snapshots(self.lake, "comtrade")

    def rows(self) -> list[dict[str, Any]]:
        paths = [path for snapshot in self.kept() for path in snapshot.part_paths]
        return [row for path in paths for row in json.loads(path.read_bytes())["data"]]


@contextmanager
def open_world(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Serve two reporters, six months, two flows, three partners and two commodities, with no proxy between."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with run_comtrade_server() as server:
        server.releases = [make_release(reporter, period) for reporter in (276, 484) for period in range(202401, 202407)]
        server.rows = [
            make_row(reporter, period, flow, partner, commodity)
            for reporter in (276, 484)
            for period in range(202401, 202407)
            for flow in ("M", "X")
            for partner in (0, 156, 842)
            for commodity in (ACETONE, ACETIC_ANHYDRIDE)
        ]
        yield World(server, Lake(root))


def by_identity(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted((r["reporterCode"], r["period"], r["flowCode"], r["partnerCode"], r["cmdCode"], r["netWgt"]) for r in rows)


def only(kind: str, **parameters: str) -> Callable[[Request], bool]:
    return lambda request: request.kind == kind and parameters.items() <= request.parameters.items()
