"""The order of the steps, told through the runner that the pipeline is given."""

import json
import logging
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.small_world import FinishedRun
from tradeflow.exceptions import SourceError
from tradeflow.lake import RUN_FOLDER, Lake
from tradeflow.pipeline import run_pipeline
from tradeflow.publish.release import current_release
from tradeflow.settings import Settings, read_only_input

ORDER = ["pull", "conform", "reconcile", "model", "decisions", "signals", "publish"]


def records(lake: Lake) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((lake.root / RUN_FOLDER).glob("*.json"))]


def test_steps_run_in_order_and_hand_over_what_is_small(finished: FinishedRun, answers: Path) -> None:
    called: list[str] = []
    handed: list[int] = []

    def run_step(name: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        called.append(name)
        result = function(*pickle.loads(pickle.dumps(args)), **kwargs)
        handed.append(len(pickle.dumps(result)))
        return result

    result = run_pipeline(read_only_input(Settings(), answers), finished.lake, run_step=run_step)

    assert called == ORDER
    assert max(handed) < 10_000
    assert list(result.stage_seconds) == ORDER
    assert not result.is_new_release


def test_a_run_keeps_its_record(finished: FinishedRun, answers: Path) -> None:
    result = run_pipeline(read_only_input(Settings(), answers), finished.lake)
    newest = records(finished.lake)[-1]

    assert (newest["outcome"], newest["as_of"], newest["new_answers"]) == ("completed", None, 0)
    assert newest["release_id"] == result.release_id
    assert newest["counts"] == result.counts
    assert newest["started_at"] < newest["ended_at"]
    assert newest["peak_memory_mb"] > 50


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (SourceError("the source is silent"), "the source is silent"),
        (KeyError("x"), "KeyError: 'x'"),
        (KeyboardInterrupt(), "KeyboardInterrupt: "),
    ],
)
def test_a_run_that_fails_keeps_its_record_and_lets_go_of_the_lake(tmp_path: Path, fault: BaseException, told: str) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> Any:
        raise fault

    for number in (1, 2):
        with pytest.raises(type(fault)):
            run_pipeline(Settings(), Lake(tmp_path), run_step=fail)
        assert [(each["outcome"], each["error"]) for each in records(Lake(tmp_path))] == [("failed", told)] * number


def test_progress_is_told_while_a_run_is_on_and_no_longer(finished: FinishedRun, answers: Path) -> None:
    told: list[str] = []
    logger = logging.getLogger("tradeflow")
    before = logger.level, list(logger.handlers)

    run_pipeline(read_only_input(Settings(), answers), finished.lake, report_progress=told.append)

    assert any(line.startswith("publishing") for line in told)
    assert (logger.level, logger.handlers) == before


def test_the_release_does_not_tell_how_it_is_served(finished: FinishedRun) -> None:
    folder = current_release(finished.lake)
    assert folder is not None
    told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["settings"]
    assert "serve" not in told
    assert "publish" in told


def test_what_changed_and_when_reaches_the_plot_of_a_lead(finished: FinishedRun) -> None:
    (release,) = (finished.lake.root / "7_release").glob("2*")
    changes = pl.read_parquet(release / "series_change.parquet")
    assert changes.select(pl.col("change_kind") != "none").to_series().any()
    text = (release / "report.html").read_text(encoding="utf-8")
    drawn = re.search(r'<script[^>]*id="figures"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert drawn is not None
    told = [words for figures in json.loads(drawn[1]).values() for words in figures["history"]["change"] if words]
    assert told
    assert "<dt>Kind of change</dt>" in text
    assert all(re.search(r" (from|in) [A-Z][a-z]+ \d{4}$", words) for words in told)


def test_the_release_names_the_certificate_of_every_row_that_it_rests_on(finished: FinishedRun) -> None:
    folder = current_release(finished.lake)
    assert folder is not None
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))

    assert {each["is_passed"] for each in manifest["certificates"]} == {True}
    assert sum(each["rows"] for each in manifest["certificates"]) == manifest["counts"]["rows_conformed"] > 0
    assert all((finished.lake.root / each["docs"]).is_file() for each in manifest["certificates"])


def test_a_record_that_cannot_be_kept_is_said_and_hides_nothing(
    finished: FinishedRun, answers: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write = Path.write_text

    def refuse_records(path: Path, *text: Any, **how: Any) -> int:
        if path.parent.name == RUN_FOLDER:
            raise OSError(28, "No space left on device", str(path))
        return write(path, *text, **how)

    monkeypatch.setattr(Path, "write_text", refuse_records)
    result = run_pipeline(read_only_input(Settings(), answers), finished.lake)

    assert not result.is_new_release
    assert "the record of this run was not kept: [Errno 28] No space left on device" in caplog.text
