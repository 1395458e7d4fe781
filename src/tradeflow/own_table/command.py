"""The commands for anyone's own table, and `COMMANDS`, the list of them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from tradeflow.mistakes import tells_mistakes


@click.command()
@click.argument("given", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--distances", type=click.Path(path_type=Path), help="CSV or Parquet: exporter, importer, distance_km.")
@tells_mistakes
def reconcile(given: Path, out: Path, distances: Path | None) -> None:
    """Put both sides of anyone's own table beside one another.

    IN (CSV or Parquet) holds flow_code (M or X), reporter, partner, commodity, value_usd, net_weight_kg and, where there is one, period.
    OUT has one row per exporter, importer, commodity and period: both sides, the balanced estimate, z of value and weight, p, why a side is
    missing and how likely it would have reported, and what was done. Beside it lies how far each reporter's figures scatter.
    """
    from tradeflow.own_table.reconcile_trade import reconcile_own_table, summarise

    for line in summarise(reconcile_own_table(given, out, distances), out):
        click.echo(line)


@click.command("foretell-sides")
@click.argument("given", metavar="PAIRS", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@tells_mistakes
def foretell_sides(given: Path, out: Path) -> None:
    """Foretell what the silent side of anyone's own trade will report.

    PAIRS is what `tradeflow reconcile` wrote of a table by month. OUT has one row per pair of the newest year that has one side: the value
    and the net weight that the other side is expected to report, each with its 90% interval, learnt from the years before.
    """
    from tradeflow.own_table.foretell_sides import foretell_own_sides

    told = foretell_own_sides(given, out)
    click.echo(f"{told.rows:,} pairs of {told.year} with one side, learnt from {told.learnt_from:,} earlier ones with both, in {out}")


@click.command("score-series")
@click.argument("given", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--summary", type=click.Path(dir_okay=False, path_type=Path), help="Also write one row per series: what changed in six months."
)
@click.option("--last", type=click.IntRange(1), help="Score only the newest so many months of each series; all of them by default.")
@click.option("--control-date", type=click.DateTime(["%Y-%m", "%Y-%m-%d"]), help="When trade was controlled: front-loading ends before it.")
@tells_mistakes
def score_series(given: Path, out: Path, summary: Path | None, last: int | None, control_date: datetime | None) -> None:
    """Score anyone's monthly series: what was expected, and how strange each month is.

    IN (CSV or Parquet) holds series_id, period (a month), net_weight_kg (empty: missing; 0: no trade) and, where there is one, group. OUT
    has one row per series and month with enough history: expected_kg with its interval, p_value and anomaly_score, from earlier months
    alone. A series without a score for the newest month has a row that says why.
    """
    from tradeflow.own_table.score_series import score_own_series

    control = None if control_date is None else control_date.year * 100 + control_date.month
    written = score_own_series(given, out, summary, last=last, control_period=control, today=date.today())
    click.echo(f"{written.series:,} series, {written.months:,} months, in {out}")
    for note in written.notes:
        click.echo(f"note: {note}", err=True)


@click.command("resolve-names")
@click.argument("given", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--decisions", type=click.Path(path_type=Path), help="What people decided: contract entity_decision, CSV or Parquet.")
@click.option("--previous", type=click.Path(path_type=Path), help="OUT of an earlier run, with the files beside it: ids are kept.")
@click.option("--splink", "by_splink", is_flag=True, help="Link by weights that Splink learns; needs the extra companies.")
@tells_mistakes
def resolve_names(given: Path, out: Path, decisions: Path | None, previous: Path | None, by_splink: bool) -> None:
    """Put the spellings of one company together in anyone's own table.

    IN (CSV or Parquet) holds name and, where there is one, country, tax_number, address, role. OUT has its rows with entity_id and
    entity_name, the most common spelling. Beside it lie the links with the reason of each, and the names and entities that a later run
    needs to keep its ids.
    """
    from tradeflow.own_table.resolve_names import resolve_own_names

    written = resolve_own_names(given, out, decisions=decisions, previous=previous, today=date.today(), by_splink=by_splink)
    for note in written.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{written.rows:,} rows, {written.companies:,} companies, in {out}; why: {written.links}")
    if written.doubts:
        click.echo(f"note: {written.doubts:,} pairs are alike under two numbers of one country; they are listed for a person", err=True)


@click.command("find-substances")
@click.argument("given", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@tells_mistakes
def find_substances(given: Path, out: Path) -> None:
    """Find the watched substances that anyone's goods descriptions name.

    IN (CSV or Parquet) holds description and, where there is one, commodity_code. OUT has one row per row of IN and substance named in it:
    the row's number and columns, the substance, the name that was found and how, the substance's HS codes, and whether the declared code is
    one of them. A row that names none has no row in OUT. A lead about wording, not a finding.
    """
    from tradeflow.own_table.find_substances import find_in_own_table

    counts = find_in_own_table(given, out)
    click.echo(f"{counts.rows:,} rows; {counts.naming:,} name a watched substance, {counts.misfits:,} beside another code; in {out}")


@click.command("score-declarations")
@click.option("--learn", required=True, type=click.Path(path_type=Path), help="Inspected declarations with their outcome (CSV or Parquet).")
@click.option("--score", required=True, type=click.Path(path_type=Path), help="Declarations to score; outcomes in it are not read.")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="Settings file, for [declarations] and the forest.")
@tells_mistakes
def score_declarations(learn: Path, score: Path, out: Path, config: Path | None) -> None:
    """Rank anyone's declarations for inspection, from the outcomes of earlier ones.

    OUT (.csv or .parquet) has one row per declaration: fraud_probability with the three reasons that drove it, isolation_percentile, and
    whether it is proposed for inspection, as ranked or drawn by chance. A model card is written beside it.
    """
    from tradeflow.model.declaration import InspectionOptions
    from tradeflow.own_table.score_declarations import score_own_declarations
    from tradeflow.settings import load_settings

    settings = load_settings(config)
    options = InspectionOptions(
        settings.model.forest_trees,
        settings.model.forest_seed,
        settings.declarations.inspected_share,
        settings.declarations.audit_share,
    )
    written = score_own_declarations(learn, score, out, options)
    for note in written.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{written.rows:,} declarations scored: {written.scores}; how the models did: {written.card}")


COMMANDS = (reconcile, foretell_sides, score_series, score_declarations, resolve_names, find_substances)
