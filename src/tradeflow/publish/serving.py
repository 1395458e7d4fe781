"""The release into the serving database: readers see the old one or the new one, and wait for neither.

Only what `serving_database` declares is ever written. People's decisions lie elsewhere: in a file of their own on SQLite, in the database's
own schema on PostgreSQL.
"""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tradeflow.exceptions import LakeError
from tradeflow.publish.incoming import Incoming
from tradeflow.publish.serving_file import replace_file
from tradeflow.publish.serving_schema import replace_schema
from tradeflow.telling.tables import ReleaseTables


def serve_release(url: str, release_id: str, tables: ReleaseTables, manifest: dict[str, Any], *, published_at: datetime) -> None:
    """Put a release in the place of the one that is served, whole or not at all; the same release again changes nothing."""
    address, incoming = sa.make_url(url), Incoming(release_id, published_at, tables, manifest)
    replace = replace_file if address.get_backend_name() == "sqlite" else replace_schema
    try:
        with ThreadPoolExecutor(1, initializer=_give_way) as aside:
            aside.submit(replace, address, incoming).result()
    except (sa.exc.OperationalError, OSError) as error:
        told = getattr(error, "orig", error)
        raise LakeError(f"serving database {address!r}: {told}; the release before is still served, publish again") from error


def _give_way() -> None:
    """Let who reads go first: lower the priority of this thread alone, which only Linux can (setpriority(2))."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
