"""What a run sees: the newest figures known at a time, under the newest edition's codes, narrowed to what is watched."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from tradeflow.conform import select_known_rows, state_in_newest_edition
from tradeflow.contract import load_codelist, source_layouts
from tradeflow.exceptions import SourceError
from tradeflow.lake import Lake, list_snapshots
from tradeflow.settings import Settings, Watch
from tradeflow.steps.handles import AVAILABILITY, Conformed, Known, code_version, hash_texts, read_handed
from tradeflow.steps.watch_list import watched_commodities


def know_figures(settings: Settings, lake: Lake, as_of: date | None, conformed: Conformed) -> Known:
    """Decide which answers a run sees, and name them by a key."""
    moment = None if as_of is None else datetime.combine(as_of + timedelta(days=1), time(), UTC) - timedelta(microseconds=1)
    seen = read_handed(lake, conformed, "snapshot").select("snapshot_id", "layout", "retrieved_at").collect()
    if moment is not None:
        seen = seen.filter(pl.col("retrieved_at") <= moment)
        if seen.is_empty():
            raise SourceError(f"nothing was known on {as_of}: the lake's first answer came later; name a later --as-of date")
    answers_key = hash_texts(code_version(), *sorted(seen["snapshot_id"]))
    watched = (settings.watch.model_dump_json(), _overlay_text(settings))
    trade_layouts = [layout.name for layout in source_layouts("trade_flow")]
    trade = seen.filter(pl.col("layout").is_in(trade_layouts))["snapshot_id"].sort()
    trade_key = hash_texts(code_version(), *watched, *trade)
    return Known(hash_texts(answers_key, *watched), moment, conformed.tables, answers_key, trade_key, settings.watch.last_period)


def known_rows(lake: Lake, known: Known) -> pl.LazyFrame:
    """Return the rows of `trade_flow` that the run sees, under the newest edition's codes."""
    snapshots = read_handed(lake, known, "snapshot").select("snapshot_id", "source", "query_key", "retrieved_at").collect()
    rows = select_known_rows(read_handed(lake, known, "trade_flow"), snapshots, _scopes(lake), known.as_of)
    if (last := known.last_period) is not None:
        rows = rows.filter(pl.col("period") <= pl.when(pl.col("freq_code") == "M").then(last).otherwise(last // 100))
    return state_in_newest_edition(rows, load_codelist("hs_concordance"))


def watched_rows(rows: pl.LazyFrame, watch: Watch) -> pl.LazyFrame:
    """Narrow rows to what is watched. What a reporter has published is never read from these: silence here may be lack of interest."""
    if commodities := watched_commodities(watch):
        rows = rows.filter(pl.col("commodity_code").is_in(commodities))
    if watch.reporters:
        rows = rows.filter(pl.col("reporter_code").is_in(watch.reporters) | pl.col("partner_code").is_in(watch.reporters))
    return rows


def _scopes(lake: Lake) -> pl.DataFrame:
    """What each query asked for, as cells."""
    types = {"reporter_code": pl.Int32(), "period": pl.Int32(), "flow_code": pl.String(), "commodity_code": pl.String()}
    scoped = [each for each in list_snapshots(lake) if each.scope and each.source != AVAILABILITY]
    asked = [{"snapshot_id": each.snapshot_id} | {name: each.scope[name] for name in types} for each in scoped]
    listed = pl.DataFrame(asked, schema={"snapshot_id": pl.String()} | {name: pl.List(dtype) for name, dtype in types.items()})
    for column in types:
        listed = listed.explode(column)
    freq = pl.when(pl.col("period") > 9999).then(pl.lit("M")).otherwise(pl.lit("A"))
    return listed.drop_nulls().with_columns(freq.alias("freq_code"))


def _overlay_text(settings: Settings) -> str:
    return settings.watch.overlay.read_text(encoding="utf-8") if settings.watch.overlay else ""
