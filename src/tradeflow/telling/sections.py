"""What the report says beside its leads: key figures, how sure it is, what has not come in, what was set apart, how the run went."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from tradeflow import amounts as say
from tradeflow.telling import wording
from tradeflow.telling.language import t
from tradeflow.telling.names import name_area
from tradeflow.telling.tables import ReleaseTables

COVERAGE_PERIODS = 12
_UNLOCATED_SHOWN = 12


@dataclass(frozen=True)
class KeyFigure:
    """One figure at the head of the report, with the line that keeps it honest."""

    figure: str
    name: str
    note: str = ""


@dataclass(frozen=True)
class CoverageRow:
    """One reporter's newest periods; a cell holds the flows that are in ("MX", "M", "X"), "" where none is, None where none is awaited."""

    reporter: str
    cells: list[str | None]
    is_complete: bool


def key_figures(tables: ReleaseTables, manifest: Mapping[str, Any]) -> list[KeyFigure]:
    """Return the four figures that a reader needs before the first lead."""
    counts = manifest.get("counts") or {}
    heads = tables.signal.filter("is_lead_head")
    flagged = tables.signal.filter("is_flagged")["lead_id"].n_unique()
    expected_false = manifest.get("expected_false")
    newest, waiting, known = _reporters_waiting(tables.coverage)
    quarantined = counts.get("rows_quarantined", _sum_rows(tables, is_set_aside=False))
    set_aside = counts.get("rows_set_aside", _sum_rows(tables, is_set_aside=True))
    sure = f"about {expected_false:,.1f} flagged signals are expected to be false" if expected_false is not None else ""
    if not flagged and heads.height:
        sure = "none is rare enough among so many to be flagged"
    return [
        KeyFigure(say.say_count(flagged), "leads flagged", sure),
        KeyFigure(say.say_count(heads.height), "leads listed", f"{tables.signal.height:,} signals stand behind them"),
        KeyFigure(say.say_count(quarantined), "rows quarantined", f"{say.say_count(set_aside)} more set aside: right, but not used"),
        KeyFigure(say.say_count(waiting), "reporters not yet in", f"of {known:,}, for {newest}" if newest else "no coverage known"),
    ]


