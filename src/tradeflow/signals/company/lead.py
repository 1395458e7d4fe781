"""Candidates with their p- and q-values in, ranked leads out: one lead per company and substance or family, its signals beneath it."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.signals.company.sentence import write_company_reasons
from tradeflow.signals.company.tables import CompanyTables, each_substance
from tradeflow.signals.lead import short_hash, strongest_together
from tradeflow.signals.slip import is_likely_slip

_SURE_P = 1e-4
_UNSEEN = r"[\p{Cc}\u{202A}-\u{202E}\u{2066}-\u{2069}]+"
"""Control characters and those that turn the direction of writing: a name is anyone's text, and shows as what it is."""
_SMALLEST_COUNTS = 0.4
"""What a lead about the smallest weight counts for beside one about the largest."""


@dataclass(frozen=True)
class CompanyRankOptions:
    """What `settings.Signals` says, as plain values."""

    q_limit: float = 0.10
    p_limit: float = 0.01
    weights: dict[str, float] = field(default_factory=dict)
    slip_weight: float = 0.4
    white_list_weight: float = 0.5
    leads_per_rule: int = 20


def rank_company_leads(
    calibrated: pl.DataFrame, tables: CompanyTables, entity: pl.DataFrame, areas: dict[int, str], options: CompanyRankOptions
) -> pl.DataFrame:
    """Return the columns of `company_signal`, ranked lead by lead, with the rules' own columns beside them.

    calibrated: `propose_company_candidates` with p_value, q_value, comparison. entity: entity_id, entity_name. areas: names of areas.
    score of a signal = 100 x rule's weight x sureness x size (share of the substance's declared items that weigh no more, from 0.4 to 1) x
    what a white-listed company or a likely slip counts for. sureness: two thirds 1 - q, the share of true ones expected among those at
    least as strange, one third -log10 p, full at 1e-4, which orders those of one q; of a plain fact its _strength. score of a
    lead = 1 - prod(1 - score) of its rules' strongest signals: another rule never lowers it. Ranks are by lead score, then kilograms:
    facts have no q-value, so flagged leads do not stand above the others as such.
    """
    listed = _list_candidates(calibrated.filter("is_scored"), options)
    known = _with_names(_with_ids(_mark_white_listed(listed, tables)), entity)
    scored = _with_size(known, tables.company_item).with_columns(
        _signal_score(options).alias("anomaly_score"),
        (pl.col("score").is_null() | (pl.col("q_value") <= options.q_limit)).alias("is_flagged"),
        pl.when(pl.col("expected_kg") > 0).then(pl.col("observed_kg") / pl.col("expected_kg")).alias("excess_ratio"),
        pl.coalesce(pl.col("comparison").str.replace("of all commodities", "of all watched substances"), _fact_comparison()),
        pl.coalesce("unit_value_usd_per_kg", pl.when(pl.col("observed_kg") > 0).then(pl.col("observed_value_usd") / pl.col("observed_kg"))),
    )
    names = dict(tables.substances.select("substance_code", "substance_name").iter_rows())
    told = _number_leads(scored).with_columns(is_likely_slip().alias("_is_slip"))
    return write_company_reasons(told, areas, names)


def _list_candidates(scored: pl.DataFrame, options: CompanyRankOptions) -> pl.DataFrame:
    """Keep facts, what is rare, and the strangest companies of each rule, however ordinary: who watches wants to see what stands out."""
    strangest = scored.filter(pl.col("score") > 0).group_by("rule", "entity_id").agg(pl.col("p_value").min())
    limits = strangest.group_by("rule").agg(pl.col("p_value").bottom_k(options.leads_per_rule).max().alias("_rule_limit"))
    is_rare = (pl.col("q_value") <= options.q_limit) | (pl.col("p_value") <= options.p_limit)
    stands_out = (pl.col("score") > 0) & (pl.col("p_value") <= pl.col("_rule_limit"))
    return scored.join(limits, on="rule", how="left").filter((is_rare | stands_out | pl.col("score").is_null()).fill_null(value=False))


def select_company_signals(leads: pl.DataFrame) -> pl.DataFrame:
    """Return the leads of `rank_company_leads` as `company_signal`, without what the rules wrote beside it."""
    listed = leads.with_columns(confirmed_probability=None)
    return listed.select([pl.col(name).cast(dtype) for name, dtype in load_contract("company_signal").schema.items()])


