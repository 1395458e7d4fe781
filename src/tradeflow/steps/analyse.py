"""The steps that compute: reconcile, model, signals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import polars as pl

from tradeflow.conform import derive_commodity_coverage, derive_coverage, find_code_births
from tradeflow.contract import load_codelist, load_contract
from tradeflow.lake import Lake
from tradeflow.settings import Model, Settings
from tradeflow.signals import (
    RULES,
    Evidence,
    Names,
    RankOptions,
    Window,
    build_watch_list,
    collect_evidence,
    collect_features,
    group_families,
    propose_candidates,
    rank_leads,
)
from tradeflow.steps.control_records import known_records
from tradeflow.steps.corrections import CORRECTIONS, correct_figures
from tradeflow.steps.decisions import learn_order, order_by_decisions
from tradeflow.steps.handles import Known, Made, commit, hash_texts, read_handed, standing
from tradeflow.steps.judged_window import find_window_starts, in_periods
from tradeflow.steps.known import known_rows, watched_rows
from tradeflow.steps.moves import trace_moves
from tradeflow.steps.requirements import gather_requirements
from tradeflow.steps.watch_list import list_substances

_log = logging.getLogger("tradeflow")


def reconcile_sides(settings: Settings, lake: Lake, known: Known) -> Made:
    """Make `coverage`, `commodity_coverage`, `mirror_pair`, `reporter_reliability`, and what moves and corrections add to the pairs."""
    from tradeflow.reconcile import ReconcileOptions, mark_suppressed_partners, reconcile_trade_flow

    # Moves are told of the periods that are compared and scored.
    told = f"{settings.model.scored_months}+{settings.model.calibration_months}"
    key = hash_texts("reconcile", known.trade_key, settings.reconcile.model_dump_json(), told)
    tables = ("coverage", "commodity_coverage", "mirror_pair", "reporter_reliability", "corridor_lag", "share_shift", "hub_route")
    if stands := standing(lake, key, *tables, *CORRECTIONS):
        return Made(stands, is_new=False)
    rows = known_rows(lake, known)
    coverage, commodity_coverage = derive_coverage(rows), derive_commodity_coverage(rows)
    areas = load_codelist("area")
    options = ReconcileOptions(**settings.reconcile.model_dump())
    fob_reporters = areas.filter(pl.col("reports_imports_fob"))["area_code"]
    _log.info("putting both sides of each trade beside one another")
    watched = watched_rows(rows, settings.watch)
    pairs, reliability, lags = reconcile_trade_flow(watched, coverage, commodity_coverage, fob_reporters, options, areas)
    pairs = mark_suppressed_partners(pairs, areas.filter(pl.col("area_class") == "pool")["area_code"])
    frames = {"coverage": coverage, "commodity_coverage": commodity_coverage, "mirror_pair": pairs, "reporter_reliability": reliability}
    frames["corridor_lag"] = lags
    _log.info("looking for trade that moved")
    named = _of_named_areas(pairs)
    frames |= trace_moves(named, watched, coverage, find_window_starts(settings.model, named, settings.watch.first_period))
    _log.info("setting timing, unnamed partners and other units beside the figures")
    frames |= correct_figures(pairs, lags, rows, settings.watch, coverage, commodity_coverage, options)
    return Made(commit(lake, key, **frames), is_new=True)


def model_flows(settings: Settings, lake: Lake, known: Known, reconciled: Made) -> Made:
    """Make `baseline`, `series_change`, `detectable_excess`, `flow_score`, `flow_score_feature` and `model_card`."""
    from tradeflow.model import (
        describe_pipeline_models,
        find_export_changes,
        find_series_changes,
        fit_export_baseline,
        fit_seasonal_baseline,
        fit_world_baseline,
        measure_detectable_excess,
        score_flows,
        use_export_weights,
        use_import_weights,
    )

    key = hash_texts("model", reconciled.tables[0].inputs_key, settings.model.model_dump_json())
    if stands := standing(lake, key, "baseline", "series_change", "detectable_excess", "flow_score", "flow_score_feature", "model_card"):
        return Made(stands, is_new=False)
    rows = known_rows(lake, known)
    pairs = read_handed(lake, reconciled, "mirror_pair").collect()
    coverage = read_handed(lake, reconciled, "coverage").collect()
    born = find_code_births(rows, load_codelist("hs_concordance"))
    births = born.rename({"reporter_code": "importer_code"})
    weighed = use_import_weights(pairs)
    _log.info("learning what each series normally does")
    commodity_coverage = read_handed(lake, reconciled, "commodity_coverage").collect()
    fits = (fit_seasonal_baseline, fit_world_baseline)
    imported = pl.concat(_fit_baselines(fit, settings.model, weighed, coverage, commodity_coverage, births) for fit in fits)
    exports = use_export_weights(pairs), coverage, commodity_coverage, born.rename({"reporter_code": "exporter_code"})
    # Exports of a code may be known up to another month than its imports: what rests on the months of imports does not read them.
    baseline = pl.concat([imported, _fit_baselines(fit_export_baseline, settings.model, *exports, flow_code="X")])
    rate, power = settings.model.detectable_false_alarm_rate, settings.model.detectable_power
    refit = partial(_refit_with_excess, settings.model, weighed, coverage, commodity_coverage, births)
    detectable = measure_detectable_excess(imported, refit, false_alarm_rate=rate, power=power)
    _log.info("looking for flows that are alone in the crowd")
    trees, seed = settings.model.forest_trees, settings.model.forest_seed
    flow_score, features = score_flows(_import_frame(pairs), pairs, imported, trees=trees, seed=seed)
    frames = {"baseline": baseline, "detectable_excess": detectable, "flow_score": flow_score, "flow_score_feature": features}
    changes = (
        _find_changes(find_series_changes, settings.model, weighed, coverage, commodity_coverage, births),
        _find_changes(find_export_changes, settings.model, *exports, flow_code="X"),
    )
    frames["series_change"] = pl.concat(changes).sort(load_contract("series_change").unique_keys[0])
    frames["model_card"] = describe_pipeline_models(baseline, flow_score, trees=trees, seed=seed)
    return Made(commit(lake, key, **frames), is_new=True)


def _fit_baselines(
    fit: Callable[..., pl.DataFrame],
    options: Model,
    imports: pl.DataFrame,
    coverage: pl.DataFrame,
    commodity_coverage: pl.DataFrame,
    births: pl.DataFrame,
    flow_code: str = "M",
) -> pl.DataFrame:
    """Fit the commodities that the figures cover over the same periods together, each up to its own newest period."""
    parts = [load_contract("baseline").empty_frame()]
    for freq_code, rows, reports in _of_like_cover(imports, coverage, commodity_coverage, flow_code):
        parts.append(
            fit(
                rows,
                reports,
                scored_periods=in_periods(options.scored_months, freq_code),
                calibration_periods=in_periods(options.calibration_months, freq_code),
                min_history_periods=options.min_history_months,
                births=births.filter(pl.col("freq_code") == freq_code).drop("freq_code"),
            )
        )
    return pl.concat(parts).sort(load_contract("baseline").unique_keys[0])


def _find_changes(
    find: Callable[..., pl.DataFrame],
    options: Model,
    reported: pl.DataFrame,
    coverage: pl.DataFrame,
    commodity_coverage: pl.DataFrame,
    births: pl.DataFrame,
    flow_code: str = "M",
) -> pl.DataFrame:
    """Judge the months whose leads are published, six together, in each monthly series up to its commodity's own newest period."""
    monthly = births.filter(pl.col("freq_code") == "M").drop("freq_code")
    parts = [load_contract("series_change").empty_frame()]
    for freq_code, rows, reports in _of_like_cover(reported, coverage, commodity_coverage, flow_code):
        if freq_code == "M":
            history, scored = options.min_history_months, options.scored_months
            parts.append(find(rows, reports, scored_periods=scored, min_history_periods=history, births=monthly))
    return pl.concat(parts)