def row_path(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the way of the rows, from what came in to what was flagged, as far as the manifest counts it."""
    counts = manifest.get("counts") or {}
    steps = {
        "rows_in": "rows in",
        "rows_conformed": "conformed",
        "mirror_pairs": "mirror pairs",
        "series": "series judged",
        "candidates": "candidates",
        "signals": "signals",
        "flagged": "flagged",
    }
    return [(say.say_count(counts[key]), words) for key, words in steps.items() if counts.get(key) is not None]


def rule_rows(tables: ReleaseTables, manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, for each rule, what it means, its signals, and how many of the flagged ones are expected to be false."""
    return describe_rules(_count_by_rule(tables.signal), manifest.get("rules"), manifest.get("expected_false_by_rule"), wording.RULE_WORDS)


def company_rule_rows(tables: ReleaseTables, manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the same of the rules on companies."""
    meanings, expected = manifest.get("company_rules"), manifest.get("expected_false_by_company_rule")
    return describe_rules(_count_by_rule(tables.company_signal), meanings, expected, wording.COMPANY_RULE_WORDS)


def _count_by_rule(told: pl.DataFrame) -> dict[str, tuple[int, int]]:
    counted = told.group_by("rule").agg(pl.len(), pl.col("is_flagged").sum().alias("flagged"))
    return {rule: (signals, flagged) for rule, signals, flagged in counted.iter_rows()}


def describe_rules(
    found: Mapping[str, tuple[int, int]],
    given: Mapping[str, str] | None,
    false: Mapping[str, float] | None,
    words: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Take each rule's signals and flagged ones, the manifest's meanings and expected false ones, and the words; return a row per rule."""
    meanings, expected = given or {}, false or {}
    rules = [*words, *sorted((set(meanings) | set(found)) - set(words))]
    return [
        {
            "rule": rule,
            "words": t(words.get(rule, rule.replace("_", " "))),
            "meaning": meanings.get(rule, ""),
            "signals": found.get(rule, (0, 0))[0],
            "flagged": found.get(rule, (0, 0))[1],
            "expected_false": expected.get(rule),
        }
        for rule in rules
        if rule in meanings or rule in found
    ]


def outcome_rows(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what inspections of the top of each ranking would have found among later declarations, with the words of the ranking."""
    return [row | {"words": wording.RANKING_WORDS[row["ranking"]]} for row in manifest.get("outcome_figures") or []]


def coverage_matrix(coverage: pl.DataFrame) -> tuple[list[str], list[CoverageRow]]:
    """Return the newest periods and one row per reporter, those with most holes first; the frequency with most rows is shown."""
    if coverage.is_empty():
        return [], []
    freq_code = coverage["freq_code"].mode().sort()[-1]
    of_frequency = coverage.filter((pl.col("freq_code") == freq_code) & pl.col("flow_code").is_in(["M", "X"]))
    periods = of_frequency["period"].unique().sort().tail(COVERAGE_PERIODS).to_list()
    newest = of_frequency.filter(pl.col("period").is_in(periods))
    in_cell = pl.col("flow_code").filter(pl.col("coverage_status") == "reported").sort().str.join("")
    cells = newest.group_by("reporter_code", "period").agg(in_cell.alias("flows"))
    rows: dict[int, dict[int, str]] = {}
    for reporter, period, flows in cells.iter_rows():
        rows.setdefault(reporter, {})[period] = flows
    shown = [_coverage_row(reporter, [by_period.get(period) for period in periods]) for reporter, by_period in rows.items()]
    shown.sort(key=lambda row: (row.is_complete, -sum(cell != "MX" for cell in row.cells), row.reporter))
    return [say.say_period(period) for period in periods], shown


def _coverage_row(reporter: int, cells: list[str | None]) -> CoverageRow:
    return CoverageRow(name_area(reporter), cells, is_complete=all(cell == "MX" for cell in cells))


def quarantine_rows(tables: ReleaseTables) -> list[dict[str, Any]]:
    """Return how many rows each rule of each contract set apart, most first."""
    return tables.quarantine_count.sort("is_set_aside", "row_count", descending=[False, True]).to_dicts()


def unlocated_rows(unlocated_trade: pl.DataFrame) -> list[dict[str, Any]]:
    """Return, for each kind of what a reporter leaves open, the largest weights over all periods: by reporter, flow and code."""
    is_open = pl.col("unlocated_value_usd") > 0
    summed = (
        unlocated_trade.filter(is_open)
        .group_by("unlocated_kind", "reporter_code", "flow_code", "commodity_code")
        .agg(
            pl.col("period").n_unique().alias("periods"),
            pl.col("unlocated_net_weight_kg", "unlocated_value_usd").sum(),
            (pl.col("located_value_usd").sum() / pl.col("whole_value_usd").sum()).alias("located_share"),
        )
        .sort("unlocated_kind", "unlocated_net_weight_kg", "unlocated_value_usd", "reporter_code", descending=[False, True, True, False])
    )
    largest = summed.group_by("unlocated_kind", maintain_order=True).head(_UNLOCATED_SHOWN)
    return [row | {"reporter": name_area(row["reporter_code"])} for row in largest.iter_rows(named=True)]


def model_cards(model_card: pl.DataFrame) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return each model's card as its rows, in the order in which the run wrote them."""
    return [(str(name), rows.to_dicts()) for (name,), rows in model_card.group_by("model_name", maintain_order=True)]


def run_facts(manifest: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the manifest's settings, table versions and identity as lists of name and text."""
    identity = {key: manifest.get(key) for key in ("release_id", "as_of", "made_at", "code_version")}
    parts = [("Run", identity), ("Table versions read", manifest.get("table_versions")), ("Settings", manifest.get("settings"))]
    return [(title, _flatten(part)) for title, part in parts if part]


def stage_times(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each stage's seconds and its share of the whole."""
    seconds: dict[str, float] = manifest.get("stage_seconds") or {}
    whole = sum(seconds.values()) or 1.0
    return [{"stage": stage, "seconds": spent, "share": spent / whole} for stage, spent in seconds.items()]


def planted_words(manifest: Mapping[str, Any]) -> str:
    """Say how many of the simulated world's planted diversions were found and which were missed; empty for real data."""
    planted = manifest.get("planted")
    if not planted:
        return ""
    found, missed = planted.get("found"), planted.get("missed")
    found_count, missed_count = (len(each) if isinstance(each, list | tuple | dict) else int(each or 0) for each in (found, missed))
    which = f": {', '.join(map(str, missed))}" if isinstance(missed, list | tuple) and missed else ""
    return f"{found_count} of {found_count + missed_count} planted diversions were found, {missed_count} missed{which}."


def _reporters_waiting(coverage: pl.DataFrame) -> tuple[str, int, int]:
    if coverage.is_empty():
        return "", 0, 0
    newest = coverage["period"].max()
    of_newest = coverage.filter(pl.col("period") == newest)
    in_already = of_newest.filter(pl.col("coverage_status") == "reported")["reporter_code"].n_unique()
    known = coverage["reporter_code"].n_unique()
    return say.say_period(int(newest)), known - in_already, known  # type: ignore[arg-type]


def _sum_rows(tables: ReleaseTables, *, is_set_aside: bool) -> int:
    return int(tables.quarantine_count.filter(pl.col("is_set_aside") == is_set_aside)["row_count"].sum())


def _flatten(part: Any, prefix: str = "") -> list[tuple[str, str]]:
    if isinstance(part, Mapping):
        return [line for key, value in part.items() for line in _flatten(value, f"{prefix}.{key}" if prefix else str(key))]
    text = part if isinstance(part, str) else json.dumps(part, ensure_ascii=False, default=str)
    return [(prefix, text)]
