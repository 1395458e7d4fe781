"""The lake: what is written is whole or not there, nothing that stood is lost, and each fault is one clear line."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import deltalake
import polars as pl
import pytest

from tradeflow.contract import load_contract
from tradeflow.exceptions import LakeError, NotFoundError
from tradeflow.lake import (
    RUN_FOLDER,
    SNAPSHOT_FOLDER,
    Lake,
    Snapshot,
    find_snapshot,
    hold_lake,
    list_snapshots,
    read_table,
    table_path,
    table_version,
    write_snapshot,
    write_table,
)
from tradeflow.steps.handles import commit

TABLE = "coverage"
JANUARY, FEBRUARY, MARCH = (datetime(2024, month, 10, 6, tzinfo=UTC) for month in (1, 2, 3))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def coverage(*reporters: int, row_count: int = 3) -> pl.DataFrame:
    rows = [("M", 202401, reporter, "M", "reported", row_count, JANUARY) for reporter in reporters]
    return pl.DataFrame(rows, schema=load_contract(TABLE).schema, orient="row")


def stored(lake: Lake, version: int | None = None) -> list[tuple[int, int]]:
    return read_table(lake, TABLE, version).select("reporter_code", "row_count").sort("reporter_code").collect().rows()


def assert_one_line(error: pytest.ExceptionInfo[BaseException], *parts: str) -> None:
    text = str(error.value)
    assert "\n" not in text
    assert "\x1b" not in text
    for part in parts:
        assert part in text


# --- tables: a write is one commit ---------------------------------------------------------------------------------------------


def test_a_table_that_was_never_written_is_none_and_cannot_be_read(lake: Lake) -> None:
    assert table_version(lake, TABLE) is None
    with pytest.raises(NotFoundError, match="holds no table 'coverage' yet; run `tradeflow run` first"):
        read_table(lake, TABLE)


def test_a_write_is_one_commit_that_names_its_rows_and_what_it_was_made_from(lake: Lake) -> None:
    first = write_table(lake, TABLE, coverage(484, 842), "key one")
    second = write_table(lake, TABLE, coverage(156), "key two")

    assert (first.version, first.rows, first.inputs_key) == (0, 2, "key one")
    assert (second.version, second.rows, second.inputs_key) == (1, 1, "key two")
    assert table_version(lake, TABLE) == second
    assert stored(lake) == [(156, 3)]


def test_old_versions_stay_readable(lake: Lake) -> None:
    write_table(lake, TABLE, coverage(484, row_count=1), "a")
    write_table(lake, TABLE, coverage(484, row_count=2), "b")
    write_table(lake, TABLE, coverage(842), "c", append=True)

    assert [stored(lake, version) for version in (0, 1, 2)] == [[(484, 1)], [(484, 2)], [(484, 2), (842, 3)]]


def test_old_versions_stay_readable_beyond_a_hundred_commits_and_a_month(lake: Lake) -> None:
    """Delta Lake's default deletes the log of versions older than a month with every hundredth commit."""
    log = table_path(lake, TABLE) / "_delta_log"
    write_table(lake, TABLE, coverage(484, row_count=1), "a")
    for number in range(99):
        write_table(lake, TABLE, coverage(484, row_count=2), f"b{number}")
    long_ago = (datetime.now(UTC) - timedelta(days=400)).timestamp()
    for file in log.iterdir():
        os.utime(file, (long_ago, long_ago))

    write_table(lake, TABLE, coverage(484, row_count=3), "c")
    write_table(lake, TABLE, coverage(484, row_count=4), "d")

    assert list(log.glob("*.checkpoint.parquet"))
    assert [stored(lake, version) for version in (0, 50, 101)] == [[(484, 1)], [(484, 2)], [(484, 4)]]


@pytest.mark.parametrize("version", [-1, 1, 99])
def test_a_version_that_was_never_written_is_named(lake: Lake, version: int) -> None:
    write_table(lake, TABLE, coverage(484), "a")

    with pytest.raises(NotFoundError, match=f"'coverage' of the lake .* has the versions 0 to 0, not {version}$"):
        read_table(lake, TABLE, version)


def test_the_same_inputs_key_stands(lake: Lake) -> None:
    (first,) = commit(lake, "key", coverage=coverage(484))
    (again,) = commit(lake, "key", coverage=coverage(842))
    (other,) = commit(lake, "other key", coverage=coverage(842))

    assert again == first
    assert (other.version, stored(lake)) == (1, [(842, 3)])


