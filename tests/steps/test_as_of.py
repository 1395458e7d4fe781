"""A run as of a day, and a run up to a month, are what they were before: whatever came to the lake since."""

from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.pull.comtrade_server import make_row
from tests.small_world import put_answer
from tradeflow.lake import Lake, read_table
from tradeflow.pull.files import pull_files
from tradeflow.settings import Model, Settings, Watch
from tradeflow.steps.analyse import model_flows, propose_signals, reconcile_sides
from tradeflow.steps.decisions import take_decisions
from tradeflow.steps.ingest import conform_snapshots
from tradeflow.steps.known import know_figures

AREAS = (484, 842, 156)
CODES = ("291411", "291524")
MONTHS = [year * 100 + month for year in (2022, 2023) for month in range(1, 13)]
LATER_MONTHS = [202401, 202402, 202403]
FIRST_DAY, THEN = "2024-01-15", date(2024, 1, 31)
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""An example is two runs of the steps: a smaller failing one is not worth hundreds of them."""
MADE = (
    "coverage", "commodity_coverage", "mirror_pair", "reporter_reliability", "share_shift", "hub_route", "corridor_lag", "unit_rate",
    "mirror_correction", "mirror_window", "unlocated_trade", "baseline", "series_change", "detectable_excess", "flow_score",
    "flow_score_feature", "requirement_use", "signal", "signal_feature", "signal_evidence",
)  # fmt: skip

Told = tuple[int, tuple[tuple[int, int], str, str, float]]

ROUTES = [(exporter, importer) for exporter in AREAS for importer in AREAS if exporter != importer]
_reports = st.tuples(st.sampled_from(ROUTES), st.sampled_from(["M", "X"]), st.sampled_from(CODES), st.floats(1, 1e6))
_wild = st.lists(st.tuples(st.sampled_from(LATER_MONTHS), _reports), min_size=1, max_size=12)
_revised = st.lists(st.tuples(st.sampled_from(MONTHS), _reports), max_size=6)


def ordinary_month(period: int) -> list[dict[str, object]]:
    """Both sides of every route; the importers see a tenth more, and in the newest month one sees a tenth of it."""
    rows = []
    for exporter, importer in ROUTES:
        for place, code in enumerate(CODES):
            kg = 1000.0 + (exporter * importer * (place + 3) * period) % 700
            seen = 0.1 if (period, exporter, importer) == (MONTHS[-1], *ROUTES[0]) else 1.1
            rows += [make_row(exporter, period, "X", importer, code, kg), make_row(importer, period, "M", exporter, code, kg * seen)]
    return rows


def reports(told: list[Told]) -> list[dict[str, object]]:
    """The last word on each route, code and month."""
    rows = {}
    for period, ((exporter, importer), flow, code, kg) in told:
        reporter, partner = (exporter, importer) if flow == "X" else (importer, exporter)
        rows[period, reporter, partner, flow, code] = make_row(reporter, period, flow, partner, code, kg)
    return list(rows.values())


def run_steps(folder: Path, as_of: date | None, last_period: int | None = None) -> dict[str, pl.DataFrame]:
    lake = Lake(folder / "lake")
    chosen = Settings(
        watch=Watch(last_period=last_period), model=Model(min_history_months=12, scored_months=3, calibration_months=3, forest_trees=10)
    )
    pull_files(lake, folder / "answers", now=datetime(2025, 1, 1, tzinfo=UTC), report_progress=lambda _: None)
    known = know_figures(chosen, lake, as_of, conform_snapshots(lake))
    reconciled = reconcile_sides(chosen, lake, known)
    modelled = model_flows(chosen, lake, known, reconciled)
    propose_signals(chosen, lake, known, reconciled, modelled, take_decisions(chosen, lake, known))
    return {name: read_table(lake, name).collect() for name in MADE}


@pytest.fixture(scope="module")
def ordinary() -> list[dict[str, object]]:
    return [row for month in MONTHS for row in ordinary_month(month)]


@pytest.fixture(scope="module")
def before(ordinary: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """What the first answer alone gives; the day and the month that later runs name cut off nothing of it."""
    folder = tmp_path_factory.mktemp("before")
    put_answer(folder / "answers", FIRST_DAY, ordinary)
    made = run_steps(folder, THEN)
    assert made["signal"].height > 0
    return made


def different(before: dict[str, pl.DataFrame], after: dict[str, pl.DataFrame], *, but: str = "nothing") -> list[str]:
    left_out = pl.selectors.contains(but)
    return [name for name in MADE if not before[name].drop(left_out).equals(after[name].drop(left_out))]


@settings(max_examples=3, deadline=None, phases=WITHOUT_SHRINKING)
@given(later=_wild, revised=_revised)
def test_what_is_learnt_later_changes_no_figure_and_no_signal_of_an_earlier_day(
    before: dict[str, pl.DataFrame], ordinary: list[dict[str, object]], later: list[Told], revised: list[Told]
) -> None:
    with TemporaryDirectory() as folder:
        put_answer(Path(folder) / "answers", FIRST_DAY, ordinary)
        put_answer(Path(folder) / "answers", "2024-04-20", reports([*later, *revised]))
        assert different(before, run_steps(Path(folder), THEN)) == []


@settings(max_examples=2, deadline=None, phases=WITHOUT_SHRINKING)
@given(later=_wild)
def test_later_months_change_no_figure_and_no_signal_of_a_run_up_to_a_month(
    before: dict[str, pl.DataFrame], ordinary: list[dict[str, object]], later: list[Told]
) -> None:
    """The same rows lie in another answer: its name differs, the places of the rows do not."""
    with TemporaryDirectory() as folder:
        put_answer(Path(folder) / "answers", FIRST_DAY, [*ordinary, *reports(later)])
        assert different(before, run_steps(Path(folder), THEN, MONTHS[-1]), but="snapshot_id") == []
