"""`make run`: a simulated world, the Prefect flow on it, and what it found of the diversions that were planted there.

Prefect runs inside this process, with its database below `demo/`; a server that the user has is neither asked nor told.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tradeflow.exceptions import TradeflowError
from tradeflow.lake import Lake, read_table
from tradeflow.sample import write_world

if TYPE_CHECKING:
    from tradeflow.pipeline import RunResult

DEMO = Path("demo")
SIZE, ITEMS, SEED = 150_000, 40_000, 1
_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}


def main(folder: Path = DEMO, size: int = SIZE) -> int:
    """Run the demonstration in `folder`; return the exit code."""
    isolate_prefect(folder / "prefect")
    world = folder / "world"
    if not world.exists():
        print(f"Simulating a world of {size:,} trade rows and {ITEMS:,} declared items in {world}", flush=True)
        write_world(world, size=size, seed=SEED, declared_items=ITEMS)
    try:
        result = run_flow(world, folder / "lake")
    except TradeflowError as error:
        print(f"make run: {error}", file=sys.stderr)
        return 2
    print_findings(result, world)
    print(f"\nOpen it in a browser: {name_command()} serve --lake {folder / 'lake'}")
    return 0


def isolate_prefect(home: Path) -> None:
    """Set what Prefect reads when it is imported, so that only `home` is written and nothing is sent."""
    os.environ.pop("PREFECT_API_URL", None)
    os.environ.pop("PREFECT_PROFILE", None)
    os.environ |= _ENVIRONMENT | {"PREFECT_HOME": str(home.resolve())}


def run_flow(world: Path, lake: Path) -> RunResult:
    """Run the flow in this process; a user's mistake comes out as a TradeflowError of one line."""
    print("Starting Prefect; its first start in a folder takes up to a minute", flush=True)
    from flows.monitor import StepFailedError, monitor

    quieten_console()
    try:
        return monitor(lake=str(lake), config=str(world / "run.toml"))
    except StepFailedError as failure:
        if not failure.reason:
            raise
        raise TradeflowError(failure.reason) from None


def quieten_console() -> None:
    """Leave the flow's own progress on the console: no server's comings and goings, no traceback told twice."""
    for handler in (*logging.getLogger("prefect").handlers, *logging.getLogger().handlers):
        handler.addFilter(_is_progress)


def _is_progress(record: logging.LogRecord) -> bool:
    return record.name.startswith("prefect.flow_runs") and record.levelno < logging.ERROR


def print_findings(result: RunResult, world: Path) -> None:
    """Print the ranked table, where the report is, and how much of the truth stands there."""
    from tradeflow.evaluate import planted
    from tradeflow.run_ending import print_result

    print_result(result)
    signals = pl.read_parquet(result.release_folder / "signal.parquet")
    print()
    cases, events = planted.read_planted_cases(world / "planted_case.csv"), planted.read_innocent_events(world / "innocent_event.csv")
    for line in (*planted.tell_planted_cases(planted.match_planted_cases(signals, cases)), *planted.tell_innocent_events(signals, events)):
        print(line)
    print(tell_company_cases(Lake(result.release_folder.parents[1]), world))


def tell_company_cases(lake: Lake, world: Path) -> str:
    """Say how many of the cases that were planted in the declarations stand among the first leads on companies."""
    from tradeflow.evaluate.company_leads import TOP, judge_leads

    signals, evidence, items = (read_table(lake, name).collect() for name in ("company_signal", "company_signal_evidence", "company_item"))
    cases = judge_leads(world, signals, evidence, items).cases
    found = cases.filter(pl.col("lead_rank") <= TOP)
    rules = cases.group_by("expected_rule").agg(pl.len(), (pl.col("lead_rank") <= TOP).sum().alias("found")).sort("expected_rule")
    by_rule = ", ".join(f"{rule} {hits} of {planted}" for rule, planted, hits in rules.iter_rows())
    return f"Companies: {found.height} of {cases.height} planted cases stand among the first {TOP} leads on companies ({by_rule})"


def name_command() -> str:
    """Return how the command line is called from here, the environment not being activated."""
    command = Path(sys.executable).with_name("tradeflow")
    return str(command.relative_to(Path.cwd())) if command.is_relative_to(Path.cwd()) else str(command)


if __name__ == "__main__":
    sys.exit(main())
