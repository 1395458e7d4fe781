"""A real PostgreSQL server for the tests, on a socket of its own; ended with them."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_FAST = ("fsync=off", "full_page_writes=off", "max_connections=120", "listen_addresses=")


def find_programs() -> Path | None:
    """Return the folder of PostgreSQL's own programs."""
    named = [Path(found).resolve().parent] if (found := shutil.which("initdb")) else []
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in (*named, *debian) if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


class Server:
    """A server that can be stopped hard and started again; `url(name)` makes an empty database and gives its address."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        # The server refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(folder, self.user)
        self._run(
            "initdb", "--no-sync", "--auth=trust", "--username=tradeflow", "--encoding=UTF8", "--locale=C.UTF-8", "-D", f"{folder}/db"
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        settings = [part for setting in _FAST for part in ("-c", setting)]
        command = [self.programs / "postgres", "-D", self.folder / "db", "-k", self.folder, *settings]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, user=self.user, cwd=self.folder)
        for _ in range(200):
            if self._run("pg_isready", "-q", "-h", str(self.folder), is_checked=False) == 0:
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(3)  # SIGQUIT: at once, as after a loss of power
            self.process.wait(timeout=20)
            self.process = None

    def url(self, name: str, template: str = "template1") -> str:
        """Make a database, empty or the copy of one that nobody is connected to, and return its address."""
        self._run("createdb", "-h", str(self.folder), "-U", "tradeflow", "-T", template, name)
        return f"postgresql+psycopg://tradeflow@/{name}?host={self.folder}"

    def dump(self, name: str) -> Path:
        """Back a database up, as an administrator would, and return the file."""
        path = self.folder / f"{name}.dump"
        self._run("pg_dump", "-h", str(self.folder), "-U", "tradeflow", "--format=custom", f"--file={path}", name)
        return path

    def restore(self, dump: Path, name: str) -> str:
        """Put a backup into a database of its own and return its address."""
        url = self.url(name)
        self._run("pg_restore", "-h", str(self.folder), "-U", "tradeflow", f"--dbname={name}", str(dump))
        return url

    def _run(self, program: str, *arguments: str, is_checked: bool = True) -> int:
        command = [str(self.programs / program), *arguments]
        return subprocess.run(command, check=is_checked, capture_output=True, user=self.user, cwd=self.folder).returncode


@contextlib.contextmanager
def running_server(programs: Path) -> Iterator[Server]:
    """Start a server in a folder of its own and sweep it away at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tradeflow-pg-"))
    if os.geteuid() == 0 and not _exists("postgres"):
        raise AssertionError("the tests run as root, and there is no user postgres to run the server as")
    server = Server(programs, folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
