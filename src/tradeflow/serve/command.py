"""The command line of the application: `tradeflow serve`, `tradeflow user ...`, `tradeflow audit ...`. What is heavy is imported inside."""

from __future__ import annotations

import contextlib
import getpass
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tradeflow.exceptions import TradeflowError
from tradeflow.mistakes import OneLineGroup, tells_mistakes

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tradeflow.serve.audit import AuditSeal

_ROLES = ("viewer", "analyst", "investigator", "administrator")
_lake = click.option(
    "--lake",
    "lake_path",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder that holds all data; by default TRADEFLOW_LAKE, else a folder beside the user's other data.",
)
_config = click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="Settings file, for [serve].")


def _for_store(command: Callable[..., None]) -> Callable[..., None]:
    return _lake(_config(tells_mistakes(command)))


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen at, instead of the settings'.")
@_for_store
def serve(port: int | None, config: Path | None, lake_path: Path | None) -> None:
    """Open the application on the current release, for people with a browser and for programs.

    The first start makes one administrator and prints its one-time password, once.
    """
    from tradeflow.lake import Lake
    from tradeflow.serve.server import run_server
    from tradeflow.settings import default_lake, load_settings

    settings = load_settings(config)
    if port is not None:
        settings = settings.model_copy(update={"serve": settings.serve.model_copy(update={"port": port})})
    run_server(settings, Lake(lake_path or default_lake()), tell=click.echo)


@click.group(cls=OneLineGroup)
def user() -> None:
    """Who may sign in, and as what."""


@user.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), default="viewer", show_default=True)
@_for_store
def add_user(name: str, role: str, config: Path | None, lake_path: Path | None) -> None:
    """Add an account and print its one-time password."""
    from tradeflow.serve.accounts import add_account

    with _change("add_account", config, lake_path, name=name, role=role) as store:
        password = add_account(store, name, role)
    click.echo(f"{name}, {role}; one-time password: {password}")


@user.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(_ROLES))
@_for_store
def set_role(name: str, role: str, config: Path | None, lake_path: Path | None) -> None:
    """Give somebody another role; open sessions end."""
    from tradeflow.serve.accounts import change_role

    with _change("change_role", config, lake_path, name=name, role=role) as store:
        change_role(store, name, role)
    click.echo(f"{name} is now {role}")


@user.command("reset")
@click.argument("name")
@_for_store
def reset_user(name: str, config: Path | None, lake_path: Path | None) -> None:
    """Give somebody a new one-time password and print it."""
    from tradeflow.serve.accounts import reset_password

    with _change("reset_password", config, lake_path, name=name) as store:
        password = reset_password(store, name)
    click.echo(f"{name}; one-time password: {password}")


@user.command("close")
@click.argument("name")
@click.option("--open", "is_active", is_flag=True, help="Open it again.")
@_for_store
def close_user(name: str, is_active: bool, config: Path | None, lake_path: Path | None) -> None:
    """Close an account with its sessions and tokens; what its owner did stays."""
    from tradeflow.serve.accounts import set_active

    with _change("open_account" if is_active else "close_account", config, lake_path, name=name) as store:
        set_active(store, name, is_active=is_active)
    click.echo(f"{name} is {'open' if is_active else 'closed'}")


@user.command("list")
@_for_store
def list_users(config: Path | None, lake_path: Path | None) -> None:
    """List the accounts."""
    import sqlalchemy as sa

    from tradeflow.serve.store import Account

    with _open_log(config, lake_path) as (store, _seal):
        for account in store.scalars(sa.select(Account).order_by(Account.name)):
            last = f"{account.signed_in_at:%Y-%m-%d}" if account.signed_in_at else "never"
            click.echo(f"{account.name:<32} {account.role:<14} last sign-in {last}{'' if account.is_active else ', closed'}")


@click.group(cls=OneLineGroup)
def audit() -> None:
    """The log of who saw and did what."""


@audit.command("verify")
@click.option("--head", metavar="NUMBER:SEAL", help="A head that was noted outside earlier; it must still stand in the log.")
@_for_store
def verify_audit(head: str | None, config: Path | None, lake_path: Path | None) -> None:
    """Check that no entry was changed, removed, put in or moved.

    The exit code is 0 where the log is whole, 1 where it is not. Note the printed head outside now and then: it also shows a log that was
    put back whole from an older copy, or written anew by somebody who has the key.
    """
    from tradeflow.serve.audit import verify_log

    with _open_log(config, lake_path) as (store, seal):
        verdict = verify_log(store, seal, noted=_read_head(head))
    for fault in verdict.faults[:20]:
        click.echo(fault)
    if len(verdict.faults) > 20:
        click.echo(f"{len(verdict.faults) - 20:,} more")
    told = "whole" if not verdict.faults else "NOT whole"
    click.echo(f"{verdict.entries:,} entries, {told}; head {verdict.head.entry_number}:{verdict.head.entry_hash}")
    sys.exit(1 if verdict.faults else 0)


@audit.command("export")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--after", default=0, show_default=True, type=click.IntRange(0), help="Only entries after this number.")
@_for_store
def export_audit(out: Path, after: int, config: Path | None, lake_path: Path | None) -> None:
    """Write the entries to OUT, one JSON object per line, with their seals."""
    from tradeflow.serve.audit import read_entries

    with _change("export_audit", config, lake_path, out=out.name, after=after) as store, out.open("x", encoding="utf-8") as file:
        count = 0
        for entry in read_entries(store, after=after):
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            count += 1
    click.echo(f"{count:,} entries in {out}")


@audit.command("anchor")
@click.option("--reason", required=True, help="Why the log is anchored anew; it is written into the log.")
@_for_store
def anchor_audit(reason: str, config: Path | None, lake_path: Path | None) -> None:
    """Anchor the log anew where its anchor was lost, after comparing it with an export.

    What is missing at its end by now is not shown by `verify` any more.
    """
    from tradeflow.serve.audit import read_head

    with _change("anchor_anew", config, lake_path, reason=reason):
        pass
    with _open_log(config, lake_path) as (store, seal):
        head = read_head(store)
        seal.anchor(head, is_new_start=True)
    click.echo(f"anchored at {head.entry_number}:{head.entry_hash}")


@contextlib.contextmanager
def _open_log(config: Path | None, lake_path: Path | None) -> Iterator[tuple[Session, AuditSeal]]:
    from sqlalchemy.orm import Session

    from tradeflow.lake import Lake
    from tradeflow.serve.audit import open_seal
    from tradeflow.serve.database import open_stores, told_outside
    from tradeflow.settings import default_lake, load_settings

    settings, lake = load_settings(config), Lake(lake_path or default_lake())
    stores = open_stores(lake)
    try:
        with told_outside(stores.writing), Session(stores.writing) as store:
            yield store, open_seal(settings.serve, lake)
    finally:
        stores.dispose()


@contextlib.contextmanager
def _change(action: str, config: Path | None, lake_path: Path | None, **asked: Any) -> Iterator[Session]:
    """Yield a transaction; with its end an entry stands in the log that names the user of this machine."""
    from tradeflow.serve.audit import append_command

    with _open_log(config, lake_path) as (store, seal):
        yield store
        append_command(store, seal, action, f"{getpass.getuser()} at the command line", asked)


def _read_head(text: str | None) -> Any:
    from tradeflow.serve.audit import Head

    if text is None:
        return None
    number, _, entry_hash = text.partition(":")
    if not number.isdecimal() or len(entry_hash) != 64:
        raise TradeflowError(f"a head is NUMBER:SEAL as `tradeflow audit verify` prints it, found {text!r}")
    return Head(int(number), entry_hash)
