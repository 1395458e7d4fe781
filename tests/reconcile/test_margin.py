import polars as pl
import pytest

from tests.reconcile.trade_rows import CHINA, GERMANY, INDIA, MEXICO, USA, flow, reconcile, trade_flow


def one(pairs: pl.DataFrame, exporter: int, importer: int, column: str) -> float | str:
    return pairs.filter((pl.col("exporter_code") == exporter) & (pl.col("importer_code") == importer))[column].item()


def test_values_on_the_row_are_used_as_they_are() -> None:
    pairs, _ = reconcile(trade_flow(flow(MEXICO, "M", CHINA, 121, cif_value_usd=121.0, fob_value_usd=110.0)))
    assert one(pairs, CHINA, MEXICO, "import_fob_value_usd") == 110.0
    assert one(pairs, CHINA, MEXICO, "cif_fob_margin_rate") == pytest.approx(0.10)
    assert one(pairs, CHINA, MEXICO, "valuation_basis") == "both_values_reported"


@pytest.mark.parametrize("fob", [130.0, 40.0, 0.0], ids=["above CIF", "less than half", "zero"])
def test_a_slip_between_the_two_values_is_no_margin(fob: float) -> None:
    pairs, _ = reconcile(trade_flow(flow(MEXICO, "M", CHINA, 121, cif_value_usd=121.0, fob_value_usd=fob)))
    assert one(pairs, CHINA, MEXICO, "valuation_basis") == "margin_estimated"
    assert one(pairs, CHINA, MEXICO, "import_fob_value_usd") == pytest.approx(121 / 1.06)


def test_importers_that_publish_fob_are_left_alone() -> None:
    rows = trade_flow(flow(MEXICO, "M", CHINA, 100), flow(USA, "M", CHINA, 100))
    pairs, _ = reconcile(rows, fob_reporters=pl.Series([MEXICO], dtype=pl.Int32))
    assert one(pairs, CHINA, MEXICO, "import_fob_value_usd") == 100.0
    assert one(pairs, CHINA, MEXICO, "valuation_basis") == "importer_reports_fob"
    assert one(pairs, CHINA, USA, "import_fob_value_usd") == pytest.approx(100 / 1.06)


def test_no_import_report_has_no_margin() -> None:
    pairs, _ = reconcile(trade_flow(flow(CHINA, "X", MEXICO, 100)))
    assert pairs.select("import_fob_value_usd", "cif_fob_margin_rate", "valuation_basis").rows() == [(None, None, "no_import_report")]


def test_margins_are_shrunk_to_the_corridor_the_importer_and_the_prior() -> None:
    """Ten rows of one corridor carry 20%: it comes nearest to that, its importer next, and everybody stays above the prior of 6%."""
    told = [flow(MEXICO, "M", CHINA, 120, cif_value_usd=120.0, fob_value_usd=100.0, commodity_code=f"29{k:04d}") for k in range(10)]
    rows = trade_flow(
        *told, *(flow(importer, "M", exporter, 100) for importer, exporter in ((MEXICO, CHINA), (MEXICO, INDIA), (USA, INDIA)))
    )
    pairs, _ = reconcile(rows, prior_margin_rate=0.06, prior_margin_weight=10)
    estimated = pairs.filter(pl.col("valuation_basis") == "margin_estimated")
    corridor, importer, nobody = (
        one(estimated, exporter, importer, "cif_fob_margin_rate") for exporter, importer in ((CHINA, MEXICO), (INDIA, MEXICO), (INDIA, USA))
    )
    assert 0.06 <= nobody <= importer <= corridor < 0.20
    assert corridor > 0.12


def test_without_any_evidence_the_margin_is_the_prior() -> None:
    pairs, _ = reconcile(trade_flow(flow(MEXICO, "M", CHINA, 100)), prior_margin_rate=0.04)
    assert one(pairs, CHINA, MEXICO, "cif_fob_margin_rate") == pytest.approx(0.04)


def test_no_corridor_is_credited_with_more_than_a_quarter() -> None:
    told = [flow(MEXICO, "M", CHINA, 190, cif_value_usd=190.0, fob_value_usd=100.0, commodity_code=f"29{k:04d}") for k in range(500)]
    pairs, _ = reconcile(trade_flow(*told, flow(MEXICO, "M", CHINA, 100)))
    estimated = pairs.filter(pl.col("valuation_basis") == "margin_estimated")["cif_fob_margin_rate"].item()
    assert 0.24 < estimated <= 0.25 + 1e-9


def test_cif_to_fob_and_back_is_identity() -> None:
    rows = trade_flow(
        flow(MEXICO, "M", CHINA, 123), flow(USA, "M", CHINA, 77), flow(GERMANY, "M", CHINA, 120, cif_value_usd=120.0, fob_value_usd=99.0)
    )
    pairs, _ = reconcile(rows, fob_reporters=pl.Series([USA], dtype=pl.Int32))
    back = pairs["import_fob_value_usd"] * (1 + pairs["cif_fob_margin_rate"])
    assert back.to_list() == pytest.approx(pairs["import_value_usd"].to_list())
