"""Where a lake lies, how a folder appears in it whole or not at all, and that one run at a time is at work on it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tradeflow.exceptions import LakeError
from tradeflow.settings import named_database

SNAPSHOT_FOLDER = "1_snapshot"
RELEASE_FOLDER = "7_release"
RUN_FOLDER = "runs"
UNFINISHED = ".unfinished-"


@dataclass(frozen=True)
class Lake:
    """One folder that holds all that a team knows; nothing in it is ever overwritten in place."""

    root: Path


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Make a folder that appears whole or not at all; LakeError on a full disk or a missing permission."""
    unfinished = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
        yield unfinished
        unfinished.chmod(0o755)
        unfinished.rename(folder)
    except OSError as error:
        raise LakeError(f"{folder}: {error.strerror or error}; nothing of it was kept, the run can be repeated") from error
    finally:
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)


def serving_url(lake: Lake) -> str:
    """Return the address of the database that `TRADEFLOW_DATABASE` names, else of the SQLite file beside the lake's releases."""
    return named_database() or f"sqlite:///{lake.root / RELEASE_FOLDER / 'serving.sqlite'}"


@contextlib.contextmanager
def hold_lake(lake: Lake) -> Iterator[None]:
    """Keep other runs off this lake; the operating system lets go of the lock when the process ends, however it ends."""
    with contextlib.ExitStack() as held:
        try:
            (lake.root / RUN_FOLDER).mkdir(parents=True, exist_ok=True)
            lock = held.enter_context((lake.root / RUN_FOLDER / "lock").open("a+b", buffering=0))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.truncate(0)
            lock.write(str(os.getpid()).encode())
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().decode() or "unknown"
            raise LakeError(f"another run is at work on the lake {lake.root} (process {holder}); wait for it") from None
        except OSError as error:
            raise LakeError(f"the lake {lake.root} cannot be written: {error.strerror}; name another with --lake") from error
        _sweep_unfinished(lake)
        yield


def _sweep_unfinished(lake: Lake) -> None:
    """Remove what killed runs left half written; only the holder of the lake may, since nobody else is at work on it."""
    snapshots = (lake.root / SNAPSHOT_FOLDER).glob(f"*/*/{UNFINISHED}*")
    releases = (lake.root / RELEASE_FOLDER).glob(f"{UNFINISHED}*")
    for folder in (*snapshots, *releases):
        shutil.rmtree(folder, ignore_errors=True)
