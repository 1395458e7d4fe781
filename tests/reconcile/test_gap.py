import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from tests.reconcile.trade_rows import CHINA, MEXICO, flow, reconcile, trade_flow, two_sided_world
from tradeflow.reconcile.gap import balance_sides, standardise_gap


def slow_balance(x: float | None, m: float | None, s_x: float, s_m: float) -> tuple[float | None, float | None, float | None]:
    """METHOD.md section 2, item 4, one row at a time."""
    has_x, has_m = x is not None and x > 0, m is not None and m > 0
    if has_x and has_m:
        w = s_m / (s_x + s_m)
        return math.exp(w * math.log(x) + (1 - w) * math.log(m)), s_x * s_m / (s_x + s_m), w
    if has_x:
        return x, s_x, 1.0
    return (m, s_m, 0.0) if has_m else (None, None, None)


def test_balanced_estimate_is_that_of_the_slow_loop() -> None:
    random = np.random.default_rng(2)
    amounts = [None, 0.0, *np.exp(random.normal(5, 2, 6))]
    rows = [(x, m, *np.exp(random.normal(-2, 1, 2))) for x in amounts for m in amounts]
    frame = pl.DataFrame(rows, schema=["x", "m", "_export_variance", "_import_variance"], orient="row")
    estimate, variance, share = balance_sides("x", "m")
    told = frame.select(estimate=estimate, variance=variance, share=share).rows()
    for row, got in zip(rows, told, strict=True):
        expected = slow_balance(*row)
        for found, wanted in zip(got[:1] if expected[0] is None else got, expected, strict=False):
            assert found == (wanted if wanted is None else pytest.approx(wanted))


def test_estimate_lies_between_the_sides_nearer_to_the_more_careful() -> None:
    pairs, care = reconcile(two_sided_world())
    both = pairs.filter((pl.col("mirror_status") == "both") & pl.col("z_kg").is_not_null())
    low, high = (
        both.select(limit("export_net_weight_kg", "import_net_weight_kg")).to_series() for limit in (pl.min_horizontal, pl.max_horizontal)
    )
    assert (both["balanced_net_weight_kg"] >= low * (1 - 1e-9)).all()
    assert (both["balanced_net_weight_kg"] <= high * (1 + 1e-9)).all()
    kg = care.filter(pl.col("measure") == "net_weight")
    sigma = {(row[0], row[1]): row[2] for row in kg.select("reporter_code", "flow_code", "log_error_sigma").iter_rows()}
    for e, i, share in both.select("exporter_code", "importer_code", "export_weight_share").head(200).iter_rows():
        assert (share > 0.5) == (sigma[e, "X"] < sigma[i, "M"])


@pytest.mark.parametrize(("imported", "sign"), [(0.2, 1), (5.0, -1)], ids=["importer recorded less", "importer recorded more"])
def test_z_is_positive_where_the_importer_recorded_less(imported: float, sign: int) -> None:
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


def test_z_is_nearly_standard_where_nothing_is_wrong() -> None:
    pairs, _ = reconcile(two_sided_world(countries=12, codes=60))
    z = pairs["z_kg"].drop_nulls().to_numpy()
    assert len(z) > 5000
    assert np.std(z) == pytest.approx(1, abs=0.1)
    assert np.mean(np.abs(z) > 3) < 5 * 2 * stats.norm.sf(3)


def test_small_shipments_that_scatter_more_are_judged_by_their_own_size() -> None:
    random = np.random.default_rng(4)
    size = random.uniform(2, 12, 6000)
    gap = random.normal(0, np.where(size < 4, 1.2, 0.2))
    rows = {"_x": np.exp(size - gap / 2), "_m": np.exp(size + gap / 2), "exporter_code": random.integers(1, 6, 6000),
            "importer_code": random.integers(6, 11, 6000)}  # fmt: skip
    care = [(code, role, 0.2) for code in range(1, 11) for role in ("X", "M")]
    reliability = pl.DataFrame(care, schema=["reporter_code", "flow_code", "log_error_sigma"], orient="row")
    z = standardise_gap(pl.DataFrame(rows), reliability, "_x", "_m", 6).sort(pl.col("_x") * pl.col("_m"))["_z"].to_numpy()
    for part in (z[:1000], z[-1000:]):
        assert np.std(part) == pytest.approx(1, abs=0.15)


def test_a_corridors_habit_is_no_deviation() -> None:
    """An importer that always records a third of what its partner does differs in level, not from its habit."""
    world = two_sided_world(silent_share=0, codes=200)
    is_short = (pl.col("flow_code") == "M") & (pl.col("reporter_code") == 2) & (pl.col("partner_code") == 4)
    shortened = world.with_columns(pl.when(is_short).then(pl.col("net_weight_kg") / 3).otherwise(pl.col("net_weight_kg")))
    corridor = reconcile(shortened)[0].filter((pl.col("exporter_code") == 4) & (pl.col("importer_code") == 2))
    assert corridor["corridor_gap_log"].unique().item() == pytest.approx(-math.log(3) * 200 / 206, abs=0.15)
    assert abs(corridor["z_kg"].median()) < 0.2


def test_a_weight_without_its_mirror_has_no_z() -> None:
    rows = trade_flow(flow(CHINA, "X", MEXICO, 10_000, 100.0), flow(MEXICO, "M", CHINA, 11_000))
    told = reconcile(rows)[0].select("z_kg", "asymmetry_kg", "balanced_net_weight_kg", "export_weight_share").row(0)
    assert told == (None, None, 100.0, 1.0)
