"""The commands `tradeflow evaluate ...`: known truths and held-out years in, figures and a page out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tradeflow.mistakes import OneLineGroup, tells_mistakes

SHARED = Path("../shared")
"""Where the yardsticks and the real figures lie beside the repository; without them their parts are skipped with the reason."""


Command = Callable[..., Any]


def _shared_option(yardstick: str) -> Callable[[Command], Command]:
    return click.option(
        "--shared",
        default=SHARED,
        show_default=True,
        type=click.Path(file_okay=False, path_type=Path),
        help=f"Folder that holds benchmarks/{yardstick}.py and the real data/, where you have them.",
    )


def _page_option(name: str) -> Callable[[Command], Command]:
    return click.option(
        "--page",
        type=click.Path(dir_okay=False, path_type=Path),
        help=f"Page to write; by default docs/{name}.md, with --quick none.",
    )


@click.group(cls=OneLineGroup)
def evaluate() -> None:
    """Measure how well the figures are judged, on truths that are known and on years held out."""


@evaluate.command()
@click.option("--quick", is_flag=True, help="Small worlds and two codes of the real figures: less than a minute.")
@_shared_option("mirror_truth")
@_page_option("evaluation_mirror")
@tells_mistakes
def mirror(quick: bool, shared: Path, page: Path | None) -> None:  # fmt: skip
    """Judge the mirror reconciliation against known truths, held-out years and the methods of others."""
    from tradeflow.evaluate.mirror import evaluate_mirror

    evaluate_mirror(shared, quick=quick, page=page or (None if quick else Path("docs/evaluation_mirror.md")), echo=click.echo)


@evaluate.command()
@click.option("--quick", is_flag=True, help="Few series and weeks, no simulated worlds: a minute or two.")
@_shared_option("series_truth")
@click.option("--worlds", type=click.IntRange(0), help="Simulated worlds to run whole; by default 20, with --quick none.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to keep the peers' scores in; from then on a run reads them where series, code and packages are the same.",
)
@_page_option("evaluation_models")
@tells_mistakes
def models(quick: bool, shared: Path, worlds: int | None, keep: Path | None, page: Path | None) -> None:
    """Judge the models on simulated and real series with planted anomalies, beside the methods of others."""
    from tradeflow.evaluate.models import evaluate_models

    written = page or (None if quick else Path("docs/evaluation_models.md"))
    evaluate_models(shared, quick=quick, page=written, worlds=worlds, echo=click.echo, keep=keep)


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


@evaluate.command("company-leads")
@click.option("--seeds", "count", default=20, show_default=True, type=click.IntRange(1), help="Simulated worlds to run whole.")
@click.option("--first-seed", default=1, show_default=True, type=int, help="Seed of the first world; the others follow it.")
@click.option("--declarations", "items", default=40_000, show_default=True, type=click.IntRange(10_000), help="Declared items of a world.")
@click.option("--quick", is_flag=True, help="One world, no page.")
@_page_option("evaluation_companies")
@tells_mistakes
def company_leads(count: int, first_seed: int, items: int, quick: bool, page: Path | None) -> None:
    """Judge company leads on simulated worlds with planted cases: recall by rule, false leads, innocent events."""
    from tradeflow.evaluate.company_leads import evaluate_company_leads

    seeds = range(first_seed, first_seed + (1 if quick else count))
    written = page or (None if quick else Path("docs/evaluation_companies.md"))
    evaluate_company_leads(seeds, items, written, click.echo)
