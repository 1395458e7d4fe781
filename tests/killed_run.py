"""A run that dies at a chosen point as `kill -9` would end it: no handler, no clean-up, nothing flushed."""

import ctypes
import functools
import importlib
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import deltalake

from tradeflow.cli import main


@dataclass(frozen=True)
class Point:
    """The call of a function, in the module that makes the call, at which the process dies.

    `argument` chooses the call: one of its arguments has this value, for a path this name; `nth` counts among these.
    """

    module: str
    function: str
    argument: str = ""
    nth: int = 1
    is_after: bool = False

    def __str__(self) -> str:
        when = "after" if self.is_after else "before"
        return f"{when} {self.function}({self.argument}) number {self.nth} of {self.module}"


def run_until(point: Point, arguments: list[str], told: Path) -> None:
    """Run the command line in this process and die at the point; what it prints goes to the file `told`."""
    _set_trap(point)
    run_command(arguments, told)


def run_held_by_permissions(arguments: list[str], told: Path) -> None:
    """Run the command line as one whom file permissions hold, also where the tests run as root."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if os.geteuid() == 0 and ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)()):
        raise OSError("root's power over permissions could not be given up")
    run_command(arguments, told)


def run_command(arguments: list[str], told: Path) -> None:
    """Run the command line in this process; what it prints goes to the file `told`."""
    with told.open("w", encoding="utf-8") as out:
        sys.stdout = sys.stderr = out
        main(arguments)


def _set_trap(point: Point) -> None:
    module = importlib.import_module(point.module)
    function: Callable[..., Any] = getattr(module, point.function)
    calls = 0

    @functools.wraps(function)
    def trapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        is_meant = not point.argument or any(_is_named(value, point.argument) for value in args)
        calls += is_meant
        is_time = is_meant and calls == point.nth
        if is_time and not point.is_after:
            _die()
        result = function(*args, **kwargs)
        if is_time:
            if point.function == "write_deltalake":
                _undo_commit(Path(args[0]))
            _die()
        return result

    setattr(module, point.function, trapped)


def _is_named(value: object, name: str) -> bool:
    return isinstance(value, str | Path) and Path(value).name == name


def _undo_commit(table: Path) -> None:
    """Leave the table as a writer does that dies when its files are written and its commit is not."""
    version = deltalake.DeltaTable(str(table)).version()
    (table / "_delta_log" / f"{version:020}.json").unlink()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
