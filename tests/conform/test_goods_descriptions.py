"""Descriptions in five languages, written before the matcher was read: what they name is found, and nothing else.

`look` was looked at while the matcher was mended, `judge` only counted; `later` was written after the first mending.
"""

from pathlib import Path

import polars as pl
import pytest

from tradeflow.contract import load_codelist
from tradeflow.evaluate.descriptions import measure_naming

TABLE = Path(__file__).with_name("goods_descriptions.csv")


@pytest.fixture(scope="module")
def described() -> pl.DataFrame:
    return pl.read_csv(TABLE, infer_schema=False).with_columns(pl.col("substances").fill_null(""))


@pytest.fixture(scope="module")
def figures(described: pl.DataFrame) -> pl.DataFrame:
    return measure_naming(described)


def test_the_table_is_sound(described: pl.DataFrame) -> None:
    assert described.height > 600
    assert described.select("language", "description").is_unique().all()
    codes = described["substances"].str.split(";").explode()
    assert codes.filter(codes != "").is_in(load_codelist("substance")["substance_code"].implode()).all()
    assert described.group_by("part", "language").len()["len"].min() >= 18


@pytest.mark.parametrize("part", ["look", "judge", "later"])
def test_what_is_named_is_found_and_little_else(figures: pl.DataFrame, part: str) -> None:
    row = figures.filter(part=part, language="all").row(0, named=True)
    assert row["recall"] >= 0.95
    assert row["precision"] >= 0.98


@pytest.mark.parametrize("language", ["en", "es", "fr", "pt", "zh"])
def test_no_language_is_left_behind(figures: pl.DataFrame, language: str) -> None:
    row = figures.filter(part="judge", language=language).row(0, named=True)
    assert row["recall"] >= 0.95
    assert row["precision"] >= 0.98


def test_counts_are_what_a_hand_would_count() -> None:
    given = pl.DataFrame(
        {
            "part": "one",
            "language": "en",
            "description": ["ACETONE", "ACETONE AND TOLUENE", "rice", "TOLUENE", "cotton"],
            "substances": ["acetone", "acetone", "", "toluene", "acetone"],
        }
    )
    counted = measure_naming(given).filter(language="en").row(0, named=True)
    assert (counted["named"], counted["found"], counted["false"]) == (4, 3, 1)
    assert (counted["recall"], counted["precision"]) == (0.75, 0.75)
