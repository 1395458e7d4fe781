"""The step that publishes: a run's tables and its manifest in, the release out."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.lake import RELEASE_FOLDER, Lake
from tradeflow.publish.corridors import summarise_corridors
from tradeflow.publish.release import publish_release
from tradeflow.settings import Settings
from tradeflow.signals import rule_meanings
from tradeflow.signals.company import company_rule_meanings
from tradeflow.steps.control_records import known_records
from tradeflow.steps.handles import Known, Made, certificate_folder, code_version, hash_texts, read_handed
from tradeflow.telling.tables import ReleaseTables

_log = logging.getLogger("tradeflow")
INSPECTION_LISTS = ("ranked_declaration", "proposed_inspection")
"""What to inspect, for who inspects."""
_ABOUT_COMPANIES = (
    "company_signal", "company_signal_evidence", "signal_declaration", "company_item", "company_month", "company_profile", "company_link",
    "broker_share", "entity", "entity_name", "entity_link", "record_party",
)  # fmt: skip
_MODEL_CARDS = ("model_card", "decision_model_card", "outcome_model_card")
_SERIES = ["freq_code", "importer_code", "exporter_code", "commodity_code"]


@dataclass(frozen=True)
class Released:
    """The release that stands after a run, and whether this run made it."""

    release_id: str
    folder: Path
    is_new: bool
    counts: dict[str, int]
    expected_false: float


def publish_run(
    settings: Settings,
    lake: Lake,
    known: Known,
    made: tuple[Made, ...],
    problems: tuple[str, ...],
    stage_seconds: dict[str, float],
) -> Released:
    """Write the release of the tables that the steps of this run handed over; one that was published already is left as it is."""
    handed = Made((*known.tables, *(version for each in made for version in each.tables)), is_new=made[-1].is_new)
    signals = read_handed(lake, handed, "signal").collect()
    newest = read_handed(lake, handed, "mirror_pair").select(pl.col("period").max()).collect().item()
    key = hash_texts("release", *(each.tables[0].inputs_key for each in made if each.tables), settings.publish.model_dump_json())
    release_id = f"{newest or 'no-trade'}-{key[:10]}"
    is_new = not (lake.root / RELEASE_FOLDER / release_id).is_dir()
    counts = count_rows(lake, known, handed, signals)
    false_by_rule = expect_false_leads(signals)
    company_signals = _if_made(lake, handed, "company_signal").filter(pl.col("q_value").is_not_null())
    manifest = {
        "release_id": release_id,
        "as_of": known.as_of.isoformat() if known.as_of else None,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "code_version": code_version(),
        "is_simulated": _is_simulated(lake, known),
        "periods": _periods(lake, handed),
        "counts": counts,
        "expected_false": sum(false_by_rule.values()),
        "expected_false_by_rule": false_by_rule,
        "outcome_figures": _if_made(lake, handed, "outcome_figure").to_dicts(),
        "quarantine": _quarantine_counts(lake, known).to_dicts(),
        "certificates": read_certificates(lake),
        "table_versions": {version.table: version.version for version in handed.tables},
        "settings": settings.model_dump(mode="json", exclude={"serve"}),  # no part of the figures, and no business of a release's readers
        "stage_seconds": stage_seconds,
        "rules": rule_meanings(),
        "company_rules": company_rule_meanings(),
        "expected_false_by_company_rule": expect_false_leads(company_signals),
        "problems": list(problems),
    }
    _log.info(f"publishing {signals['is_lead_head'].sum():,} leads")
    # Who may not see companies may not see their declarations either.
    companies = _of_companies(lake, known, handed) if settings.publish.companies else {}
    tables = release_tables(lake, known, handed, signals, companies)
    lists = {name: _if_made(lake, handed, name) for name in INSPECTION_LISTS if settings.publish.companies}
    is_current = known.as_of is None and settings.publish.is_current
    folder = publish_release(lake, release_id, tables, manifest, settings=settings.publish, is_current=is_current, inspection_lists=lists)
    return Released(release_id, folder, is_new, counts, sum(false_by_rule.values()))


def count_rows(lake: Lake, known: Known, handed: Made, signals: pl.DataFrame) -> dict[str, int]:
    """Count what went into each stage and came out, over the answers that the run saw."""
    seen = _seen(lake, known).select("row_count", "conformed_count", "quarantined_count", "set_aside_count").sum().row(0)
    names = ("rows_in", "rows_conformed", "rows_quarantined", "rows_set_aside")
    pairs = next(version.rows for version in handed.tables if version.table == "mirror_pair")
    series = read_handed(lake, handed, "baseline").select(["series_level", *_SERIES]).unique().select(pl.len()).collect().item()
    return {
        **{name: int(count) for name, count in zip(names, seen, strict=True)},
        "mirror_pairs": pairs,
        "series": int(series),
        "signals": signals.height,
        "flagged": int(signals["is_flagged"].sum()),
        "leads": int(signals["is_lead_head"].sum()),
        "leads_flagged": int(signals.filter(pl.col("signal_count") > 0)["is_lead_head"].sum()),
    }


def read_certificates(lake: Lake) -> list[dict[str, Any]]:
    """Return what Great Expectations certified of the rows in the lake, with the page of its Data Docs, relative to the lake."""
    found = []
    for path in sorted(certificate_folder(lake).glob("*/certificate.json")):
        certificate = json.loads(path.read_text(encoding="utf-8"))
        found.append(
            {
                "contract": certificate["contract"],
                "is_passed": certificate["is_passed"],
                "rows": sum(partition["rows"] for partition in certificate["partitions"]),
                "docs": str(path.with_name("index.html").relative_to(lake.root)),
            }
        )
    return found


def expect_false_leads(signals: pl.DataFrame) -> dict[str, float]:
    """Return, per rule, how many of its flagged signals are expected to be false: their number times the largest q among them."""
    flagged = signals.filter(pl.col("is_flagged")).group_by("rule").agg((pl.len() * pl.col("q_value").max()).alias("_false"))
    return dict(flagged.sort("rule").iter_rows())


def release_tables(
    lake: Lake, known: Known, handed: Made, signals: pl.DataFrame, companies: dict[str, pl.DataFrame] | None = None
) -> ReleaseTables:
    """Gather the release's tables; histories of every lead's series and of all that an importer buys of a code."""
    whole = read_handed(lake, handed, "baseline").filter(pl.col("series_level") == "importer").select(_SERIES)
    shown = pl.concat([signals.lazy().select(_SERIES), whole]).unique().collect()
    pairs = read_handed(lake, handed, "mirror_pair").join(
        shown.lazy().select("importer_code", "commodity_code").unique(), on=["importer_code", "commodity_code"], how="semi"
    )
    pairs_shown = pairs.collect()
    return ReleaseTables(
        signal=signals,
        signal_feature=read_handed(lake, handed, "signal_feature").collect(),
        signal_evidence=read_handed(lake, handed, "signal_evidence").collect(),
        baseline=read_handed(lake, handed, "baseline").join(shown.lazy(), on=_SERIES, how="semi").collect(),
        mirror_pair=pairs_shown.join(shown, on=_SERIES, how="semi"),
        mirror_correction=read_handed(lake, handed, "mirror_correction").join(shown.lazy(), on=_SERIES, how="semi").collect(),
        mirror_window=read_handed(lake, handed, "mirror_window").join(shown.lazy(), on=_SERIES, how="semi").collect(),
        model_card=pl.concat(_if_made(lake, handed, card) for card in _MODEL_CARDS),
        unlocated_trade=read_handed(lake, handed, "unlocated_trade").collect(),
        reporter_reliability=read_handed(lake, handed, "reporter_reliability").sort("flow_code", "measure", "log_error_sigma").collect(),
        detectable_excess=read_handed(lake, handed, "detectable_excess").collect(),
        series_change=read_handed(lake, handed, "series_change").join(shown.lazy(), on=_SERIES, how="semi").collect(),
        requirement_use=read_handed(lake, handed, "requirement_use").collect(),
        corridor=summarise_corridors(read_handed(lake, handed, "mirror_pair")),
        coverage=read_handed(lake, handed, "coverage").collect(),
        trade_history=_trade_history(pairs_shown, shown),
        quarantine_count=_quarantine_counts(lake, known),
        **(companies or {}),
    )


def _of_companies(lake: Lake, known: Known, handed: Made) -> dict[str, pl.DataFrame]:
    """Return the tables that name companies, of no rows where no source has declarations.

    A release knows those on a declared item of a watched substance or on a record; the lake knows all that any declaration names.
    """
    records = {table: known_records(lake, known, table) for table in ("licensed_operator", "pre_export_notification")}
    tables = {name: _if_made(lake, handed, name) for name in _ABOUT_COMPANIES}
    named = [pl.col(f"{role}_entity_id") for role in ("importer", "exporter", "broker", "consignee", "notify_party")]
    ids = [tables["company_item"].select(each.alias("entity_id")) for each in named] + [tables["record_party"].select("entity_id")]
    followed = pl.concat(ids).to_series().drop_nulls().unique().implode()
    of_company = {
        "entity": pl.coalesce("merged_into_id", "entity_id").is_in(followed),
        "entity_name": pl.col("entity_id").is_in(followed),
        "entity_link": pl.col("left_entity_id").is_in(followed) | pl.col("right_entity_id").is_in(followed),
        "company_profile": pl.col("entity_id").is_in(followed),
    }
    return tables | {name: tables[name].filter(kept) for name, kept in of_company.items()} | records


def _if_made(lake: Lake, handed: Made, table: str) -> pl.DataFrame:
    """Return a table that not every run makes, of no rows where this one did not."""
    is_made = any(version.table == table for version in handed.tables)
    return read_handed(lake, handed, table).collect() if is_made else load_contract(table).empty_frame()


def _trade_history(pairs: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """What either side reported of the shown series, route by route and, under exporter 0, over all of an importer's origins."""
    sides = pl.concat([_one_side(pairs, "M", "import"), _one_side(pairs, "X", "export")])
    of_all = sides.with_columns(pl.lit(0, dtype=pl.Int32).alias("exporter_code"))
    weight = pl.when(pl.col("net_weight_kg").count() > 0).then(pl.col("net_weight_kg").sum()).alias("net_weight_kg")
    totals = of_all.group_by([*_SERIES, "period", "flow_code"]).agg(weight, pl.col("primary_value_usd").sum())
    both = pl.concat([sides, totals.select(sides.columns)])
    return both.join(shown, on=_SERIES, how="semi").sort([*_SERIES, "flow_code", "period"])


