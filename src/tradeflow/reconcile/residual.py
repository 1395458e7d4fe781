"""Trade that a reporter states as a whole and not in its parts: a heading above its subheadings, World above the partners.

The rest, whole less parts, is a row of its own. Above zero it is trade without detail: withheld (mostly as confidential), published only
in the aggregate, or under a part that nobody pulled. Below zero the parts exceed their whole, a finding on the figures. No pair changes.
"""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile.unspecified import derive_unlocated_pools

_WHOLE_KEY = ["freq_code", "period", "reporter_code", "flow_code", "partner_code", "commodity_code"]
_ROUNDING = 0.5
"""Published figures are rounded to whole dollars and kilograms: each is off by so much at most."""
_RELATIVE_ROUNDING = 1e-6
"""Sums of many float figures, and values converted from thousands, agree to so much."""


def derive_unlocated_trade(trade_flow: pl.LazyFrame, pairs: pl.DataFrame, areas: pl.DataFrame) -> pl.DataFrame:
    """Return `unlocated_trade`, sorted by its key.

    trade_flow: all levels and partners, World too. pairs: as `reallocate_unspecified` returns them. areas: the code list.
    """
    contract = load_contract("unlocated_trade")
    typed = [pl.col(column.name).cast(column.dtype) for column in contract.columns]
    parts = [derive_residuals(trade_flow), derive_unlocated_pools(pairs, areas)]
    return pl.concat([part.select(typed) for part in parts]).sort(contract.unique_keys[0])


def derive_residuals(trade_flow: pl.LazyFrame) -> pl.DataFrame:
    """Return `unlocated_trade` rows of unlocated_kind code_detail (parent less children, level by level) and world_less_partners.

    A whole is compared only where all its parts were pulled. Nobody says so; it is taken from the figures: in half of the reports of
    that code, direction and period, at least, the parts fill the whole to the rounding. A rest within the rounding is none.
    """
    rows = _both_directions(trade_flow)
    of_code = _less_parts(rows.filter(pl.col("commodity_level") < 6), rows.with_columns(_parent_code()), "code_detail")
    world = rows.filter(pl.col("partner_code") == 0)
    partners = rows.filter(pl.col("partner_code") != 0).with_columns(pl.lit(0, dtype=pl.Int32).alias("partner_code"))
    return pl.concat([of_code, _less_parts(world, partners, "world_less_partners")]).sort("unlocated_kind", *_WHOLE_KEY)


def _both_directions(trade_flow: pl.LazyFrame) -> pl.DataFrame:
    is_evidence = ~pl.col("is_net_weight_estimated").fill_null(value=False) & (pl.col("net_weight_kg") > 0)
    return (
        trade_flow.filter(pl.col("flow_code").is_in(["M", "X"]))
        .select(*_WHOLE_KEY, "commodity_level", "primary_value_usd", pl.when(is_evidence).then("net_weight_kg").alias("net_weight_kg"))
        .collect()
    )


def _parent_code() -> pl.Expr:
    code, level = pl.col("commodity_code"), pl.col("commodity_level")
    parent = pl.when(level == 2).then(pl.lit("TOTAL")).when(level > 2).then(code.str.head(level - 2))
    return parent.alias("commodity_code")


def _less_parts(wholes: pl.DataFrame, parts: pl.DataFrame, kind: str) -> pl.DataFrame:
    whole, part = _sums(wholes, "whole"), _sums(parts.drop_nulls("commodity_code"), "located")
    both = whole.join(part, on=_WHOLE_KEY, how="left").with_columns(_no_parts())
    both = both.with_columns(_rest("value_usd"), _rest("net_weight_kg"))
    off_value, off_weight = _is_off("value_usd"), _is_off("net_weight_kg")
    pulled = both.group_by("freq_code", "period", "flow_code", "commodity_code").agg((~off_value).mean().alias("_full_share"))
    complete = pulled.filter(pl.col("_full_share") >= 0.5).drop("_full_share")
    rest = pl.col("unlocated_value_usd")
    label = pl.when((rest < 0) | ((rest == 0) & (pl.col("unlocated_net_weight_kg") < 0)))
    told = both.filter(off_value | off_weight.fill_null(value=False)).join(complete, on=complete.columns, how="semi")
    return told.select(
        *_WHOLE_KEY, pl.lit(kind).alias("unlocated_kind"), *_measures("value_usd"), *_measures("net_weight_kg"),
        label.then(pl.lit("parts_exceed_whole")).otherwise(pl.lit("whole_exceeds_parts")).alias("unlocated_label"),
    )  # fmt: skip


def _sums(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """One row per key; a weight that a part lacks leaves the sum without weight."""
    has_weight = ~pl.col("net_weight_kg").is_null().any()
    return rows.group_by(_WHOLE_KEY).agg(
        pl.col("primary_value_usd").sum().alias(f"{name}_value_usd"),
        pl.when(has_weight).then(pl.col("net_weight_kg").sum()).alias(f"{name}_net_weight_kg"),
        pl.len().cast(pl.Int64).alias(f"_{name}_count"),
    )


def _no_parts() -> list[pl.Expr]:
    """A whole of which no part is stated lies open as a whole."""
    lacks_all = pl.col("_located_count").is_null()
    return [
        pl.col("_located_count", "located_value_usd").fill_null(0),
        pl.when(lacks_all).then(0.0).otherwise("located_net_weight_kg").alias("located_net_weight_kg"),
    ]


def _rest(measure: str) -> pl.Expr:
    return (pl.col(f"whole_{measure}") - pl.col(f"located_{measure}")).alias(f"unlocated_{measure}")


def _is_off(measure: str) -> pl.Expr:
    rounding = _ROUNDING * (pl.col("_whole_count") + pl.col("_located_count"))
    return pl.col(f"unlocated_{measure}").abs() > rounding + _RELATIVE_ROUNDING * pl.col(f"whole_{measure}")


def _measures(measure: str) -> list[str]:
    return [f"{name}_{measure}" for name in ("whole", "located", "unlocated")]
