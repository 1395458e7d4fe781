from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.release_world import Made
from tradeflow.telling.spreadsheets import for_people, neutralise_formulas


@pytest.mark.parametrize(
    "table", ["signal", "signal_feature", "signal_evidence", "reporter_reliability", "corridor", "detectable_excess", "unlocated_trade"]
)
def test_parquet_gives_back_what_went_in(table: str, release_folder: Path, made: Made) -> None:
    assert_frame_equal(pl.read_parquet(release_folder / f"{table}.parquet"), getattr(made[0], table))


def test_csv_gives_back_the_figures_with_names_beside_codes(release_folder: Path, made: Made) -> None:
    signal = made[0].signal
    read = pl.read_csv(release_folder / "signal.csv", schema_overrides=dict(signal.schema))
    assert_frame_equal(read.select(signal.columns), signal)
    assert read.columns.index("importer_name") == read.columns.index("importer_code") + 1
    assert set(read.filter(pl.col("exporter_code") == 0)["exporter_name"]) == {"all exporters"}
    assert set(read.filter(pl.col("importer_code") == 484)["importer_name"]) == {"Mexico"}


def test_unknown_code_stands_for_itself() -> None:
    named = for_people(pl.DataFrame({"importer_code": [484, 9999], "commodity_code": ["291411", "999999"]}))
    assert named.rows() == [(484, "Mexico", "291411", "Acetone"), (9999, "9999", "999999", "999999")]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\u00a0@", "＝", "＋"])
def test_text_that_a_spreadsheet_would_run_is_made_harmless(start: str) -> None:
    frame = pl.DataFrame({"signal_reason": [f"{start}cmd|' /C calc'!A0", "plain", None], "excess_kg": [-1.0, 1.0, None]})
    assert neutralise_formulas(frame).rows() == [(f"'{start}cmd|' /C calc'!A0", -1.0), ("plain", 1.0), (None, None)]


@pytest.mark.parametrize(
    ("text", "made"), [("Qarona;=A1", "Qarona;'=A1"), ("a; @b;c\t-d", "a; '@b;c\t'-d"), ("1; 2; 3", "1; 2; 3"), ("a-b=c", "a-b=c")]
)
def test_what_a_spreadsheet_would_split_off_is_made_harmless_too(text: str, made: str) -> None:
    assert neutralise_formulas(pl.DataFrame({"entity_name": [text]})).item() == made


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(), st.text("=-;\t a")), min_size=1))
def test_no_cell_begins_a_formula_however_it_is_split_and_only_apostrophes_are_added(texts: list[str | None]) -> None:
    made = neutralise_formulas(pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)}))["text"]
    for before, after in zip(texts, made, strict=True):
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            assert after.replace("'", "") == before.replace("'", "")
            cells = re.split(r"[;\t]", after)
            assert not any(re.match(r"[ \r\n]*[=+\-@＝＋－＠]", cell) for cell in cells)
            assert not after.startswith(("\t", "\r", "\n"))