def test_append_keeps_the_rows_that_stood(lake: Lake) -> None:
    appended_to_nothing = write_table(lake, TABLE, coverage(484), "a", append=True)
    appended = write_table(lake, TABLE, coverage(156, 842), "b", append=True)

    assert (appended_to_nothing.rows, appended.rows) == (1, 3)
    assert stored(lake) == [(156, 3), (484, 3), (842, 3)]


def test_replace_takes_the_selected_rows_alone_and_counts_all(lake: Lake) -> None:
    write_table(lake, TABLE, coverage(156, 484, 842), "a")
    replaced = write_table(lake, TABLE, coverage(484, row_count=9), "b", replace_sql="reporter_code IN (484, 842)")

    assert stored(lake) == [(156, 3), (484, 9)]
    assert (replaced.rows, replaced.inputs_key) == (2, "b")


def test_replace_in_a_table_that_is_not_there_writes_it(lake: Lake) -> None:
    write_table(lake, TABLE, coverage(484), "a", replace_sql="reporter_code = 484")

    assert stored(lake) == [(484, 3)]


def test_a_table_of_no_rows_is_a_table(lake: Lake) -> None:
    assert write_table(lake, TABLE, coverage(), "a").rows == 0
    assert stored(lake) == []


def test_partitions_are_folders_that_a_reader_can_skip(lake: Lake) -> None:
    write_table(lake, TABLE, coverage(484, 842), "a", partition_by=["reporter_code"])

    assert sorted(path.name for path in table_path(lake, TABLE).glob("reporter_code=*")) == ["reporter_code=484", "reporter_code=842"]
    assert stored(lake) == [(484, 3), (842, 3)]


# --- tables: columns -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.drop("row_count"), "row_count is missing"),
        (lambda frame: frame.with_columns(colour=pl.lit("red")), "colour is declared nowhere"),
        (lambda frame: frame.cast({"period": pl.String}), "period is String, declared Int32"),
        (lambda frame: frame.select(reversed(frame.columns)), "their order differs"),
    ],
)
def test_a_frame_that_differs_from_the_contract_is_refused_by_name(lake: Lake, change: Any, told: str) -> None:
    with pytest.raises(LakeError, match=f"table 'coverage': columns differ from its contract: {told}$"):
        write_table(lake, TABLE, change(coverage(484)), "a")
    assert table_version(lake, TABLE) is None


def write_as_older_release(lake: Lake, frame: pl.DataFrame) -> None:
    deltalake.write_deltalake(str(table_path(lake, TABLE)), frame)


def test_a_column_that_a_newer_contract_added_comes_with_the_overwrite(lake: Lake) -> None:
    write_as_older_release(lake, coverage(484).drop("row_count"))

    write_table(lake, TABLE, coverage(842), "a")

    assert read_table(lake, TABLE).collect().equals(coverage(842))
    assert "row_count" not in read_table(lake, TABLE, 0).collect().columns


@pytest.mark.parametrize("options", [{"append": True}, {"replace_sql": "reporter_code = 842"}])
def test_rows_that_stay_are_null_in_a_column_that_a_newer_contract_added(lake: Lake, options: Any) -> None:
    write_as_older_release(lake, coverage(484).drop("retrieved_at"))

    write_table(lake, TABLE, coverage(842), "a", **options)

    found = read_table(lake, TABLE).sort("reporter_code").select("reporter_code", "retrieved_at").collect()
    assert found.rows() == [(484, None), (842, JANUARY)]


@pytest.mark.parametrize("options", [{"append": True}, {"replace_sql": "reporter_code = 842"}])
@pytest.mark.parametrize(
    ("older", "told"),
    [
        (coverage(484).drop("row_count"), "row_count is missing"),
        (coverage(484).cast({"row_count": pl.Float64}), "row_count is Float64, declared Int64"),
        (coverage(484).with_columns(colour=pl.lit("red")), "colour is declared nowhere"),
    ],
)
def test_rows_of_two_contracts_are_not_mixed(lake: Lake, older: pl.DataFrame, told: str, options: Any) -> None:
    """Delta Lake would turn the new rows' type into the old one and say nothing."""
    write_as_older_release(lake, older)

    with pytest.raises(LakeError) as error:
        write_table(lake, TABLE, coverage(842), "a", **options)

    assert_one_line(error, f"written under another contract: {told}; move {table_path(lake, TABLE).parent} away")
    assert read_table(lake, TABLE).collect().equals(older)


