"""Weights from other units: at the rate of the mirrors or of the list, with the doubt beside it; a reported weight is never replaced."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reconcile.trade_rows import ACETONE, CHINA, INDIA, MEXICO, USA, flow, trade_flow
from tradeflow.contract import load_codelist, load_contract
from tradeflow.reconcile.pairs import pair_mirror_flows
from tradeflow.reconcile.units import add_converted_weights, fit_unit_rates

ITEM, PAIR, LITRE, KILOGRAM, THOUSAND, DOZEN, CUBIC_METRE, CARAT, BARREL, TONNE = 5, 6, 7, 8, 9, 11, 12, 13, 19, 21
UNITS, DENSITIES = load_codelist("quantity_unit"), load_codelist("density")
WOOD = "440799"
SAWNWOOD = Path(__file__).parents[3] / "shared" / "data" / "comtrade_annual_sawnwood" / "comtrade_440799_annual_both_flows.parquet"


def both_sides(count: int, kg_per_unit: float, spread: float, unit: int = ITEM, seed: int = 5, **other: Any) -> list[dict[str, Any]]:
    """Trades of which the exporter gives units and the importer kilograms, a month each."""
    random = np.random.default_rng(seed)
    quantity, error = random.uniform(10, 1000, count), np.exp(random.normal(0, spread, count))
    rows = []
    for at in range(count):
        when = {"period": 200001 + at // 12 * 100 + at % 12, "commodity_code": WOOD} | other
        rows.append(flow(CHINA, "X", MEXICO, 100, None, quantity=quantity[at], quantity_unit_code=unit, **when))
        rows.append(flow(MEXICO, "M", CHINA, 100, quantity[at] * kg_per_unit * error[at], **when))
    return rows


def rates(*rows: dict[str, Any]) -> dict[tuple[str, int], dict[str, Any]]:
    fitted = fit_unit_rates(trade_flow(*rows).lazy(), UNITS, DENSITIES)
    assert fitted.schema == load_contract("unit_rate").schema
    return {(row["commodity_code"], row["quantity_unit_code"]): row for row in fitted.iter_rows(named=True)}


def convert(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    known = trade_flow(*rows).lazy()
    pairs = pair_mirror_flows(known)
    found = add_converted_weights(pairs, known, UNITS, fit_unit_rates(known, UNITS, DENSITIES))
    assert found.select(pairs.columns).equals(pairs)
    return found.to_dicts()


def test_a_rate_is_the_median_of_the_mirrors_with_its_spread() -> None:
    found = rates(*both_sides(60, 3.0, 0.2))[WOOD, ITEM]

    assert found["kg_per_unit"] == pytest.approx(3.0, rel=0.1)
    assert found["rate_log_variance"] == pytest.approx(0.04, rel=0.6)
    assert (found["mirror_pair_count"], found["rate_label"]) == (60, "mirror_rate")


@pytest.mark.parametrize(
    ("count", "spread", "label"), [(9, 0.1, "refused_few_pairs"), (12, 0.9, "refused_wide_spread"), (400, 1.2, "refused_wide_spread")]
)
def test_a_rate_that_the_figures_do_not_carry_is_refused_by_name(count: int, spread: float, label: str) -> None:
    found = rates(*both_sides(count, 3.0, spread))[WOOD, ITEM]

    assert (found["kg_per_unit"], found["rate_log_variance"], found["rate_label"]) == (None, None, label)


def test_what_the_sides_differ_by_in_kilograms_anyhow_is_not_the_rates_fault() -> None:
    weighed = []
    for at, row in enumerate(both_sides(400, 3.0, 1.2, seed=6)):
        kg = np.exp(np.random.default_rng(at).normal(6, 1.2)) if row["flow_code"] == "X" else None
        partner = {"reporter_code": INDIA} if row["flow_code"] == "X" else {"partner_code": INDIA}
        weighed.append(row | partner | ({"net_weight_kg": kg, "quantity": None} if kg else {}))

    found = rates(*both_sides(400, 3.0, 1.2), *weighed)[WOOD, ITEM]

    assert found["rate_label"] == "mirror_rate"
    assert found["rate_log_variance"] < 1.2**2


def test_units_of_one_kind_are_counted_together() -> None:
    mixed = [
        *both_sides(6, 2.0, 0.01, ITEM),
        *both_sides(6, 4.0, 0.01, PAIR, period=201001),
        *both_sides(6, 24.0, 0.01, DOZEN, period=201002),
    ]
    spread_out = [row | {"period": 201000 + at // 2 % 12 + 1 + at // 24 * 100} for at, row in enumerate(mixed)]
    found = rates(*spread_out)

    assert found[WOOD, ITEM]["mirror_pair_count"] == 18
    assert found[WOOD, ITEM]["kg_per_unit"] == pytest.approx(2.0, rel=0.02)


def test_a_listed_density_goes_before_the_mirrors() -> None:
    found = rates(*both_sides(50, 5.0, 0.1, LITRE, commodity_code=ACETONE))[ACETONE, LITRE]

    assert (found["kg_per_unit"], found["rate_label"]) == (0.786, "density")
    assert found["rate_log_variance"] == pytest.approx(0.02**2)


def test_estimated_figures_and_world_are_no_evidence_for_a_rate() -> None:
    rows = both_sides(50, 3.0, 0.1)
    estimated = [row | {"is_quantity_estimated": True} for row in rows], [row | {"is_net_weight_estimated": True} for row in rows]
    world = [row | {"partner_code": 0} for row in rows]

    for each in (*estimated, world):
        assert (WOOD, ITEM) not in rates(*each)


@pytest.mark.parametrize(
    ("unit", "code", "kg", "label"),
    [
        (TONNE, WOOD, 2000.0, "converted_exactly"), (CARAT, WOOD, 0.0004, "converted_exactly"), (KILOGRAM, WOOD, 2.0, "converted_exactly"),
        (CUBIC_METRE, ACETONE, 2 * 786.0, "converted_by_density"), (BARREL, ACETONE, 2 * 158.987294928 * 0.786, "converted_by_density"),
        (CUBIC_METRE, WOOD, None, None), (-1, ACETONE, None, None), (None, ACETONE, None, None),
    ],
)  # fmt: skip
def test_a_quantity_becomes_a_weight_by_its_unit(unit: int | None, code: str, kg: float | None, label: str | None) -> None:
    (found,) = convert(flow(CHINA, "X", MEXICO, 100, None, quantity=2.0, quantity_unit_code=unit, commodity_code=code))

    assert found["export_converted_kg"] == (None if kg is None else pytest.approx(kg))
    assert (found["export_converted_label"], found["import_converted_label"]) == (label, None)
    assert (found["export_converted_log_variance"] is None) == (kg is None)


def test_a_reported_weight_stands_and_an_estimated_quantity_makes_none() -> None:
    reported, estimated = convert(
        flow(CHINA, "X", MEXICO, 100, 7, quantity=2.0, quantity_unit_code=TONNE),
        flow(USA, "X", MEXICO, 100, None, quantity=2.0, quantity_unit_code=TONNE, is_quantity_estimated=True),
    )

    assert (reported["export_net_weight_kg"], reported["export_converted_kg"], reported["export_converted_label"]) == (7, None, None)
    assert (estimated["export_converted_kg"], estimated["export_converted_label"]) == (None, None)


def test_a_side_of_several_rows_is_converted_as_a_whole_or_not_at_all() -> None:
    weighed = flow(CHINA, "X", MEXICO, 100, 7)
    litres = flow(CHINA, "X", MEXICO, 50, None, quantity=10.0, quantity_unit_code=LITRE, second_partner_code=842)
    neither = flow(CHINA, "X", MEXICO, 50, None, second_partner_code=276)
    (whole,), (lacking,) = convert(weighed, litres), convert(weighed, litres, neither)

    assert (whole["export_converted_kg"], whole["export_converted_label"]) == (pytest.approx(7 + 7.86), "converted_by_density")
    assert (lacking["export_converted_kg"], lacking["export_converted_label"]) == (None, None)


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-3, 1e3), st.integers(1, 1000), st.randoms())
def test_a_rate_scales_with_its_weights_and_not_with_the_order(kg_per_unit: float, scale: int, random: Any) -> None:
    rows = both_sides(20, kg_per_unit, 0.2)
    scaled = [row | {"net_weight_kg": None if row["net_weight_kg"] is None else row["net_weight_kg"] * scale} for row in rows]
    random.shuffle(scaled)
    one, other = rates(*rows)[WOOD, ITEM], rates(*scaled)[WOOD, ITEM]

    assert other["kg_per_unit"] == pytest.approx(scale * one["kg_per_unit"])
    assert other["rate_log_variance"] == pytest.approx(one["rate_log_variance"])


@pytest.mark.skipif(not SAWNWOOD.is_file(), reason="the real files are not beside the repository (../shared/data)")
def test_real_sawnwood_weighs_what_hardwood_weighs() -> None:
    legacy = pl.scan_parquet(SAWNWOOD).filter((pl.col("flowcode") <= 2) & (pl.col("partnercode") != 0))
    rows = legacy.select(
        freq_code=pl.lit("A"), period=pl.col("year"), reporter_code=pl.col("reportercode").cast(pl.Int32),
        partner_code=pl.col("partnercode").cast(pl.Int32), commodity_code=pl.lit(WOOD),
        flow_code=pl.when(pl.col("flowcode") == 1).then(pl.lit("M")).otherwise(pl.lit("X")),
        net_weight_kg=pl.col("weight"), is_net_weight_estimated=pl.col("flag").cast(pl.Int32).is_in([4, 6]),
        quantity=pl.col("quantity"), is_quantity_estimated=pl.col("flag").cast(pl.Int32).is_in([2, 6]),
        quantity_unit_code=pl.col("unitcode").cast(pl.Int32),
    )  # fmt: skip
    found = fit_unit_rates(rows, UNITS, DENSITIES).filter((pl.col("commodity_code") == WOOD) & (pl.col("quantity_unit_code") == LITRE))

    assert found["rate_label"].to_list() == ["mirror_rate"]
    assert 0.55 < found["kg_per_unit"].item() < 0.85  # a litre of hardwood: it floats, but not high
