"""`requirement_use`: a year's imports against what the area was stated to need, and the day on which that is passed at this pace."""

from __future__ import annotations

import polars as pl
from scipy import special

from tradeflow.contract import load_contract
from tradeflow.model.used_weight import WEIGHT_BASES

_KEY = ["importer_code", "commodity_code", "requirement_year"]
_NORMAL_90 = 1.6449
_MONTHS = 12


def measure_requirement_use(baseline: pl.DataFrame, requirements: pl.DataFrame) -> pl.DataFrame:
    """Cumulate each year's imports against its requirement; contract `requirement_use`.

    `baseline`: contract `baseline`. `requirements`: importer_code, commodity_code, requirement_year, requirement_kg, requirement_source.
    Months that are not reported are expected as the baseline expects them, else as it expected the same month of the year before, times the
    pace: what the year's reported months brought over what was expected of them. A requirement without a reported month gives no row.
    """
    months = _lay_out_months(baseline, requirements)
    known = pl.col("observed_kg").is_not_null()
    reported = months.group_by(_KEY, maintain_order=True).agg(
        pl.col("observed_kg").sum().alias("cumulated_kg"),
        pl.col("_expected").filter(known).sum().alias("_expected_so_far"),
        (pl.col("_sd").filter(known) ** 2).sum().sqrt().alias("_sd_so_far"),
        pl.col("period").filter(known).max().alias("period"),
        pl.col("weight_basis").cast(pl.Enum(WEIGHT_BASES)).max(),
    )
    paced = months.join(reported.drop_nulls("period").drop("period"), on=_KEY, maintain_order="left").with_columns(_pace().alias("_pace"))
    year = reported.join(_add_up(paced), on=_KEY).with_columns(pl.col("period").mod(100).alias("window_periods"))
    dated = year.join(_passing_dates(paced.join(year.select(*_KEY, "_rest", "upper_year_kg"), on=_KEY)), on=_KEY, how="left")
    told = dated.join(requirements.select(*_KEY, "requirement_kg", "requirement_source"), on=_KEY)
    return _in_contract(told.with_columns(_chance_within()))


def _lay_out_months(baseline: pl.DataFrame, requirements: pl.DataFrame) -> pl.DataFrame:
    """Return one row per requirement and month of its year, with what was reported and what was to be expected."""
    chance = pl.col("trade_probability").fill_null(1.0)
    ratio = (pl.col("upper_kg") / pl.col("expected_kg")).log() / _NORMAL_90
    series = baseline.filter((pl.col("series_level") == "importer") & (pl.col("freq_code") == "M")).select(
        "importer_code",
        "commodity_code",
        "period",
        "observed_kg",
        "weight_basis",
        (pl.col("expected_kg") * chance).alias("_expected"),
        (pl.col("expected_kg") * chance * ratio).alias("_sd"),
    )
    before = series.with_columns(pl.col("period") + 100).rename({"_expected": "_before", "_sd": "_sd_before"})
    before = before.drop("observed_kg", "weight_basis")
    months = requirements.select(*_KEY, "requirement_kg").join(pl.DataFrame({"_month": range(1, _MONTHS + 1)}), how="cross")
    placed = months.with_columns((pl.col("requirement_year") * 100 + pl.col("_month")).cast(pl.Int32).alias("period"))
    on = ["importer_code", "commodity_code", "period"]
    joined = placed.join(series, on=on, how="left").join(before, on=on, how="left").sort(*_KEY, "period")
    filled = [pl.coalesce("_expected", "_before").alias("_expected"), pl.coalesce("_sd", "_sd_before").alias("_sd")]
    whole = joined.with_columns(filled).with_columns(pl.col("_expected", "_sd").fill_null(pl.col("_expected", "_sd").mean().over(_KEY)))
    # Nothing was ever expected of a short history: then every month counts alike, and errs as the reported ones differ.
    unlike = (pl.col("observed_kg").std() / pl.col("observed_kg").mean()).over(_KEY)
    return whole.with_columns(pl.col("_expected").fill_null(1.0), pl.col("_sd").fill_null(unlike.fill_nan(None).fill_null(1.0)))


