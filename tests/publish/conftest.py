from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.release_world import Made
from tradeflow.lake import Lake
from tradeflow.publish.release import publish_release
from tradeflow.settings import Publish


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
