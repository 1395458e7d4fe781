"""Candidates with their p- and q-values in, ranked leads out, each told once with its signals beneath it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.one_thing import ONE_THING
from tradeflow.signals.level import choose_levels
from tradeflow.signals.sentence import Names, write_reasons
from tradeflow.signals.slip import is_likely_slip, is_record_contradicted
from tradeflow.signals.spell import window_span

_SURE_P = 1e-4
"""The p-value at which a signal counts as fully sure; smaller ones are not told apart by so few calibration flows."""
_CORROBORATING_P = 0.2
"""The chance of any up to which a signal counts beside a listed one of the same series: too ordinary for a lead of its own."""
_SERIES = ["subject", "freq_code", "importer_code", "exporter_code", "commodity_code"]
_LIKE_SERIES = ["rule", "subject", "freq_code", "importer_code", "commodity_code"]


@dataclass(frozen=True)
class RankOptions:
    """What `settings.Signals` says, as plain values."""

    q_limit: float = 0.10
    p_limit: float = 0.01
    min_excess_kg: float = 100
    weights: dict[str, float] = field(default_factory=dict)
    exposure_weights: dict[str, float] = field(default_factory=dict)
    slip_weight: float = 0.4
    leads_per_code: int = 10


def rank_leads(calibrated: pl.DataFrame, watch_list: pl.DataFrame, names: Names, options: RankOptions) -> pl.DataFrame:
    """Return `signal`: the scored candidates that are flagged, or rare enough to be listed, ranked lead by lead.

    The strongest candidates of a watched code are listed however ordinary they are: who watches a code wants to see what stands out most,
    by the order in which it will stand. What is somewhat unusual about a listed series at the same time stands with it.

    calibrated: the contract `candidate` with p_value, q_value, comparison.
    score of a signal = 100 x rule's weight x sureness (-log10 of the chance that any of the importer's series would be as strange, full at
    1e-4) x materiality (percentile of the kilograms among the code's candidates, from 0.4 to 1) x exposure's weight x what a likely slip
    counts for. score of a lead = the chance-like union 1 - prod(1 - score) of its rules' strongest signals; what both sides say of one
    excess counts once. Ranks are by lead score, then excess.
    """
    judged = calibrated.filter(pl.col("is_scored")).with_columns(judged_series=pl.col("exporter_code").n_unique().over(_LIKE_SERIES))
    scored = judged.with_columns(_materiality().alias("_materiality"), any_series_p_value=_chance_of_any())
    material = scored.filter(_is_material(options)).join(watch_list, on="commodity_code", how="left")
    strengths = material.with_columns(pl.col("exposure").fill_null("none")).with_columns(
        _signal_score(options, is_likely_slip()).alias("_strength")
    )
    watched = strengths.join(_code_limits(strengths, options.leads_per_code), on="commodity_code", how="left")
    is_rare = (pl.col("q_value") <= options.q_limit) | (pl.col("p_value") <= options.p_limit)
    stands_out = (pl.col("exposure") != "none") & (pl.col("_strength") >= pl.col("_code_limit"))
    listed = watched.filter(is_rare | stands_out)
    both = [listed.with_columns(is_corroborating=pl.lit(value=False)), _corroborating(watched, listed)]
    signals = _mark_slips(_join_leads(_with_ids(pl.concat(both)))).with_columns(
        _signal_score(options, pl.col("is_slip")).alias("anomaly_score"),
        (pl.col("q_value") <= options.q_limit).alias("is_flagged"),
        pl.when(pl.col("expected_kg") > 0).then(pl.col("observed_kg") / pl.col("expected_kg")).alias("excess_ratio"),
    )
    return _in_contract(write_reasons(_number_leads(signals), names))


def _corroborating(candidates: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """Return, of each other rule, the strangest candidate on a listed signal's series over a window that overlaps with its."""
    near = candidates.filter(pl.col("any_series_p_value") <= _CORROBORATING_P).join(listed, on=["rule", *_SERIES], how="anti")
    spans = listed.select(*_SERIES, *window_span()).unique()
    met = near.with_columns(*window_span()).join(spans, on=_SERIES, suffix="_listed")
    overlapping = met.filter((pl.col("_first") <= pl.col("_last_listed")) & (pl.col("_first_listed") <= pl.col("_last")))
    strangest = overlapping.sort("p_value", "period", descending=[False, True]).unique(
        ["rule", *_SERIES], keep="first", maintain_order=True
    )
    return strangest.select(candidates.columns).with_columns(is_corroborating=pl.lit(value=True))


def _code_limits(candidates: pl.DataFrame, importers: int) -> pl.DataFrame:
    """Return each code's _code_limit: the score of the strongest signal of the last of so many importers."""
    own = candidates.filter(pl.col("subject").is_in(["importer", "flow"]))
    strongest = own.group_by("commodity_code", "importer_code").agg(pl.col("_strength").max())
    return strongest.group_by("commodity_code").agg(pl.col("_strength").top_k(importers).min().alias("_code_limit"))


def _materiality() -> pl.Expr:
    # Behind an odd unit value stands a weight or a value that may be wrong: the smaller reading of how much it is about.
    priced = pl.when(pl.col("rule") == "unit_value_outlier").then(pl.min_horizontal("observed_kg", "expected_kg"))
    kg = pl.coalesce(pl.when(pl.col("excess_kg") > 0).then("excess_kg"), priced, "observed_kg").fill_null(0)
    return (kg.rank("average") / pl.len()).over("rule", "commodity_code")


def _chance_of_any() -> pl.Expr:
    """Return the chance that the strangest of the importer's judged series of the code is as strange (Sidak 1967).

    Who buys by thirty routes has a strange one among them each year; who buys by one seldom has.
    """
    return 1 - (1 - pl.col("p_value")) ** pl.col("judged_series")


def _is_material(options: RankOptions) -> pl.Expr:
    kg = pl.coalesce("excess_kg", "observed_kg")
    return (kg >= options.min_excess_kg) | kg.is_null()


def _signal_score(options: RankOptions, is_slip: pl.Expr) -> pl.Expr:
    weight = pl.col("rule").replace_strict(options.weights, default=1.0, return_dtype=pl.Float64)
    exposure = pl.col("exposure").replace_strict(options.exposure_weights, default=1.0, return_dtype=pl.Float64)
    sureness = (pl.col("any_series_p_value").clip(_SURE_P, 1).log10() / pl.lit(_SURE_P).log10()).clip(0, 1)
    slip = pl.when(is_slip).then(options.slip_weight).otherwise(1.0)
    return 100 * weight * exposure * slip * sureness * (0.4 + 0.6 * pl.col("_materiality"))


def _with_ids(signals: pl.DataFrame) -> pl.DataFrame:
    key = ["rule", "subject", "freq_code", "period", "importer_code", "exporter_code", "commodity_code"]
    text = pl.concat_str([pl.col(column).cast(pl.String) for column in key], separator="|")
    return signals.with_columns(text.map_elements(short_hash, return_dtype=pl.String).alias("signal_id"))


def short_hash(text: str) -> str:
    """Return the id that a signal or lead has in every run: 16 hexadecimal digits of what names it."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _join_leads(signals: pl.DataFrame) -> pl.DataFrame:
    keyed = choose_levels(signals)
    return keyed.with_columns(pl.col("lead_key").map_elements(short_hash, return_dtype=pl.String).alias("lead_id"))


def _mark_slips(signals: pl.DataFrame) -> pl.DataFrame:
    """Add is_slip. What is contradicted of a route is contradicted of the importer's excess that the route explains."""
    contradicted = is_record_contradicted().any().over("lead_part") & (pl.col("rule") == "excess_import")
    return signals.with_columns((is_likely_slip() | contradicted).alias("is_slip"))


def strongest_together(signals: pl.DataFrame) -> pl.DataFrame:
    """Return lead_id and lead_score: 100 (1 - prod(1 - score / 100)) of the strongest signal of each of the lead's rules.

    Rules that tell one thing by two sides' reports (`ONE_THING`) count as one: that both report it is no second oddity.
    """
    # In one order: the last digit of a product depends on it.
    told = ["lead_id", pl.col("rule").replace(ONE_THING)]
    strongest = signals.group_by(told).agg((pl.col("anomaly_score").max() / 100).alias("_part")).sort("lead_id", "rule")
    return strongest.group_by("lead_id").agg((100 * (1 - (1 - pl.col("_part")).product())).alias("lead_score"))


def _number_leads(signals: pl.DataFrame) -> pl.DataFrame:
    # What stands beneath a lead explains it and adds nothing: the score is that of its strongest part.
    parts = strongest_together(signals.with_columns(pl.concat_str("lead_id", "lead_part", separator="|").alias("lead_id")))
    scores = parts.with_columns(pl.col("lead_id").str.split("|").list.first()).group_by("lead_id").agg(pl.col("lead_score").max())
    flagged = signals.group_by("lead_id").agg(
        pl.col("is_flagged").any().alias("_any_flagged"),
        pl.col("is_flagged").sum().cast(pl.Int32).alias("signal_count"),
        pl.coalesce("excess_kg", "observed_kg").max().fill_null(0).alias("_kg"),
    )
    # A lead with a flagged signal always stands above one without: only the former are within the promised share of false leads.
    ranked = scores.join(flagged, on="lead_id").sort("_any_flagged", "lead_score", "_kg", "lead_id", descending=[True, True, True, False])
    ranked = ranked.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("lead_rank"))
    told_here = pl.col("lead_part") == pl.col("lead_key")
    ordered = signals.join(ranked, on="lead_id").sort(
        "lead_rank", "is_flagged", told_here, "anomaly_score", "period", "signal_id", descending=[False, True, True, True, True, False]
    )
    return ordered.with_columns((pl.int_range(pl.len()).over("lead_id") == 0).alias("is_lead_head"))


def _in_contract(signals: pl.DataFrame) -> pl.DataFrame:
    listed = signals.with_columns(confirmed_probability=None)  # what people's decisions teach is laid over the ranked leads
    return listed.select([pl.col(column.name).cast(column.dtype) for column in load_contract("signal").columns])
