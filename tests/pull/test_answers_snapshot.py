"""A snapshot of several parts is one answer, and each of its rows can be walked back to."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from tradeflow.contract import load_contract
from tradeflow.exceptions import NotFoundError, UnreadableAnswerError
from tradeflow.lake import Lake, Snapshot, write_snapshot
from tradeflow.pull.answers import read_snapshot, read_source_row

LEGACY = load_contract("source_comtrade_legacy")
HEADER = "period,trade_flow,reporter,partner,commodity_code,trade_value_usd,Remark"
Keep = Callable[..., Snapshot]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Keep parts, given by name and content, as one snapshot of a lake."""

    def keep_parts(**parts: bytes) -> Snapshot:
        contents = [(name.replace("__", "."), content, -1) for name, content in parts.items()]
        snapshot, _ = write_snapshot(
            Lake(tmp_path / "lake"), source="files", layout=LEGACY.name, query_key="a", query={}, licence="none",
            retrieved_at=datetime(2026, 1, 31, tzinfo=UTC), parts=contents,
        )  # fmt: skip
        return snapshot

    return keep_parts


def csv_part(*values: object) -> bytes:
    return "\n".join([HEADER, *(f"201501,Imports,Germany,Chile,282760,{value},x" for value in values)]).encode()


def test_rows_are_numbered_on_over_the_parts(keep: Keep) -> None:
    as_json = json.dumps([{"period": 201502, "trade_value_usd": 3.5, "reporter": "Chile", "net_weight_kg": 7}]).encode()
    parquet = pl.DataFrame({"Period": [201503], "TRADE_VALUE_USD": [4]})
    path = Path(keep().folder, "c.parquet")
    parquet.write_parquet(path)
    snapshot = keep(z__csv=csv_part(1, "2,too,many"), b__json=gzip.compress(as_json), c__parquet=path.read_bytes())

    answer = read_snapshot(snapshot, LEGACY)

    assert answer.frame["row_number"].to_list() == [1, 3, 4]
    assert answer.unreadable["row_number"].to_list() == [2]
    assert answer.frame["period"].to_list() == ["201501", "201502", "201503"]
    assert answer.frame["trade_value_usd"].to_list() == ["1", "3.5", "4"]
    assert answer.frame["net_weight_kg"].to_list() == [None, 7, None]
    assert answer.frame.columns[1:] == [name for name in LEGACY.column_names if name in answer.frame.columns]
    assert answer.new_columns == ("Remark",)
    assert answer.missing_columns == ("trade_flow_code", "commodity")


def test_each_row_can_be_walked_back_to_under_the_source_s_own_names(keep: Keep) -> None:
    snapshot = keep(a__csv=csv_part(1, "2,too,many"), b__csv=b"<html>", c__csv=b"name,colour\nsky,blue\n", d__csv=csv_part(4))

    numbers = read_snapshot(snapshot, LEGACY).frame["row_number"].to_list()

    assert read_source_row(snapshot, numbers[0])["trade_value_usd"] == "1"
    assert read_source_row(snapshot, numbers[1]) == dict(
        zip(HEADER.split(","), ["201501", "Imports", "Germany", "Chile", "282760", "4", "x"], strict=True)
    )
    assert "9 cells, where the header has 7" in read_source_row(snapshot, 2)["reason"]
    for number in (0, 5, -1):
        with pytest.raises(NotFoundError, match=f"has 4 rows, none numbered {number}"):
            read_source_row(snapshot, number)


def test_a_part_that_cannot_be_read_is_named_and_the_others_are_read(keep: Keep) -> None:
    answer = read_snapshot(keep(a__csv=b"<html><title>Busy</title>", b__csv=csv_part(1), c__csv__gz=b"\x1f\x8b"), LEGACY)

    assert answer.frame.height == 1
    assert [problem.split(":")[0] for problem in answer.problems] == ["a.csv", "c.csv.gz"]


def test_a_column_missing_from_one_part_only_is_null_there(keep: Keep) -> None:
    answer = read_snapshot(keep(a__csv=csv_part(1), b__csv=b"period,partner\n201502,Chile\n"), LEGACY)

    assert answer.frame["trade_value_usd"].to_list() == ["1", None]
    assert "trade_value_usd" not in answer.missing_columns


def test_a_snapshot_of_which_no_part_can_be_read_is_refused(keep: Keep) -> None:
    snapshot = keep(a__csv=b"<html>", b__csv=b"")

    with pytest.raises(UnreadableAnswerError, match=f"snapshot {snapshot.snapshot_id}: a.csv: a web page .*; b.csv: empty"):
        read_snapshot(snapshot, LEGACY)
