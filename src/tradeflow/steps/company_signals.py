"""The step that ranks leads on companies: what they traded and what is on record of them in, leads with their evidence out."""

from __future__ import annotations

import logging

import polars as pl

from tradeflow.conform.declared_substance import substance_codes
from tradeflow.contract import load_codelist
from tradeflow.lake import Lake
from tradeflow.resolve.company_item import link_party, name_entities
from tradeflow.resolve.declared import tell_party
from tradeflow.settings import Model, Settings, Signals
from tradeflow.signals.company import (
    COMPANY_RULES,
    CompanyRankOptions,
    CompanyTables,
    JudgedMonths,
    Tolerances,
    collect_company_evidence,
    link_declarations,
    propose_company_candidates,
    rank_company_leads,
    select_company_signals,
)
from tradeflow.steps.control_records import known_records
from tradeflow.steps.decisions import learn_order, order_by_decisions
from tradeflow.steps.declarations import known_declarations
from tradeflow.steps.handles import Known, Made, commit, hash_texts, read_handed, standing
from tradeflow.steps.judged_window import step_back
from tradeflow.steps.watch_list import keep_watched_companies

_log = logging.getLogger("tradeflow")
COMPANY_LEADS = ("company_signal", "company_signal_evidence", "signal_declaration", "proposed_inspection")


def judge_companies(
    settings: Settings, lake: Lake, known: Known, named: Made, resolved: Made, traded: Made, proposed: Made, decided: Made
) -> Made:
    """Make COMPANY_LEADS of what companies traded (`traded`) and what is on record of them, and of the leads on countries (`proposed`)."""
    from tradeflow.model.calibration import calibrate
    from tradeflow.model.proposed_inspection import propose_item_inspections

    chosen = (settings.signals.model_dump_json(), settings.model.model_dump_json(), settings.declarations.model_dump_json())
    made_from = [f"{each.table} {each.version} {each.inputs_key}" for made in (named, resolved, traded, proposed) for each in made.tables]
    learned = learn_order(settings, lake, decided, "company")
    taught = decided.tables[0].inputs_key if learned else ""
    key = hash_texts("company leads", known.key, taught, *chosen, *made_from)
    if stands := standing(lake, key, *COMPANY_LEADS):
        return Made(stands, is_new=False)
    tables = _company_tables(settings, lake, known, (named, resolved, traded))
    rules = [rule for rule in COMPANY_RULES if settings.signals.weights.get(rule, 1.0) > 0]
    _log.info(f"judging companies by {len(rules)} rules")
    candidates = keep_watched_companies(calibrate(propose_company_candidates(tables, rules)), settings.watch)
    entity = read_handed(lake, resolved, "entity").select("entity_id", "entity_name").collect()
    areas = dict(load_codelist("area").select("area_code", "area_name").iter_rows())
    leads = rank_company_leads(candidates, tables, entity, areas, _rank_options(settings.signals))
    incidents = _with_company(lake, known, resolved, "precursor_incident", "named", "entity_id")
    evidence = collect_company_evidence(leads, tables, incidents)
    ranks = evidence.filter(pl.col("evidence_role") == "observed").join(leads.select("signal_id", "lead_rank"), on="signal_id")
    inspected = propose_item_inspections(
        tables.company_item, ranks, tables.months.scored_start, inspected_share=settings.declarations.inspected_share,
        audit_share=settings.declarations.audit_share, seed=settings.model.forest_seed,
    )  # fmt: skip
    frames = {
        "company_signal": order_by_decisions(select_company_signals(leads), learned),
        "company_signal_evidence": evidence,
        "signal_declaration": _link_country_leads(lake, known, resolved, proposed),
        "proposed_inspection": inspected,
    }
    return Made(commit(lake, key, **frames), is_new=True)


