"""The commands `tradeflow evaluate ...`: known truths and held-out years in, figures and a page out."""

from __future__ import annotations

from pathlib import Path

import click

from tradeflow.mistakes import OneLineGroup, tells_mistakes

SHARED = Path("../shared")
"""Where the yardsticks and the real figures lie beside the repository; without them their parts are skipped with the reason."""


@click.group(cls=OneLineGroup)
def evaluate() -> None:
    """Measure how well the figures are judged, on truths that are known and on years held out."""


@evaluate.command()
@click.option("--quick", is_flag=True, help="Small worlds and two codes of the real figures: less than a minute.")
@click.option(
    "--shared",
    default=SHARED,
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that holds benchmarks/mirror_truth.py and the real data/, where you have them.",
)
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Page to write; by default docs/evaluation_mirror.md, with --quick none.",
)
@tells_mistakes
def mirror(quick: bool, shared: Path, page: Path | None) -> None:  # fmt: skip
    """Judge the mirror reconciliation against known truths, held-out years and the methods of others."""
    from tradeflow.evaluate.mirror import evaluate_mirror

    evaluate_mirror(shared, quick=quick, page=page or (None if quick else Path("docs/evaluation_mirror.md")), echo=click.echo)


@evaluate.command()
@click.option("--quick", is_flag=True, help="Few series and weeks, no simulated worlds: a minute or two.")
@click.option(
    "--shared",
    default=SHARED,
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that holds benchmarks/series_truth.py and the real data/, where you have them.",
)
@click.option("--worlds", type=click.IntRange(0), help="Simulated worlds to run whole; by default 20, with --quick none.")
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Page to write; by default docs/evaluation_models.md, with --quick none.",
)
@tells_mistakes
def models(quick: bool, shared: Path, worlds: int | None, page: Path | None) -> None:
    """Judge the models on simulated and real series with planted anomalies, beside the methods of others."""
    from tradeflow.evaluate.models import evaluate_models

    written = page or (None if quick else Path("docs/evaluation_models.md"))
    evaluate_models(shared, quick=quick, page=written, worlds=worlds, echo=click.echo)


@evaluate.command()
@click.option("--companies", "count", default=3000, show_default=True, type=click.IntRange(100), help="Made-up companies in the world.")
@click.option("--seed", default=1, show_default=True, type=int, help="Another seed is another world.")
@click.option("--rules-only", is_flag=True, help="Leave out Splink, which needs the extra companies.")
@tells_mistakes
def companies(count: int, seed: int, rules_only: bool) -> None:
    """Judge how companies are resolved, on made-up ones, at three rates of slips."""
    from tradeflow.evaluate.companies import evaluate_companies
    from tradeflow.steps.companies import find_splink

    evaluate_companies(count, seed, {"rules": None} if rules_only else {"rules": None, "splink": find_splink()}, click.echo)
