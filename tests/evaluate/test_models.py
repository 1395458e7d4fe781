"""The command from end to end on a tiny plan, and the studies on what can be said beforehand."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from tradeflow.cli import main
from tradeflow.evaluate import models, series_study
from tradeflow.evaluate.declaration_study import _choose
from tradeflow.evaluate.detectable_study import check_detectable_excess
from tradeflow.evaluate.power import COMPANIES, MONTHS, draw_companies, study_power
from tradeflow.evaluate.price_outliers import METHODS, judge_price_outliers
from tradeflow.evaluate.series_detectors import Scores
from tradeflow.evaluate.series_peers import PEERS
from tradeflow.evaluate.series_study import OURS
from tradeflow.evaluate.series_worlds import real_cells, yardstick_cells

SHARED = Path(__file__).parents[3] / "shared"
TINY = models.Plan(4, 4, 8, 0.5, 1, 30, 0, 10_000, 9)


def test_the_command_writes_its_page_and_plots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "QUICK", TINY)
    monkeypatch.setattr(series_study, "PEERS", [PEERS[0], PEERS[4]])
    page = tmp_path / "docs" / "page.md"
    run = CliRunner().invoke(
        main, ["evaluate", "models", "--quick", "--shared", str(tmp_path), "--page", str(page)], catch_exceptions=False
    )
    assert run.exit_code == 0
    text = page.read_text()
    for told in ("# How well the models do", "commit ", "### Simulated series", OURS, "## The smallest detectable excess", PEERS[4].name):
        assert told in text
    for skipped in ("yardstick", "real series", "prices", "declarations"):
        assert f"skipped the {skipped}" in run.output
    plots = sorted(path.name for path in (page.parent / "figures").glob("*.svg"))
    assert plots == ["models_false_alarms.svg", "models_power.svg", "models_precision.svg"]
    assert all(f"figures/{name}" in text for name in plots)


def test_a_peer_that_is_not_installed_is_told_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = series_study.Peer("somebody's", PEERS[0].forecast, needs="no_such_package_at_all")
    monkeypatch.setattr(series_study, "PEERS", [missing])
    lines: list[str] = []
    judged = series_study.judge_all(models.simulated_cells(2, 1, ("regular",)), 1.0, lines.append)
    assert missing.name not in judged
    assert lines[-1:] == ["somebody's: not judged, no_such_package_at_all is not installed (the extra `peers`)"]


def test_companies_are_unequal_and_add_up_to_the_country() -> None:
    companies = draw_companies(50, 0.5, 3)
    assert companies.shape == (50, COMPANIES, MONTHS)
    assert companies.sum(axis=1).mean() == pytest.approx(2e6, rel=0.05)
    shares = companies.mean(axis=2) / companies.mean(axis=2).sum(axis=1, keepdims=True)
    assert shares.max(axis=1).mean() > 2 / COMPANIES


def test_the_power_is_that_of_the_score() -> None:
    """A score that is the sum of the last six months sees a lasting excess, and more of it in the company's own series."""

    def score(panels: list[np.ndarray]) -> list[Scores]:
        return [Scores(panel[:, -1] / panel.mean(axis=1), {"sum": panel[:, -6:].sum(axis=1) / panel.sum(axis=1)}) for panel in panels]

    rows = study_power(200, 5, score)
    assert len(rows) == 3 * 4
    quiet = {(row.shape, row.series): row.six_months.share for row in rows if row.company_noise == 0.25}
    assert quiet["flat", "country"] == quiet["through one company", "country"] > 0.2
    assert quiet["through one company", "company"] == 1.0
    assert rows[0].total_noise < rows[-1].total_noise


def test_the_stated_excess_is_seen_about_as_often_as_stated() -> None:
    for row in check_detectable_excess(120, 3):
        assert 0.6 <= row.called_once <= 1.0
        assert 0.6 <= row.called_sustained <= 1.0


def test_a_tenth_is_inspected_and_the_stated_part_of_it_by_lot() -> None:
    preference = np.linspace(0, 1, 200)
    random = np.random.default_rng(1)
    assert sorted(_choose(random, preference, 0.0)) == list(range(180, 200))
    mixed = _choose(random, preference, 0.1)
    assert len(set(mixed.tolist())) == 20
    assert set(range(182, 200)) <= set(mixed.tolist())


def test_every_method_finds_a_gross_price_in_a_clean_cloud(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    quantity = random.lognormal(2, 1, 400)
    value = 5 * quantity * random.lognormal(0, 0.02, 400)
    pl.DataFrame({"quantity": quantity, "value": value}).write_csv(tmp_path / "fishery.csv")
    rows = judge_price_outliers(tmp_path, 1)
    assert [row.method for row in rows] == list(METHODS)
    assert all(row.consignments == 400 and row.precision > 0.99 for row in rows)


def test_the_yardstick_is_read_with_its_own_seeds() -> None:
    path = SHARED / "benchmarks" / "series_truth.py"
    if not path.is_file():
        pytest.skip("the yardstick is not beside the repository (../shared/benchmarks)")
    cells = yardstick_cells(path)
    assert len(cells) == 16
    assert all(len(cell.amounts) == 150 and set(cell.planted) >= {"spike x3", "shift x2", "one-off x3"} for cell in cells)


def test_real_series_have_trade_in_the_last_month() -> None:
    if not (SHARED / "data" / "comtrade_monthly_newapi").is_dir():
        pytest.skip("the real files are not beside the repository (../shared/data)")
    cells = real_cells(SHARED / "data", 20, 1)
    assert {cell.months for cell in cells} == {36, 48, 60, 120}
    for cell in cells:
        assert (cell.amounts[:, -1] > 0).all()
        assert ((cell.amounts[:, :-1] > 0).sum(axis=1) >= 12).all()
