"""The application under load: a large release served while the next one goes in, on SQLite and on PostgreSQL.

python benchmarks/bench_serve.py [--signals N] [--companies N] [--seconds S] [--rate R]
    [--postgresql URL-of-an-empty-database] [--lake LAKE]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import polars as pl
import psutil
from sqlalchemy.orm import Session

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.release_world import make_release
from tradeflow.contract import Contract, load_codelist, load_contract
from tradeflow.lake import RELEASE_FOLDER, Lake, serving_url
from tradeflow.publish.serving import serve_release
from tradeflow.serve.accounts import add_account
from tradeflow.serve.database import open_stores
from tradeflow.telling.tables import ReleaseTables

PORT = 8497
_COMPANY_TABLES = ("entity", "entity_name", "company_profile", "company_month", "company_link", "company_item", "company_signal")
_WORDS = [
    "norte",
    "sur",
    "andina",
    "quimica",
    "global",
    "trading",
    "export",
    "industrias",
    "labor",
    "delta",
    "agro",
    "farma",
    "pinturas",
    "lima",
]


def make_large_release(signals: int, companies: int) -> tuple[ReleaseTables, dict[str, Any]]:
    """Return a release of so many signals and companies: the small release of the tests, tiled; companies drawn at random."""
    tables, manifest = make_release(60)
    copies = -(-signals // tables.signal.height)
    tiled = {name: _tile(getattr(tables, name), copies) for name in ("signal", "signal_feature", "signal_evidence")}
    chance = np.random.default_rng(1)
    sizes = {
        "entity": 1,
        "entity_name": 2,
        "company_profile": 1,
        "company_month": 6,
        "company_link": 3,
        "company_item": 5,
        "company_signal": 0.2,
    }
    drawn = {name: _draw(load_contract(name), int(companies * sizes[name]), companies, chance) for name in _COMPANY_TABLES}
    kept = {field: getattr(tables, field) for field in tables.__dataclass_fields__}
    return ReleaseTables(**(kept | tiled | drawn)), manifest


def _tile(frame: pl.DataFrame, copies: int) -> pl.DataFrame:
    marks = pl.DataFrame({"_copy": pl.arange(0, copies, eager=True)})
    tiled = frame.join(marks, how="cross")
    ids = [name for name in ("signal_id", "lead_id") if name in frame.columns]
    tiled = tiled.with_columns((pl.format("{}", pl.col("_copy")).str.zfill(6) + pl.col(name).str.slice(6)).alias(name) for name in ids)
    if "lead_rank" in frame.columns:
        tiled = tiled.with_columns(pl.col("lead_rank") + pl.col("_copy").cast(pl.Int32) * int(frame["lead_rank"].max() or 0))  # type: ignore[call-overload]
    return tiled.select(frame.columns)


def _draw(contract: Contract, rows: int, companies: int, chance: np.random.Generator) -> pl.DataFrame:
    """Return rows of a table about companies: keys distinct, values of the declared kind, nothing a real one would be judged by."""
    number = np.arange(rows)
    columns = {column.name: _draw_column(column.name, column, number, companies, chance) for column in contract.columns}
    return pl.DataFrame(columns).cast(contract.schema).unique(contract.unique_keys[0], maintain_order=True)  # type: ignore[arg-type]


def _draw_column(name: str, column: Any, number: np.ndarray, companies: int, chance: np.random.Generator) -> Any:
    rows = len(number)
    if name == "merged_into_id":
        return [None] * rows
    if name in ("entity_id", "left_entity_id"):
        return _ids(number % companies)
    if name.endswith("entity_id"):
        # Most companies buy, a third sell, one in a hundred clears for others: a walk upstream soon ends, as it does in trade.
        lowest, highest = {"exporter_entity_id": (0.66, 0.99), "broker_entity_id": (0.99, 1.0)}.get(name, (0.0, 0.66))
        return _ids(chance.integers(int(lowest * companies), int(highest * companies), rows))
    if name in ("signal_id", "lead_id", "party_id", "snapshot_id", "declaration_id"):
        return [f"{each:016x}" for each in number]
    if name in ("entity_name", "party_name"):
        words = chance.choice(_WORDS, (rows, 3))
        return [f"{a} {b} {c} {each} sa" for (a, b, c), each in zip(words, number, strict=True)]
    if name == "substance_code":
        return chance.choice(load_codelist("substance")["substance_code"].unique().to_numpy(), rows)
    if column.valid_values:
        return chance.choice(np.array(column.valid_values), rows)
    return _draw_kind(name, column.dtype, number, chance)


def _draw_kind(name: str, dtype: pl.DataType, number: np.ndarray, chance: np.random.Generator) -> Any:
    rows = len(number)
    if "period" in name:
        return 202000 + 100 * chance.integers(0, 5, rows) + chance.integers(1, 13, rows)
    if name == "lead_rank":
        return number + 1
    kinds: dict[pl.DataType, Any] = {
        pl.Float64(): chance.lognormal(5, 2, rows),
        pl.Boolean(): chance.random(rows) < 0.5,
        pl.Date(): [date(2024, 1, 1)] * rows,
        pl.Datetime("us", "UTC"): [datetime(2024, 1, 1, tzinfo=UTC)] * rows,
        pl.String(): [f"{name[:8]} {each % 1000}" for each in number],
    }
    return kinds.get(dtype, chance.integers(1, 400, rows))


def _ids(numbers: np.ndarray) -> list[str]:
    return [f"E{each:09d}" for each in numbers]


def publish(lake: Lake, release: tuple[ReleaseTables, dict[str, Any]], release_id: str) -> None:
    """Put a release in, and tell how long that took."""
    (lake.root / RELEASE_FOLDER).mkdir(parents=True, exist_ok=True)
    wall, cpu = time.perf_counter(), time.process_time()
    serve_release(serving_url(lake), release_id, release[0], release[1], published_at=datetime.now(UTC))
    print(f"published {release_id}: {time.perf_counter() - wall:.0f} s, {time.process_time() - cpu:.0f} CPU s", flush=True)


@contextmanager
def running_server(lake: Lake) -> Iterator[psutil.Process]:
    """Start `tradeflow serve` with room for the load; end it afterwards."""
    config = lake.root / "load.toml"
    config.write_text("[serve]\nrequests_per_minute = 1000000\nsign_ins_per_minute = 1000\n")
    command = [sys.executable, "-c", "from tradeflow.cli import main; main()", "serve"]
    server = subprocess.Popen([*command, "--lake", str(lake.root), "--config", str(config), "--port", str(PORT)], stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                httpx2.get(f"http://127.0.0.1:{PORT}/sign-in")
                break
            except httpx2.TransportError:
                time.sleep(0.1)
        yield psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(timeout=30)


async def sign_in(client: httpx2.AsyncClient, lake: Lake) -> None:
    """Enter as an investigator, under a purpose."""
    stores, name = open_stores(lake), f"load {time.time()}"
    with Session(stores.writing) as store, store.begin():
        password = add_account(store, name, "investigator")
    stores.dispose()
    await client.post("/sign-in", data={"name": name, "password": password})
    for path, fields in (("/password", {"old": password, "new": "four quiet grey geese"}), ("/purpose", {"case_number": "LOAD-1"})):
        token = re.search(r'name="csrf_token" value="([^"]+)"', (await client.get(path)).text)
        assert token is not None
        answer = await client.post(path, data=fields | {"csrf_token": token[1]})
        assert answer.status_code == 303, answer.text


def draw_paths(signal_ids: list[str], companies: int) -> Iterator[tuple[str, str]]:
    """Yield what people ask for, kind and path, without end."""
    chance = random.Random(5)
    kinds = {
        "table": lambda: f"/signals?rule={chance.choice(['', 'mirror_gap', 'excess_import'])}&importer={chance.choice(['', '484', '76'])}",
        "lead": lambda: f"/signals/{chance.choice(signal_ids)}",
        "search": lambda: f"/search?q={chance.choice(_WORDS)}+{chance.choice(_WORDS)}+{chance.randrange(companies)}",
        "company leads": lambda: "/companies",
        "company": lambda: f"/companies/E{chance.randrange(companies):09d}",
    }
    while True:
        kind = chance.choice(list(kinds))
        yield kind, kinds[kind]()


async def load(
    client: httpx2.AsyncClient, paths: Iterator[tuple[str, str]], rate: float, seconds: float
) -> tuple[dict[str, list[float]], Counter[str]]:
    """Ask at a fixed rate, whether or not earlier answers have come; return milliseconds by kind, and the statuses."""
    taken: dict[str, list[float]] = defaultdict(list)
    statuses: Counter[str] = Counter()

    async def ask(kind: str, path: str) -> None:
        begun = time.perf_counter()
        try:
            status = str((await client.get(path)).status_code)
        except httpx2.TransportError as error:
            status = type(error).__name__
        taken[kind].append((time.perf_counter() - begun) * 1000)
        statuses[f"{kind} {status}"] += 1

    begun, asked = time.perf_counter(), []
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        asked.append(asyncio.create_task(ask(*next(paths))))
    await asyncio.gather(*asked)
    return taken, statuses


def _tell_failures(statuses: Counter[str]) -> str:
    failed = {answer: count for answer, count in statuses.items() if not answer.endswith(" 200")}
    return f"{sum(statuses.values())} answers, not 200: {failed or 'none'}"


def tell(title: str, taken: dict[str, list[float]], statuses: Counter[str], cpu_seconds: float) -> None:
    """Print a table of what the answers took."""
    print(f"\n{title}: {_tell_failures(statuses)}; {1000 * cpu_seconds / sum(statuses.values()):.1f} ms of CPU per answer")
    for kind, milliseconds in sorted(taken.items()):
        p50, p99 = np.percentile(milliseconds, [50, 99])
        print(f"| {kind} | {len(milliseconds)} | {p50:.0f} | {p99:.0f} | {max(milliseconds):.0f} |")


async def ask_alone(client: httpx2.AsyncClient, server: psutil.Process, paths: Iterator[tuple[str, str]], times: int = 100) -> None:
    """Print the server's CPU milliseconds per page, one request after another: what holds on a busy machine too."""
    spent: dict[str, list[float]] = defaultdict(list)
    while not spent or min(map(len, spent.values())) < times / len(spent):
        kind, path = next(paths)
        before = sum(server.cpu_times()[:2])
        (await client.get(path)).raise_for_status()
        spent[kind].append(1000 * (sum(server.cpu_times()[:2]) - before))
    print("\nCPU milliseconds per page: " + ", ".join(f"{kind} {np.mean(each):.0f}" for kind, each in sorted(spent.items())))


