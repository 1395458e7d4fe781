"""The forest: what it calls alone, why, and that nothing but the figures decides it."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sklearn.ensemble import IsolationForest

from tests.model.trade_world import CALENDAR, many_routes
from tradeflow.contract import load_contract
from tradeflow.model import grouping
from tradeflow.model.baseline import fit_seasonal_baseline
from tradeflow.model.contribution import average_path_length, path_contributions
from tradeflow.model.features import FLOW_KEY
from tradeflow.model.isolation import grow_forest, percentile_among, score_flows

GOLDEN = [0.6355192923280459, 0.550615028038279, 0.5445979502383576]
"""Scores of the forest of seed 5 over three columns of remainders, scikit-learn 1.9."""
NO_MIRROR = load_contract("mirror_pair").empty_frame()


@pytest.fixture(scope="module")
def world() -> tuple[pl.DataFrame, pl.DataFrame]:
    imports, coverage = many_routes(31, importers=8, exporters=8)
    prices = np.exp(np.random.default_rng(1).normal(0, 0.3, imports.height))
    imports = imports.with_columns(primary_value_usd=pl.col("primary_value_usd") * pl.Series(prices))
    planted = (pl.col("importer_code") == 3) & (pl.col("exporter_code") == 103) & (pl.col("period") == int(CALENDAR[-2]))
    imports = imports.with_columns(
        net_weight_kg=pl.when(planted).then(pl.lit(4e6)).otherwise("net_weight_kg"),
        primary_value_usd=pl.when(planted).then(pl.lit(4e4)).otherwise("primary_value_usd"),
    )
    return imports, fit_seasonal_baseline(imports, coverage, scored_periods=6, calibration_periods=12, min_history_periods=18)


@pytest.fixture(scope="module")
def scored(world) -> tuple[pl.DataFrame, pl.DataFrame]:
    return score_flows(world[0], NO_MIRROR, world[1], trees=50, seed=1)


def test_both_tables_keep_their_contracts(scored) -> None:
    for frame, name in zip(scored, ("flow_score", "flow_score_feature"), strict=True):
        contract = load_contract(name)
        assert frame.height > 100
        assert frame.schema == contract.schema
        assert frame.select(contract.unique_keys[0]).is_unique().all()
        for column in contract.columns:
            values = frame[column.name].drop_nulls()
            assert not column.is_required or len(values) == frame.height
            assert column.minimum is None or values.min() >= column.minimum
            assert column.maximum is None or values.max() <= column.maximum


def test_a_planted_flow_is_alone_and_its_price_and_size_say_why(scored) -> None:
    flows, features = scored
    highest = flows.filter("is_scored").top_k(3, by="isolation_score")
    planted = highest.filter(importer_code=3, exporter_code=103, period=int(CALENDAR[-2])).row(0, named=True)
    assert planted["isolation_percentile"] > 99
    its = features.join(
        pl.DataFrame([{name: planted[name] for name in FLOW_KEY}], schema_overrides=dict(flows.select(FLOW_KEY).schema)), on=FLOW_KEY
    )
    top = its.sort("feature_share")["feature"].to_list()[-3:]
    assert set(top) == {"unit_value_ratio", "log_kg", "z_seasonal"}
    values = dict(its.select("feature", "feature_value").iter_rows())
    assert values["log_kg"] == pytest.approx(np.log(4e6))


def test_shares_of_a_flow_sum_to_one(scored) -> None:
    sums = scored[1].group_by(FLOW_KEY).agg(pl.col("feature_share").sum())
    np.testing.assert_allclose(sums["feature_share"], 1.0)


def test_a_flow_without_usable_weight_is_kept_and_not_scored(world, scored) -> None:
    weightless = scored[0].filter(pl.col("log_kg").is_null())
    assert weightless.height == world[0].filter(pl.col("net_weight_kg").is_null(), pl.col("period") >= CALENDAR[-18]).height > 0
    assert weightless["isolation_score"].null_count() == weightless.height


def test_row_order_does_not_change_the_forest(world, scored) -> None:
    imports, baseline = world
    shuffled = score_flows(
        imports.sample(fraction=1, shuffle=True, seed=2), NO_MIRROR, baseline.sample(fraction=1, shuffle=True, seed=3), trees=50, seed=1
    )
    for before, after in zip(scored, shuffled, strict=True):
        assert_frame_equal(before, after)


def test_the_seed_decides_the_forest(world, scored) -> None:
    other, _ = score_flows(world[0], NO_MIRROR, world[1], trees=50, seed=2)
    assert not other["isolation_score"].equals(scored[0]["isolation_score"])


def test_a_later_period_changes_no_score_of_the_published_window() -> None:
    imports, coverage = many_routes(41, importers=6, exporters=6)
    seen = []
    for known in (CALENDAR[:-7], CALENDAR):
        then, covered = (rows.filter(pl.col("period").is_in(known.tolist())) for rows in (imports, coverage))
        baseline = fit_seasonal_baseline(then, covered, scored_periods=12, calibration_periods=24, min_history_periods=18)
        # What the baseline says of a past month is the business of its own test: here it stands still.
        still = baseline.with_columns(z_seasonal=pl.when(pl.col("z_seasonal").is_not_null()).then(0.0))
        seen.append(score_flows(then, NO_MIRROR, still, trees=20, seed=1)[0].filter("is_scored"))
    before, after = (flows.filter(pl.col("period").is_between(CALENDAR[-12], CALENDAR[-8])).drop("is_scored") for flows in seen)
    assert before.height == after.height > 100
    assert_frame_equal(before, after)


def slow_walk(forest: IsolationForest, row: np.ndarray) -> np.ndarray:
    """Walk one row down every tree, split by split, and keep the account per input."""
    account = np.zeros(len(row))

    def mean_length(rows: int) -> float:
        if rows <= 1:
            return 0.0
        return 1.0 if rows == 2 else 2 * (np.log(rows - 1) + 0.5772156649015329) - 2 * (rows - 1) / rows

    for estimator in forest.estimators_:
        tree, node = estimator.tree_, 0
        while tree.children_left[node] != -1:
            goes_left = np.float32(row[tree.feature[node]]) <= tree.threshold[node]
            child = tree.children_left[node] if goes_left else tree.children_right[node]
            account[tree.feature[node]] += mean_length(tree.n_node_samples[node]) - 1 - mean_length(tree.n_node_samples[child])
            node = child
    return account / len(forest.estimators_)


def test_a_seed_gives_the_same_forest_on_any_machine() -> None:
    rows = np.arange(2_000.0)
    inputs = np.column_stack([rows % 17, rows % 23, (rows * 7919) % 1009])
    first = grow_forest(inputs, trees=10, seed=5)
    np.testing.assert_allclose(-first.score_samples(inputs[:3]), GOLDEN, rtol=1e-12)
    np.testing.assert_array_equal(first.score_samples(inputs), grow_forest(inputs, trees=10, seed=5).score_samples(inputs))


def test_percentiles_are_places_among_the_known() -> None:
    assert percentile_among(np.array([1.0, 2, 2, 3]), np.array([0.0, 2, 9])).tolist() == [0, 50, 100]


@pytest.fixture(scope="module")
def small_forest() -> tuple[IsolationForest, np.ndarray]:
    inputs = np.random.default_rng(1).normal(size=(400, 4))
    inputs[0] = [0, 0, 9, 0]
    return IsolationForest(n_estimators=30, max_samples=128, random_state=3).fit(inputs), inputs


def test_contributions_equal_the_slow_walk(small_forest) -> None:
    forest, inputs = small_forest
    found = path_contributions(forest, inputs[:40])
    np.testing.assert_allclose(found, [slow_walk(forest, row) for row in inputs[:40]], atol=1e-12)
    assert found[0].argmax() == 2


def test_contributions_sum_to_what_the_score_is_made_of(small_forest) -> None:
    forest, inputs = small_forest
    usual = float(average_path_length(np.array([128]))[0])
    from_score = usual * (1 + np.log2(-forest.score_samples(inputs)))
    np.testing.assert_allclose(path_contributions(forest, inputs).sum(axis=1), from_score, atol=1e-6)


def test_commodities_are_split_by_importer_size_or_merged_up(monkeypatch) -> None:
    monkeypatch.setattr(grouping, "SPLIT_ROWS", 9)
    monkeypatch.setattr(grouping, "MIN_ROWS", 3)
    flows = pl.DataFrame({"commodity_code": ["291411"] * 9 + ["291812"] * 4 + ["282760"], "importer_kg": [float(i) for i in range(14)]})
    flows = flows.with_columns(freq_code=pl.lit("M"))
    groups = grouping.comparable_groups(flows, flows).to_list()
    sizes = ["small importers"] * 3 + ["medium importers"] * 3 + ["large importers"] * 3
    assert groups == [f"29/291411/{size}" for size in sizes] + ["29/291812"] * 4 + ["28"]
