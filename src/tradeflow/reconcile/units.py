"""Weights that a report states in another unit only: litres, pieces, pairs, carats, brought to kilograms with how sure that is.

A converted weight is never taken for a reported one: it stands in columns of its own with its variance and the way it was made.
"""

from __future__ import annotations

import math

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile.pairs import PAIR_KEY

_MIN_PAIRS = 10
"""Mirror pairs from which a rate is read (BACI)."""
_MAX_ERROR = 0.1
"""The rate itself must be known to a tenth; with ten pairs their spread may then be a quarter, with a thousand a factor of twelve."""
_FACTOR_OF_TWO = math.log(2) ** 2
"""A converted weight that is mostly right within a factor of two is of use, however well the reported ones agree."""
_NORMAL_MAD, _MEDIAN_ERROR = 1.4826, 1.2533
"""Of a normal sample: standard deviation over MAD; standard error of the median over that of the mean."""
_UNIT = ["commodity_code", "quantity_unit_code"]


def fit_unit_rates(trade_flow: pl.LazyFrame, units: pl.DataFrame, densities: pl.DataFrame) -> pl.DataFrame:
    """Return `unit_rate`: kilograms per base unit of each commodity, sorted; where refused, kg_per_unit is null and the label says why.

    The rate is the median of kg on one side over units on the other, of trades that both sides report (BACI; Gaulier and Zignago 2010).
    Their spread holds both reports' errors too, so what the two sides' kilograms differ by is taken off: the rest is rate_log_variance.
    It is accepted where the rate is known to a tenth and the rest is no more than that difference or than a factor of two. (BACI's bound, a
    standard deviation of 2.5 in logs, admits weights wrong by a factor of twelve.) A listed density goes first for a volume.
    """
    sides = _measured_sides(trade_flow, units)
    exports, imports = (sides.filter(pl.col("flow_code") == flow_code).drop("flow_code") for flow_code in ("X", "M"))
    kilogram = _code_of(units, "kg")
    ratios = pl.concat([_ratios(exports, imports, kilogram), _ratios(imports, exports, kilogram)])
    spread = ((pl.col("_ratio") - pl.col("_ratio").median()).abs().median() * _NORMAL_MAD) ** 2
    fitted = ratios.group_by(_UNIT).agg(
        pl.col("_ratio").median().exp().alias("_rate"), spread.alias("_spread"), pl.len().cast(pl.Int64).alias("mirror_pair_count")
    )
    fitted = fitted.join(_gap_variances(exports, imports), on="commodity_code", how="left").with_columns(pl.col("_gap").fill_null(0))
    listed = _listed_rates(densities, units)
    rates = fitted.join(listed, on=_UNIT, how="full", coalesce=True).with_columns(_judged())
    contract = load_contract("unit_rate")
    return rates.select(pl.col(column.name).cast(column.dtype) for column in contract.columns).sort(contract.unique_keys[0])


