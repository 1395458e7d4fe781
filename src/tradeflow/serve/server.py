"""The running application: one process, one port, until it is told to stop."""

from __future__ import annotations

import gc
from collections.abc import Callable

import sqlalchemy as sa
import uvicorn
from sqlalchemy.orm import Session

from tradeflow.lake import Lake
from tradeflow.serve.accounts import FIRST_ADMINISTRATOR, add_first_administrator
from tradeflow.serve.app import create_app
from tradeflow.serve.audit import AuditSeal, append_command
from tradeflow.serve.security import public_origin
from tradeflow.settings import Settings


def run_server(settings: Settings, lake: Lake, tell: Callable[[str], None]) -> None:
    """Serve until stopped; what a person has to know at the start goes to `tell`, line by line."""
    origin = public_origin(settings.serve)
    app = create_app(settings, lake)
    for line in greet(app.state.house.stores.writing, app.state.house.seal):
        tell(line)
    tell(f"Open {origin} in a browser; Ctrl+C ends it.")
    serve = settings.serve
    # What was imported and built stays until the end: looking through it for what can be thrown away would hold everybody up for a tenth
    # of a second, again and again.
    gc.collect()
    gc.freeze()
    uvicorn.run(
        app,
        host=serve.host,
        port=serve.port,
        log_level="warning",
        server_header=False,
        proxy_headers=bool(serve.public_url),  # without a proxy, whoever asks would choose the address that the log shows
        limit_concurrency=500,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=60,  # shorter, and a person who reads for a while meets connections that are just being closed
        ssl_certfile=str(serve.certificate) if serve.certificate else None,
        ssl_keyfile=str(serve.certificate_key) if serve.certificate_key else None,
    )


def greet(engine: sa.Engine, seal: AuditSeal) -> list[str]:
    """Make the first administrator of an empty store; return what to tell whoever started the server."""
    with Session(engine) as store:
        password = add_first_administrator(store)
        if password is None:
            return []
        append_command(store, seal, "add_account", "first start", {"name": FIRST_ADMINISTRATOR, "role": "administrator"})
    return [
        f"First start: sign in as {FIRST_ADMINISTRATOR} with the one-time password {password} (shown only now).",
        "Companies are for investigators: `tradeflow user add NAME --role investigator` makes one.",
    ]
