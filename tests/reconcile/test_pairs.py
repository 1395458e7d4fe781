import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reconcile.trade_rows import ACETONE, CHINA, INDIA, MEXICO, USA, flow, reconcile, trade_flow, two_sided_world
from tradeflow.contract import load_contract
from tradeflow.reconcile.pairs import PAIR_KEY, pair_mirror_flows

_AREAS = st.sampled_from([0, 4, 156, 484, 842, 899])
_ROW = st.fixed_dictionaries({
    "reporter": _AREAS.filter(bool), "flow_code": st.sampled_from(["M", "X", "RM", "RX"]), "partner": _AREAS, "usd": st.integers(0, 10**9),
    "kg": st.none() | st.integers(0, 10**7), "period": st.sampled_from([202312, 202401]), 
    "commodity_code": st.sampled_from(["291411", "2914", "TOTAL"]),
    "is_net_weight_estimated": st.none() | st.booleans(),
})  # fmt: skip


@given(st.lists(_ROW, max_size=12))
def test_pairing_loses_no_row_and_no_value(drawn: list[dict]) -> None:
    rows = trade_flow(
        *[flow(row.pop("reporter"), row.pop("flow_code"), row.pop("partner"), row.pop("usd"), row.pop("kg"), **row) for row in drawn]
    )
    pairs = pair_mirror_flows(rows.lazy())
    partners = rows.filter(pl.col("partner_code") != 0)
    for side, flow_code, exporter, importer in (
        ("export", "X", "reporter_code", "partner_code"),
        ("import", "M", "partner_code", "reporter_code"),
    ):
        reports = partners.filter(pl.col("flow_code") == flow_code)
        keys = reports.select("freq_code", "period", pl.col(exporter).alias("e"), pl.col(importer).alias("i"), "commodity_code").unique()
        assert pairs[f"{side}_value_usd"].count() == keys.height
        assert pairs[f"{side}_value_usd"].sum() == reports["primary_value_usd"].sum()
    assert pairs.select(pl.struct(PAIR_KEY).n_unique()).item() == pairs.height
    assert pairs.equals(pairs.sort(PAIR_KEY))
    assert pairs.filter(pl.col("export_value_usd").is_null() & pl.col("import_value_usd").is_null()).is_empty()


def test_both_sides_stand_on_one_row_with_their_places() -> None:
    rows = trade_flow(
        flow(CHINA, "X", MEXICO, 100, 50.0, row_number=7), flow(MEXICO, "M", CHINA, 110, 49.0, row_number=9), flow(USA, "X", MEXICO, 5, 1.0)
    )
    pairs = pair_mirror_flows(rows.lazy())
    told = ["exporter_code", "importer_code", "export_value_usd", "import_value_usd", "export_net_weight_kg", "import_net_weight_kg",
            "export_row_number", "import_row_number"]  # fmt: skip
    assert pairs.select(told).rows() == [
        (CHINA, MEXICO, 100.0, 110.0, 50.0, 49.0, 7, 9),
        (USA, MEXICO, 5.0, None, 1.0, None, 3, None),
    ]
    assert pairs.cast({"commodity_code": pl.String})["commodity_code"].to_list() == [ACETONE, ACETONE]


def test_world_is_never_a_pair() -> None:
    assert pair_mirror_flows(trade_flow(flow(MEXICO, "M", 0, 500, 50.0), flow(MEXICO, "X", 0, 500, 50.0)).lazy()).is_empty()


def test_re_exports_and_re_imports_are_not_added_to_the_flows_that_hold_them() -> None:
    rows = trade_flow(flow(CHINA, "X", MEXICO, 100), flow(CHINA, "RX", MEXICO, 40), flow(MEXICO, "RM", CHINA, 40))
    assert pair_mirror_flows(rows.lazy()).select("export_value_usd", "import_value_usd").rows() == [(100.0, None)]


@pytest.mark.parametrize(
    ("weights", "summed"),
    [
        ([(30.0, None), (12.0, False)], 42.0),
        ([(30.0, True), (12.0, False)], None),
        ([(None, None), (12.0, None)], None),
        ([(0.0, None), (12.0, None)], None),
    ],
    ids=["both are evidence", "one is estimated", "one is missing", "one is zero"],
)
def test_rows_of_one_pair_are_summed_and_the_largest_is_named(
    weights: list[tuple[float | None, bool | None]], summed: float | None
) -> None:
    rows = [
        flow(MEXICO, "M", CHINA, usd, kg, second_partner_code=second, is_net_weight_estimated=is_estimated)
        for (kg, is_estimated), usd, second in zip(weights, (10, 90), (0, USA), strict=True)
    ]
    pairs = pair_mirror_flows(trade_flow(*rows).lazy())
    assert pairs.select("import_value_usd", "import_net_weight_kg", "import_row_number").rows() == [(100.0, summed, 2)]