def _company_tables(settings: Settings, lake: Lake, known: Known, made: tuple[Made, Made, Made]) -> CompanyTables:
    from tradeflow.model.item_isolation import isolate_items

    named, resolved, traded = made
    seen = pl.lit(value=True) if known.last_period is None else pl.col("period") <= known.last_period
    items = read_handed(lake, traded, "company_item").filter(seen).collect()
    months = _judged_months(settings.model, items)
    _log.info(f"looking for declared items that are alone in the crowd of {items.height:,}")
    areas = load_codelist("area").select("area_code", pl.col("iso3").alias("operator_country")).drop_nulls()
    licences = _with_company(lake, known, resolved, "licensed_operator", "licensee", "entity_id")
    return CompanyTables(
        company_item=items,
        declared_substance=read_handed(lake, named, "declared_substance").collect(),
        company_month=read_handed(lake, traded, "company_month").collect(),
        company_profile=read_handed(lake, traded, "company_profile").collect(),
        broker_share=read_handed(lake, traded, "broker_share").collect(),
        licensed_operator=licences.join(areas, on="operator_country", how="left"),
        pre_export_notification=_with_company(lake, known, resolved, "pre_export_notification", "exporter", "exporter_entity_id"),
        isolation=isolate_items(
            _with_transport(lake, known, items), months.scored_start, trees=settings.model.forest_trees, seed=settings.model.forest_seed
        ),
        substances=_substances(),
        months=months,
        tolerances=_tolerances(settings.signals),
    )


def _judged_months(model: Model, items: pl.DataFrame) -> JudgedMonths:
    newest = items["period"].max()
    last = newest if isinstance(newest, int) else 0
    scored = step_back(last, model.scored_months - 1)
    return JudgedMonths(step_back(last, model.scored_months + model.calibration_months - 1), scored, last)


def _with_company(lake: Lake, known: Known, resolved: Made, table: str, role: str, column: str) -> pl.DataFrame:
    """Return the records of a table that the run sees, with the company that they name in a role."""
    linked = read_handed(lake, resolved, "record_party").filter((pl.col("record_table") == table) & (pl.col("party_role") == role))
    companies = linked.select("snapshot_id", "row_number", pl.col("entity_id").alias(column)).collect()
    return known_records(lake, known, table).join(companies, on=["snapshot_id", "row_number"], how="left")


def _with_transport(lake: Lake, known: Known, items: pl.DataFrame) -> pl.DataFrame:
    """Add how each item travelled, which is not followed anywhere else."""
    place = ["snapshot_id", "row_number"]
    travelled = (
        known_declarations(lake, known).select(*place, "transport_mode").join(items.lazy().select(place).unique(), on=place, how="semi")
    )
    return items.join(travelled.collect(engine="streaming"), on=place, how="left")


def _substances() -> pl.DataFrame:
    listed = load_codelist("substance").select("substance_code", "un_1988_table", "family")
    return substance_codes().join(listed, on="substance_code", how="left")


_ON_THE_ROUTE = [
    "source", "snapshot_id", "row_number", "reporter_code", "flow_code", "declaration_id", "item_number", "declaration_date", "hs6_code",
    "net_weight_kg", "origin_code", "consignment_code", "departure_code",
    *(f"{role}_{name}" for role in ("importer", "exporter") for name in ("id", "name", "address")),
]  # fmt: skip
"""What is asked of `customs_declaration` here: of a wide table over millions of items, no more is read."""


def _link_country_leads(lake: Lake, known: Known, resolved: Made, proposed: Made) -> pl.DataFrame:
    """Return `signal_declaration`. An import is on the route from its origin, as in statistics; an export names no other side."""
    signal = read_handed(lake, proposed, "signal").collect()
    areas, names = load_codelist("area"), name_entities(read_handed(lake, resolved, "entity_name").collect())
    watched = known_declarations(lake, known).filter(pl.col("hs6_code").is_in(signal["commodity_code"].unique().implode()))
    declared = watched.select(_ON_THE_ROUTE).collect(engine="streaming")
    is_export = pl.col("flow_code").is_in(["X", "RX"]).fill_null(value=False)
    items = declared.with_columns(
        *(link_party(tell_party(role, declared.columns, areas), names).alias(f"{role}_entity_id") for role in ("importer", "exporter")),
        pl.when(is_export).then(pl.lit("X")).otherwise(pl.lit("M")).alias("flow_code"),
        pl.when(~is_export).then(pl.coalesce("origin_code", "consignment_code")).alias("partner_code"),
    )
    return link_declarations(signal, items.lazy())


def _tolerances(options: Signals) -> Tolerances:
    return Tolerances(
        notification_days=options.notification_days,
        notification_early_days=options.notification_early_days,
        licence_grace_days=options.licence_grace_days,
        quantity_ratio=options.quantity_tolerance_ratio,
        split_days=options.split_days,
        threshold_kg=options.threshold_kg,
    )


def _rank_options(options: Signals) -> CompanyRankOptions:
    return CompanyRankOptions(
        options.q_limit, options.p_limit, options.weights, options.slip_weight, options.white_list_weight, options.leads_per_rule
    )
