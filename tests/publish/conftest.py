from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.publish.world import make_release
from tradeflow.lake import Lake
from tradeflow.publish.release import publish_release
from tradeflow.publish.tables import ReleaseTables
from tradeflow.settings import Publish

Made = tuple[ReleaseTables, dict[str, Any]]


@pytest.fixture(scope="session")
def made() -> Made:
    """Sixty leads of all rules, and their manifest."""
    return make_release()


@pytest.fixture(scope="session")
def few() -> Made:
    """Six leads, one of each rule."""
    return make_release(leads=6, seed=3)


@pytest.fixture(scope="session")
def release_folder(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release of sixty leads, published and current. Read only."""
    tables, manifest = made
    lake = Lake(tmp_path_factory.mktemp("lake"))
    return publish_release(lake, manifest["release_id"], tables, manifest, settings=Publish(), is_current=True)


@pytest.fixture
def publish(tmp_path: Path) -> Callable[..., Path]:
    """Publish into a lake of the test's own."""

    def published(made: Made, release_id: str, *, is_current: bool = True) -> Path:
        tables, manifest = made
        return publish_release(
            Lake(tmp_path), release_id, tables, manifest | {"release_id": release_id}, settings=Publish(), is_current=is_current
        )

    return published
