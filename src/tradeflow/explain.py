"""What the command line tells about one signal and about the lake as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl

from tradeflow.amounts import say_period, say_probability, say_value, say_weight
from tradeflow.contract import load_contract
from tradeflow.lake import RUN_FOLDER, Lake, Snapshot, find_snapshot, read_table, serving_url, table_version
from tradeflow.publish.reading import read_signal
from tradeflow.pull.answers import read_source_row
from tradeflow.telling.names import name_area

_SHOWN_ROWS = 6
_SHOWN_RUNS = 5


def explain_signal(lake: Lake, signal_id: str) -> Iterator[str]:
    """Yield the sentence, the figures, what drove the signal, and each source row as the source sent it."""
    dossier = read_signal(serving_url(lake), signal_id)
    signal = dossier.signal
    yield f"Signal {signal['signal_id']} ({signal['rule']}), lead {signal['lead_id']}, rank {signal['lead_rank']}"
    yield ""
    yield signal["signal_reason"]
    yield ""
    yield from _figures(signal)
    yield ""
    yield "What drove it:"
    for row in dossier.features.iter_rows(named=True):
        value = "" if row["feature_value"] is None else f" = {row['feature_value']:.4g}"
        yield f"  {row['feature_share']:4.0%}  {row['feature']}{value}"
    yield ""
    rows = dossier.evidence.sort("net_weight_kg", "primary_value_usd", "snapshot_id", "row_number", descending=True, nulls_last=True)
    more = f"; the {_SHOWN_ROWS} largest are shown" if rows.height > _SHOWN_ROWS else ""
    yield f"Source rows ({rows.height}{more}):"
    for row in rows.head(_SHOWN_ROWS).iter_rows(named=True):
        yield from _walk_back(lake, row)


def _figures(signal: dict[str, Any]) -> Iterator[str]:
    yield f"  observed {say_weight(signal['observed_kg'])}, {say_value(signal['observed_value_usd'])}"
    if signal["expected_kg"] is not None:
        band = f" ({say_weight(signal['lower_kg'])} to {say_weight(signal['upper_kg'])})" if signal["lower_kg"] is not None else ""
        yield f"  expected {say_weight(signal['expected_kg'])}{band}"
    if signal["mirror_net_weight_kg"] is not None or signal["mirror_value_usd"] is not None:
        yield f"  the other side says {say_weight(signal['mirror_net_weight_kg'])}, {say_value(signal['mirror_value_usd'])}"
    yield f"  p {say_probability(signal['p_value'])}, q {say_probability(signal['q_value'])}, against {signal['comparison']}"
    if signal["judged_series"] > 1:
        chance = say_probability(signal["any_series_p_value"])
        yield f"  {chance} for the strangest of {signal['judged_series']} series that the rule judged; the score counts it"
    yield f"  score {signal['anomaly_score']:.1f} of 100"
    yield f"  its lead scores {signal['lead_score']:.1f} and holds {signal['signal_count']} flagged signals"


def _walk_back(lake: Lake, row: dict[str, Any]) -> Iterator[str]:
    snapshot = find_snapshot(lake, row["snapshot_id"])
    direction = "from" if row["flow_code"] == "M" else "to"
    verb = "imported" if row["flow_code"] == "M" else "exported"
    yield (
        f"  {name_area(row['reporter_code'])} {verb} {say_weight(row['net_weight_kg'])}, {say_value(row['primary_value_usd'])} {direction} "
        f"{name_area(row['partner_code'])} in {say_period(row['period'])}"
    )
    yield f"    row {row['row_number']} of snapshot {snapshot.snapshot_id}, retrieved {snapshot.retrieved_at:%Y-%m-%d %H:%M} UTC"
    yield f"    {snapshot.folder}"
    source_row = _in_declared_order(snapshot, read_source_row(snapshot, row["row_number"]))
    yield f"    {json.dumps(source_row, ensure_ascii=False, default=str)}"


def _in_declared_order(snapshot: Snapshot, source_row: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is empty; the reader of JSON forgets the order of the fields, the layout's contract knows it."""
    declared = {name: place for place, name in enumerate(load_contract(snapshot.layout).column_names)}
    named = sorted(source_row, key=lambda name: declared.get(name, len(declared)))
    return {name: source_row[name] for name in named if source_row[name] is not None}


