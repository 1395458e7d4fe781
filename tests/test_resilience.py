"""What a run keeps when it is killed, repeated, given a revision, or asked what was known earlier."""

import hashlib
import multiprocessing
import re
import shutil
import signal
from datetime import UTC, date, datetime
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from tests.killed_run import Point, run_held_by_permissions, run_until
from tests.small_world import FinishedRun, put_answer, read_records, run_command
from tradeflow.cli import main
from tradeflow.lake import RELEASE_FOLDER, Lake, hold_lake, list_snapshots, read_table, table_version
from tradeflow.settings import Settings
from tradeflow.steps import analyse
from tradeflow.steps.handles import code_version
from tradeflow.steps.ingest import conform_snapshots
from tradeflow.steps.known import know_figures, known_rows

RESULTS = ("mirror_pair", "baseline", "signal", "signal_feature", "signal_evidence")
INGESTED = ("quarantine", "trade_flow", "snapshot")
COMPUTED = (
    *("coverage", "commodity_coverage", "mirror_pair", "reporter_reliability"),
    *("baseline", "flow_score", "flow_score_feature", "model_card"),
    *("lead_decision", "decision_model_card"),
    *("signal", "signal_feature", "signal_evidence"),
)
POINTS = (
    Point("tradeflow.lake.snapshot", "_write_part", is_after=True),
    Point("tradeflow.pull.files", "write_snapshot", nth=3),
    Point("tradeflow.validate.certificate", "certify"),
    Point("tradeflow.steps.ingest", "write_table", "quarantine"),
    Point("deltalake", "write_deltalake", "trade_flow", is_after=True),
    Point("tradeflow.steps.ingest", "write_table", "snapshot"),
    Point("deltalake", "write_deltalake", "coverage", is_after=True),
    *(Point("tradeflow.steps.handles", "write_table", table) for table in COMPUTED[:7]),
    Point("deltalake", "write_deltalake", "flow_score_feature", is_after=True),
    *(Point("tradeflow.steps.handles", "write_table", table) for table in COMPUTED[7:]),
    Point("deltalake", "write_deltalake", "signal_evidence", is_after=True),
    Point("tradeflow.publish.workbook", "write_workbook"),
    Point("tradeflow.publish.release", "_write_release", is_after=True),
    Point("tradeflow.publish.serving", "serve_release"),
    Point("tradeflow.publish.serving_file", "_insert", nth=3),
    Point("tradeflow.publish.serving_file", "_put_in_place"),
    Point("tradeflow.publish.serving_file", "_put_in_place", is_after=True),
    Point("tradeflow.publish.release", "_replace_text"),
)


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Processes that begin with everything imported: what dies at once is also cheap to start."""
    context = multiprocessing.get_context("forkserver")
    heavy = ("great_expectations", "sklearn.ensemble", "tradeflow.model", "tradeflow.publish.report", "tradeflow.publish.workbook")
    context.set_forkserver_preload([*heavy, "tradeflow.pipeline", "tradeflow.publish.serving", "tradeflow.validate.certificate"])
    return context


def read(lake: Lake, table: str) -> pl.DataFrame:
    return read_table(lake, table).collect()


def versions(lake: Lake) -> dict[str, int]:
    return {table: version.version for table in (*INGESTED, *COMPUTED) if (version := table_version(lake, table))}


def releases(lake: Lake) -> set[str]:
    return {path.name for path in (lake.root / RELEASE_FOLDER).iterdir() if path.is_dir()}


def published(lake: Lake) -> dict[str, str]:
    """A hash of each file that people are served from: the name of the current release and the database."""
    files = [path for path in (lake.root / RELEASE_FOLDER).iterdir() if path.is_file()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def assert_same_results(lake: Lake, expected: Lake) -> None:
    for table in RESULTS:
        assert_frame_equal(read(lake, table), read(expected, table), check_exact=True)


def test_a_run_killed_at_every_step_ends_as_an_undisturbed_one(
    processes: ForkServerContext, finished: FinishedRun, answers: Path, tmp_path: Path
) -> None:
    """Each run goes on where the one before was killed, and comes a little further."""
    lake, told = Lake(tmp_path / "lake"), tmp_path / "told"
    command = ["run", "--input", str(answers), "--lake", str(lake.root)]
    for point in POINTS:
        run = processes.Process(target=run_until, args=(point, command, told))
        run.start()
        run.join()
        assert run.exitcode == -signal.SIGKILL, f"the run came past {point}: {told.read_text()}"

    assert run_command(answers, lake.root).exit_code == 0
    assert_same_results(lake, finished.lake)
    assert read(lake, "trade_flow").sort(pl.all()).equals(read(finished.lake, "trade_flow").sort(pl.all()))
    assert read(lake, "snapshot").sort("snapshot_id").equals(read(finished.lake, "snapshot").sort("snapshot_id"))
    assert releases(lake) == releases(finished.lake)
    assert not list(lake.root.rglob(".unfinished-*"))


def test_the_results_are_worth_comparing(finished: FinishedRun) -> None:
    assert finished.exit_code == 0
    assert all(read(finished.lake, table).height > 10 for table in RESULTS)


def test_running_twice_changes_nothing(finished: FinishedRun, answers: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    shutil.copytree(finished.lake.root, lake.root)
    before = versions(lake), releases(lake), published(lake), len(list_snapshots(lake))

    again = run_command(answers, lake.root)

    assert (versions(lake), releases(lake), published(lake), len(list_snapshots(lake))) == before
    assert "Nothing has changed since this release was made." in again.stdout
    assert_same_results(lake, finished.lake)


def test_a_restated_period_replaces_that_period_alone(finished: FinishedRun, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    shutil.copytree(finished.lake.root, lake.root)
    before = known_rows(lake, know_figures(Settings(), lake, None, conform_snapshots(lake))).collect()
    reporter, period = before.filter(pl.col("flow_code") == "M").group_by("reporter_code", "period").len().sort("len").row(-1)[:2]
    newest = max((path for path in _parts(lake) if _holds(path, reporter, period)), key=lambda path: path.name)
    asked = [each for each in read_records(newest) if _is_cell(each, reporter, period)]
    restated = [each | {"primaryValue": 2 * float(str(each["primaryValue"]))} for each in asked[1:]]
    scope = {"reporter_code": [reporter], "period": [period], "flow_code": ["M", "X", "RM", "RX"], "commodity_code": _codes(asked)}
    revision = put_answer(tmp_path / "revision", "2025-03-20", restated, scope)

    assert run_command(revision, lake.root).exit_code == 0

    after = known_rows(lake, know_figures(Settings(), lake, None, conform_snapshots(lake))).collect()
    is_restated = (pl.col("reporter_code") == reporter) & (pl.col("period") == period)
    is_asked = is_restated & pl.col("commodity_code").is_in(scope["commodity_code"])
    assert_frame_equal(after.filter(~is_asked), before.filter(~is_asked), check_row_order=False, check_exact=True)
    expected = sorted(float(str(each["primaryValue"])) for each in restated)
    assert sorted(after.filter(is_asked)["primary_value_usd"]) == expected
    assert before.filter(is_asked).height == len(asked)


def _parts(lake: Lake) -> list[Path]:
    return [path for snapshot in list_snapshots(lake) for path in snapshot.part_paths]


def _holds(path: Path, reporter: int, period: int) -> bool:
    return any(_is_cell(each, reporter, period) for each in read_records(path))


def _is_cell(record: dict[str, object], reporter: int, period: int) -> bool:
    return (record["reporterCode"], record["period"]) == (reporter, str(period))


def _codes(records: list[dict[str, object]]) -> list[str]:
    return sorted({str(each["cmdCode"]) for each in records})


def test_what_was_known_then_is_what_a_run_gave_then(answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    day = "2024-10-20"
    early = tmp_path / "answers"
    early.mkdir()
    for file in answers.iterdir():
        if file.name[:10] <= day:
            shutil.copy(file, early)
    then, since = Lake(tmp_path / "then"), Lake(tmp_path / "since")

    class EarlierClock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2024, 10, 20, 12, tzinfo=UTC)

    with monkeypatch.context() as patched:
        patched.setattr(analyse, "datetime", EarlierClock)
        assert run_command(early, then.root).exit_code == 0
    shutil.copytree(then.root, since.root)
    run_command(answers, since.root)
    newest, served, folders = read(since, "signal"), published(since), releases(since)
    assert not newest.equals(read(then, "signal"))

    asked = run_command(answers, since.root, "--as-of", day)

    assert_same_results(since, then)
    assert published(since) == served
    assert releases(since) - folders <= releases(then)
    assert asked.exit_code == 0
    run_command(answers, since.root)
    assert read(since, "signal").equals(newest)
    assert published(since) == served


def test_before_the_first_answer_nothing_was_known(finished: FinishedRun, answers: Path) -> None:
    served = published(finished.lake)

    asked = run_command(answers, finished.lake.root, "--as-of", "2001-01-01")

    assert (asked.exit_code, published(finished.lake)) == (2, served)
    assert re.fullmatch(r"tradeflow: nothing was known on 2001-01-01: .*\n", _without_progress(asked.stderr))


def test_a_second_run_at_the_same_time_is_told_so(finished: FinishedRun, answers: Path) -> None:
    with hold_lake(finished.lake):
        second = run_command(answers, finished.lake.root)

    assert second.exit_code == 2
    assert re.fullmatch(r"tradeflow: another run is at work on the lake .* \(process \d+\); wait for it\n", second.stderr)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    run = run_command(tmp_path / "nowhere", tmp_path / "lake")

    assert (run.exit_code, run.stdout) == (2, "")
    assert run.stderr == f"tradeflow: there is no file or folder {tmp_path / 'nowhere'}; name one that exists\n"


def test_a_lake_that_cannot_be_made_is_one_line(answers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEFLOW_LAKE", "/proc/no/lake")

    run = CliRunner().invoke(main, ["run", "--input", str(answers)])

    assert (run.exit_code, run.stdout) == (2, "")
    assert run.stderr == "tradeflow: the lake /proc/no/lake cannot be written: No such file or directory; name another with --lake\n"


def test_a_read_only_lake_can_be_read_and_says_that_it_cannot_be_written(
    processes: ForkServerContext, finished: FinishedRun, answers: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    shutil.copytree(finished.lake.root, lake)
    signal_id = read(finished.lake, "signal")["signal_id"][0]
    for path in (lake, *lake.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)

    def tell(*arguments: str) -> tuple[int | None, str]:
        told = tmp_path / "told"
        process = processes.Process(target=run_held_by_permissions, args=([*arguments, "--lake", str(lake)], told))
        process.start()
        process.join()
        return process.exitcode, told.read_text()

    try:
        run = tell("run", "--input", str(answers))
        listed, explained, status = tell("signals", "--limit", "1"), tell("explain", signal_id), tell("status")
    finally:
        for path in (lake, *lake.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert run == (2, f"tradeflow: the lake {lake} cannot be written: Permission denied; name another with --lake\n")
    assert [code for code, _ in (listed, explained, status)] == [0, 0, 0], (listed, explained, status)
    assert f"Signal {signal_id}" in explained[1]


def _without_progress(stderr: str) -> str:
    return "".join(line for line in stderr.splitlines(keepends=True) if not re.match(r"\d\d:\d\d:\d\d ", line))


def test_the_code_is_part_of_what_a_result_is_made_from(finished: FinishedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    conformed = conform_snapshots(finished.lake)
    key = know_figures(Settings(), finished.lake, date(2024, 10, 20), conformed).key
    monkeypatch.setattr("tradeflow.steps.known.code_version", lambda: code_version()[::-1])

    assert know_figures(Settings(), finished.lake, date(2024, 10, 20), conformed).key != key