@pytest.mark.parametrize("is_estimated", [True, False, None])
def test_an_estimated_weight_is_no_evidence(is_estimated: bool | None) -> None:
    pairs = pair_mirror_flows(trade_flow(flow(MEXICO, "M", CHINA, 10, 5.0, is_net_weight_estimated=is_estimated)).lazy())
    assert pairs["import_net_weight_kg"].to_list() == [None if is_estimated else 5.0]


def test_an_area_code_that_leaves_no_room_is_named() -> None:
    rows = trade_flow(flow(2_000_000_000, "M", 2_000_000_001, 10), flow(CHINA, "X", MEXICO, 10))
    with pytest.raises(OverflowError, match="exporter_code': 2000000002"):
        pair_mirror_flows(rows.lazy())


def test_order_of_rows_changes_nothing() -> None:
    world = two_sided_world()
    repeated = pl.concat(
        [world, world.head(50).with_columns(second_partner_code=pl.lit(USA, pl.Int32), row_number=pl.col("row_number") + 10_000)]
    )
    for told, shuffled in zip(reconcile(repeated), reconcile(repeated.sample(fraction=1.0, shuffle=True, seed=5)), strict=True):
        assert told.equals(shuffled)


def test_the_mirror_of_the_mirror_is_the_flow() -> None:
    """Whoever swaps the roles gets the same figures transposed; weight only, for only the importer's value carries freight."""
    world = two_sided_world()
    swapped = world.with_columns(flow_code=pl.when(pl.col("flow_code") == "X").then(pl.lit("M")).otherwise(pl.lit("X")))
    (pairs, care), (mirrored, mirrored_care) = reconcile(world), reconcile(swapped)
    turned = mirrored.rename({"exporter_code": "importer_code", "importer_code": "exporter_code"}).sort(PAIR_KEY)
    assert turned["balanced_net_weight_kg"].to_list() == pytest.approx(pairs["balanced_net_weight_kg"].to_list(), rel=1e-6)
    for name in ("z_kg", "asymmetry_kg", "corridor_gap_log"):
        shown = pairs.filter(pl.col(name).is_not_null() & pl.col("z_kg").is_not_null())
        other = turned.filter(pl.col(name).is_not_null() & pl.col("z_kg").is_not_null())
        assert shown.height > 1000
        assert (-other[name]).to_list() == pytest.approx(shown[name].to_list(), rel=1e-5, abs=1e-6)
    kg = pl.col("measure") == "net_weight"
    as_exporter = mirrored_care.filter(kg & (pl.col("flow_code") == "X"))["log_error_sigma"].to_list()
    assert as_exporter == pytest.approx(care.filter(kg & (pl.col("flow_code") == "M"))["log_error_sigma"].to_list(), rel=1e-6)


def test_scale_of_the_values_changes_no_ratio() -> None:
    world = two_sided_world().with_columns(primary_value_usd=pl.col("primary_value_usd") + 1e5)
    pairs, scaled = (reconcile(rows, threshold_usd=0)[0] for rows in (world, world.with_columns(pl.col("primary_value_usd") * 1000)))
    for name in ("asymmetry_ratio", "discrepancy_index", "z_value", "z_kg"):
        assert pairs[name].count() > 1000
        assert scaled[name].is_null().equals(pairs[name].is_null())
        assert scaled[name].drop_nulls().to_list() == pytest.approx(pairs[name].drop_nulls().to_list(), rel=1e-6, abs=1e-9)
    assert scaled["balanced_value_usd"].to_list() == pytest.approx((1000 * pairs["balanced_value_usd"]).to_list(), rel=1e-6)


def test_scale_of_the_weights_changes_no_ratio() -> None:
    world = two_sided_world()
    pairs, scaled = (reconcile(rows)[0] for rows in (world, world.with_columns(pl.col("net_weight_kg") * 50)))
    assert scaled["z_kg"].count() > 1000
    assert scaled["z_kg"].drop_nulls().to_list() == pytest.approx(pairs["z_kg"].drop_nulls().to_list(), rel=1e-6, abs=1e-9)


def test_pairs_keep_their_contract() -> None:
    contract = load_contract("mirror_pair")
    pairs, care = reconcile(two_sided_world())
    assert dict(pairs.schema) == contract.schema
    assert dict(care.schema) == load_contract("reporter_reliability").schema
    assert pairs["asymmetry_ratio"].is_between(-2, 2).all()
    assert pairs.filter(pl.col("mirror_status") == "exporter_only")["asymmetry_ratio"].unique().to_list() == [2.0]
    assert pairs.filter(pl.col("exporter_code") == INDIA).is_empty()
