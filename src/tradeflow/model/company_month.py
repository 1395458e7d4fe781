"""What a company trades of a watched substance in a month beside what its own past and its peers led to expect.

The noise model. Whether a company buys in a month and how much are two things: lumpy buying is the norm, so months without trade say
nothing about the amount. Given that there is trade, ln kg is normal about the company's level with the company's own spread. Both
are unknown: the level's prior is where companies of the same role, substance and size began, the spread's is the one-step error of
such companies; own months outweigh either as they come (normal-inverse-gamma; Gelman et al., Bayesian Data Analysis, 3rd ed.,
section 3.3). The next month is then Student t, and its tails are set right by earlier months of the same role (`restate_by_past`). A
company without peers and without past has no expectation. Everything is from earlier months.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from tradeflow.contract import load_contract
from tradeflow.model.company_year import add_years
from tradeflow.model.past_tail import restate_by_past
from tradeflow.summing import sum_known

SERIES = ["entity_id", "party_role", "substance_code"]
_PEERS = ["party_role", "substance_code"]
_SIZED = [*_PEERS, "_size"]
_REMEMBERED = 24
"""Months with trade that tell a company's level: what was three years and more ago for a regular buyer says little."""
_SPREAD_MONTHS = 5.0
"""Months with trade that peers' spread counts for beside a company's own."""
_USUAL_ERROR = 0.8
"""Mean absolute error of ln kg before anything is known, about a factor of two."""
_POOLED = 10.0
"""Observations that a wider group counts for beside a narrower one."""
_FEWEST_PEERS = 3
_LONG_PAST = 6
"""Own months with trade from which on a company's tails are its own and no longer its peers'."""


def model_company_months(company_item: pl.DataFrame, by_chapter: pl.DataFrame, substances: pl.DataFrame) -> pl.DataFrame:
    """Return `company_month`.

    `by_chapter`: item_count of all goods by entity_id, party_role, reporter_code, period, commodity_chapter; `substances`: code list
    substance.
    """
    months = sum_company_months(company_item)
    sized = months.pipe(_add_past_items, by_chapter).pipe(_add_past_chapter, by_chapter, substances)
    told = sized.with_columns(_number_month()).sort(*SERIES, "period").with_columns(_tell_past())
    expected = _expect(told.with_columns(_remember()).pipe(_add_peers).sort(*SERIES, "period"))
    return add_years(expected, SERIES).select(load_contract("company_month").column_names).sort(*SERIES, "period")


def sum_company_months(company_item: pl.DataFrame) -> pl.DataFrame:
    """Sum items by company, role, substance and month.

    Trade that both countries declare counts once: an importer's month is what its own country declares of it, and the other side's figure
    only where that is silent; an exporter's likewise. A consignee's month holds what another company imported for it.
    """
    return pl.concat([_sum_role(company_item, role) for role in _OTHERS])


_OTHERS = {"importer": ["exporter"], "exporter": ["importer"], "broker": ["importer", "exporter"], "consignee": ["importer", "exporter"]}
_HOME = {"importer": "M", "exporter": "X", "consignee": "M"}


def _sum_role(company_item: pl.DataFrame, role: str) -> pl.DataFrame:
    key = [f"{role}_entity_id", "substance_code", "period"]
    items = company_item.drop_nulls(key[0])
    if role == "consignee":
        items = items.filter(pl.col("consignee_entity_id").ne_missing(pl.col("importer_entity_id")))
    if role in _HOME:
        is_home = pl.col("flow_code") == _HOME[role]
        items = items.filter(is_home | ~is_home.any().over(key))
    others = pl.concat_list([f"{other}_entity_id" for other in _OTHERS[role]]).explode().drop_nulls().n_unique()
    known = [sum_known(name) for name in ("net_weight_kg", "value_usd")]
    declarations = pl.struct("source", "reporter_code", "declaration_id").n_unique().cast(pl.Int64).alias("declaration_count")
    summed = items.group_by(key).agg(declarations, *known, others.cast(pl.Int64).alias("partner_count"))
    return summed.rename({key[0]: "entity_id"}).with_columns(pl.lit(role).alias("party_role"))