def _of_like_cover(
    reported: pl.DataFrame, coverage: pl.DataFrame, commodity_coverage: pl.DataFrame, flow_code: str = "M"
) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
    """Yield frequency, imports (or exports) and coverage of the commodities that these figures cover over the same periods."""
    covered = (
        commodity_coverage.filter(pl.col("flow_code") == flow_code).group_by("freq_code", "commodity_code").agg(pl.col("period").sort())
    )
    for (freq_code, _), group in covered.sort("commodity_code").group_by("freq_code", "period", maintain_order=True):
        of_freq = pl.col("freq_code") == freq_code
        commodities, periods = group["commodity_code"].implode(), group["period"][0].implode()
        yield (
            str(freq_code),
            reported.filter(of_freq & pl.col("commodity_code").is_in(commodities)),
            coverage.filter(of_freq & pl.col("period").is_in(periods)),
        )


def _refit_with_excess(
    options: Model,
    imports: pl.DataFrame,
    coverage: pl.DataFrame,
    commodity_coverage: pl.DataFrame,
    births: pl.DataFrame,
    excess: pl.DataFrame,
) -> pl.DataFrame:
    """Fit the importers' series of `excess` over their newest six months, with its kilograms as one more route."""
    from tradeflow.model import fit_seasonal_baseline
    from tradeflow.model.detectable import SUSTAINED_MONTHS

    series = ["freq_code", "importer_code", "commodity_code"]
    asked = imports.drop("weight_basis").join(excess.select(series).unique(), on=series, how="semi")
    one_route = asked.with_columns(pl.lit(0, pl.Int32).alias("exporter_code"))
    added = excess.rename({"excess_kg": "net_weight_kg"}).with_columns(
        pl.lit(0, pl.Int32).alias("exporter_code"), pl.lit(0.0).alias("primary_value_usd")
    )
    newest = options.model_copy(update={"scored_months": SUSTAINED_MONTHS, "calibration_months": 0})
    rows = pl.concat([one_route, added.select(one_route.columns)])
    return _fit_baselines(fit_seasonal_baseline, newest, rows, coverage, commodity_coverage, births)