# --- tables: trouble -----------------------------------------------------------------------------------------------------------


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Let no file grow above a size: what a full disk is to a writer, without a disk to fill."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("options", [{}, {"append": True}, {"replace_sql": "reporter_code = 484"}])
def test_no_room_is_a_clear_line_and_the_version_before_stands(lake: Lake, options: Any) -> None:
    before = write_table(lake, TABLE, coverage(484), "a")

    with pytest.raises(LakeError) as error, no_file_above(2000):
        write_table(lake, TABLE, coverage(*[484] * 20_000).with_columns(row_count=pl.int_range(20_000)), "b", **options)

    assert_one_line(error, "'coverage'", "File too large", "the version before stands, the run can be repeated")
    assert table_version(lake, TABLE) == before
    assert stored(lake) == [(484, 3)]
    assert write_table(lake, TABLE, coverage(842), "b").version == 1


def test_no_room_for_the_commit_itself_leaves_the_version_before(lake: Lake) -> None:
    before = write_table(lake, TABLE, coverage(484), "a")
    size = max(file.stat().st_size for file in table_path(lake, TABLE).glob("*.parquet"))

    with pytest.raises(LakeError) as error, no_file_above(size + 100):
        write_table(lake, TABLE, coverage(842), "b" * 10_000)

    assert_one_line(error, "File too large")
    assert table_version(lake, TABLE) == before


def test_a_table_that_cannot_be_written_is_a_clear_line(lake: Lake) -> None:
    table_path(lake, TABLE).parent.mkdir(parents=True)
    table_path(lake, TABLE).write_text("a file where a folder should be")

    with pytest.raises(LakeError) as error:
        write_table(lake, TABLE, coverage(484), "a")

    assert_one_line(error, f"table 'coverage' in {table_path(lake, TABLE)}: cannot be read", "Not a directory")


def test_a_predicate_that_names_no_column_is_a_clear_line(lake: Lake) -> None:
    write_table(lake, TABLE, coverage(484), "a")

    with pytest.raises(LakeError) as error:
        write_table(lake, TABLE, coverage(484), "b", replace_sql="colour = 'red'")

    assert_one_line(error, "No field named colour")


@pytest.mark.parametrize("left", ["", '{"commitInfo": {"timesta'])
def test_a_commit_that_a_crash_of_the_machine_cut_is_a_clear_line(lake: Lake, left: str) -> None:
    write_table(lake, TABLE, coverage(484), "a")
    write_table(lake, TABLE, coverage(842), "b")
    newest = max((table_path(lake, TABLE) / "_delta_log").glob("*.json"))
    newest.write_text(left)

    for use in (table_version, read_table, lambda *where: write_table(*where, coverage(156), "c")):
        with pytest.raises(LakeError) as error:
            use(lake, TABLE)
        assert_one_line(error, f"move {table_path(lake, TABLE).parent} away: the next run makes it again from the snapshots")
    assert len(str(error.value)) < 600


# --- snapshots -----------------------------------------------------------------------------------------------------------------


def keep(lake: Lake, content: bytes | Path, at: datetime = JANUARY, query_key: str = "M 484 202401", **other: Any) -> tuple[Snapshot, bool]:
    options: dict[str, Any] = {
        "source": "comtrade",
        "layout": "source_comtrade_api",
        "query": {"reporter": 484},
        "licence": "none",
        "parts": [("1.json", content, 2)],
    }
    return write_snapshot(lake, query_key=query_key, retrieved_at=at, **(options | other))


def test_an_answer_is_kept_byte_for_byte_with_its_manifest(lake: Lake, tmp_path: Path) -> None:
    copied = tmp_path / "copied.json"
    copied.write_bytes(b"\x00\xffcopied\r\n")
    scope = {"reporter_code": [484], "period": [202401], "flow_code": ["M"], "commodity_code": ["291411"]}

    written, is_new = keep(
        lake, b"", parts=[("1.json", b"\x1f\x8bfirst\r\n", 2), ("2.json", copied, -1)], scope=scope, licence="CC BY 4.0 é"
    )

    assert is_new
    assert [path.read_bytes() for path in written.part_paths] == [b"\x1f\x8bfirst\r\n", b"\x00\xffcopied\r\n"]
    assert [(part.size_bytes, part.rows) for part in written.parts] == [(9, 2), (10, -1)]
    assert written.parts[1].sha256 == hashlib.sha256(b"\x00\xffcopied\r\n").hexdigest()
    assert list_snapshots(lake) == [written]
    assert find_snapshot(lake, written.snapshot_id) == written
    assert not list(lake.root.rglob(".unfinished-*"))


def test_a_snapshot_that_nobody_kept_is_not_found(lake: Lake) -> None:
    keep(lake, b"a")

    with pytest.raises(NotFoundError, match="no snapshot '0123456789abcdef'"):
        find_snapshot(lake, "0123456789abcdef")


