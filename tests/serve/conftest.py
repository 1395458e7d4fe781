"""The application over a small release, on SQLite and on a real PostgreSQL, and people of each role signed in to it."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from tests.postgres import Server
from tests.release_world import Made
from tradeflow.lake import RELEASE_FOLDER, Lake, serving_url
from tradeflow.publish.serving import serve_release
from tradeflow.serve import accounts
from tradeflow.serve.app import create_app
from tradeflow.serve.database import open_stores
from tradeflow.settings import Settings

ORIGIN = "http://127.0.0.1:8383"
PASSWORD = "four quiet grey geese"
NOW = datetime(2025, 2, 14, tzinfo=UTC)
_NUMBERS = itertools.count()


@pytest.fixture(autouse=True, scope="session")
def cheap_hashing() -> Iterator[None]:
    """A hash that takes a millisecond: the tests sign in hundreds of times."""
    patch = pytest.MonkeyPatch()
    patch.setattr(accounts, "_HASHER", accounts.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    yield
    patch.undo()


@pytest.fixture(params=["sqlite", "postgresql"])
def lake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """An empty lake, its database once in a file and once on the server."""
    monkeypatch.delenv("TRADEFLOW_DATABASE", raising=False)
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        monkeypatch.setenv("TRADEFLOW_DATABASE", server.url(f"tradeflow_{next(_NUMBERS)}"))
    return Lake(tmp_path / "lake")


@pytest.fixture(scope="session")
def lake_of_few(few: Made, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake whose file serves six leads, with an empty case store. To be copied."""
    lake = Lake(tmp_path_factory.mktemp("few") / "lake")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TRADEFLOW_DATABASE", raising=False)
        publish(lake, few)
        open_stores(lake).dispose()
    return lake


@pytest.fixture(scope="session")
def database_of_few(few: Made, postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same on the server: the name of a database to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADEFLOW_DATABASE", postgres.url("of_few"))
        lake = Lake(tmp_path_factory.mktemp("few-postgresql"))
        publish(lake, few)
        open_stores(lake).dispose()
    return "of_few"


def publish(lake: Lake, made: Made, release_id: str = "202412-first") -> None:
    """Put a release into the serving database."""
    (lake.root / RELEASE_FOLDER).mkdir(parents=True, exist_ok=True)
    serve_release(serving_url(lake), release_id, made[0], made[1], published_at=NOW)


@dataclass
class Visitor:
    """Somebody with a browser, who sends the hidden field of a form along."""

    client: TestClient
    name: str = ""
    role: str = ""
    csrf_token: str = field(default="", repr=False)

    def get(self, path: str, **more: object):  # type: ignore[no-untyped-def]
        return self.client.get(path, **more)  # type: ignore[arg-type]

    def post(self, path: str, **fields: object):  # type: ignore[no-untyped-def]
        return self.client.post(path, data={"csrf_token": self.csrf_token} | fields)

    def sign_in(self, password: str) -> None:
        answer = self.post("/sign-in", name=self.name, password=password)
        assert answer.status_code == 303, answer.text
        self.csrf_token = find_token(self.get("/password").text)


def find_token(page: str) -> str:
    """Return the hidden field of a page's form."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def make_token(visitor: Visitor, *scopes: str) -> str:
    """Return a token for the API that somebody makes on the page of the own account."""
    page = visitor.post("/account/tokens", label="mine", scopes=list(scopes), days="30")
    assert page.status_code == 200, page.text
    return re.search(r"<code>(tf_[^<]+)</code>", page.text)[1]  # type: ignore[index]


@dataclass
class Served:
    """A running application."""

    app: FastAPI
    lake: Lake

    def visitor(self) -> Visitor:
        """Somebody who is not signed in."""
        return Visitor(TestClient(self.app, base_url=ORIGIN, follow_redirects=False, raise_server_exceptions=False))

    def signed_in(self, role: str, name: str = "") -> Visitor:
        """Somebody of a role, with an own password, at the first page."""
        visitor = self.visitor()
        visitor.name, visitor.role = name or f"{role} {next(_NUMBERS)}", role
        with Session(self.app.state.house.stores.writing) as store, store.begin():
            once = accounts.add_account(store, visitor.name, role)
        visitor.sign_in(once)
        assert visitor.post("/password", old=once, new=PASSWORD).status_code == 303
        visitor.csrf_token = find_token(visitor.get("/password").text)
        return visitor

    def writing(self) -> Session:
        """A transaction on the case store."""
        return Session(self.app.state.house.stores.writing)


@pytest.fixture
def open_app() -> Iterator[Callable[..., Served]]:
    """Open the application over a lake, with settings of one's own."""
    opened: list[Served] = []

    def open_app(lake: Lake, settings: Settings | None = None) -> Served:
        opened.append(Served(create_app(settings or Settings(), lake), lake))
        return opened[-1]

    yield open_app
    for served in opened:
        served.app.state.house.stores.dispose()


@pytest.fixture
def served_on_sqlite(tmp_path: Path, lake_of_few: Lake, monkeypatch: pytest.MonkeyPatch, open_app: Callable[..., Served]) -> Served:
    """The application over six leads, on SQLite alone: for what the database has no part in."""
    monkeypatch.delenv("TRADEFLOW_DATABASE", raising=False)
    shutil.copytree(lake_of_few.root, tmp_path / "lake")
    return open_app(Lake(tmp_path / "lake"))


@pytest.fixture
def served_on_postgresql(
    tmp_path: Path, postgres: Server, database_of_few: str, monkeypatch: pytest.MonkeyPatch, open_app: Callable[..., Served]
) -> Served:
    """The same on PostgreSQL."""
    monkeypatch.setenv("TRADEFLOW_DATABASE", postgres.url(f"tradeflow_{next(_NUMBERS)}", database_of_few))
    return open_app(Lake(tmp_path / "lake"))


@pytest.fixture(params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest) -> Served:
    """The application over six leads, on either database."""
    found: Served = request.getfixturevalue(f"served_on_{request.param}")
    return found


@pytest.fixture
def in_threads() -> Callable[[Callable[[], None], int], None]:
    """Do something so many times at once; the first error of any comes out."""

    def in_threads(work: Callable[[], None], count: int) -> None:
        with ThreadPoolExecutor(count) as pool:
            for each in [pool.submit(work) for _ in range(count)]:
                each.result()

    return in_threads
