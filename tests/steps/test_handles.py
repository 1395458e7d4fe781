"""A step works on what it was handed, whatever another run has committed since."""

import shutil
from pathlib import Path

from polars.testing import assert_frame_equal

from tests.small_world import FinishedRun
from tradeflow.lake import Lake, read_table, table_version
from tradeflow.pipeline import run_pipeline
from tradeflow.settings import Model, Reconcile, Settings, Signals, read_only_input
from tradeflow.steps.analyse import model_flows, propose_signals, reconcile_sides
from tradeflow.steps.decisions import take_decisions
from tradeflow.steps.handles import read_handed
from tradeflow.steps.ingest import conform_snapshots
from tradeflow.steps.known import know_figures
from tradeflow.steps.release import publish_run


def test_steps_do_not_read_what_a_run_with_other_settings_made_in_between(finished: FinishedRun, answers: Path, tmp_path: Path) -> None:
    lake, settings = Lake(tmp_path / "lake"), read_only_input(Settings(), answers)
    shutil.copytree(finished.lake.root, lake.root)
    known = know_figures(settings, lake, None, conform_snapshots(lake))
    reconciled = reconcile_sides(settings, lake, known)
    modelled = model_flows(settings, lake, known, reconciled)
    decided = take_decisions(settings, lake, known)
    other = Settings(
        reconcile=Reconcile(threshold_usd=100_000), model=Model(scored_months=6, forest_trees=10), signals=Signals(min_excess_kg=9999)
    )
    run_pipeline(read_only_input(other, answers), lake)

    proposed = propose_signals(settings, lake, known, reconciled, modelled, decided)
    released = publish_run(settings, lake, known, (reconciled, modelled, decided, proposed), (), {})

    newest = {version.table: table_version(lake, version.table) for version in (*reconciled.tables, *modelled.tables)}
    assert all(newest[version.table] != version for version in (*reconciled.tables, *modelled.tables))
    expected = read_table(finished.lake, "signal").collect()
    assert_frame_equal(read_handed(lake, proposed, "signal").collect(), expected, check_exact=True)
    assert released.counts["signals"] == expected.height
    assert not released.is_new