def _mark_white_listed(signals: pl.DataFrame, tables: CompanyTables) -> pl.DataFrame:
    """Add is_white_listed: all substances of the lead stand under the company's name on the white list on its last day."""
    listed = tables.licensed_operator.filter(pl.col("licence_kind") == "white_list")
    white = each_substance(listed, tables.substances["substance_code"]).select("entity_id", "substance_code", "valid_from", "valid_to")
    own = pl.concat_list("substance_code")
    of_signals = signals.with_columns(pl.coalesce("_substances", own) if "_substances" in signals.columns else own.alias("_substances"))
    month_end = pl.date(pl.col("period") // 100, pl.col("period") % 100, 1).dt.month_end()
    rows = of_signals.with_row_index("_row").with_columns(pl.coalesce("_last_day", month_end).alias("_day"))
    asked = rows.select("_row", "entity_id", "_day", pl.col("_substances").alias("substance_code")).explode(
        "substance_code", empty_as_null=False
    )
    day = pl.col("_day")
    held = asked.join(white, on=["entity_id", "substance_code"]).filter(
        (day >= pl.col("valid_from")) & (pl.col("valid_to").is_null() | (day <= pl.col("valid_to")))
    )
    counts = held.group_by("_row").agg(pl.col("substance_code").n_unique().cast(pl.Int64).alias("_white"))
    return rows.join(counts, on="_row", how="left").with_columns(
        (pl.col("_white").fill_null(0) >= pl.col("_substances").list.len()).alias("is_white_listed")
    )


def _with_ids(signals: pl.DataFrame) -> pl.DataFrame:
    about = ["rule", "subject", "party_role", "period", "reporter_code", "declaration_id", "item_number"]
    company = [pl.col("entity_id"), pl.coalesce("substance_code", "family", pl.lit(""))]
    named = pl.concat_str([*company, *(pl.col(name).cast(pl.String).fill_null("") for name in about)], separator="|")
    lead = pl.concat_str([pl.lit("company"), *company], separator="|")
    hashed = signals.with_columns(
        named.map_elements(short_hash, return_dtype=pl.String).alias("signal_id"),
        lead.map_elements(short_hash, return_dtype=pl.String).alias("lead_id"),
    )
    # What a rule proposes twice under one name is told once.
    return hashed.unique("signal_id", keep="first", maintain_order=True)


def _with_names(signals: pl.DataFrame, entity: pl.DataFrame) -> pl.DataFrame:
    names = entity.select("entity_id", pl.col("entity_name").str.replace_all(_UNSEEN, " ").str.strip_chars())
    own = signals.drop("entity_name", "related_entity_name").join(names, on="entity_id", how="left")
    other = names.rename({"entity_id": "related_entity_id", "entity_name": "related_entity_name"})
    return own.join(other, on="related_entity_id", how="left")


def _with_size(signals: pl.DataFrame, company_item: pl.DataFrame) -> pl.DataFrame:
    """Add _size: the share of the substance's declared items that weigh no more than what the lead is about."""
    kg = pl.col("net_weight_kg")
    sizes = company_item.drop_nulls("net_weight_kg").select(
        "substance_code", kg.alias("_kg"), (kg.rank("max") / pl.len()).over("substance_code").alias("_size")
    )
    priced = pl.when(pl.col("rule") == "unit_value_outlier").then(pl.min_horizontal("observed_kg", "expected_kg"))
    about = pl.coalesce(pl.when(pl.col("excess_kg") > 0).then("excess_kg"), priced, "observed_kg").fill_null(0.0)
    weighed = signals.with_columns(about.alias("_kg")).sort("_kg")
    placed = weighed.join_asof(sizes.unique(["substance_code", "_kg"]).sort("_kg"), on="_kg", by="substance_code", check_sortedness=False)
    of_rule = (pl.col("_kg").rank("average") / pl.len()).over("rule", pl.col("substance_code").is_null())
    return placed.with_columns(
        pl.when(pl.col("substance_code").is_null()).then(of_rule).otherwise(pl.col("_size").fill_null(0)).alias("_size")
    )


def _signal_score(options: CompanyRankOptions) -> pl.Expr:
    weight = pl.col("rule").replace_strict(options.weights, default=1.0, return_dtype=pl.Float64)
    rare = (pl.col("p_value").clip(_SURE_P, 1).log10() / pl.lit(_SURE_P).log10()).clip(0, 1)
    white = pl.when("is_white_listed").then(options.white_list_weight).otherwise(1.0)
    slip = pl.when(is_likely_slip()).then(options.slip_weight).otherwise(1.0)
    likely = (2 * (1 - pl.col("q_value")) + rare) / 3
    sureness = pl.when(pl.col("score").is_null()).then(pl.col("_strength")).otherwise(likely)
    return 100 * weight * white * slip * sureness * (_SMALLEST_COUNTS + (1 - _SMALLEST_COUNTS) * pl.col("_size"))


def _fact_comparison() -> pl.Expr:
    what = pl.when(pl.col("rule") == "misdeclared_goods").then(pl.lit("companies")).otherwise(pl.lit("items of others"))
    return pl.format("a plain fact, beside {} {}", pl.col("_others").fill_null(0), what)


def _number_leads(signals: pl.DataFrame) -> pl.DataFrame:
    scores = strongest_together(signals)
    counted = signals.group_by("lead_id").agg(
        pl.col("is_flagged").sum().cast(pl.Int32).alias("signal_count"), pl.col("_kg").max().alias("_lead_kg")
    )
    ranked = scores.join(counted, on="lead_id").sort("lead_score", "_lead_kg", "lead_id", descending=[True, True, False])
    numbered = ranked.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("lead_rank"))
    own = [name for name in numbered.columns if name != "lead_id"]
    ordered = signals.drop(own, strict=False).join(numbered, on="lead_id").sort(
        "lead_rank", "anomaly_score", "period", "signal_id", descending=[False, True, True, False]
    )  # fmt: skip
    return ordered.with_columns((pl.int_range(pl.len()).over("lead_id") == 0).alias("is_lead_head"))
