"""The command line: `tradeflow run|sample|validate|...`.

What is heavy is imported inside the command that needs it: `--help` answers at once. A user's mistake is one line and exit code 2.
"""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from pathlib import Path

import click

from tradeflow.evaluate.command import evaluate
from tradeflow.exceptions import TradeflowError
from tradeflow.mistakes import OneLineGroup, tells_mistakes
from tradeflow.own_table import command as own_table
from tradeflow.serve.command import audit, serve, user

_lake = click.option(
    "--lake",
    "lake_path",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder that holds all data; by default TRADEFLOW_LAKE, else a folder beside the user's other data.",
)


@click.group(name="tradeflow", cls=OneLineGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="tradeflow")
def main() -> None:
    """Find the traces that diverted chemicals leave in licit trade statistics, and rank them as leads."""


for each in (evaluate, serve, user, audit):
    main.add_command(each)
for command in own_table.COMMANDS:
    main.add_command(command)


@main.command()
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="Settings file; config/default.toml is the example.")
@click.option("--input", "input_path", type=click.Path(path_type=Path), help="A file or folder to read instead of the settings' sources.")
@click.option(
    "--as-of",
    metavar="YYYY-MM-DD",
    type=click.DateTime(["%Y-%m-%d"]),
    help="See only what was known at the end of that day; leaves the current release.",
)
@click.option("--operation", metavar="NAME", help="Look at one watch operation of the settings alone; leaves the current release.")
@click.option("--quiet", is_flag=True, help="No progress, no table: only problems and where the release is.")
@_lake
@tells_mistakes
def run(
    config: Path | None, input_path: Path | None, as_of: datetime | None, operation: str | None, quiet: bool, lake_path: Path | None
) -> None:
    """Run once, from the sources to the release.

    Pulls, validates, reconciles, models and publishes, without an orchestrator.
    """
    from tradeflow.lake import Lake
    from tradeflow.pipeline import run_pipeline
    from tradeflow.run_ending import print_ending, print_result
    from tradeflow.settings import default_lake, load_settings, read_only_input

    settings = load_settings(config)
    if input_path is not None:
        settings = read_only_input(settings, input_path)
    day = as_of.date() if as_of else None
    if operation is not None:
        from tradeflow.steps.operation import scope_to_operation

        settings = scope_to_operation(settings, operation, day or date.today())
    result = run_pipeline(settings, Lake(lake_path or default_lake()), as_of=day, report_progress=None if quiet else _print_progress)
    if not quiet:
        print_result(result)
    else:
        print_ending(result)


def _print_progress(line: str) -> None:
    click.echo(f"{datetime.now():%H:%M:%S} {line}", err=True)


@main.command()
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write into.")
@click.option("--size", default=150_000, show_default=True, type=click.IntRange(10_000, 100_000_000), help="Rows, roughly.")
@click.option("--seed", default=1, show_default=True, type=int, help="The same seed and sizes give the same bytes.")
@click.option(
    "--declarations",
    "declared_items",
    default=40_000,
    show_default=True,
    type=click.IntRange(0, 50_000_000),
    help="Declared items, roughly, of the countries that open their declarations; 0 writes none, the fewest are 10,000.",
)
@tells_mistakes
def sample(out: Path, size: int, seed: int, declared_items: int) -> None:
    """Write a simulated world with planted diversions.

    The answers are such as UN Comtrade would give. Declarations of made-up companies add up to them; licences, notifications and incidents
    lie beside. Truth tables list what was planted.
    """
    from tradeflow.sample import write_world

    try:
        summary = write_world(out, size=size, seed=seed, declared_items=declared_items)
    except ValueError as error:
        raise TradeflowError(str(error)) from error
    click.echo(f"{summary.rows:,} rows in {summary.files:,} files, {summary.planted_cases} planted diversions, in {out}")
    if declared := summary.declared:
        click.echo(f"{declared.items:,} declared items in {declared.files:,} files, {declared.planted_cases} planted cases of companies")
    click.echo(f"next: tradeflow run --config {out / 'run.toml'} --lake {out / 'lake'}")


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--contract", required=True, help="Name of a contract in data_contracts/, e.g. source_comtrade_api.")
@click.option("--rows", "shown", default=5, show_default=True, help="Broken rows to show per rule.")
@tells_mistakes
def validate(file: Path, contract: str, shown: int) -> None:
    """Hold one file to one contract.

    The exit code is 0 where every row keeps it, 1 where a row breaks it, 2 where the file cannot be read at all.
    """
    from tradeflow.broken_rows import count_rows, shorten, tell_rules
    from tradeflow.contract import load_contract
    from tradeflow.pull.answers import read_answer
    from tradeflow.validate.gate import hold_to_contract

    declared = load_contract(contract)
    answer = read_answer(file, declared)
    verdict = hold_to_contract(answer.frame, declared)
    for line in answer.problems:
        click.echo(line)
    if answer.missing_columns:
        click.echo(f"columns missing: {', '.join(answer.missing_columns)}")
    if answer.new_columns:
        click.echo(f"columns that the contract does not declare: {', '.join(answer.new_columns)}")
    set_aside = int(verdict.broken["is_set_aside"].sum())
    broken = verdict.broken.height - set_aside + answer.unreadable.height
    click.echo(f"{file}: {count_rows(verdict.kept.height)} kept by {contract}, {broken:,} broken, {set_aside:,} set aside")
    for reason, rows in answer.unreadable.group_by("reason", maintain_order=True):
        click.echo(f"  unreadable: {reason[0]}: {count_rows(rows.height)}")
        for row in rows.head(shown).iter_rows(named=True):
            click.echo(f"    row {row['row_number']}: {shorten(row['raw_row'])}")
    for line in tell_rules(verdict.broken, shown):
        click.echo(line)
    sys.exit(1 if broken else 0)