def describe_lake(lake: Lake, today: date) -> Iterator[str]:
    """Yield the last runs, then each source's freshness, then the reporters that are late."""
    yield f"Lake {lake.root}"
    yield ""
    yield from _last_runs(lake)
    if table_version(lake, "snapshot") is None:
        yield "No source has been read yet; `tradeflow run --input FOLDER` reads one."
        return
    yield ""
    yield from _freshness(lake, today)
    if table_version(lake, "coverage") is not None:
        yield ""
        yield from _coverage(lake)


def _last_runs(lake: Lake) -> Iterator[str]:
    records = sorted((lake.root / RUN_FOLDER).glob("*.json"))[-_SHOWN_RUNS:]
    yield "Last runs:" if records else "No run yet."
    for path in reversed(records):
        record = json.loads(path.read_text(encoding="utf-8"))
        as_of = f", as of {record['as_of']}" if record.get("as_of") else ""
        told = record.get("error") or _tell_run(record)
        yield f"  {record['started_at'][:16].replace('T', ' ')}  {record['outcome']}{as_of}: {told}"


def _tell_run(record: dict[str, Any]) -> str:
    seconds = sum(record["stage_seconds"].values())
    new = "new release" if record["is_new_release"] else "nothing changed, release"
    flagged = record["counts"]["leads_flagged"]
    return f"{new} {record['release_id']}, {record['new_answers']} new answers, {flagged} flagged leads, {seconds:.0f} s"


def _freshness(lake: Lake, today: date) -> Iterator[str]:
    snapshots = read_table(lake, "snapshot")
    periods = (
        read_table(lake, "trade_flow")
        .group_by("source")
        .agg(pl.col("period").max().alias("_newest"), pl.col("reporter_code").n_unique().alias("_reporters"))
    )
    told = snapshots.group_by("source").agg(
        pl.len().alias("_answers"),
        pl.col("retrieved_at").max(),
        pl.col("row_count", "conformed_count", "quarantined_count", "set_aside_count").sum(),
    )
    yield "Sources:"
    for row in told.join(periods, on="source", how="left").sort("source").collect().iter_rows(named=True):
        age = (today - row["retrieved_at"].date()).days
        newest = say_period(row["_newest"]) if row["_newest"] else "none"
        yield (
            f"  {row['source']}: newest period {newest}, {row['_reporters'] or 0} reporters, {row['_answers']:,} answers, "
            f"the last on {row['retrieved_at']:%Y-%m-%d} ({age} days ago)"
        )
        yield (
            f"    {row['row_count']:,} rows = {row['conformed_count']:,} conformed + {row['quarantined_count']:,} in quarantine + "
            f"{row['set_aside_count']:,} set aside"
        )


def _coverage(lake: Lake) -> Iterator[str]:
    coverage = read_table(lake, "coverage").filter(pl.col("flow_code") == "M").collect()
    newest = coverage.select("freq_code", "period").unique().sort("freq_code", "period").group_by("freq_code", maintain_order=True).tail(6)
    shares = (
        coverage.join(newest, on=["freq_code", "period"])
        .group_by("freq_code", "period")
        .agg((pl.col("coverage_status") == "reported").sum().alias("_reported"), pl.len().alias("_all"))
    )
    yield "Importers that have reported:"
    for row in shares.sort("freq_code", "period").iter_rows(named=True):
        yield f"  {say_period(row['period'])}: {row['_reported']} of {row['_all']}"
