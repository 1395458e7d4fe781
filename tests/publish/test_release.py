from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.release_world import Made
from tradeflow.exceptions import LakeError
from tradeflow.lake import Lake, hold_lake, serving_url
from tradeflow.publish import report, serving
from tradeflow.publish.reading import read_signals
from tradeflow.publish.release import current_release, publish_release
from tradeflow.settings import Publish
from tradeflow.telling.tables import ReleaseTables

FILES = {
    "signal.parquet", "signal.csv", "signal.xlsx", "signal_feature.parquet", "signal_evidence.parquet", "signal_evidence.csv",
    "reporter_reliability.parquet", "reporter_reliability.csv", "corridor.parquet", "corridor.csv",
    "detectable_excess.parquet", "detectable_excess.csv", "series_change.parquet", "series_change.csv", "requirement_use.parquet",
    "requirement_use.csv", "unlocated_trade.parquet", "unlocated_trade.csv",
    "model_card.parquet", "model_card.csv",
    "report.html", "manifest.json",
}  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_release_holds_every_file_and_names_itself(release_folder: Path, made: Made) -> None:
    assert {path.name for path in release_folder.iterdir()} == FILES
    assert json.loads((release_folder / "manifest.json").read_text())["counts"] == made[1]["counts"]
    assert current_release(Lake(release_folder.parents[1])) == release_folder


@pytest.mark.parametrize("broken", ["write_table_files", "write_workbook", "render_report"])
def test_release_that_dies_half_way_leaves_nothing(
    broken: str, publish: Callable[..., Path], few: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(few, "first")
    before = contents(tmp_path)
    module = {"write_table_files": "table_files", "write_workbook": "workbook", "render_report": "report"}[broken]

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"tradeflow.publish.{module}.{broken}", die)
    with pytest.raises(KeyboardInterrupt):
        publish(few, "second")
    assert contents(tmp_path) == before
    assert current_release(Lake(tmp_path)) == first
    monkeypatch.undo()
    assert publish(few, "second").name == "second"


def test_what_a_killed_process_left_is_swept_away(publish: Callable[..., Path], few: Made, tmp_path: Path) -> None:
    left = tmp_path / "7_release" / ".unfinished-first"
    left.mkdir(parents=True)
    (left / "half.parquet").write_bytes(b"PAR1")
    with hold_lake(Lake(tmp_path)):
        assert not left.exists()
        folder = publish(few, "first")
    assert {path.name for path in folder.iterdir()} == FILES


def test_full_disk_is_told_in_one_line(publish: Callable[..., Path], few: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tradeflow.publish.workbook.write_workbook", refuse)
    with pytest.raises(LakeError, match="No space left on device; nothing of it was kept"):
        publish(few, "first")


def test_standing_release_is_left_as_it_is(publish: Callable[..., Path], made: Made, few: Made, tmp_path: Path) -> None:
    publish(few, "first")
    before = contents(tmp_path)
    assert publish(made, "first") == tmp_path / "7_release" / "first"
    assert contents(tmp_path) == before


def test_database_that_missed_its_release_gets_it_on_the_next_try(
    publish: Callable[..., Path], few: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(serving, "serve_release", die)
    with pytest.raises(KeyboardInterrupt):
        publish(few, "first")
    assert current_release(Lake(tmp_path)) is None
    monkeypatch.undo()
    publish(few, "first")
    assert read_signals(serving_url(Lake(tmp_path))).height == few[0].signal.height


def test_as_of_release_replaces_nothing(publish: Callable[..., Path], made: Made, few: Made, tmp_path: Path) -> None:
    publish(few, "newest")
    past = publish(made, "past", is_current=False)
    assert {path.name for path in past.iterdir()} == FILES
    assert current_release(Lake(tmp_path)) == tmp_path / "7_release" / "newest"
    assert read_signals(serving_url(Lake(tmp_path))).height == few[0].signal.height


def test_same_release_twice_is_the_same_to_the_last_byte_where_people_read(few: Made) -> None:
    tables, manifest = few
    assert report.render_report(tables, manifest, Publish()) == report.render_report(tables, manifest, Publish())


@pytest.mark.parametrize("release_id", ["../elsewhere", "", ".hidden", "a/b", "a b"])
def test_release_id_stays_inside_its_folder(release_id: str, publish: Callable[..., Path], few: Made) -> None:
    with pytest.raises(ValueError, match="release id"):
        publish(few, release_id)


def test_missing_column_is_named(few: Made) -> None:
    tables, _ = few
    with pytest.raises(LakeError, match="table 'signal' lacks p_value"):
        ReleaseTables(**(vars(tables) | {"signal": tables.signal.drop("p_value")}))


def test_not_a_number_is_published_as_empty(few: Made) -> None:
    tables, _ = few
    wrong = tables.signal.with_columns(expected_kg=pl.lit(float("nan")))
    assert ReleaseTables(**(vars(tables) | {"signal": wrong})).signal["expected_kg"].null_count() == wrong.height


def test_release_without_leads_is_published(tmp_path: Path) -> None:
    from tradeflow.telling.tables import empty_tables

    folder = publish_release(Lake(tmp_path), "empty", empty_tables(), {}, settings=Publish(), is_current=True)
    assert pl.read_parquet(folder / "signal.parquet").is_empty()
    assert read_signals(serving_url(Lake(tmp_path))).is_empty()
    assert "No lead was found" in (folder / "report.html").read_text()
