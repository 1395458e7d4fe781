"""UN Comtrade's API through the whole order: what is released, and what is released again."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from tests.pull.comtrade_server import ComtradeServer, make_release, make_row, run_comtrade_server
from tradeflow.lake import Lake, table_version
from tradeflow.pipeline import run_pipeline
from tradeflow.settings import ComtradeSource, Settings
from tradeflow.steps.ingest import conform_snapshots
from tradeflow.steps.known import know_figures, known_rows

ACETONE = "291411"
MEXICO, USA = 484, 842
MONTHS = [year * 100 + month for year in (2021, 2022, 2023) for month in range(1, 13)]


def settings_of(server: ComtradeServer) -> Settings:
    source = ComtradeSource(
        kind="comtrade", url=server.url, reporters=(MEXICO, USA), commodities=(ACETONE,), flows=("M", "X"),
        first_period=MONTHS[0], last_period=MONTHS[-1], calls_per_minute=60_000,
    )  # fmt: skip
    return Settings(sources=(source,))


def imports_of(lake: Lake, settings: Settings) -> dict[int, float]:
    rows = known_rows(lake, know_figures(settings, lake, None, conform_snapshots(lake)))
    mexico = rows.filter((pl.col("reporter_code") == MEXICO) & (pl.col("flow_code") == "M")).select("period", "net_weight_kg")
    return dict(mexico.collect().sort("period").iter_rows())


def test_a_period_that_is_released_again_is_pulled_alone_and_speaks_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEFLOW_COMTRADE_KEY", "0123456789abcdef")
    lake = Lake(tmp_path / "lake")
    with run_comtrade_server() as server:
        settings = settings_of(server)
        for month in MONTHS:
            server.rows += [make_row(MEXICO, month, "M", USA, ACETONE, 1000.0), make_row(USA, month, "X", MEXICO, ACETONE, 1010.0)]
            server.releases += [make_release(reporter, month) for reporter in (MEXICO, USA)]
        first = run_pipeline(settings, lake)
        versions = table_version(lake, "trade_flow")
        again = run_pipeline(settings, lake)
        assert not again.is_new_release
        assert table_version(lake, "trade_flow") == versions

        revised = MONTHS[20]
        server.rows = [row for row in server.rows if (row["reporterCode"], str(row["period"])) != (MEXICO, str(revised))]
        server.rows.append(make_row(MEXICO, revised, "M", USA, ACETONE, 7000.0))
        server.releases = [row for row in server.releases if (row["reporterCode"], str(row["period"])) != (MEXICO, str(revised))]
        server.releases.append(make_release(MEXICO, revised, checksum=2, last_released=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")))
        server.requests.clear()
        third = run_pipeline(settings, lake)

    asked = {request.parameters["period"] for request in server.asked("data")}
    assert asked == {str(revised)}
    assert imports_of(lake, settings) == dict.fromkeys(MONTHS, 1000.0) | {revised: 7000.0}
    assert first.counts["rows_in"] == 2 * len(MONTHS) == third.counts["rows_in"] - 1
    assert third.counts["rows_conformed"] == third.counts["rows_in"]