def _one_side(pairs: pl.DataFrame, flow_code: str, side: str) -> pl.DataFrame:
    value = pl.col(f"{side}_value_usd")
    return pairs.filter(value.is_not_null()).select(
        "freq_code", "period", "importer_code", "exporter_code", "commodity_code",
        pl.lit(flow_code).alias("flow_code"),
        pl.col(f"{side}_net_weight_kg").alias("net_weight_kg"),
        value.alias("primary_value_usd"),
    )  # fmt: skip


def _seen(lake: Lake, known: Known) -> pl.DataFrame:
    snapshots = read_handed(lake, known, "snapshot").collect()
    return snapshots if known.as_of is None else snapshots.filter(pl.col("retrieved_at") <= known.as_of)


def _quarantine_counts(lake: Lake, known: Known) -> pl.DataFrame:
    seen = _seen(lake, known).lazy().select("snapshot_id")
    counted = (
        read_handed(lake, known, "quarantine")
        .join(seen, on="snapshot_id", how="semi")
        .group_by("stage", "contract", "rule", "is_set_aside")
        .agg(pl.len().cast(pl.Int64).alias("row_count"))
    )
    return counted.sort("row_count", "rule", descending=[True, False]).collect()


def _is_simulated(lake: Lake, known: Known) -> bool:
    licences = read_handed(lake, known, "snapshot").select("licence").unique().collect()["licence"]
    return any("simulated" in licence for licence in licences)


def _periods(lake: Lake, handed: Made) -> dict[str, int]:
    period = pl.col("period")
    span = read_handed(lake, handed, "mirror_pair").select(period.min().alias("first"), period.max().alias("last"))
    first, last = span.collect().row(0)
    return {"first": first, "last": last}