def _import_frame(pairs: pl.DataFrame) -> pl.DataFrame:
    """The importers' own reports, one row per route, commodity and period; weight only where it is evidence."""
    return pairs.filter(pl.col("import_value_usd").is_not_null()).select(
        "freq_code",
        "period",
        "importer_code",
        "exporter_code",
        "commodity_code",
        pl.col("import_net_weight_kg").alias("net_weight_kg"),
        pl.col("import_value_usd").alias("primary_value_usd"),
    )


def propose_signals(settings: Settings, lake: Lake, known: Known, reconciled: Made, modelled: Made, decided: Made) -> Made:
    """Make `requirement_use`, `signal`, `signal_feature` and `signal_evidence`."""
    from tradeflow.model import calibrate, measure_requirement_use

    day = (known.as_of or datetime.now(UTC)).date()
    substances = list_substances(settings.watch)
    watch_list, family = build_watch_list(substances, day), group_families(substances, day)
    recorded = known_records(lake, known, "annual_requirement")
    requirements = gather_requirements(settings.watch.requirements, recorded, watch_list)
    chosen = (settings.signals.model_dump_json(), *(table.write_json() for table in (watch_list, family, requirements)))
    learned = learn_order(settings, lake, decided, "country")
    taught = decided.tables[0].inputs_key if learned else ""
    key = hash_texts("signals", modelled.tables[0].inputs_key, taught, *chosen)
    if stands := standing(lake, key, "requirement_use", "signal", "signal_feature", "signal_evidence"):
        return Made(stands, is_new=False)
    rules = [rule for rule in RULES if settings.signals.weights.get(rule, 1.0) > 0]
    tables = _rule_tables(settings, lake, reconciled, modelled)
    use = measure_requirement_use(tables.baseline, requirements)
    _log.info(f"judging by {len(rules)} rules")
    calibrated = calibrate(propose_candidates(replace(tables, requirement_use=use, family=family), rules))
    signals = order_by_decisions(rank_leads(calibrated, watch_list, _names(), _rank_options(settings)), learned)
    features = collect_features(signals, read_handed(lake, modelled, "flow_score_feature").collect())
    evidence = collect_evidence(signals, known_rows(lake, known))
    frames = {"requirement_use": use, "signal": signals, "signal_feature": features, "signal_evidence": evidence}
    return Made(commit(lake, key, **frames), is_new=True)


def _rule_tables(settings: Settings, lake: Lake, reconciled: Made, modelled: Made) -> Evidence:
    pairs = _of_named_areas(read_handed(lake, reconciled, "mirror_pair").collect())
    baseline, scores = (_of_named_areas(read_handed(lake, modelled, table).collect()) for table in ("baseline", "flow_score"))
    shifts, coverage = (read_handed(lake, reconciled, table).collect() for table in ("share_shift", "coverage"))
    window = Window(find_window_starts(settings.model, pairs, settings.watch.first_period), settings.model.min_history_months)
    return Evidence(pairs, baseline, scores, shifts, coverage, window)


def _of_named_areas(flows: pl.DataFrame) -> pl.DataFrame:
    """Leave out flows with a pool of areas (areas not specified, bunkers): there is no other side to ask, and no route to open."""
    pools = load_codelist("area").filter(pl.col("area_class") == "pool")["area_code"].implode()
    return flows.filter(~pl.col("exporter_code").is_in(pools) & ~pl.col("importer_code").is_in(pools))


def _names() -> Names:
    areas, commodities = load_codelist("area"), load_codelist("commodity")
    return Names(
        dict(areas.select("area_code", "area_name").iter_rows()), dict(commodities.select("commodity_code", "commodity_name").iter_rows())
    )


def _rank_options(settings: Settings) -> RankOptions:
    options = settings.signals
    return RankOptions(
        options.q_limit,
        options.p_limit,
        options.min_excess_kg,
        options.weights,
        options.exposure_weights,
        options.slip_weight,
        options.leads_per_code,
    )
