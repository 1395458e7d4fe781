"""The certificate agrees with the gate, refuses what came round it, and can be read without a network."""

import json
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.contract_strategies import broken_frames, valid_frames
from tradeflow.contract import load_contract
from tradeflow.validate import certificate
from tradeflow.validate.certificate import certify
from tradeflow.validate.gate import hold_to_contract

some_contracts = pytest.mark.parametrize("name", ["trade_flow", "mirror_pair", "source_comtrade_legacy"])
few_examples = settings(
    max_examples=2, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)  # shrinking would run the library a hundred times


@some_contracts
@few_examples
@given(data=st.data())
def test_what_the_gate_passes_is_certified(name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    contract = load_contract(name)
    kept = hold_to_contract(data.draw(valid_frames(contract)), contract).kept

    certified = certify(kept, contract, tmp_path_factory.mktemp("certificate"), partition_by=None)

    assert certified.failures == ()
    assert certified.is_passed


@pytest.mark.parametrize("name", ["trade_flow", "mirror_pair", "coverage"])
@few_examples
@given(data=st.data())
def test_a_breach_that_comes_round_the_gate_is_refused(name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    contract = load_contract(name)
    breach = data.draw(broken_frames(contract, is_typed=True))

    certified = certify(breach.frame, contract, tmp_path_factory.mktemp("certificate"), partition_by=None)

    subject = contract.unique_keys[0][0] if breach.rule == "key_is_unique" else breach.rule.partition(":")[0]
    assert not certified.is_passed
    assert [line for line in certified.failures if line.startswith(f"{name} all: {subject}")] != []


def coverage_rows() -> pl.DataFrame:
    contract = load_contract("coverage")
    rows = [
        {"freq_code": "M", "period": 202400 + month, "reporter_code": code, "flow_code": "M",
         "coverage_status": "reported", "row_count": 3}
        for month in (1, 2, 3) for code in (484, 842)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=contract.schema)


def test_each_partition_is_judged_by_itself(tmp_path: Path) -> None:
    rows = coverage_rows().with_columns(row_count=pl.when(pl.col("period") == 202402).then(-1).otherwise("row_count"))

    certified = certify(rows, load_contract("coverage"), tmp_path, partition_by="period")

    assert (certified.partitions, certified.is_passed) == (3, False)
    assert certified.failures == ("coverage 202402: row_count expect_column_values_to_be_between: 2 of 2 rows, such as -1, -1",)
    kept = json.loads((tmp_path / "certificate.json").read_text(encoding="utf-8"))
    assert [(each["partition"], each["rows"], each["is_passed"]) for each in kept["partitions"]] == [
        ("202401", 2, True), ("202402", 2, False), ("202403", 2, True),
    ]  # fmt: skip
    assert json.loads((tmp_path / "partition_202402.json").read_text(encoding="utf-8"))["success"] is False


def test_a_partition_too_large_is_cut_by_key_and_still_sees_repeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "LARGEST_PARTITION", 4)
    rows = coverage_rows()
    twice = pl.concat([rows, rows[:1]])

    whole = certify(rows, load_contract("coverage"), tmp_path / "whole", partition_by=None)
    repeated = certify(twice, load_contract("coverage"), tmp_path / "twice", partition_by=None)

    assert (whole.is_passed, whole.partitions) == (True, 2)
    assert len(repeated.failures) == 1
    assert "expect_compound_columns_to_be_unique: 2 of" in repeated.failures[0]


def test_a_wrong_type_and_a_missing_column_are_refused_in_words(tmp_path: Path) -> None:
    rows = coverage_rows().with_columns(row_count=pl.lit("three")).drop("period")

    certified = certify(rows, load_contract("coverage"), tmp_path, partition_by=None)

    assert not certified.is_passed
    assert any("row_count expect_column_values_to_be_of_type: found str" in line for line in certified.failures)
    assert any("period expect_column_values_to_not_be_null could not be judged" in line for line in certified.failures)


def test_an_empty_required_value_is_shown_on_the_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = coverage_rows().with_columns(coverage_status=pl.lit(None, pl.String))

    certified = certify(rows, load_contract("coverage"), tmp_path, partition_by=None)

    assert certified.failures == (
        "coverage all: coverage_status expect_column_values_to_not_be_null: 6 of 6 rows, such as None, None, None",
    )
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_nothing_is_left_in_the_folder_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    certify(coverage_rows(), load_contract("coverage"), tmp_path, partition_by=None)

    assert list(temporary.iterdir()) == []


def test_a_table_without_rows_is_certified(tmp_path: Path) -> None:
    contract = load_contract("coverage")

    certified = certify(contract.empty_frame(), contract, tmp_path, partition_by="period")

    assert (certified.is_passed, certified.partitions) == (True, 1)


def test_the_pages_open_without_a_network(tmp_path: Path) -> None:
    certified = certify(coverage_rows(), load_contract("coverage"), tmp_path, partition_by="flow_code")

    assert certified.docs_path == tmp_path / "index.html"
    pages = {page.name: page.read_text(encoding="utf-8") for page in tmp_path.glob("*.html")}
    assert set(pages) == {"index.html", "suite.html", "partition_M.html"}
    for text in pages.values():
        assert re.findall(r"<script|<link|<img|<iframe|@import|url\(|https?://", text) == []
        assert {target for target in re.findall(r'href="([^#"]+)"', text)} <= set(pages)
    assert "values must be greater than or equal to" in pages["partition_M.html"]


def test_results_become_json_without_losing_their_numbers() -> None:
    import numpy as np

    document = {"n": np.int64(3), "x": float("nan"), "many": np.array([1.5, np.inf]), "at": pl.Date, 4: None}

    assert certificate._json_safe(document) == {"n": 3, "x": None, "many": [1.5, None], "at": "Date", "4": None}
