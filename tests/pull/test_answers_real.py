"""The sources' own files, read to the row; they lie beside the repository and are not part of it."""

import gzip
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tradeflow.contract import source_layouts
from tradeflow.exceptions import SourceError
from tradeflow.lake import Lake, write_snapshot
from tradeflow.pull.answers import detect_layout, read_answer, read_source_row
from tradeflow.pull.files import pull_files

REAL = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not beside the repository (../shared/data)")

FILES = {
    "comtrade_monthly_2008_2018/comtrade_monthly_2008_2018.parquet": ("source_comtrade_legacy", 1_659_288),
    "comtrade_monthly_newapi/comtrade_monthly_newapi_fish.parquet": ("source_comtrade_snake", 757_148),
    "comtrade_annual_hs28_imports/comtrade_annual_imports_hs6.parquet": ("source_comtrade_api", 230_141),
    "comtrade_annual_sawnwood/comtrade_440799_annual_both_flows.parquet": ("source_comtrade_legacy_api", 52_169),
    "comtrade_api_answers/portal_downloads/TradeData_portal_THA_8542_imports_annual.csv": ("source_comtrade_portal", 1_178),
    "comtrade_api_answers/portal_downloads/TradeData_portal_TOTAL_annual.csv": ("source_comtrade_portal", 1_352),
    "comtrade_api_answers/comtradr/testthat__data__comtradeapi.un.org__data__v1__get__C__A__HS-60a6ad.json": ("source_comtrade_api", 4),
    "comtrade_api_answers/other/horizonlabs_preview_C_M_HS_india_202201_TRIMMED.json": ("source_comtrade_api", 5),
}


@pytest.mark.parametrize(("name", "layout", "rows"), [(name, *expected) for name, expected in FILES.items()], ids=FILES)
def test_a_real_file_is_read_to_the_row(name: str, layout: str, rows: int) -> None:
    contract = detect_layout(REAL / name, source_layouts())
    answer = read_answer(REAL / name, contract)

    assert (contract.name, answer.frame.height, answer.unreadable.height) == (layout, rows, 0)
    assert (answer.missing_columns, answer.new_columns) == ((), ())
    assert answer.frame.columns == ["row_number", *contract.column_names]


def test_names_of_a_portal_download_keep_their_accents() -> None:
    path = REAL / "comtrade_api_answers/portal_downloads/TradeData_portal_TOTAL_annual.csv"
    names = read_answer(path, detect_layout(path, source_layouts())).frame["partnerDesc"].unique().to_list()

    assert {"Côte d'Ivoire", "Türkiye", "Curaçao"} <= set(names)


def test_a_trimmed_answer_is_said_to_be_trimmed() -> None:
    path = REAL / "comtrade_api_answers/other/horizonlabs_preview_C_M_HS_india_202201_TRIMMED.json"

    assert "holds 500 records; 5 came" in read_answer(path, detect_layout(path, source_layouts())).problems[0]


@pytest.mark.parametrize("name", ["comtradr/goods_bulk__comtradeapi.un.org__bulk__v1__get__C__A__HS-4f1d0f.json",
                                  "comtradr/testthat__goods_bulk_error__comtradeapi.un.org__bulk__v1__get__C__A__HS-a503f3.json",
                                  "other/ozgur-kv_01_public_api_exploration.ipynb"])  # fmt: skip
def test_an_answer_about_something_else_fits_no_layout(name: str) -> None:
    with pytest.raises(SourceError, match="fit no declared layout|without a record|without records"):
        detect_layout(REAL / "comtrade_api_answers" / name, source_layouts())


def test_a_folder_of_real_answers_is_pulled_file_by_file(tmp_path: Path) -> None:
    report = pull_files(Lake(tmp_path), REAL / "comtrade_api_answers", now=datetime.now(UTC), report_progress=lambda line: None)

    files = [path for path in (REAL / "comtrade_api_answers").rglob("*") if path.is_file()]
    assert len(report.new) + len(report.problems) == len(files)
    assert sorted(each.layout for each in report.new) == ["source_comtrade_api"] * 3 + ["source_comtrade_portal"] * 2


def test_a_row_of_a_real_file_is_walked_back_to(tmp_path: Path) -> None:
    path = REAL / "comtrade_annual_sawnwood/comtrade_440799_annual_both_flows.parquet"
    snapshot, _ = write_snapshot(
        Lake(tmp_path), source="files", layout="source_comtrade_legacy_api", query_key="a", query={}, retrieved_at=datetime.now(UTC),
        licence="GPL-3", parts=[(path.name, path, -1)],
    )  # fmt: skip

    assert read_source_row(snapshot, 40_001) == pl.read_parquet(path).row(40_000, named=True)


WRITERS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    "a.csv": lambda frame, path: frame.write_csv(path),
    "a.csv.gz": lambda frame, path: path.write_bytes(gzip.compress(frame.write_csv().encode(), 1)),
    "a.json.gz": lambda frame, path: path.write_bytes(gzip.compress(json.dumps({"data": frame.to_dicts()}).encode(), 1)),
    "a.jsonl": lambda frame, path: frame.write_ndjson(path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_real_table_is_the_same_in_every_form(tmp_path: Path, name: str) -> None:
    real = pl.read_parquet(REAL / "comtrade_annual_hs28_imports/comtrade_annual_imports_hs6.parquet").head(5000)
    path = tmp_path / name
    WRITERS[name](real, path)
    contract = detect_layout(path, source_layouts())

    frame = read_answer(path, contract).frame.drop("row_number")

    expected = real.select(contract.column_names)
    assert contract.name == "source_comtrade_api"
    if ".csv" in name:
        expected = expected.cast(pl.String)
    assert_frame_equal(frame.cast(dict(expected.schema)), expected)


def test_large_files_are_read_in_seconds() -> None:
    path = REAL / "comtrade_monthly_2008_2018/comtrade_monthly_2008_2018.parquet"
    contract = detect_layout(path, source_layouts())
    began = time.process_time()

    read_answer(path, contract)

    assert time.process_time() - began < 2
