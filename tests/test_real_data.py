"""Real files, from the folder to the release, each row accounted for; they lie beside the repository and are not part of it."""

from pathlib import Path

import polars as pl
import pytest

from tests.small_world import run_command
from tradeflow.lake import read_table

REAL = Path(__file__).parents[2] / "shared" / "data"
LEGACY = REAL / "comtrade_monthly_2008_2018" / "comtrade_monthly_2008_2018.parquet"
pytestmark = pytest.mark.skipif(not LEGACY.is_file(), reason="the real files are not beside the repository (../shared/data)")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One code out of the monthly figures, the annual sawnwood, the portal's downloads, and a part of the annual imports."""
    folder = tmp_path_factory.mktemp("real")
    pl.scan_parquet(LEGACY).filter(pl.col("commodity_code").cast(pl.String) == "282760").collect().write_parquet(folder / "monthly.parquet")
    annual = REAL / "comtrade_annual_hs28_imports" / "comtrade_annual_imports_hs6.parquet"
    pl.scan_parquet(annual).filter(pl.col("cmdCode").cast(pl.String) == "282760").collect().write_parquet(folder / "annual.parquet")
    for path in [
        REAL / "comtrade_annual_sawnwood" / "comtrade_440799_annual_both_flows.parquet",
        *sorted((REAL / "comtrade_api_answers" / "portal_downloads").glob("*.csv")),
    ]:
        (folder / path.name).symlink_to(path)
    return folder


def test_every_row_of_real_files_is_accounted_for(given: Path, tmp_path: Path) -> None:
    run = run_command(given, tmp_path / "lake")
    assert run.exit_code == 0, run.stderr
    counted = read_table(run.lake, "snapshot").collect()
    sent = {path.name: pl.read_parquet(path).height for path in given.glob("*.parquet")}
    found = {row["query_key"]: row["row_count"] for row in counted.iter_rows(named=True)}
    assert {name: found[name] for name in sent} == sent
    assert set(found) >= {path.name for path in given.glob("*.csv")}
    parts = counted.select(pl.sum_horizontal("conformed_count", "quarantined_count", "set_aside_count")).to_series()
    assert parts.to_list() == counted["row_count"].to_list()
    assert read_table(run.lake, "trade_flow").select(pl.len()).collect().item() == counted["conformed_count"].sum()
    refused = read_table(run.lake, "quarantine").collect()
    assert refused.height == counted["quarantined_count"].sum() + counted["set_aside_count"].sum()
    assert refused["rule"].str.len_chars().min() > 0
    assert counted["conformed_count"].sum() > 0.9 * counted["row_count"].sum()
    leads = read_table(run.lake, "signal").filter(pl.col("commodity_code") == "282760").collect()
    assert leads.height > 0
    assert all("a lead to check, not a finding" in reason for reason in leads["signal_reason"])
