"""The rules on companies and their declarations: each says what is odd in one way. Its docstring's first sentence is its published meaning.

A rule returns candidates. Where others can be compared with, each has a score, higher is stranger, and stands among those of earlier months
that say how often ordinary trade scores as high. Where the finding is a plain fact there is no score, and _strength (0 to 1) says how much
the record can bear.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.signals.company.broker_rule import broker_bottleneck
from tradeflow.signals.company.goods_rules import isolated_declaration, misdeclared_goods
from tradeflow.signals.company.licence_rule import unlicensed_importer
from tradeflow.signals.company.notification_rule import unnotified_export
from tradeflow.signals.company.profile_rules import family_basket, out_of_profile
from tradeflow.signals.company.split_rule import split_consignment
from tradeflow.signals.company.tables import CompanyTables, JudgedMonths
from tradeflow.signals.company.unit_value_rule import unit_value_outlier

CompanyRule = Callable[[CompanyTables], pl.DataFrame]
COMPANY_RULES: dict[str, CompanyRule] = {
    rule.__name__: rule
    for rule in (
        misdeclared_goods,
        unit_value_outlier,
        unnotified_export,
        split_consignment,
        unlicensed_importer,
        out_of_profile,
        family_basket,
        broker_bottleneck,
        isolated_declaration,
    )
}
_CALIBRATED = {"score": pl.Float64, "comparable_group": pl.String, "is_scored": pl.Boolean, "_strength": pl.Float64}
_TOLD = {
    "item_number": pl.Int32, "declaration_date": pl.Date, "hs6_code": pl.String, "description": pl.String, "matched_name": pl.String,
    "past_item_count": pl.Int64, "past_chapter_share_ratio": pl.Float64,
    "months_since_last_trade": pl.Int32, "company_count": pl.Int64,
}  # fmt: skip
"""Columns that a sentence needs beside those of the contract."""


def company_rule_meanings() -> dict[str, str]:
    """Return each rule's published meaning: the first sentence of its docstring."""
    return {name: (rule.__doc__ or "").strip().splitlines()[0] for name, rule in COMPANY_RULES.items()}


def propose_company_candidates(tables: CompanyTables, rules: list[str]) -> pl.DataFrame:
    """Return the candidates of the named rules: columns of `company_signal` as far as known, what calibrates them, and what tells them."""
    return pl.concat([_as_candidates(COMPANY_RULES[name](tables), name, tables.months) for name in rules], how="diagonal_relaxed")


def _as_candidates(rows: pl.DataFrame, rule: str, months: JudgedMonths) -> pl.DataFrame:
    """Keep the calibration and scored months; a fact is of the scored months alone."""
    wanted = dict(load_contract("company_signal").schema) | _CALIBRATED | _TOLD
    period = pl.col("period")
    placed = rows.with_columns(pl.lit(rule).alias("rule"), (period >= months.scored_start).alias("is_scored"))
    typed = [(pl.col(name) if name in placed.columns else pl.lit(None)).cast(dtype).alias(name) for name, dtype in wanted.items()]
    private = [name for name in placed.columns if name.startswith("_") and name not in wanted]
    named = placed.select(*typed, *private).with_columns(pl.col("comparable_group").fill_null("plain facts"))
    kept = named.filter(period.is_between(months.calibration_start, months.newest))
    return kept.filter(pl.col("score").is_finite() | (pl.col("score").is_null() & pl.col("_strength").is_not_null() & pl.col("is_scored")))
