"""A folder of files in, snapshots out: what is kept, what is passed over, and the one line for everything else."""

import gzip
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tradeflow.exceptions import SourceError
from tradeflow.lake import Lake, list_snapshots
from tradeflow.pull.files import pull_files
from tradeflow.pull.report import PullReport

NOW = datetime(2026, 2, 1, 6, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
LEGACY_HEADER = "period,trade_flow_code,trade_flow,reporter,partner,commodity_code,commodity,net_weight_kg,trade_value_usd"
LEGACY = f"{LEGACY_HEADER}\n201501,1,Imports,Germany,Chile,282760,Iodides,5400,151000\n"
RECORD = {
    "freqCode": "M", "period": "201501", "reporterCode": 276, "flowCode": "M", "partnerCode": 152, "partner2Code": 0,
    "classificationCode": "H5", "cmdCode": "282760", "primaryValue": 151000.0,
}  # fmt: skip
ANSWER = gzip.compress(json.dumps({"count": 1, "data": [RECORD], "error": ""}).encode(), mtime=0)
EMPTY_ANSWER = b'{"count":0,"data":[],"error":""}'
MANIFEST = {
    "source": "comtrade",
    "query": {"reporterCode": "276", "period": "201501"},
    "retrieved_at": "2026-01-15T06:00:00Z",
    "licence": "simulated, no restriction",
    "scope": {"reporter_code": [276], "period": [201501], "commodity_code": ["282760"], "flow_code": ["M", "X"]},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "supplied"
    path.mkdir()
    return path


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def put(folder: Path, name: str, content: str | bytes, manifest: Any = None) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if manifest is not None:
        path.with_name(f"{path.name}.manifest.json").write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    return path


def pull(lake: Lake, path: Path, now: datetime = NOW, said: list[str] | None = None) -> PullReport:
    return pull_files(lake, path, now=now, report_progress=(said if said is not None else []).append)


def test_each_file_is_kept_byte_for_byte_under_its_layout(lake: Lake, folder: Path) -> None:
    put(folder, "sub/b.csv", LEGACY)
    put(folder, "a.json.gz", ANSWER)

    report = pull(lake, folder)

    assert [(each.source, each.layout, each.query_key) for each in report.new] == [
        ("files", "source_comtrade_api", "a.json.gz"),
        ("files", "source_comtrade_legacy", "sub/b.csv"),
    ]
    assert [each.part_paths[0].read_bytes() for each in report.new] == [ANSWER, LEGACY.encode()]
    assert {(each.retrieved_at, each.licence, each.parts[0].rows) for each in report.new} == {(NOW, "as supplied by the user", -1)}
    assert (report.unchanged, report.problems) == (0, ())


def test_a_single_file_is_known_by_its_name(lake: Lake, folder: Path) -> None:
    assert pull(lake, put(folder, "a.csv", LEGACY)).new[0].query_key == "a.csv"


def test_the_same_bytes_again_write_nothing(lake: Lake, folder: Path) -> None:
    put(folder, "a.csv", LEGACY)
    put(folder, "b.json.gz", ANSWER, MANIFEST)
    pull(lake, folder)
    before = {path: path.stat().st_mtime_ns for path in lake.root.rglob("*")}

    report = pull(lake, folder, LATER)

    assert (report.new, report.unchanged) == ((), 2)
    assert {path: path.stat().st_mtime_ns for path in lake.root.rglob("*")} == before


def test_a_changed_file_is_a_new_answer_to_the_same_question(lake: Lake, folder: Path) -> None:
    put(folder, "a.csv", LEGACY)
    put(folder, "b.csv", LEGACY.replace("Chile", "Peru"))
    pull(lake, folder)
    put(folder, "a.csv", LEGACY.replace("151000", "152000"))

    report = pull(lake, folder, LATER)

    assert [(each.query_key, each.retrieved_at) for each in report.new] == [("a.csv", LATER)]
    assert [each.query_key for each in list_snapshots(lake)] == ["a.csv", "b.csv", "a.csv"]


def test_a_copy_is_not_kept_twice(lake: Lake, folder: Path) -> None:
    put(folder, "a.csv", LEGACY)
    put(folder, "copy of a.csv", LEGACY)
    put(folder, "b.json.gz", ANSWER, MANIFEST)

    first = pull(lake, folder)
    again = pull(lake, folder.parent, LATER)

    assert (len(first.new), first.unchanged) == (2, 1)
    assert (again.new, again.unchanged) == ((), 3)


def test_the_same_bytes_to_another_question_or_at_another_time_are_kept(lake: Lake, folder: Path) -> None:
    put(folder, "a.json.gz", ANSWER, MANIFEST)
    put(folder, "b.json.gz", ANSWER, MANIFEST | {"query": {"period": "201502"}})
    put(folder, "c.json.gz", ANSWER, MANIFEST | {"retrieved_at": "2026-01-16T06:00:00Z"})

    assert len(pull(lake, folder).new) == 3


def test_a_file_that_becomes_a_copy_supersedes_what_it_was(lake: Lake, folder: Path) -> None:
    put(folder, "a.csv", LEGACY)
    put(folder, "b.csv", LEGACY.replace("Chile", "Peru"))
    pull(lake, folder)
    put(folder, "b.csv", LEGACY)

    assert [each.query_key for each in pull(lake, folder, LATER).new] == ["b.csv"]


def test_a_sidecar_says_where_a_file_comes_from(lake: Lake, folder: Path) -> None:
    put(folder, "a.json.gz", ANSWER, MANIFEST)

    (snapshot,) = pull(lake, folder).new

    assert snapshot.retrieved_at == datetime(2026, 1, 15, 6, 0, tzinfo=UTC)
    said = {"source": snapshot.source, "query": snapshot.query, "licence": snapshot.licence, "scope": snapshot.scope}
    assert said == {name: value for name, value in MANIFEST.items() if name != "retrieved_at"}


def test_an_empty_answer_to_a_known_question_is_kept_with_the_layout_of_its_source(lake: Lake, folder: Path) -> None:
    put(folder, "a.json", EMPTY_ANSWER, MANIFEST)
    put(folder, "b.json.gz", ANSWER, MANIFEST)
    put(folder, "c.csv", LEGACY)
    put(folder, "d.json", EMPTY_ANSWER)

    report = pull(lake, folder)

    assert {each.query_key: each.layout for each in report.new} == {
        "a.json": "source_comtrade_api",
        "b.json.gz": "source_comtrade_api",
        "c.csv": "source_comtrade_legacy",
    }
    assert len(report.problems) == 1
    assert report.problems[0].startswith(f"{folder / 'd.json'}: an answer without a record")


def test_papers_hidden_files_and_sidecars_are_passed_over(lake: Lake, folder: Path) -> None:
    for name in ("README.txt", "notes/paper.PDF", "licence.md", ".hidden.csv", ".cache/b.csv", "gone.csv.manifest.json"):
        put(folder, name, "x")
    put(folder, "a.csv", LEGACY)
    said: list[str] = []

    report = pull(lake, folder, said=said)

    assert (len(report.new), report.problems) == (1, ())
    assert said == ["3 files passed over: .md, .pdf, .txt hold no data"]


def link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("gone"))


def link_to_folder(path: Path) -> None:
    path.symlink_to(path.parent)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_text("<html><title>Sign in</title>"), "a web page or XML ('Sign in'), not data"),
        (lambda path: path.write_text(""), "empty: not one line of text"),
        (lambda path: path.write_text("case_id,note\n1,x\n"), "its 2 columns fit no declared layout; the nearest is source_"),
        (lambda path: path.write_bytes(ANSWER[:15]), "the gzip file is cut short before its first row"),
        (lambda path: path.write_bytes(b"PK\x03\x04 and no more"), "a zip archive that cannot be opened"),
        (lambda path: path.write_bytes(b"PAR1 and no more"), "a Parquet file that cannot be read"),
        (link_to_nothing, "which does not exist; mend the link or remove it"),
        (link_to_folder, "a link to a folder, which is not followed"),
        (os.mkfifo, "neither a file nor a folder"),
    ],
)
def test_a_bad_file_gets_one_clear_line_and_the_others_are_kept(lake: Lake, folder: Path, make: Callable[[Path], Any], words: str) -> None:
    put(folder, "a.csv", LEGACY)
    make(folder / "b.csv")
    put(folder, "c.json.gz", ANSWER)

    report = pull(lake, folder)

    assert [each.query_key for each in report.new] == ["a.csv", "c.json.gz"]
    assert len(report.problems) == 1
    assert report.problems[0].startswith(f"{folder / 'b.csv'}: ")
    assert words in report.problems[0]
    assert report.problems[0].count("b.csv") == 1


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("{", "not a manifest"),
        ("[]", "not a manifest"),
        ({name: value for name, value in MANIFEST.items() if name != "licence"}, "KeyError('licence')"),
        (MANIFEST | {"retrieved_at": "yesterday"}, "yesterday"),
        (MANIFEST | {"retrieved_at": "2026-01-15T06:00:00"}, "has no time zone"),
        (MANIFEST | {"source": "../up"}, "'../up' is no name"),
        (MANIFEST | {"scope": 7}, "not a manifest"),
    ],
)
def test_a_bad_sidecar_gets_one_clear_line(lake: Lake, folder: Path, manifest: Any, words: str) -> None:
    put(folder, "a.json.gz", ANSWER, manifest)

    report = pull(lake, folder)

    assert report.new == ()
    assert len(report.problems) == 1
    assert report.problems[0].startswith(f"{folder / 'a.json.gz.manifest.json'}: ")
    assert words in report.problems[0]