def _pace() -> pl.Expr:
    return pl.when(pl.col("_expected_so_far") > 0).then(pl.col("cumulated_kg") / pl.col("_expected_so_far")).otherwise(1.0)


def _add_up(paced: pl.DataFrame) -> pl.DataFrame:
    """Return the year's total with its interval: months err independently, the pace errs for all that is still to come."""
    rest = pl.col("observed_kg").is_null()
    sums = paced.group_by(_KEY).agg(
        pl.col("cumulated_kg").first().alias("_so_far"),
        (pl.col("_expected") * pl.col("_pace")).filter(rest).sum().fill_null(0.0).alias("_rest"),
        ((pl.col("_sd") * pl.col("_pace")).filter(rest) ** 2).sum().fill_null(0.0).alias("_variance"),
        (pl.col("_sd_so_far") / pl.col("_expected_so_far")).first().fill_nan(0.0).fill_null(0.0).alias("_pace_sd"),
    )
    spread = (pl.col("_variance") + (pl.col("_rest") * pl.col("_pace_sd")) ** 2).sqrt()
    total = pl.col("_so_far") + pl.col("_rest")
    return sums.select(
        *_KEY,
        "_rest",
        spread.alias("_spread"),
        total.alias("year_kg"),
        pl.max_horizontal("_so_far", total - _NORMAL_90 * spread).alias("lower_year_kg"),
        (total + _NORMAL_90 * spread).alias("upper_year_kg"),
    )


def _passing_dates(paced: pl.DataFrame) -> pl.DataFrame:
    """Return the first day by which each path is above the requirement, as if a month's imports came evenly over its days."""
    # Where nothing is still to come, the months that are reported are the only path.
    fastest = pl.when(pl.col("_rest") > 0).then((pl.col("upper_year_kg") - pl.col("cumulated_kg")) / pl.col("_rest")).otherwise(1.0)
    paths = {"passing_date": pl.lit(1.0), "earliest_passing_date": fastest}
    found = paced.select(_KEY).unique()
    for name, raised in paths.items():
        month_kg = pl.coalesce("observed_kg", pl.col("_expected") * pl.col("_pace") * raised)
        run = paced.with_columns(month_kg.alias("_kg")).with_columns(pl.col("_kg").cum_sum().over(_KEY, order_by="period").alias("_run"))
        crossing = run.filter(pl.col("_run") > pl.col("requirement_kg")).sort("period").group_by(_KEY).first()
        share = 1 - (pl.col("_run") - pl.col("requirement_kg")) / pl.col("_kg")
        first_day = pl.date(pl.col("requirement_year"), pl.col("_month"), 1)
        day = first_day.dt.offset_by(pl.format("{}d", (share * first_day.dt.days_in_month()).floor().cast(pl.Int64).clip(0, 30)))
        found = found.join(crossing.select(*_KEY, day.alias(name)), on=_KEY, how="left")
    return found


def _chance_within() -> pl.Expr:
    """Return the chance that a normal total about year_kg stays within; certainty where nothing is still to come or all is passed."""
    deviation = (pl.col("requirement_kg") - pl.col("year_kg")) / pl.col("_spread")
    chance = deviation.map_batches(lambda z: pl.Series(special.ndtr(z.to_numpy())), return_dtype=pl.Float64)
    is_within = pl.col("year_kg") <= pl.col("requirement_kg")
    certain = pl.when(pl.col("cumulated_kg") > pl.col("requirement_kg")).then(0.0)
    unsure = pl.when(pl.col("_spread") > 0).then(chance).otherwise(is_within.cast(pl.Float64))
    return certain.otherwise(unsure).alias("within_requirement_probability")


def _in_contract(rows: pl.DataFrame) -> pl.DataFrame:
    contract = load_contract("requirement_use")
    return rows.select(pl.col(name).cast(dtype) for name, dtype in contract.schema.items()).sort(contract.unique_keys[0])
