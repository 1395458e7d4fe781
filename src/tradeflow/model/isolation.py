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
from tradeflow.model.grouping import comparable_groups

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

    Frames as for `fit_seasonal_baseline` and of contracts `mirror_pair`, `baseline`. Each comparable group has its own forest, grown from
    the sorted rows with a seed made of `seed` and the group's name, so neither row order nor machine changes it; a flow without a usable
    weight is not scored. Shares of features are given for rows of percentile EXPLAINED_PERCENTILE and above and for the EXPLAINED_ROWS
    highest of the window.
    """
    flows = describe_flows(imports, mirror_pair, baseline)
    if flows.is_empty():
        return load_contract("flow_score").empty_frame(), load_contract("flow_score_feature").empty_frame()
    flows = flows.with_columns(comparable_groups(flows)).sort("freq_code", "comparable_group", *FLOW_KEY[1:])
    weighed = flows.filter(pl.col("log_kg").is_not_null())
    groups = weighed.partition_by("freq_code", "comparable_group", maintain_order=True)
    grown = [_grow_forest(rows, trees, _group_seed(seed, rows["comparable_group"][0])) for rows in groups]
    scored = [_score_rows(rows, forest) for rows, forest in zip(groups, grown, strict=True)]
    whole = pl.concat([*scored, flows.filter(pl.col("log_kg").is_null())], how="diagonal")
    limit = _explained_score(whole)
    shares = [_feature_shares(rows, forest, limit) for rows, forest in zip(scored, grown, strict=True)]
    return _in_contract(whole, "flow_score"), _in_contract(pl.concat(shares), "flow_score_feature")


def _group_seed(seed: int, group: str) -> int:
    return (seed * 1_000_003 + zlib.crc32(group.encode())) % 2**31


def forest_inputs(rows: pl.DataFrame) -> tuple[Array, list[str]]:
    """Return (rows, inputs) for the forest and the feature that each input column belongs to.

    A missing value becomes the group's median; where its absence says something, a column of 0 and 1 says so.
    """
    columns, owners = [], []
    for feature in FEATURES:
        values = rows[feature].cast(pl.Float64).to_numpy()
        values = np.log1p(values) if feature in LOGARITHMIC else values
        absent = np.isnan(values)
        usual = 0.0 if absent.all() else float(np.nanmedian(values))
        columns.append(np.where(absent, usual, values))
        owners.append(feature)
        if feature in MISSING_MATTERS and MISSING_MATTERS[feature] < absent.mean() < 1:
            columns.append(absent.astype(np.float64))
            owners.append(feature)
    return np.column_stack(columns), owners


def _grow_forest(rows: pl.DataFrame, trees: int, seed: int) -> _Grown:
    inputs, owners = forest_inputs(rows)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(inputs))[:TRAINING_ROWS])
    forest = IsolationForest(n_estimators=trees, max_samples=min(SAMPLE_ROWS, len(chosen)), random_state=seed)
    return _Grown(forest.fit(inputs[chosen]), inputs, owners)


def _score_rows(rows: pl.DataFrame, grown: _Grown) -> pl.DataFrame:
    isolation = -grown.forest.score_samples(grown.inputs)  # scikit-learn's sign turned round: from here on higher is stranger
    return rows.with_columns(isolation_score=pl.Series(isolation)).with_columns(
        isolation_percentile=100 * (pl.col("isolation_score").rank("average") - 0.5) / pl.len()
    )


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