def run(lake: Lake, options: argparse.Namespace) -> None:
    """Publish, serve, ask; then ask again while the next release goes in."""
    release = make_large_release(options.signals, options.companies)
    signal_ids = release[0].signal["signal_id"].gather_every(max(1, options.signals // 1000)).to_list()
    if not options.lake:
        publish(lake, release, "first")

    async def ask(server: psutil.Process) -> None:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", timeout=60) as client:
            await sign_in(client, lake)
            paths = draw_paths(signal_ids, options.companies)
            await load(client, paths, options.rate, 5)
            await ask_alone(client, server, paths)
            before = sum(server.cpu_times()[:2])
            tell("at rest", *await load(client, paths, options.rate, options.seconds), sum(server.cpu_times()[:2]) - before)
            publishing = asyncio.create_task(asyncio.to_thread(publish_beside, lake, options))
            before = sum(server.cpu_times()[:2])
            tell("while a release goes in", *await load(client, paths, options.rate, options.seconds), sum(server.cpu_times()[:2]) - before)
            await publishing

    with running_server(lake) as server:
        asyncio.run(ask(server))


def publish_beside(lake: Lake, options: argparse.Namespace) -> None:
    """Publish from another process, as a run does."""
    sizes = ["--signals", str(options.signals), "--companies", str(options.companies)]
    subprocess.run([sys.executable, __file__, *sizes, "--publish-into", str(lake.root)], check=True)


def main() -> None:
    """Run on SQLite, then on the PostgreSQL that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", type=int, default=1_000_000)
    parser.add_argument("--companies", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--postgresql")
    parser.add_argument("--lake", type=Path, help="a lake that an earlier --publish-into filled, on SQLite")
    parser.add_argument("--publish-into", type=Path)
    options = parser.parse_args()
    if options.publish_into:
        publish(Lake(options.publish_into), make_large_release(options.signals, options.companies), f"second {time.time():.0f}")
        return
    if options.lake:
        run(Lake(options.lake), options)
        return
    for url in filter(None, ["sqlite", options.postgresql]):
        size = f"{options.signals:,} signals, {options.companies:,} companies"
        print(f"\n== {url.partition(':')[0]}: {size}, {options.rate:g} requests a second")
        os.environ["TRADEFLOW_DATABASE"] = "" if url == "sqlite" else url
        with tempfile.TemporaryDirectory() as folder:
            run(Lake(Path(folder)), options)


if __name__ == "__main__":
    main()
