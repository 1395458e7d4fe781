"""How many of the cases that are planted in simulated declarations stand among the company leads, over many worlds run whole."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.evaluate.company_leads_page import write_page
from tradeflow.lake import Lake, read_table
from tradeflow.pipeline import run_pipeline
from tradeflow.sample import write_world
from tradeflow.settings import load_settings

P = ParamSpec("P")
T = TypeVar("T")

TOP = 100
_ROLE_OF_RULE = {"unnotified_export": "exporter", "broker_bottleneck": "broker"}
"""Whom a case is about; the importer where its rule stands not here."""


@dataclass(frozen=True)
class Judged:
    """`cases`: planted cases with the rank of the best lead that tells each. `leads`: the top leads with what each of them tells."""

    cases: pl.DataFrame
    leads: pl.DataFrame


def evaluate_company_leads(seeds: Iterable[int], items: int, page: Path | None, echo: Callable[[str], None]) -> Judged:
    """Write and run a world per seed, hold its company leads against the truth, and tell the figures."""
    begun = time.process_time()
    found: list[Judged] = []
    judged_seeds: list[int] = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            judged = judge_world(Path(folder), seed, items)
        hits = judged.cases.filter(pl.col("lead_rank") <= TOP).height
        echo(f"world {seed}: {hits} of {judged.cases.height} cases in the top {TOP}, {_false_leads(judged.leads)} false leads there")
        found.append(judged)
        # After each world: whoever stops the command has the page of the worlds so far.
        together = Judged(pl.concat([each.cases for each in found]), pl.concat([each.leads for each in found]))
        judged_seeds.append(seed)
        lines = write_page(page, together.cases, together.leads, judged_seeds, items, time.process_time() - begun)
    if page is None:
        for line in lines:
            echo(line)
    return together


def judge_world(folder: Path, seed: int, items: int) -> Judged:
    """Write one world into a folder, run it as a user would, up to its release, and judge its company leads."""
    world = folder / "world"
    write_world(world, seed=seed, declared_items=items)
    lake = Lake(folder / "lake")
    with contextlib.suppress(JudgedTablesStandError):
        run_pipeline(load_settings(world / "run.toml"), lake, run_step=run_before_release)
    tables = {name: read_table(lake, name).collect() for name in ("company_signal", "company_signal_evidence", "company_item")}
    judged = judge_leads(world, tables["company_signal"], tables["company_signal_evidence"], tables["company_item"])
    return Judged(*(table.with_columns(pl.lit(seed).alias("seed")) for table in (judged.cases, judged.leads)))


class JudgedTablesStandError(Exception):
    """Ends a run before its release, which takes a quarter of the time and changes no lead."""


def run_before_release(name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a step of the pipeline, but for the release."""
    if name == "publish":
        raise JudgedTablesStandError
    return function(*args, **kwargs)


def judge_leads(world: Path, signals: pl.DataFrame, evidence: pl.DataFrame, items: pl.DataFrame) -> Judged:
    """Hold company leads against a world's truth.

    A lead tells a case when it rests on a declaration of the case and is about the company that the case is about: importer, exporter or
    broker on the case's declarations, by the rule that ought to find it. The same goes for an innocent event, whoever of its parties the
    lead is about; a diversion planted in the trade figures is told by a lead that rests on one of its declarations.
    """
    resting = _list_declarations(signals, evidence)
    cases = _read(world, "planted_company_case")
    told = _tell(resting, cases, "case_id", items, pl.col("expected_rule").replace_strict(_ROLE_OF_RULE, default="importer"))
    by_rule = told.filter(pl.col("rule").str.split(";").list.contains(pl.col("expected_rule")))
    ranked = cases.select("case_id", "expected_rule", "case_strength", "excess_kg", "planted_text")
    for name, pairs in (("lead_rank", told), ("own_rule_rank", by_rule)):
        ranked = ranked.join(pairs.group_by("case_id").agg(pl.col("lead_rank").min().alias(name)), on="case_id", how="left")
    return Judged(ranked.sort("case_id"), _tell_leads(world, signals, resting, told, items))


def _read(world: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(world / f"{name}.csv", schema=load_contract(name).schema)


def _list_declarations(signals: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """A row per signal and declaration that it rests on: signal columns and declaration_id. What is only compared does not count."""
    rests = evidence.filter((pl.col("evidence_role") == "observed") & pl.col("declaration_id").is_not_null())
    named = signals.filter(pl.col("declaration_id").is_not_null()).select("signal_id", "declaration_id")
    pairs = pl.concat([rests.select("signal_id", "declaration_id"), named]).unique()
    return signals.select("signal_id", "lead_rank", "rule", "entity_id", "related_entity_id").join(pairs, on="signal_id")


def _tell(resting: pl.DataFrame, truth: pl.DataFrame, key: str, items: pl.DataFrame, role: pl.Expr | None) -> pl.DataFrame:
    """Pairs of a truth row and a signal that tells it; without a role any party of its declarations will do."""
    papers = truth.with_columns(pl.col("declaration_ids").str.split(";").alias("declaration_id")).explode("declaration_id")
    parties = items.select(
        "declaration_id",
        *(pl.col(f"{name}_entity_id").alias(name) for name in ("importer", "exporter", "broker")),
    ).unpivot(index="declaration_id", variable_name="_role", value_name="_party")
    wanted = papers.join(parties.unique(), on="declaration_id")
    if role is not None:
        wanted = wanted.filter(pl.col("_role") == role)
    both = resting.join(wanted, on="declaration_id")
    return both.filter((pl.col("entity_id") == pl.col("_party")) | (pl.col("related_entity_id") == pl.col("_party"))).unique(
        [key, "signal_id"], maintain_order=True
    )


def _tell_leads(world: Path, signals: pl.DataFrame, resting: pl.DataFrame, told: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """The top leads: rank and rule of the head, whether each tells a planted case, a planted diversion, and which innocent event."""
    innocent = _tell(resting, _read(world, "innocent_company_event"), "event_id", items, None)
    country = resting.join(_read(world, "planted_case_declaration"), on="declaration_id", how="semi")
    kinds = innocent.group_by("lead_rank").agg(pl.col("kind").sort().first())
    heads = signals.filter(pl.col("is_lead_head") & (pl.col("lead_rank") <= TOP)).select("lead_rank", "rule", "is_flagged")
    return (
        heads.with_columns(
            pl.col("lead_rank").is_in(told["lead_rank"].unique().to_list()).alias("tells_case"),
            pl.col("lead_rank").is_in(country["lead_rank"].unique().to_list()).alias("tells_diversion"),
        )
        .join(kinds, on="lead_rank", how="left")
        .sort("lead_rank")
    )


def _false_leads(leads: pl.DataFrame) -> int:
    return leads.filter(~pl.col("tells_case")).height