def test_a_file_of_the_manifest_s_own_name_does_not_take_its_place(lake: Lake, folder: Path) -> None:
    put(folder, "manifest.json", gzip.decompress(ANSWER))

    (snapshot,) = pull(lake, folder).new

    assert list_snapshots(lake) == [snapshot]
    assert snapshot.part_paths[0].read_bytes() == gzip.decompress(ANSWER)


@pytest.mark.parametrize("names", [[], ["README.txt"], [".hidden.csv"]])
def test_a_folder_without_a_data_file_is_refused(lake: Lake, folder: Path, names: list[str]) -> None:
    for name in names:
        put(folder, name, LEGACY)

    with pytest.raises(SourceError, match="no data file in this folder; expected CSV, XLSX, JSON or Parquet"):
        pull(lake, folder)


def test_a_path_that_is_not_there_is_refused(lake: Lake, folder: Path) -> None:
    with pytest.raises(SourceError, match="gone: no such file or folder"):
        pull(lake, folder / "gone")


def test_only_the_beginning_of_a_file_is_read(lake: Lake, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, "a.csv", LEGACY + LEGACY.splitlines()[1] * 100_000)
    put(folder, "b.csv.gz", gzip.compress((LEGACY + LEGACY * 100_000).encode()))
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read whole"))

    assert len(pull(lake, folder).new) == 2


def test_progress_is_told_on_long_work(lake: Lake, folder: Path) -> None:
    for place in range(100):
        put(folder, f"{place:03}.csv", LEGACY.replace("151000", str(place)))
    said: list[str] = []

    pull(lake, folder, said=said)

    assert said == ["100 of 100 files looked at, 100 are new"]