def _add_past_items(months: pl.DataFrame, by_chapter: pl.DataFrame) -> pl.DataFrame:
    company = ["entity_id", "party_role"]
    all_items = by_chapter.join(months.select(company).unique(), on=company, how="semi")
    monthly = all_items.group_by(*company, "period").agg(pl.col("item_count").sum()).sort("period")
    past = pl.col("item_count").cum_sum().over(company) - pl.col("item_count")
    before = monthly.select(*company, "period", past.alias("past_item_count"))
    return months.join(before, on=[*company, "period"], how="left").with_columns(pl.col("past_item_count").fill_null(0))


def _add_past_chapter(months: pl.DataFrame, by_chapter: pl.DataFrame, substances: pl.DataFrame) -> pl.DataFrame:
    """Add the share of earlier items in the chapter of the substance's code of HS 2022."""
    key = ["entity_id", "party_role", "commodity_chapter"]
    coded = substances.select("substance_code", pl.col("commodity_code_hs2022").str.head(2).alias("commodity_chapter"))
    placed = months.join(coded, on="substance_code", how="left").sort("period")
    items = by_chapter.join(placed.select(key).unique(), on=key, how="semi").group_by(*key, "period").agg(pl.col("item_count").sum())
    ever = items.sort("period").select(*key, "period", pl.col("item_count").cum_sum().over(key).alias("_chapter_items"))
    joined = placed.join_asof(ever, on="period", by=key, strategy="backward", allow_exact_matches=False, check_sortedness=False)
    share = pl.col("_chapter_items").fill_null(0) / pl.col("past_item_count")
    is_known = (pl.col("past_item_count") > 0) & pl.col("commodity_chapter").is_not_null()
    return joined.with_columns(pl.when(is_known).then(share).alias("past_chapter_share_ratio")).drop("_chapter_items", "commodity_chapter")


