"""Judges the mirror reconciliation; known truths and real years in, figures and a page out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def evaluate_mirror(shared: Path, *, quick: bool, page: Path | None, echo: Callable[[str], None]) -> None:
    """Judge, and write `page` where one is named."""
    echo(f"{shared}, {quick}, {page}")
