"""`tradeflow find-substances`: anyone's goods descriptions in, the rows that name a watched substance out."""

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from tradeflow.cli import main
from tradeflow.contract import load_contract
from tradeflow.exceptions import SourceError
from tradeflow.own_table.find_substances import Found, find_in_own_table

GOODS = pl.DataFrame(
    {
        "Description": ["ACETONE 99%", "acetona y tolueno", "shirts", None, "=cmd acetic anhidride", "sulphuric acid", "ether"],
        "commodity_code": ["2914.11.00", "38089200", "610910", "291411", "291524", None, "7031100"],
        "lot": [1, 2, 3, 4, 5, 6, 7],
    }
)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_each_named_substance_is_a_row_beside_the_rows_own_columns(tmp_path: Path, ending: str) -> None:
    given, out = tmp_path / f"goods.{ending}", tmp_path / f"found.{ending}"
    GOODS.write_csv(given) if ending == "csv" else GOODS.write_parquet(given)

    counts = find_in_own_table(given, out)

    found = pl.read_csv(out) if ending == "csv" else pl.read_parquet(out)
    assert found.columns == ["row_number", *GOODS.columns, *load_contract("own_named_substance").column_names[1:]]
    assert found.select("row_number", "substance_code", "match_kind", "is_code_of_substance").rows()[:5] == [
        (1, "acetone", "name", True),
        (2, "acetone", "name", False),
        (2, "toluene", "name", False),
        (5, "acetic_anhydride", "misspelling", True),
        (6, "sulphuric_acid", "name", None),
    ]
    assert str(found["substance_hs_codes"][0]) == "291411"
    assert counts == Found(rows=7, naming=found["row_number"].n_unique(), misfits=counts.misfits)
    assert found["Description"][3] == ("'=cmd acetic anhidride" if ending == "csv" else "=cmd acetic anhidride")


def test_a_table_needs_no_code(tmp_path: Path) -> None:
    GOODS.select("Description").write_csv(tmp_path / "goods.csv")

    counts = find_in_own_table(tmp_path / "goods.csv", tmp_path / "found.csv")

    assert counts.misfits == 0
    assert pl.read_csv(tmp_path / "found.csv")["is_code_of_substance"].null_count() == pl.read_csv(tmp_path / "found.csv").height


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("goods,code\nacetone,1\n", "no column description; found goods, code"),
        ("description, Description\na,b\n", "are both read as description"),
        ("description,match_kind\na,b\n", "has a column match_kind, which the result adds"),
        ("description\n", "a heading without a row"),
        ("", "not even a heading"),
    ],
)
def test_a_table_that_cannot_be_read_gets_one_clear_line_and_leaves_nothing(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "goods.csv").write_text(content)

    with pytest.raises(SourceError, match=words):
        find_in_own_table(tmp_path / "goods.csv", tmp_path / "found.csv")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["goods.csv"]


def test_the_command_says_what_it_found(tmp_path: Path) -> None:
    GOODS.write_csv(tmp_path / "goods.csv")

    said = CliRunner().invoke(main, ["find-substances", str(tmp_path / "goods.csv"), str(tmp_path / "found.csv")])

    assert said.exit_code == 0
    assert said.output.startswith("7 rows; ")
