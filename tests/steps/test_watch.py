"""What the settings narrow a run to, and the private list that is laid over the public one."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tradeflow.exceptions import SettingsError
from tradeflow.settings import Watch
from tradeflow.signals import build_watch_list
from tradeflow.steps.judged_window import in_periods, step_back
from tradeflow.steps.known import watched_rows
from tradeflow.steps.watch_list import list_substances

HEADER = "substance_code,commodity_code_hs2022,has_own_commodity_code,valid_from"
ROWS = pl.LazyFrame(
    {"commodity_code": ["291411", "291812", "291411"], "reporter_code": [484, 484, 842], "partner_code": [156, 842, 124]},
    schema_overrides={"reporter_code": pl.Int32, "partner_code": pl.Int32},
)


def listed(tmp_path: Path, *rows: str, header: str = HEADER) -> pl.DataFrame:
    overlay = tmp_path / "list.csv"
    overlay.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return build_watch_list(list_substances(Watch(overlay=overlay)), date(2024, 6, 1))


def test_a_private_list_adds_substances_to_the_public_one(tmp_path: Path) -> None:
    found = listed(tmp_path, "of_ours,999901,true,2020-01-01", "later,999902,true,2025-01-01")

    assert found.filter(pl.col("commodity_code").str.starts_with("9999")).rows() == [("999901", "of_ours", "own")]
    assert "291411" in found["commodity_code"].to_list()


@pytest.mark.parametrize(
    ("header", "row", "fault"),
    [("name,code", "x,1", "it lacks substance_code"), (HEADER, "x,291411,perhaps,2020-01-01", "true or false")],
)
def test_a_list_of_another_form_is_refused_with_what_it_lacks(tmp_path: Path, header: str, row: str, fault: str) -> None:
    with pytest.raises(SettingsError, match=fault):
        listed(tmp_path, row, header=header)


def test_a_run_is_narrowed_to_codes_and_to_either_side_of_a_route() -> None:
    assert watched_rows(ROWS, Watch(commodities=("291812",))).collect().height == 1
    assert watched_rows(ROWS, Watch(reporters=(842,))).collect()["reporter_code"].to_list() == [484, 842]
    assert watched_rows(ROWS, Watch()).collect().height == 3


def test_months_are_whole_years_in_annual_figures() -> None:
    assert [in_periods(months, "A") for months in (1, 12, 24, 30)] == [1, 1, 2, 2]
    assert in_periods(24, "M") == 24
    assert [step_back(202402, 1), step_back(202402, 2), step_back(202401, 12), step_back(2024, 2)] == [202401, 202312, 202301, 2022]
