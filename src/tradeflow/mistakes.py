"""How the command line tells a user's mistake: one line, exit code 2, no traceback."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ParamSpec

import click

from tradeflow.exceptions import TradeflowError

P = ParamSpec("P")


def tells_mistakes(command: Callable[P, None]) -> Callable[P, None]:
    """Tell an error of ours, or one from outside such as a full disk, in one line; anything else is a fault and keeps its traceback."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except TradeflowError as error:
            click.echo(f"tradeflow: {error}", err=True)
            sys.exit(2)
        except BrokenPipeError:
            raise  # whoever reads our output has seen enough
        except OSError as error:
            # A full disk, a folder without permission: outside matters, told like any other.
            click.echo(f"tradeflow: {error.filename or 'the lake'}: {error.strerror or error}", err=True)
            sys.exit(2)

    return told


class OneLineGroup(click.Group):
    """Commands that tell a wrong option or argument in one line too."""

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any) -> click.Context:
        """Read the options; a wrong one is told in one line."""
        with _usage_told():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a wrong option of its own is told in one line."""
        with _usage_told():
            return super().invoke(ctx)


@contextlib.contextmanager
def _usage_told() -> Iterator[None]:
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "tradeflow"
        click.echo(f"{command}: {error.format_message()} See `{command} --help`.", err=True)
        raise click.exceptions.Exit(2) from error
