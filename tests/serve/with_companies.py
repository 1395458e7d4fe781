"""One application over a release with companies, for the tests that only read it or add to it."""

from __future__ import annotations

from pathlib import Path

from tests.company_world import add_companies
from tests.release_world import Made, make_release
from tests.serve.conftest import Served, Visitor, publish
from tradeflow.lake import Lake
from tradeflow.serve.app import create_app
from tradeflow.settings import Serve, Settings

SETTINGS = Settings(serve=Serve(requests_per_minute=100_000, sign_ins_per_minute=1_000))


def made_with_companies() -> Made:
    """Return sixty leads and seven companies."""
    tables, manifest = make_release()
    return add_companies(tables), manifest


def open_with_companies(folder: Path, made: Made | None = None) -> Served:
    """Publish them, or what else was made, and open the application."""
    lake = Lake(folder / "lake")
    publish(lake, made or made_with_companies())
    return Served(create_app(SETTINGS, lake), lake)


def state_purpose(visitor: Visitor) -> Visitor:
    """Say why companies are opened."""
    assert visitor.post("/purpose", purpose="A made-up enquiry", case_number="C-1").status_code == 303
    return visitor
