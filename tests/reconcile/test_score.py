import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from tests.reconcile.trade_rows import CHINA, MEXICO, flow, reconcile, trade_flow, two_sided_world
from tradeflow.contract import load_contract
from tradeflow.reconcile import scored_columns


def test_estimate_lies_between_the_sides_nearer_to_the_more_careful() -> None:
    pairs, care = reconcile(two_sided_world())
    both = pairs.filter((pl.col("mirror_status") == "both") & pl.col("z_kg").is_not_null() & (pl.col("gap_explanation") == "none"))
    low, high = (
        both.select(limit("export_net_weight_kg", "import_net_weight_kg")).to_series() for limit in (pl.min_horizontal, pl.max_horizontal)
    )
    assert (both["balanced_net_weight_kg"] >= low * (1 - 1e-9)).all()
    assert (both["balanced_net_weight_kg"] <= high * (1 + 1e-9)).all()
    kg = care.filter((pl.col("measure") == "net_weight") & (pl.col("product_group") == "all"))
    sigma = {(row[0], row[1]): row[2] for row in kg.select("reporter_code", "flow_code", "log_error_sigma").iter_rows()}
    for e, i, share in both.select("exporter_code", "importer_code", "export_weight_share").head(200).iter_rows():
        assert (share > 0.5) == (sigma[e, "X"] < sigma[i, "M"])


@pytest.mark.parametrize(("imported", "sign"), [(0.2, -1), (5.0, 1)], ids=["importer recorded less", "importer recorded more"])
def test_z_is_negative_where_the_importer_recorded_less(imported: float, sign: int) -> None:
    world = two_sided_world(silent_share=0)
    is_one = (
        (pl.col("flow_code") == "M")
        & (pl.col("reporter_code") == 2)
        & (pl.col("partner_code") == 4)
        & (pl.col("commodity_code") == "290005")
    )
    factor = pl.when(is_one).then(imported).otherwise(1.0)
    pairs, _ = reconcile(world.with_columns(pl.col("net_weight_kg") * factor, pl.col("primary_value_usd") * factor))
    usual, _ = reconcile(world)
    here = (pl.col("exporter_code") == 4) & (pl.col("importer_code") == 2) & (pl.col("commodity_code") == "290005")
    for name in ("z_kg", "z_value"):
        moved = pairs.filter(here)[name].item() - usual.filter(here)[name].item()
        assert sign * moved > 1.5


@pytest.mark.parametrize("measure", ["z_kg", "z_value"])
def test_z_is_standard_normal_in_both_tails_where_nothing_is_wrong(measure: str) -> None:
    pairs, _ = reconcile(two_sided_world(countries=14, codes=120))
    z = pairs[measure].drop_nulls().to_numpy()
    assert len(z) > 15_000
    for limit in (1.2816, 2.3263):
        for tail in (-z, z):
            assert (tail > limit).mean() == pytest.approx(stats.norm.sf(limit), rel=0.2)
    assert abs(np.median(z)) < 0.05


def test_p_is_uniform_where_nothing_is_wrong() -> None:
    pairs, _ = reconcile(two_sided_world(countries=14, codes=120))
    p = pairs["shortfall_p_value"].drop_nulls()
    for level in (0.5, 0.1, 0.01):
        assert (p < level).mean() == pytest.approx(level, rel=0.25)


def test_a_corridors_habit_is_no_anomaly() -> None:
    """An importer that always records a third from one exporter is strange for its level, not for a change."""
    world = two_sided_world(silent_share=0, codes=200)
    is_short = (pl.col("flow_code") == "M") & (pl.col("reporter_code") == 2) & (pl.col("partner_code") == 4)
    shortened = world.with_columns(pl.when(is_short).then(pl.col("net_weight_kg") / 3).otherwise(pl.col("net_weight_kg")))
    corridor = reconcile(shortened)[0].filter((pl.col("exporter_code") == 4) & (pl.col("importer_code") == 2))
    assert corridor["corridor_gap_log"].unique().item() == pytest.approx(-math.log(3), abs=0.2)
    assert abs(corridor["z_kg"].median()) < 0.25
    change = corridor["import_net_weight_kg"].log() - corridor["export_net_weight_kg"].log() - corridor["corridor_gap_log"]
    assert corridor["corridor_change_log"].to_list() == pytest.approx(change.to_list())


def test_a_weight_without_its_mirror_has_no_z() -> None:
    rows = trade_flow(flow(CHINA, "X", MEXICO, 10_000, 100.0), flow(MEXICO, "M", CHINA, 11_000))
    told = reconcile(rows)[0].select("z_kg", "asymmetry_kg", "balanced_net_weight_kg", "export_weight_share").row(0)
    assert told == (None, None, 100.0, 1.0)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("leading_side", scored_columns.LEADING_SIDES),
        ("export_weight_label", scored_columns.WEIGHT_LABELS),
        ("import_weight_label", scored_columns.WEIGHT_LABELS),
        ("gap_explanation", scored_columns.EXPLANATIONS),
    ],
)
def test_labels_are_those_of_the_contract(column: str, words: list[str]) -> None:
    assert load_contract("mirror_pair").column(column).valid_values == tuple(words)
