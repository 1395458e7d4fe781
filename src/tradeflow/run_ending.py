"""What a run ends with: its table of leads, its counts, its problems, and where the report is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import polars as pl

from tradeflow.listing import print_company_signals, print_signals
from tradeflow.telling.scope import say_scope

if TYPE_CHECKING:
    from tradeflow.pipeline import RunResult


def print_result(result: RunResult, leads: int = 20) -> None:
    """Print what a run found: the ranked table, the counts in and out, problems, and where the report is."""
    _print_title(result)
    found = pl.read_parquet(result.release_folder / "signal.parquet")
    heads = found.filter(pl.col("is_lead_head")).sort("lead_rank")
    if heads.is_empty():
        click.echo("No lead: nothing in the scored periods is stranger than the periods before it.")
    else:
        print_signals(heads.head(leads))
    companies = result.release_folder / "company_signal.parquet"
    if companies.is_file():
        click.echo("\nCompanies")
        print_company_signals(pl.read_parquet(companies).filter("is_lead_head").sort("lead_rank").head(leads))
    counts = result.counts
    click.echo(
        f"\n{counts['rows_in']:,} rows in = {counts['rows_conformed']:,} conformed + {counts['rows_quarantined']:,} in quarantine"
        f" + {counts['rows_set_aside']:,} set aside; {counts['mirror_pairs']:,} pairs, {counts['series']:,} series"
    )
    _print_outcomes(result)
    click.echo(
        f"{counts['leads']:,} leads, {counts['leads_flagged']:,} of them flagged;"
        f" about {result.expected_false:.0f} of the {counts['flagged']:,} flagged signals are expected to be false"
    )
    print_ending(result)


def _print_outcomes(result: RunResult) -> None:
    """Print what inspecting the top of each ranking of declarations would have found, where outcomes are known."""
    rows = json.loads((result.release_folder / "manifest.json").read_text(encoding="utf-8"))["outcome_figures"]
    if not rows:
        return
    first = rows[0]
    click.echo(
        f"Outcomes of {first['judged_count']:,} inspections from {first['judged_first_date']} to {first['judged_last_date']}, ranked by"
        f" what {first['learned_count']:,} before them taught; {first['judged_outcome_ratio']:.1%} were found false"
    )
    for row in rows:
        click.echo(
            f"  {row['ranking'].replace('_', ' ')}: {row['inspected_ratio']:.1%} inspected, {row['found_count']:,} of"
            f" {row['inspected_count']:,} found (precision {row['precision_ratio']:.3f}, recall {row['recall_ratio'] or 0:.3f})"
        )


def _print_title(result: RunResult) -> None:
    """Name a run that looks at less than everything, above its table."""
    manifest = json.loads((result.release_folder / "manifest.json").read_text(encoding="utf-8"))
    if scope := say_scope(manifest):
        click.secho(f"{manifest['settings']['publish']['title']}: {scope}", bold=True)


def print_ending(result: RunResult) -> None:
    """Print a run's problems and where its report is."""
    for line in result.problems[:20]:
        click.echo(f"note: {line}", err=True)
    if len(result.problems) > 20:
        click.echo(f"note: {len(result.problems) - 20} more in {result.release_folder / 'manifest.json'}", err=True)
    if not result.is_new_release:
        click.echo("Nothing has changed since this release was made.")
    click.echo(f"Report: {result.release_folder / 'report.html'}")