def _measured_sides(trade_flow: pl.LazyFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Return per pair and direction _kg and _quantity as reported, null where a row of it lacks them or the rows differ in unit."""
    has_one_unit = pl.col("_base_unit").n_unique() == 1
    sums = {name: pl.when(~pl.col(name).is_null().any()).then(pl.col(name).sum()) for name in ("_kg", "_quantity")}
    return (
        _pair_rows(trade_flow, units)
        .group_by(*PAIR_KEY, "flow_code")
        .agg(
            sums["_kg"].alias("_kg"),
            pl.when(has_one_unit).then(sums["_quantity"]).alias("_quantity"),
            pl.col("_base_unit").first(),
        )
        .collect()
    )


def _pair_rows(trade_flow: pl.LazyFrame, units: pl.DataFrame) -> pl.LazyFrame:
    is_export = pl.col("flow_code") == "X"
    is_evidence = ~pl.col("is_net_weight_estimated").fill_null(value=False) & (pl.col("net_weight_kg") > 0)
    is_counted = ~pl.col("is_quantity_estimated").fill_null(value=False) & (pl.col("quantity") > 0)
    base = units.drop_nulls("base_unit_code").select("quantity_unit_code", "base_unit_code", "base_unit_factor").lazy()
    rows = trade_flow.filter((pl.col("partner_code") != 0) & pl.col("flow_code").is_in(["X", "M"]))
    return rows.join(base, on="quantity_unit_code", how="left").select(
        "freq_code", "period", "commodity_code", "flow_code",
        pl.when(is_export).then("reporter_code").otherwise("partner_code").alias("exporter_code"),
        pl.when(is_export).then("partner_code").otherwise("reporter_code").alias("importer_code"),
        pl.when(is_evidence).then("net_weight_kg").alias("_kg"),
        pl.when(is_counted).then(pl.col("quantity") * pl.col("base_unit_factor")).alias("_quantity"),
        pl.col("base_unit_code").alias("_base_unit"),
    )  # fmt: skip


def _ratios(of_units: pl.DataFrame, of_weight: pl.DataFrame, kilogram: int) -> pl.DataFrame:
    counted = of_units.filter((pl.col("_quantity") > 0) & (pl.col("_base_unit") != kilogram))
    both = counted.join(of_weight.filter(pl.col("_kg") > 0).select(*PAIR_KEY, pl.col("_kg").alias("_other_kg")), on=PAIR_KEY)
    ratio = (pl.col("_other_kg") / pl.col("_quantity")).log().alias("_ratio")
    return both.select("commodity_code", pl.col("_base_unit").alias("quantity_unit_code"), ratio)


def _gap_variances(exports: pl.DataFrame, imports: pl.DataFrame) -> pl.DataFrame:
    """Return per commodity the robust variance of the log gap between both sides' kilograms."""
    weighed = exports.filter(pl.col("_kg") > 0).join(imports.filter(pl.col("_kg") > 0), on=PAIR_KEY, suffix="_other")
    gap = (pl.col("_kg") / pl.col("_kg_other")).log()
    return (
        weighed.group_by("commodity_code")
        .agg((((gap - gap.median()).abs().median() * _NORMAL_MAD) ** 2).alias("_gap"), pl.len().alias("_count"))
        .filter(pl.col("_count") >= _MIN_PAIRS)
        .drop("_count")
    )


def _listed_rates(densities: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """A litre's kilograms of each listed code, under the base unit of volume."""
    return densities.select(
        "commodity_code", pl.lit(_code_of(units, "l"), dtype=pl.Int32).alias("quantity_unit_code"),
        pl.col("density_kg_per_litre").alias("_density"), (pl.col("density_log_sigma") ** 2).alias("_density_variance"),
    )  # fmt: skip


def _code_of(units: pl.DataFrame, abbreviation: str) -> int:
    return int(units.filter(pl.col("abbreviation") == abbreviation)["quantity_unit_code"].item())


def _judged() -> list[pl.Expr]:
    count = pl.col("mirror_pair_count").fill_null(0)
    error = _MEDIAN_ERROR**2 * pl.col("_spread") / count
    rest = (pl.col("_spread") - pl.col("_gap")).clip(lower_bound=0) + error
    has_density, is_wide = pl.col("_density").is_not_null(), rest > pl.max_horizontal("_gap", pl.lit(_FACTOR_OF_TWO))
    is_refused = (count < _MIN_PAIRS) | (error > _MAX_ERROR**2) | is_wide
    label = (
        pl.when(has_density).then(pl.lit("density"))
        .when(count < _MIN_PAIRS).then(pl.lit("refused_few_pairs"))
        .when(is_refused).then(pl.lit("refused_wide_spread"))
        .otherwise(pl.lit("mirror_rate"))
    )  # fmt: skip
    rate, variance = (pl.when(has_density).then(listed).when(~is_refused).then(own) for listed, own in (
        (pl.col("_density"), pl.col("_rate")), (pl.col("_density_variance"), rest)
    ))  # fmt: skip
    return [
        count.alias("mirror_pair_count"),
        rate.alias("kg_per_unit"),
        variance.alias("rate_log_variance"),
        label.alias("rate_label"),
    ]


def add_converted_weights(pairs: pl.DataFrame, trade_flow: pl.LazyFrame, units: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Add for each side <side>_converted_kg, <side>_converted_log_variance and <side>_converted_label; the same rows in the same order.

    Converted is the side's whole weight where it reports none: rows with a weight count with it, the others with their quantity at the
    rate of its unit (an exact factor for a mass); null where a row has neither. The variance is the largest of the rows'. The label is
    converted_exactly, converted_by_density or converted_by_mirror_rate: that of the least sure row.
    """
    types = {"freq_code": pairs.schema["freq_code"], "commodity_code": pairs.schema["commodity_code"]}
    converted = _converted_sides(trade_flow, units, rates).with_columns(
        pl.col(name).cast(dtype, strict=False) for name, dtype in types.items()
    )
    for flow_code, side in (("X", "export"), ("M", "import")):
        names = {"_converted": f"{side}_converted_kg", "_variance": f"{side}_converted_log_variance", "_label": f"{side}_converted_label"}
        of_side = converted.filter(pl.col("flow_code") == flow_code).select(*PAIR_KEY, *names).rename(names)
        lacks_weight = pl.col(f"{side}_net_weight_kg").is_null()
        pairs = pairs.join(of_side, on=PAIR_KEY, how="left", maintain_order="left").with_columns(
            pl.when(lacks_weight).then(pl.col(name)).alias(name) for name in names.values()
        )
    return pairs


def _converted_sides(trade_flow: pl.LazyFrame, units: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    kilogram = _code_of(units, "kg")
    rows = _pair_rows(trade_flow, units)
    side = [*PAIR_KEY, "flow_code"]
    unweighed = rows.filter(pl.col("_kg").is_null() & (pl.col("_quantity") > 0)).select(side).unique()
    accepted = rates.drop_nulls("kg_per_unit").select(*_UNIT, "kg_per_unit", "rate_log_variance", "rate_label").lazy()
    rated = rows.join(unweighed, on=side, how="semi").join(accepted, left_on=["commodity_code", "_base_unit"], right_on=_UNIT, how="left")
    is_mass = pl.col("_base_unit") == kilogram
    at_rate = pl.when(is_mass).then("_quantity").otherwise(pl.col("_quantity") * pl.col("kg_per_unit"))
    is_needed = pl.col("_kg").is_null()
    labels = pl.when(is_mass).then(pl.lit("converted_exactly")).otherwise(pl.lit("converted_by_") + pl.col("rate_label"))
    parts = rated.select(
        *side, pl.coalesce("_kg", at_rate).alias("_part"),
        pl.when(is_needed & ~is_mass).then("rate_log_variance").otherwise(0.0).alias("_variance"),
        pl.when(is_needed).then(labels).alias("_label"),
    )  # fmt: skip
    whole = ~pl.col("_part").is_null().any()
    return parts.group_by(side).agg(
        pl.when(whole).then(pl.col("_part").sum()).alias("_converted"),
        pl.when(whole).then(pl.col("_variance").max()).alias("_variance"),
        pl.when(whole).then(pl.col("_label").sort_by("_variance", "_label").last()).alias("_label"),
    ).collect()  # fmt: skip
