"""`flow_score`: how alone a flow is among its likes (isolation forest: Liu, Ting and Zhou 2008), and which features set it apart."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from tradeflow.contract import load_contract
from tradeflow.model.contribution import path_contributions
from tradeflow.model.features import FEATURES, FLOW_KEY, describe_flows
from tradeflow.model.grouping import comparable_groups, like_rows

Array = NDArray[np.float64]

SAMPLE_ROWS = 256
"""Rows of one tree (Liu, Ting and Zhou 2008, section 4.2: more adds nothing)."""
TRAINING_ROWS = 50_000
"""Rows from which the trees of one group draw; more only cost memory."""
EXPLAINED_PERCENTILE = 99.0
EXPLAINED_ROWS = 2_000
MISSING_MATTERS = {"z_kg": 0.05, "months_since_last_trade": 0.0}
"""Features whose absence says something, with the share of absent rows from which an indicator is added."""
LOGARITHMIC = {"months_since_last_trade"}
"""Counts that the forest sees as logarithms: one month against two matters as much as ten against twenty."""


FIRST_YEAR = 0
"""Stands for the first year of a commodity's window, which is compared with itself: nothing before it is at hand."""


@dataclass(frozen=True)
class _Grown:
    """A group's forest, the inputs that it scores and the feature that each input column belongs to."""

    forest: IsolationForest
    inputs: Array
    owners: list[str]