def test_the_same_bytes_again_write_nothing(lake: Lake) -> None:
    first, _ = keep(lake, b"a", JANUARY)
    again, is_new = keep(lake, b"a", FEBRUARY)

    assert (again, is_new) == (first, False)
    assert list_snapshots(lake) == [first]


def test_the_same_bytes_by_a_clock_that_was_set_back_write_nothing(lake: Lake) -> None:
    keep(lake, b"a", FEBRUARY)

    assert keep(lake, b"a", JANUARY)[1] is False


def test_a_restatement_that_is_taken_back_gives_three_vintages(lake: Lake) -> None:
    vintages = [keep(lake, content, at) for content, at in ((b"a", JANUARY), (b"b", FEBRUARY), (b"a", MARCH))]

    assert [is_new for _, is_new in vintages] == [True, True, True]
    assert len({snapshot.snapshot_id for snapshot, _ in vintages}) == 3
    assert [snapshot.retrieved_at for snapshot in list_snapshots(lake)] == [JANUARY, FEBRUARY, MARCH]


def test_old_answers_offered_again_in_any_order_write_nothing(lake: Lake) -> None:
    """A folder may hold the answers of several months, each with its own time; the second run reads it from the start."""
    for _ in range(3):
        for content, at in ((b"b", FEBRUARY), (b"a", JANUARY), (b"a", MARCH)):
            keep(lake, content, at)

    assert [snapshot.retrieved_at for snapshot in list_snapshots(lake)] == [JANUARY, FEBRUARY, MARCH]


def test_two_answers_of_one_time_are_each_kept_once(lake: Lake) -> None:
    for _ in range(3):
        for content in (b"a", b"b", b"c"):
            keep(lake, content, JANUARY)

    assert len(list_snapshots(lake)) == 3


def test_another_query_or_source_with_the_same_bytes_is_another_answer(lake: Lake) -> None:
    keep(lake, b"a")
    keep(lake, b"a", query_key="M 484 202402")
    keep(lake, b"a", source="files")

    assert len({snapshot.snapshot_id for snapshot in list_snapshots(lake)}) == 3
    assert [snapshot.source for snapshot in list_snapshots(lake, "files")] == ["files"]


def test_queries_that_differ_only_in_odd_characters_lie_apart(lake: Lake) -> None:
    keys = ["folder/é.csv", "folder/è.csv", "../../outside", "", "x" * 500]
    for key in keys:
        keep(lake, b"a", query_key=key)

    assert sorted(snapshot.query_key for snapshot in list_snapshots(lake)) == sorted(keys)
    assert {snapshot.folder.parents[2] for snapshot in list_snapshots(lake)} == {lake.root / SNAPSHOT_FOLDER}


def test_times_of_any_zone_are_kept_as_moments_and_naive_ones_refused(lake: Lake) -> None:
    in_tokyo = JANUARY.astimezone(timezone(timedelta(hours=9)))
    keep(lake, b"b", JANUARY + timedelta(hours=1))
    keep(lake, b"a", in_tokyo, query_key="other")

    assert [snapshot.query_key for snapshot in list_snapshots(lake)] == ["other", "M 484 202401"]
    with pytest.raises(ValueError, match="retrieved_at needs a time zone"):
        keep(lake, b"c", JANUARY.replace(tzinfo=None))


@pytest.mark.parametrize("fault", [RuntimeError("crash"), KeyboardInterrupt()])
def test_an_exception_in_the_middle_leaves_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
    def write_one_and_fail(path: Path, content: bytes) -> None:
        if path.name == "2.json":
            raise fault
        path.write_bytes(content)

    monkeypatch.setattr("tradeflow.lake.snapshot._write_part", write_one_and_fail)
    with pytest.raises(type(fault)):
        keep(lake, b"", parts=[("1.json", b"a", 1), ("2.json", b"b", 1)])

    assert list_snapshots(lake) == []
    assert [path for path in lake.root.rglob("*") if path.is_file()] == []


def test_no_room_for_a_snapshot_is_a_clear_line_and_leaves_nothing(lake: Lake) -> None:
    first, _ = keep(lake, b"a")

    with pytest.raises(LakeError) as error, no_file_above(1000):
        keep(lake, b"b" * 2000, FEBRUARY)

    assert_one_line(error, str(first.folder.parent), "File too large", "nothing of it was kept, the run can be repeated")
    assert list_snapshots(lake) == [first]
    assert list(first.folder.parent.iterdir()) == [first.folder]


def test_a_lake_that_cannot_be_written_is_a_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(LakeError, match="Not a directory; nothing of it was kept"):
        keep(Lake(tmp_path / "file"), b"a")