def _number_month() -> pl.Expr:
    return (pl.col("period") // 100 * 12 + pl.col("period") % 100).alias("_month")


def _tell_past() -> list[pl.Expr]:
    """History of the series before each row: by Laplace's rule n months with trade of m give the next one a chance of n / (m + 1)."""
    count = pl.int_range(pl.len()).over(SERIES).cast(pl.Int64)
    elapsed = pl.col("_month") - pl.col("_month").first().over(SERIES)
    return [
        count.alias("history_month_count"),
        (count == 0).alias("is_first_trade"),
        pl.col("_month").diff().over(SERIES).cast(pl.Int32).alias("months_since_last_trade"),
        pl.when(count > 0).then(count / (elapsed + 1)).alias("trade_probability"),
        pl.when(pl.col("net_weight_kg") > 0).then(pl.col("net_weight_kg").log()).alias("_log"),
        pl.col("past_item_count").clip(1, 1000).log10().floor().cast(pl.Int32).alias("_size"),
    ]


def _remember() -> list[pl.Expr]:
    before = pl.col("_log").shift(1)
    mean = before.rolling_mean(_REMEMBERED, min_samples=1).over(SERIES)
    count = before.is_not_null().cast(pl.Float64).rolling_sum(_REMEMBERED, min_samples=1).over(SERIES).fill_null(0.0)
    spread = before.rolling_var(_REMEMBERED, min_samples=2).over(SERIES).fill_null(0.0)
    return [
        mean.alias("_own_mean"),
        count.alias("_own_count"),
        (spread * (count - 1).clip(0)).alias("_own_squares"),
        ((pl.col("_log") - mean).abs() * (count / (count + 1)).sqrt()).alias("_error"),
        pl.when(pl.col("_log").is_not_null() & (count == 0)).then("_log").alias("_start"),
    ]


def _add_peers(months: pl.DataFrame) -> pl.DataFrame:
    """Add what earlier months tell of peers, a narrow group leaning on the wider one where it holds little."""
    found = months
    for at, group in enumerate((["party_role"], _PEERS, _SIZED)):
        found = found.join(_sum_before(months, group, at), on=[*group, "period"], how="left")
    error: pl.Expr = pl.lit(_USUAL_ERROR)
    for at in range(3):
        error = (pl.col(f"_errors_{at}") + _POOLED * error) / (pl.col(f"_error_count_{at}") + _POOLED)
    level, starts, squares = ([pl.col(f"_{name}_{at}") for at in (1, 2)] for name in ("starts", "start_count", "start_squares"))
    mean = pl.when(starts[0] >= _FEWEST_PEERS).then(level[0] / starts[0])
    start = (level[1] + _POOLED * mean) / (starts[1] + _POOLED)
    spread = (squares[0] / starts[0] - mean**2).clip(0) * starts[0] / (starts[0] - 1)
    # The mean absolute error of a normal figure is sqrt(2 / pi) of its standard deviation.
    return found.with_columns(
        (error * np.sqrt(np.pi / 2)).alias("_peer_sigma"),
        start.alias("_peer_mean"),
        spread.alias("_start_variance"),
        starts[0].alias("_peers"),
    )


def _sum_before(months: pl.DataFrame, group: list[str], at: int) -> pl.DataFrame:
    """Sum errors and beginnings of a group over all earlier periods."""
    sums = {
        "errors": pl.col("_error").sum(), "error_count": pl.col("_error").count(), "starts": pl.col("_start").sum(),
        "start_count": pl.col("_start").count(), "start_squares": (pl.col("_start") ** 2).sum(),
    }  # fmt: skip
    monthly = months.group_by(*group, "period").agg(each.cast(pl.Float64).alias(name) for name, each in sums.items()).sort("period")
    before = [(pl.col(name).cum_sum().over(group) - pl.col(name)).alias(f"_{name}_{at}") for name in sums]
    return monthly.select(*group, "period", *before)


def _expect(months: pl.DataFrame) -> pl.DataFrame:
    own_weight, own_mean, peer_mean = pl.col("_own_count"), pl.col("_own_mean"), pl.col("_peer_mean")
    told = months.with_columns(
        _freedom=_SPREAD_MONTHS + (own_weight - 1).clip(0),
        _variance=(_SPREAD_MONTHS * pl.col("_peer_sigma") ** 2 + pl.col("_own_squares")) / (_SPREAD_MONTHS + (own_weight - 1).clip(0)),
    )
    # What beginnings spread beyond the months of one company is how companies differ; the prior is worth so many own months.
    between = (pl.col("_start_variance") - pl.col("_peer_sigma") ** 2).clip(0.25 * pl.col("_peer_sigma") ** 2)
    weight = pl.when(peer_mean.is_not_null()).then(pl.col("_variance") / between).otherwise(0.0)
    location = (own_weight * own_mean.fill_null(0.0) + weight * peer_mean.fill_null(0.0)) / (own_weight + weight)
    scale = (pl.col("_variance") * (1 + 1 / (own_weight + weight))).sqrt()
    is_known = own_weight + weight > 0
    placed = told.with_columns(pl.when(is_known).then(location).alias("_location"), pl.when(is_known).then(scale).alias("_scale"))
    return placed.with_columns(_state(placed))


def _state(placed: pl.DataFrame) -> list[pl.Series]:
    location, scale, freedom, log = (placed[name].to_numpy() for name in ("_location", "_scale", "_freedom", "_log"))
    reach = stats.t.ppf(0.95, freedom) * scale
    off = (log - location) / scale
    model_z = np.sign(off) * stats.norm.isf(stats.t.sf(np.abs(off), freedom))
    z = restate_by_past(model_z, placed["period"].to_numpy().astype(np.int64), _group_alike(placed))
    made = {
        "expected_kg": np.exp(location), "lower_kg": np.exp(location - reach), "upper_kg": np.exp(location + reach), "z_company": z,
    }  # fmt: skip
    return [pl.Series(name, figures, pl.Float64).fill_nan(None) for name, figures in made.items()]


def _group_alike(placed: pl.DataFrame) -> NDArray[np.int64]:
    """Number the groups whose deviations spread alike: a role's newcomers, those with a short past, those with a long one."""
    past = pl.col("history_month_count").clip(0, _LONG_PAST)
    age = pl.when(past == 0).then(0).when(past < _LONG_PAST).then(1).otherwise(2)
    return placed.select(pl.col("party_role").rank("dense").cast(pl.Int64) * 3 + age).to_series().to_numpy()
