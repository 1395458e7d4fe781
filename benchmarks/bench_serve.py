"""The application under load: a large release served while the next one goes in, on SQLite or on PostgreSQL.

python benchmarks/bench_serve.py [--signals N] [--companies N] [--rate R] [--seconds S] [--keep FOLDER]
    [--postgresql URL-of-a-database-for-this-alone]

Requests come at a fixed rate whether or not earlier answers have come. Releases alternate between two sizes, and the id of each says how
many leads it has: an answer whose count is not that of the release that it names has seen half a release. What is made stays in FOLDER.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import httpx2
import numpy as np
import polars as pl
import psutil
from sqlalchemy.orm import Session

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.large_release import WORDS, find_shape, keep_release, read_release
from tradeflow.contract import load_codelist
from tradeflow.lake import RELEASE_FOLDER, Lake, serving_url
from tradeflow.publish.serving import serve_release
from tradeflow.serve.accounts import add_account
from tradeflow.serve.database import NoReleaseError, find_release, open_stores

PORT = 8497
LONG_WAIT = 150
"""Milliseconds that a page may take."""


def publish(lake: Lake, folder: Path, *, is_whole: bool) -> None:
    """Put the release in, whole or without its last lead, under an id that says how many it has; tell what that took."""
    (lake.root / RELEASE_FOLDER).mkdir(parents=True, exist_ok=True)
    tables, manifest = read_release(folder)
    if not is_whole:
        tables = replace(tables, signal=tables.signal.filter(pl.col("lead_rank") < pl.col("lead_rank").max()))
    release_id = f"{tables.signal['is_lead_head'].sum()}-leads-{find_shape()}-{time.time():.0f}"
    wall, cpu = time.perf_counter(), time.process_time()
    serve_release(serving_url(lake), release_id, tables, manifest, published_at=datetime.now(UTC))
    print(
        f"published {release_id}: {time.perf_counter() - wall:.0f} s, {time.process_time() - cpu:.0f} CPU s of its own process", flush=True
    )


def find_served(lake: Lake) -> str | None:
    """Return the id of the release that is served."""
    stores = open_stores(lake)
    try:
        with stores.reading.connect() as connection:
            return find_release(connection).release_id
    except NoReleaseError:
        return None
    finally:
        stores.dispose()


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
    areas = [str(code) for code in load_codelist("area").filter(pl.col("area_class") == "country")["area_code"]]
    fields: dict[str, list[str]] = {
        "rule": ["mirror_gap", "excess_import", "new_route", "unit_value_outlier"],
        "importer": areas,
        "substance": ["acetone", "toluene", "ephedrine"],
        "score": ["10", "50", "90"],
        "sort": ["excess", "period", "observed"],
    }

    def draw_table() -> str:
        return "/signals?" + "&".join(f"{name}={chance.choice(['', '', *choices])}" for name, choices in fields.items())

    kinds = {
        "table, whole": lambda: "/signals",
        "table, narrowed": draw_table,
        "lead": lambda: f"/signals/{chance.choice(signal_ids)}",
        "search": lambda: f"/search?q={chance.choice(WORDS)}+{chance.choice(WORDS)}+{chance.randrange(companies)}",
        "company leads": lambda: "/companies",
        "company": lambda: f"/companies/E{chance.randrange(companies):09d}",
        "API, list": lambda: f"/api/v1/signals?limit=20&importer={chance.choice(['', '484'])}",
    }
    while True:
        kind = chance.choice(list(kinds))
        yield kind, kinds[kind]()


@dataclass
class Taken:
    """What came of some seconds of load: milliseconds by kind, answers by kind and status, releases seen, and what was half of one."""

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[str] = field(default_factory=Counter)
    releases: Counter[str] = field(default_factory=Counter)
    halves: list[str] = field(default_factory=list)
    long_waits: Counter[int] = field(default_factory=Counter)
    """By the second in which they began."""

    def check(self, kind: str, path: str, text: str) -> None:
        """Hold the count of a whole list to the one that its release's id says."""
        if kind == "table, whole":
            release, count = re.search(r"<b>(\d+-leads-[0-9a-f]+-\d+)</b>", text), re.search(r'id="count"[^>]*>([\d,. ]+) leads', text)
            told = (release[1], count[1].replace(",", "")) if release and count else ("none", text[:200])
        elif kind == "API, list" and path.endswith("importer="):
            answer = json.loads(text)
            told = answer["release_id"], str(answer["count"])
        else:
            return
        self.releases[told[0]] += 1
        if told[0].partition("-")[0] != told[1]:
            self.halves.append(f"{kind}: {told}")


async def load(client: httpx2.AsyncClient, paths: Iterator[tuple[str, str]], rate: float, is_over: Callable[[float], bool]) -> Taken:
    """Ask at a fixed rate, whether or not earlier answers have come, until it is over."""
    taken = Taken()

    async def ask(kind: str, path: str) -> None:
        asked_at = time.perf_counter()
        try:
            answer = await client.get(path)
            status = str(answer.status_code)
        except httpx2.TransportError as error:
            status = type(error).__name__
        waited = (time.perf_counter() - asked_at) * 1000
        taken.milliseconds[kind].append(waited)
        if waited > LONG_WAIT:
            taken.long_waits[int(asked_at - begun)] += 1
        taken.statuses[f"{kind} {status}"] += 1
        if status == "200":
            taken.check(kind, path, answer.text)

    begun, asked = time.perf_counter(), list[asyncio.Task[None]]()
    while not is_over(time.perf_counter() - begun):
        await asyncio.sleep(max(0.0, begun + len(asked) / rate - time.perf_counter()))
        asked.append(asyncio.create_task(ask(*next(paths))))
    await asyncio.gather(*asked)
    return taken


