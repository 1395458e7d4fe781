"""`tradeflow evaluate mirror` from end to end on worlds and figures small enough for a test."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from tradeflow.cli import main
from tradeflow.evaluate import mirror
from tradeflow.evaluate.mirror_command import reconcile_by_command
from tradeflow.evaluate.mirror_truth import make_known_trade
from tradeflow.evaluate.mirror_world import World
from tradeflow.exceptions import TradeflowError
from tradeflow.model import mirror_learning

COUNTRIES = ["Germany", "France", "Chile", "Peru", "Canada"]
TINY = World(countries=12, codes=30, density=0.3, cut_share=0.05)
YARDSTICK = """
import polars as pl
from tradeflow.evaluate.mirror_truth import make_known_trade
from tradeflow.evaluate.mirror_world import World

HARDER = ["heavy_tails"]


def make(countries, codes, seed=1, harder=()):
    trade = make_known_trade(World(countries=countries, codes=codes, density=0.3, seed=seed, forms=tuple(harder), cut_share=0.05))
    names = pl.concat([trade.truth["exporter"], trade.truth["importer"]]).unique()
    care = pl.DataFrame({"country": names}).with_columns(exporter_sigma=0.2, importer_sigma=0.3)
    return trade.reports, trade.truth.drop("exporter_sigma", "importer_sigma"), care
"""


def write_real(folder: Path) -> None:
    """Four years of one code between five countries, both sides, in the layout of the legacy monthly file."""
    random = np.random.default_rng(2)
    rows = []
    for exporter, importer in itertools.permutations(COUNTRIES, 2):
        habit, size = random.normal(0, 0.5), random.normal(10, 1)
        for month in range(48):
            period = (2013 + month // 12) * 100 + month % 12 + 1
            export = np.exp(size + random.normal(0, 0.4))
            rows.append((period, 2, "Exports", exporter, importer, "282760", "Iodides", export / 10, int(export)))
            imported = export * np.exp(habit + random.normal(0, 0.2))
            rows.append((period, 1, "Imports", importer, exporter, "282760", "Iodides", imported / 10, int(imported)))
    names = [
        "period",
        "trade_flow_code",
        "trade_flow",
        "reporter",
        "partner",
        "commodity_code",
        "commodity",
        "net_weight_kg",
        "trade_value_usd",
    ]
    folder.mkdir(parents=True)
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(folder / "monthly.parquet")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    write_real(folder / "data" / "comtrade_monthly_2008_2018")
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks" / "mirror_truth.py").write_text(YARDSTICK)
    return folder


def test_every_part_is_judged_and_the_page_is_written(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worlds = ((mirror.OWN, "plain", TINY), (mirror.OWN_MONTHLY, "lag_carry", replace(TINY, months=2, forms=("lag_carry",))))
    plan = mirror.Plan(worlds, ((mirror.YARDSTICK, "all", 1, 12, 30),), is_quick=True)
    monkeypatch.setattr(mirror, "plan_evaluation", lambda *, quick: plan)
    monkeypatch.setattr(mirror_learning, "_TREES", 20)
    monkeypatch.setattr(mirror_learning, "_SHIFT_TREES", 5)
    monkeypatch.setattr(mirror_learning, "_SCALE_TREES", 5)
    page = tmp_path / "page.md"
    told = CliRunner().invoke(main, ["evaluate", "mirror", "--quick", "--shared", str(shared), "--page", str(page)], catch_exceptions=False)
    assert told.exit_code == 0
    assert "own, plain, seed 1: RMSE 0." in told.stdout
    assert "own, monthly, lag_carry, seed 1: RMSE 0." in told.stdout
    assert "yardstick, all, seed 1: RMSE 0." in told.stdout
    assert "skipped comtrade_monthly_newapi: there is no" in told.stdout
    text = page.read_text()
    assert "are missing from the results; 0 are in them without a report" in text
    assert "reports shuffled, 0 results differ" in text
    assert "| comtrade_monthly_2008_2018 | frozen | export | kg | 240 |" in text


def test_without_the_shared_folder_its_parts_are_skipped_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "plan_evaluation", lambda *, quick: mirror.Plan(((mirror.OWN, "plain", TINY),), (), is_quick=True))
    told = CliRunner().invoke(main, ["evaluate", "mirror", "--quick", "--shared", str(tmp_path)], catch_exceptions=False)
    assert told.exit_code == 0
    assert told.stdout.count("skipped") == 3


def test_what_the_command_costs_is_told() -> None:
    trade = make_known_trade(TINY)
    run = reconcile_by_command(trade.reports, trade.distances)
    assert run.rows_in == trade.reports.height
    assert 0.1 < run.cpu_seconds < 60
    assert 0.05 < run.peak_gb < 4
    assert {"balanced_value_usd", "z_value", "p_value", "mirror_status"} <= set(run.pairs.columns)


def test_a_command_that_fails_is_an_error_with_what_it_said() -> None:
    with pytest.raises(TradeflowError, match="tradeflow reconcile ended with code 2: .*reporter"):
        reconcile_by_command(pl.DataFrame({"flow_code": ["X"]}))


def test_the_plans_cover_every_form_and_the_quick_one_is_small() -> None:
    whole, quick = mirror.plan_evaluation(quick=False), mirror.plan_evaluation(quick=True)
    assert {form for _, form, _ in whole.worlds} == {"plain", "all", *mirror.FORMS}
    assert {seed for source, _, seed, *_ in whole.yardstick if source == mirror.YARDSTICK} == {1, 2, 3, 4, 5}
    assert len(quick.worlds) + len(quick.yardstick) == 4