def score_flows(
    imports: pl.DataFrame, mirror_pair: pl.DataFrame, baseline: pl.DataFrame, *, trees: int, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Score every reported flow of the baseline's window; contracts `flow_score` and `flow_score_feature`.

    Frames as for `fit_seasonal_baseline` and of contracts `mirror_pair`, `baseline`. A flow is compared with its like in the calendar year
    before its own, so that no later period changes its score; where the window does not hold that year, with the window's first twelve
    months. Each comparable group and year has a forest of its own, grown from the sorted rows with a seed made of `seed` and the group's
    name, so neither row order nor machine changes it; a flow without a usable weight is not scored. Shares of features are given for rows
    of percentile EXPLAINED_PERCENTILE and above and for the EXPLAINED_ROWS highest of the window.
    """
    flows = describe_flows(imports, mirror_pair, baseline)
    if flows.is_empty():
        return load_contract("flow_score").empty_frame(), load_contract("flow_score_feature").empty_frame()
    flows = _add_compared_years(flows, baseline).sort(FLOW_KEY)
    years = flows.partition_by("freq_code", "_compared_year", maintain_order=True)
    judged = [_judge_year(rows, _typical_rows(rows, flows), trees, seed) for rows in years]
    scored = [each for forests, _ in judged for each in forests]
    whole = pl.concat([*(rows for rows, _ in scored), *(weightless for _, weightless in judged)], how="diagonal")
    limit = _explained_score(whole)
    shares = [_feature_shares(rows, grown, limit) for rows, grown in scored]
    no_share = load_contract("flow_score_feature").empty_frame()
    return _in_contract(whole, "flow_score"), _in_contract(pl.concat(shares) if shares else no_share, "flow_score_feature")


def _add_compared_years(flows: pl.DataFrame, baseline: pl.DataFrame) -> pl.DataFrame:
    """Add the year that each flow is compared with, and whether it is itself compared with by its year or by the first year."""
    keys = ["freq_code", "commodity_code"]
    is_monthly = pl.col("freq_code") == "M"
    first_year, year = (pl.when(is_monthly).then(period // 100).otherwise(period) for period in (pl.col("_first"), pl.col("period")))
    starts_within_year = is_monthly & (pl.col("_first") % 100 > 1)
    first_whole_year = first_year + starts_within_year.cast(pl.Int32)
    return flows.join(baseline.group_by(keys).agg(pl.col("period").min().alias("_first")), on=keys, how="left").with_columns(
        pl.when(year - 1 >= first_whole_year).then(year - 1).otherwise(FIRST_YEAR).alias("_compared_year"),
        pl.when(year >= first_whole_year).then(year).alias("_year"),
        (pl.col("period") < pl.when(is_monthly).then(pl.col("_first") + 100).otherwise(pl.col("_first") + 1)).alias("_is_first"),
    )


def _typical_rows(rows: pl.DataFrame, flows: pl.DataFrame) -> pl.DataFrame:
    """Return the weighed flows that rows of one frequency and compared year are compared with; the rows themselves if there are none."""
    freq_code, year = rows.select("freq_code", "_compared_year").row(0)
    in_year = pl.col("_is_first") if year == FIRST_YEAR else pl.col("_year") == year
    typical = flows.filter(pl.col("log_kg").is_not_null(), in_year, freq_code=freq_code)
    return typical if typical.height else rows.filter(pl.col("log_kg").is_not_null())


def _judge_year(rows: pl.DataFrame, typical: pl.DataFrame, trees: int, seed: int) -> tuple[list[tuple[pl.DataFrame, _Grown]], pl.DataFrame]:
    """Return the scored rows of each group with its forest, and the rows without a usable weight."""
    rows, typical = (each.with_columns(comparable_groups(each, typical)) for each in (rows, typical))
    weightless = rows.filter(pl.col("log_kg").is_null())
    groups = rows.filter(pl.col("log_kg").is_not_null()).partition_by("comparable_group", maintain_order=True)
    return [_judge_group(each, like_rows(each["comparable_group"][0], typical), trees, seed) for each in groups], weightless


def _judge_group(rows: pl.DataFrame, like: pl.DataFrame, trees: int, seed: int) -> tuple[pl.DataFrame, _Grown]:
    known, _ = forest_inputs(like, like)
    inputs, owners = forest_inputs(rows, like)
    forest = grow_forest(known, trees, group_seed(seed, rows["comparable_group"][0]))
    # scikit-learn's sign turned round: from here on higher is stranger
    isolation, usual = -forest.score_samples(inputs), -forest.score_samples(known)
    scored = rows.with_columns(isolation_score=pl.Series(isolation), isolation_percentile=pl.Series(percentile_among(usual, isolation)))
    return scored, _Grown(forest, inputs, owners)


def group_seed(seed: int, group: str) -> int:
    """Return the seed of one group's forest."""
    return (seed * 1_000_003 + zlib.crc32(group.encode())) % 2**31


def grow_forest(inputs: Array, trees: int, seed: int) -> IsolationForest:
    """Fit one forest to at most TRAINING_ROWS of the rows, drawn by the seed."""
    chosen = np.sort(np.random.default_rng(seed).permutation(len(inputs))[:TRAINING_ROWS])
    return IsolationForest(n_estimators=trees, max_samples=min(SAMPLE_ROWS, len(chosen)), random_state=seed).fit(inputs[chosen])


def percentile_among(known: Array, scores: Array) -> Array:
    """Return the percentile of each score among the known ones, half of its equals below it."""
    ordered = np.sort(known)
    below, up_to = np.searchsorted(ordered, scores, "left"), np.searchsorted(ordered, scores, "right")
    return 100 * (below + up_to) / (2 * max(1, len(known)))


def forest_inputs(rows: pl.DataFrame, like: pl.DataFrame) -> tuple[Array, list[str]]:
    """Return (rows, inputs) for the forest and the feature that each input column belongs to.

    A missing value becomes the median of the flows it is compared with; where its absence says something among them, a column of 0 and 1
    says so. Six decimals are kept: machines disagree beyond them.
    """
    columns, owners = [], []
    for feature in FEATURES:
        values, known = _feature_column(rows, feature), _feature_column(like, feature)
        absent, absent_share = np.isnan(values), np.isnan(known).mean()
        usual = float(np.nanmedian(known)) if absent_share < 1 else 0.0
        columns.append(np.round(np.where(absent, usual, values), 6))
        owners.append(feature)
        if feature in MISSING_MATTERS and MISSING_MATTERS[feature] < absent_share < 1:
            columns.append(absent.astype(np.float64))
            owners.append(feature)
    return np.column_stack(columns), owners


def _feature_column(rows: pl.DataFrame, feature: str) -> Array:
    values: Array = rows[feature].cast(pl.Float64).to_numpy()
    return np.log1p(values) if feature in LOGARITHMIC else values


def _explained_score(flows: pl.DataFrame) -> float:
    """Return the isolation score from which a row's features are given whatever its percentile."""
    highest = flows["isolation_score"].drop_nulls().top_k(EXPLAINED_ROWS)
    return float(highest.min()) if len(highest) else 1.0  # type: ignore[arg-type]


def _feature_shares(rows: pl.DataFrame, grown: _Grown, limit: float) -> pl.DataFrame:
    """Return the share of each feature that made its row easier to isolate; indicators count for the feature that they are about."""
    is_explained = (
        rows.select((pl.col("isolation_percentile") >= EXPLAINED_PERCENTILE) | (pl.col("isolation_score") >= limit)).to_series().to_numpy()
    )
    contributions = path_contributions(grown.forest, grown.inputs[is_explained])
    by_feature = np.column_stack([contributions[:, [owner == name for owner in grown.owners]].sum(axis=1) for name in FEATURES])
    positive = np.maximum(by_feature, 0.0)
    shares = pl.DataFrame(positive / np.maximum(positive.sum(axis=1, keepdims=True), 1e-12), schema=FEATURES)
    explained = rows.filter(is_explained)
    keyed = explained.select(FLOW_KEY).with_row_index("row")
    values = _unpivot(explained.select(pl.col(FEATURES).cast(pl.Float64)), "feature_value")
    return _unpivot(shares, "feature_share").join(values, on=["row", "feature"]).join(keyed, on="row").filter(pl.col("feature_share") > 0)


def _unpivot(wide: pl.DataFrame, name: str) -> pl.DataFrame:
    return wide.with_row_index("row").unpivot(FEATURES, index="row", variable_name="feature", value_name=name)


def _in_contract(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    contract = load_contract(name)
    return frame.select(pl.col(column).cast(dtype) for column, dtype in contract.schema.items()).sort(contract.unique_keys[0])