def tell(title: str, taken: Taken, server_seconds: float, client_seconds: float) -> None:
    """Print a table of what the answers took."""
    answers = sum(taken.statuses.values())
    failed = {answer: count for answer, count in taken.statuses.items() if not answer.endswith(" 200")}
    print(f"\n{title}: {answers} answers; not 200: {failed or 'none'}; half releases: {taken.halves[:5] or 'none'}")
    print(f"releases seen: {dict(taken.releases)}")
    print(f"CPU ms per answer: server {1000 * server_seconds / answers:.1f}, the bench's own client {1000 * client_seconds / answers:.1f}")
    print(f"waits of more than {LONG_WAIT} ms, by the second in which they began: {dict(sorted(taken.long_waits.items())) or 'none'}")
    print("\n| page | answers | p50 ms | p99 ms | longest |\n|---|---|---|---|---|")
    for kind, milliseconds in sorted(taken.milliseconds.items()):
        p50, p99 = np.percentile(milliseconds, [50, 99])
        print(f"| {kind} | {len(milliseconds)} | {p50:.0f} | {p99:.0f} | {max(milliseconds):.0f} |")
    sys.stdout.flush()


async def ask_alone(client: httpx2.AsyncClient, server: psutil.Process, paths: Iterator[tuple[str, str]], times: int = 140) -> None:
    """Print the server's CPU milliseconds per page, one request after another: what holds on a busy machine too."""
    spent: dict[str, list[float]] = defaultdict(list)
    for kind, path in islice(paths, times):
        before = _seconds_of(server)
        (await client.get(path)).raise_for_status()
        spent[kind].append(1000 * (_seconds_of(server) - before))
    print("\nCPU milliseconds per page: " + ", ".join(f"{kind} {np.mean(each):.0f}" for kind, each in sorted(spent.items())), flush=True)


def _seconds_of(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def run(lake: Lake, options: argparse.Namespace) -> None:
    """Serve and ask; then ask again while the next release goes in, and for some seconds more."""
    signal = pl.read_parquet(options.release / "signal.parquet", columns=["signal_id"])["signal_id"]
    signal_ids = signal.gather_every(max(1, signal.len() // 1000)).to_list()
    own = psutil.Process()

    async def measure(title: str, client: httpx2.AsyncClient, server: psutil.Process, is_over: Callable[[float], bool]) -> None:
        before = _seconds_of(server), _seconds_of(own)
        taken = await load(client, paths, options.rate, is_over)
        tell(title, taken, _seconds_of(server) - before[0], _seconds_of(own) - before[1])

    async def ask(server: psutil.Process) -> None:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", timeout=60) as client:
            await sign_in(client, lake)
            await load(client, paths, options.rate, lambda seconds: seconds > 5)
            await ask_alone(client, server, paths)
            await measure("at rest", client, server, lambda seconds: seconds > options.seconds)
            publishing = asyncio.create_task(asyncio.to_thread(publish_beside, lake, options))
            ended: list[float] = []
            publishing.add_done_callback(lambda _: ended.append(time.perf_counter()))
            await measure(
                "while a release goes in, and 15 s after", client, server, lambda _: bool(ended) and time.perf_counter() - ended[0] > 15
            )
            await publishing

    paths = draw_paths(signal_ids, options.companies)
    with running_server(lake) as server:
        asyncio.run(ask(server))


def publish_beside(lake: Lake, options: argparse.Namespace) -> None:
    """Publish from another process, as a run does."""
    sizes = ["--signals", str(options.signals), "--companies", str(options.companies)]
    subprocess.run([sys.executable, __file__, "--keep", str(options.keep), "--publish-into", str(lake.root), *sizes], check=True)


def publish_next(lake: Lake, folder: Path) -> None:
    """Publish the release in the size that is not served."""
    heads = pl.scan_parquet(folder / "signal.parquet").select(pl.col("is_lead_head").sum()).collect().item()
    publish(lake, folder, is_whole=(find_served(lake) or "").partition("-")[0] != str(heads))


def main() -> None:
    """Run on SQLite, or on the PostgreSQL that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--signals", type=int, default=1_000_000)
    parser.add_argument("--companies", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--postgresql")
    parser.add_argument("--keep", type=Path, help="what is made stays here, and is used again; else in a folder that goes away")
    parser.add_argument("--publish-into", type=Path, help="only put the kept release into this lake")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options.keep = options.keep or Path(folder)
        options.release = keep_release(options.keep, options.signals, options.companies)
        if options.publish_into:
            publish_next(Lake(options.publish_into), options.release)
            return
        os.environ["TRADEFLOW_DATABASE"] = options.postgresql or ""
        lake = Lake(options.keep / ("postgresql" if options.postgresql else "sqlite"))
        size = f"{options.signals:,} signals, {options.companies:,} companies, {options.rate:g} requests a second"
        print(f"== {lake.root.name}: {size}; load of the machine {os.getloadavg()[0]:.1f}", flush=True)
        if find_shape() not in (find_served(lake) or ""):
            publish_next(lake, options.release)
        run(lake, options)


if __name__ == "__main__":
    main()