@main.command()
@click.option("--rule", help="Only this rule, e.g. excess_import.")
@click.option("--commodity", help="An HS code or its beginning, e.g. 2914.11 or 29.")
@click.option("--importer", help="ISO code, M49 code or name.")
@click.option("--min-score", type=click.FloatRange(0, 100), help="Only signals with at least this score.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="Rows at the most.")
@click.option(
    "--format", "form", default="table", show_default=True, type=click.Choice(["table", "csv", "json"]), help="To read, or all columns."
)
@click.option("--companies", is_flag=True, help="Only the leads on companies, in any format.")
@_lake
@tells_mistakes
def signals(
    rule: str | None,
    commodity: str | None,
    importer: str | None,
    min_score: float | None,
    limit: int,
    form: str,
    companies: bool,
    lake_path: Path | None,
) -> None:
    """List the leads of the current release, strongest first: on countries, then on the companies that declarations name."""
    import polars as pl

    from tradeflow.listing import print_company_signals, print_signals
    from tradeflow.publish.reading import read_company_signals, read_signals
    from tradeflow.telling.spreadsheets import for_people

    url, about = _serving_url(lake_path), pl.DataFrame()
    found = read_signals(url, rule=rule, commodity=commodity, importer=importer, min_score=min_score, limit=limit)
    if commodity is None and importer is None:
        about = read_company_signals(url, rule=rule, min_score=min_score, limit=limit)
    if companies:
        found, print_signals = about, print_company_signals
        about = about.clear()
    if form == "csv":
        click.echo(for_people(found).write_csv(), nl=False)
    elif form == "json":
        click.echo(json.dumps(found.to_dicts(), ensure_ascii=False, indent=1))
    elif found.is_empty() and about.is_empty():
        click.echo("no signal fits; leave out an option to see more")
    else:
        if not found.is_empty():
            print_signals(found)
        if not about.is_empty():
            click.echo("\nCompanies" if not found.is_empty() else "Companies")
            print_company_signals(about)


@main.command()
@click.argument("signal_id")
@_lake
@tells_mistakes
def explain(signal_id: str, lake_path: Path | None) -> None:
    """Explain one signal, back to its source rows.

    SIGNAL_ID is the id that `tradeflow signals` shows, or its beginning.
    """
    from tradeflow.explain import explain_signal
    from tradeflow.lake import Lake
    from tradeflow.settings import default_lake

    for line in explain_signal(Lake(lake_path or default_lake()), signal_id):
        click.echo(line)


@main.command()
@_lake
@tells_mistakes
def status(lake_path: Path | None) -> None:
    """Show the last runs and how fresh each source is."""
    from tradeflow.explain import describe_lake
    from tradeflow.lake import Lake
    from tradeflow.settings import default_lake

    for line in describe_lake(Lake(lake_path or default_lake()), date.today()):
        click.echo(line)


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    required=True,
    type=click.Choice(["ftm", "graphml", "csv"]),
    help="FollowTheMoney JSON lines, a graph, or two tables.",
)
@click.option("--all", "everything", is_flag=True, help="Every company of watched trade, flagged or not.")
@_lake
@tells_mistakes
def export(out: Path, form: str, everything: bool, lake_path: Path | None) -> None:
    """Hand the companies of the current release to other tools: a file, or with csv a folder with nodes.csv and edges.csv.

    By default the companies that flagged leads are about and who is tied to them. A lead is no finding.
    """
    from tradeflow.lake import Lake
    from tradeflow.settings import default_lake
    from tradeflow.steps.export import export_companies

    made = export_companies(Lake(lake_path or default_lake()), form, out, everything=everything)
    click.echo(f"{made.companies:,} companies, {made.flagged:,} of them with flagged leads, and {made.ties:,} ties, in {out}")


@main.command()
@click.option("--rule", help="Only rows that broke this rule, e.g. net_weight_kg:minimum.")
@click.option("--set-aside", is_flag=True, help="The rows that are right but not used, instead of those that broke a rule.")
@click.option("--rows", "shown", default=5, show_default=True, type=click.IntRange(0), help="Rows to show per rule.")
@click.option("--csv", "as_csv", is_flag=True, help="All of the rows, as CSV.")
@_lake
@tells_mistakes
def quarantine(rule: str | None, set_aside: bool, shown: int, as_csv: bool, lake_path: Path | None) -> None:
    """List the rows in quarantine, rule by rule.

    Each row stands as its source sent it, with its snapshot and its place there.
    """
    import polars as pl

    from tradeflow.broken_rows import tell_quarantine
    from tradeflow.lake import Lake, read_table, table_version
    from tradeflow.settings import default_lake
    from tradeflow.telling.spreadsheets import for_people

    lake = Lake(lake_path or default_lake())
    if table_version(lake, "quarantine") is None:
        raise TradeflowError(f"no source has been read into {lake.root} yet; `tradeflow run --input FOLDER` reads one")
    names_rule = pl.lit(True) if rule is None else pl.col("rule").str.split(";").list.contains(rule)
    found = read_table(lake, "quarantine").filter(names_rule & (pl.col("is_set_aside") == set_aside)).collect()
    if as_csv:
        click.echo(for_people(found).write_csv(), nl=False)
    else:
        for line in tell_quarantine(found, shown):
            click.echo(line)


def _serving_url(lake_path: Path | None) -> str:
    from tradeflow.lake import Lake, serving_url
    from tradeflow.settings import default_lake

    return serving_url(Lake(lake_path or default_lake()))
