import polars as pl
import pytest

from tests.reconcile.trade_rows import CHINA, MEXICO, USA, flow, reconcile, trade_flow
from tradeflow.reconcile.pairs import pair_mirror_flows
from tradeflow.reconcile.scale import mark_weights_out_of_scale


def history(usd_per_kg: float = 2.0, months: int = 12) -> list[dict]:
    return [
        row
        for month in range(1, months + 1)
        for row in (flow(CHINA, "X", MEXICO, 1000 * usd_per_kg, 1000.0, period=202200 + month),
                    flow(MEXICO, "M", CHINA, 1060 * usd_per_kg, 1000.0, period=202200 + month))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("usd", "kg", "is_marked"),
    [
        (2000, 1_000_000.0, True),
        (2000, 1.0, True),
        (10_000, 1000.0, False),
        (400, 1000.0, False),
        (2000, None, False),
        (0, 1000.0, False),
    ],
    ids=["kilograms as grams", "tonnes as kilograms", "price x5", "price / 5", "no weight", "no value"],
)
def test_a_slip_of_unit_is_marked_and_a_price_is_not(usd: float, kg: float | None, is_marked: bool) -> None:
    rows = trade_flow(*history(), flow(MEXICO, "M", CHINA, usd, kg), flow(CHINA, "X", MEXICO, 2000, 1000.0))
    marked = mark_weights_out_of_scale(pair_mirror_flows(rows.lazy())).filter(pl.col("period") == 202401)
    assert marked.select("is_import_weight_out_of_scale", "is_export_weight_out_of_scale").row(0) == (is_marked, False)


def test_a_dear_route_is_judged_by_its_own_price() -> None:
    """Forty times the code's price is ordinary where it always was so."""
    dear = [flow(USA, "M", CHINA, 80_000, 1000.0, period=202200 + month) for month in range(1, 13)]
    rows = trade_flow(*history(), *history(months=12), *dear)
    marked = mark_weights_out_of_scale(pair_mirror_flows(rows.lazy()))
    assert not marked["is_import_weight_out_of_scale"].any()


def test_a_weight_out_of_scale_is_kept_but_is_no_evidence() -> None:
    pairs, _ = reconcile(trade_flow(*history(), flow(MEXICO, "M", CHINA, 2120, 1_000_000.0), flow(CHINA, "X", MEXICO, 2000, 1000.0)))
    told = pairs.filter(pl.col("period") == 202401).select("import_net_weight_kg", "z_kg", "balanced_net_weight_kg", "import_weight_label")
    assert told.row(0) == (1_000_000.0, None, 1000.0, "out_of_scale")
