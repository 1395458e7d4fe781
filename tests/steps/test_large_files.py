"""A large file of declarations goes in slices, and the lake holds the same as if it had gone whole, also after a run that was killed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.declaration_files import DUA_ITEM, dbf_table, zipped
from tradeflow.lake import Lake, read_table
from tradeflow.pull import answers
from tradeflow.settings import load_settings, read_only_input
from tradeflow.steps import arriving, ingest

NOW = datetime(2026, 2, 1, 6, tzinfo=UTC)
HEAD = "declaration_id,declaration_date,item_number,national_code,description,net_weight_kg\n"
TABLES = ("customs_declaration", "quarantine", "snapshot")


class KilledError(Exception):
    pass


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Repeats and contradictions far from one another, one of them behind a zero in front; bad rows, one of another width."""
    rows = [f"A{place},2024-03-05,1,29141100,acetone {place},{place}" for place in range(200)]
    rows[150] = rows[3]
    rows[160] = "A7,2024-03-05,1,29141100,another word,7"
    rows[170] = "A7,2024-03-05,1,29141100,a third,7"
    rows[175] = rows[160]
    rows[180] = "A9,2024-03-05, 01,29141100,acetone 9,9"
    rows[55], rows[56], rows[199] = "A55,2024-33-05,1,29141100,no day,1", "A56,2024-03-05", "A199,2024-03-05,1,29141100,acetone,-4"
    folder = tmp_path_factory.mktemp("given")
    (folder / "large.csv").write_text(HEAD + "\n".join(rows) + "\n")
    items = [DUA_ITEM | {"NUME_SERIE": place % 60} for place in range(1, 90)]
    (folder / "ma.zip").write_bytes(zipped("ma.dbf", dbf_table(items, deleted=[5, 70])))
    return folder


@pytest.fixture
def whole_first(expected: dict[str, pl.DataFrame], monkeypatch: pytest.MonkeyPatch) -> dict[str, pl.DataFrame]:
    """What whole files leave in the lake; from here on files go in slices."""
    monkeypatch.setattr(answers, "SLICED_FROM_BYTES", 0)
    monkeypatch.setattr(answers, "_BYTES_AT_ONCE", 700)
    monkeypatch.setattr(answers, "_ROWS_AT_ONCE", 20)
    monkeypatch.setattr(arriving, "_HELD_AT_ONCE", 3)
    monkeypatch.setattr(ingest, "_BATCH_ROWS", ingest._BATCH_ROWS | {"customs_declaration": 40})
    monkeypatch.setattr(ingest, "_certify", lambda *_: None)
    return expected


def bring_in(given: Path, folder: Path) -> Lake:
    lake = Lake(folder)
    ingest.pull_sources(read_only_input(load_settings(None), given), lake, NOW)
    return lake


def contents(lake: Lake) -> dict[str, pl.DataFrame]:
    frames = {table: read_table(lake, table).collect() for table in TABLES}
    keys = {"customs_declaration": ["snapshot_id", "row_number"], "quarantine": ["snapshot_id", "row_number"], "snapshot": ["snapshot_id"]}
    return {table: frame.sort(keys[table]) for table, frame in frames.items()}


@pytest.fixture(scope="module")
def expected(given: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    lake = bring_in(given, tmp_path_factory.mktemp("whole"))
    ingest.conform_snapshots(lake)
    return contents(lake)


def same(lake: Lake, expected: dict[str, pl.DataFrame]) -> None:
    found = contents(lake)
    for table in TABLES:
        assert_frame_equal(found[table], expected[table])


def test_slices_leave_what_the_whole_file_leaves(given: Path, tmp_path: Path, whole_first: dict[str, pl.DataFrame]) -> None:
    assert set(whole_first["quarantine"]["rule"]) >= {"duplicate_row", "key_is_unique", "declaration_date:type", "net_weight_kg:minimum"}
    lake = bring_in(given, tmp_path / "sliced")
    conformed = ingest.conform_snapshots(lake)
    assert next(each.version for each in conformed.tables if each.table == "customs_declaration") > 3
    same(lake, whole_first)


def failing_after(calls: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    real, left = ingest.write_table, [calls]

    def write(*args: Any, **kwargs: Any) -> Any:
        if left[0] == 0:
            raise KilledError
        left[0] -= 1
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(ingest, "write_table", write)
        yield


@pytest.mark.parametrize("calls", [1, 3, 4, 8, 13])
def test_a_run_killed_between_two_commits_is_resumed(
    given: Path, tmp_path: Path, whole_first: dict[str, pl.DataFrame], calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = bring_in(given, tmp_path / "sliced")
    for _ in failing_after(calls, monkeypatch):
        with pytest.raises(KilledError):
            ingest.conform_snapshots(lake)
    before = read_table(lake, "quarantine").select(pl.len()).collect().item()
    ingest.conform_snapshots(lake)
    assert before <= whole_first["quarantine"].height
    same(lake, whole_first)


def test_pieces_that_stand_are_not_written_again(
    given: Path, tmp_path: Path, whole_first: dict[str, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = bring_in(given, tmp_path / "sliced")
    for _ in failing_after(6, monkeypatch):
        with pytest.raises(KilledError):
            ingest.conform_snapshots(lake)
    standing = read_table(lake, "customs_declaration").collect().height
    written = []
    real = ingest.write_table
    monkeypatch.setattr(
        ingest,
        "write_table",
        lambda lake, table, frame, *a, **k: (written.append((table, frame.height)), real(lake, table, frame, *a, **k))[1],
    )
    ingest.conform_snapshots(lake)
    again = sum(rows for table, rows in written if table == "customs_declaration")
    assert again <= whole_first["customs_declaration"].height - standing
    same(lake, whole_first)
