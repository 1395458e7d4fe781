"""What the evaluation pages share: the head that says where the figures come from, tables and plots as Markdown."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

PLOTS_FOLDER = "figures"
"""Where the plots lie, beside the page."""


def head_lines(title: str, command: str, cost: str) -> list[str]:
    """Return the page's first lines: its title, the command that writes it, and date, commit, machine and cost of this run."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, polars {pl.__version__}"
    said = f"{datetime.now(UTC):%Y-%m-%d}, commit {_commit()}, {machine}; {cost}."
    return [f"# {title}", "", f"Written by `{command}`; run it anew instead of editing this page.", said, ""]


def _commit() -> str:
    try:
        said = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.stdout.strip()


def table_lines(table: pl.DataFrame) -> list[str]:
    """Return a table as lines of Markdown; fractions with three figures after the point, nothing known as an empty cell."""
    head = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * table.width]
    return [*head, *("| " + " | ".join(_say(value) for value in row) + " |" for row in table.iter_rows()), ""]


def _say(value: object) -> str:
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else str(value)


def plot_lines(plots: list[str], name: str) -> list[str]:
    """Return the lines that show a plot; none where it was not drawn."""
    return [f"![{name.removesuffix('.svg').replace('_', ' ')}]({PLOTS_FOLDER}/{name})", ""] if name in plots else []


def write_lines(page: Path, lines: list[str]) -> None:
    """Write the page, its folder too where it is missing."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