KILLED_WHILE_WRITING = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from tradeflow import lake

path = Path(sys.argv[1])
Path.{method} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
lake.write_snapshot(
    lake.Lake(path), source="comtrade", layout="source_comtrade_api", query_key="M 484 202401", query={{}},
    retrieved_at=datetime(2024, 1, 10, 6, tzinfo=UTC), licence="", parts=[("1.json", b"a", 1)],
)
"""


@pytest.mark.parametrize("method", ["rename", "write_text"])  # the manifest is written; the manifest is about to be written
def test_a_snapshot_that_a_kill_left_half_written_is_not_listed_and_swept_by_the_next_run(lake: Lake, method: str) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING.format(method=method), str(lake.root)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(lake.root.rglob(".unfinished-*"))) == 1

    assert list_snapshots(lake) == []
    written, is_new = keep(lake, b"a")

    assert is_new
    assert not written.folder.name.startswith(".")
    with hold_lake(lake):
        assert not list(lake.root.rglob(".unfinished-*"))
    assert list_snapshots(lake) == [written]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not a snapshot's manifest"),
        ('{"parts": [', "not a snapshot's manifest"),
        ("[]", "not a snapshot's manifest"),
        ("{}", "'retrieved_at'"),
        ("é".encode("latin-1"), "utf-8"),
        (lambda text: text.replace("+00:00", ""), "no time zone"),
        (lambda text: text.replace('"sha256"', '"md5"'), "md5"),
        (lambda text: text.replace('"licence"', '"license"'), "license"),
    ],
)
def test_a_broken_manifest_is_named_with_what_to_do(lake: Lake, text: Any, told: str) -> None:
    snapshot, _ = keep(lake, b"a")
    manifest = snapshot.folder / "manifest.json"
    made = text(manifest.read_text()) if callable(text) else text
    manifest.write_bytes(made if isinstance(made, bytes) else made.encode())

    for use in (list_snapshots, lambda lake: find_snapshot(lake, snapshot.snapshot_id), lambda lake: keep(lake, b"b")):
        with pytest.raises(LakeError) as error:
            use(lake)
        assert_one_line(error, f"{manifest}: not a snapshot's manifest", told, f"move the folder {snapshot.folder} away and pull again")


def test_a_manifest_that_cannot_be_read_is_a_clear_line(lake: Lake) -> None:
    snapshot, _ = keep(lake, b"a")
    (snapshot.folder / "manifest.json").unlink()
    (snapshot.folder / "manifest.json").mkdir()

    with pytest.raises(LakeError, match="manifest.json: cannot be read: Is a directory"):
        list_snapshots(lake)


# --- one run at a time ---------------------------------------------------------------------------------------------------------


HOLD_AND_WAIT = """
import sys
from pathlib import Path
from tradeflow.lake import Lake, hold_lake

with hold_lake(Lake(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_run(lake: Lake) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD_AND_WAIT, str(lake.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_second_run_is_refused_with_the_first_ones_process_and_may_go_on_after_its_kill(lake: Lake) -> None:
    with another_run(lake) as process:
        for _ in range(2):
            with pytest.raises(LakeError) as error, hold_lake(lake):
                raise AssertionError("two runs at work on one lake")
            assert_one_line(error, f"another run is at work on the lake {lake.root} (process {process.pid}); wait for it")
        process.send_signal(signal.SIGKILL)
        process.wait()
        with hold_lake(lake):
            assert (lake.root / RUN_FOLDER / "lock").read_text() == str(os.getpid())


def test_a_lake_is_free_after_a_run_that_failed(lake: Lake) -> None:
    with pytest.raises(RuntimeError, match="inside"), hold_lake(lake):
        raise RuntimeError("inside")
    with hold_lake(lake), pytest.raises(LakeError), hold_lake(lake):
        pass


def test_an_os_error_of_the_run_is_not_taken_for_one_of_the_lock(lake: Lake) -> None:
    with pytest.raises(OSError, match="of the run") as error, hold_lake(lake):
        raise BlockingIOError("of the run")
    assert not isinstance(error.value, LakeError)


def test_other_lakes_are_free(lake: Lake, tmp_path: Path) -> None:
    with hold_lake(lake), hold_lake(Lake(tmp_path / "other")):
        pass


def test_a_lake_that_cannot_be_held_is_a_clear_line(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(LakeError, match="file cannot be written: Not a directory; name another with --lake"),
        hold_lake(Lake(tmp_path / "file")),
    ):
        pass
    with pytest.raises(LakeError, match="cannot be written: File too large; name another with --lake"), no_file_above(0), hold_lake(lake):
        pass
