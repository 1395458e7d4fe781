"""`tradeflow score-declarations`: anyone's tables in, a ranking out; every mistake is one line."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from tests.model.declaration_world import declarations, later
from tradeflow.cli import main
from tradeflow.contract import load_contract
from tradeflow.model.outcome_figures import ranking_figures
from tradeflow.own_table.declaration_reading import read_declarations, spell_columns

THEIRS = {
    "declaration_id": "Declaration No.",
    "declaration_date": "DATE",
    "importer_id": "Importer ID",
    "hs6_code": "HS Code",
    "origin": "Country of Origin",
    "net_weight_kg": "Net Mass (kg)",
    "item_price": "Item Price",
    "is_fraud": "Illicit",
}
LEARNT = declarations(1_500).with_columns(pl.col("is_fraud").cast(pl.Int8)).rename(THEIRS)
SCORED = later(60).with_columns(pl.col("is_fraud").cast(pl.Int8)).rename(THEIRS)


@pytest.fixture
def score(tmp_path: Path) -> Callable[..., Result]:
    def score(learnt: pl.DataFrame = LEARNT, scored: pl.DataFrame = SCORED, out: str = "out.csv") -> Result:
        learnt.write_csv(tmp_path / "learn.csv")
        scored.write_csv(tmp_path / "score.csv")
        paths = [str(tmp_path / name) for name in ("learn.csv", "score.csv", out)]
        return CliRunner().invoke(main, ["score-declarations", "--learn", paths[0], "--score", paths[1], paths[2]])

    return score


def test_a_table_in_its_own_words_is_scored_and_its_card_stands_beside(score, tmp_path: Path) -> None:
    result = score()
    assert result.exit_code == 0, result.output
    assert "60 declarations scored" in result.stdout
    scores = pl.read_csv(tmp_path / "out.csv")
    assert scores.columns == load_contract("declaration_score").column_names
    assert set(scores["declaration_id"]) == set(SCORED["Declaration No."])
    assert scores["driver_1"].str.contains("HS Code 29|Importer ID importer|Country of Origin|Net Mass|Item Price").all()
    assert scores["inspection_ground"].drop_nulls().is_in(["random", "ranked"]).all()
    card = (tmp_path / "out.model_card.md").read_text(encoding="utf-8")
    assert "- columns with a record: Importer ID, HS Code, Country of Origin\n" in card
    items = pl.DataFrame(json.loads((tmp_path / "out.model_card.json").read_text(encoding="utf-8")))
    assert items.columns == load_contract("model_card").column_names
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".unfinished") or "set_aside" in path.name]


def test_parquet_gives_what_csv_gives(score, tmp_path: Path) -> None:
    assert score(out="out.parquet").exit_code == 0
    assert score(out="out.csv").exit_code == 0
    typed = pl.read_parquet(tmp_path / "out.parquet")
    assert typed.schema == load_contract("declaration_score").schema
    assert pl.read_csv(tmp_path / "out.csv")["fraud_probability"].to_list() == pytest.approx(typed["fraud_probability"].to_list())


def test_broken_rows_are_kept_aside_with_the_reason_and_the_others_are_scored(score, tmp_path: Path) -> None:
    changed = SCORED.with_columns(
        pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("12/31/24")).otherwise(pl.col("DATE").cast(pl.String)).alias("DATE"),
        pl.when(pl.int_range(pl.len()) == 4).then(-1.0).otherwise("Item Price").alias("Item Price"),
    )
    repeated = pl.concat([changed, changed[:1], changed[1:2].with_columns(pl.lit(5.0).alias("Item Price"))])
    result = score(scored=repeated)
    assert result.exit_code == 0, result.output
    kept = pl.read_csv(tmp_path / "out.score.set_aside.csv")
    assert dict(kept.select("row_number", "rule").iter_rows()) == {
        2: "key_is_unique",
        4: "DATE:type",
        5: "Item Price:minimum",
        61: "duplicate_row",
        62: "key_is_unique",
    }
    assert pl.read_csv(tmp_path / "out.csv").height == 57
    assert "5 rows are not used" in result.stderr


def test_outcomes_among_the_rows_to_score_are_not_read(score, tmp_path: Path) -> None:
    seen = []
    for outcome in (pl.col("Illicit"), 1 - pl.col("Illicit"), pl.lit("who knows")):
        assert score(scored=SCORED.with_columns(outcome.alias("Illicit"))).exit_code == 0
        seen.append((tmp_path / "out.csv").read_bytes())
    assert seen[0] == seen[1] == seen[2]


def test_lost_zeros_of_codes_are_put_back(score, tmp_path: Path) -> None:
    as_numbers = [rows.with_columns(("0" + pl.col("HS Code").str.tail(5)).cast(pl.Int64).alias("HS Code")) for rows in (LEARNT, SCORED)]
    result = score(*as_numbers)
    assert result.exit_code == 0, result.output
    assert "HS Code: 1,500 codes had lost a leading zero" in result.stderr
    assert read_declarations(tmp_path / "learn.csv", needs_outcome=True).rows["hs6_code"].str.contains("^09[0-9]{4}$").all()


@pytest.mark.parametrize(
    ("code", "read"),
    [
        ("2914.11", "291411"),
        ("29141100", "291411"),
        ("9012100", "090121"),
        ("90121", "090121"),
        ("90121.0", "090121"),
        ("291411 ", "291411"),
    ],
)
def test_codes_are_read_in_the_usual_forms(tmp_path: Path, code: str, read: str) -> None:
    (tmp_path / "in.csv").write_text(f"declaration_id,declaration_date,hs6_code\n1,2024-07-20,{code}\n", encoding="utf-8")
    assert read_declarations(tmp_path / "in.csv", needs_outcome=False).rows["hs6_code"].to_list() == [read]


@pytest.mark.parametrize("code", ["2914", "acetone", "291"])
def test_what_is_no_code_is_set_aside(tmp_path: Path, code: str) -> None:
    text = f"declaration_id,declaration_date,hs6_code\n1,2024-07-20,{code}\n2,2024-07-20,291411\n"
    (tmp_path / "in.csv").write_text(text, encoding="utf-8")
    assert read_declarations(tmp_path / "in.csv", needs_outcome=False).set_aside["rule"].to_list() == ["hs6_code:pattern"]


@pytest.mark.parametrize("day", ["2024-07-20", "20240720", "2024/07/20", "2024-07-20 13:45:00", "2024-07-20T00:00:00Z"])
def test_days_are_read_in_the_usual_forms(tmp_path: Path, day: str) -> None:
    (tmp_path / "in.csv").write_text(f"declaration_id,declaration_date,importer_id\n1,{day},a\n", encoding="utf-8")
    rows = read_declarations(tmp_path / "in.csv", needs_outcome=False).rows
    assert rows["declaration_date"].dt.to_string().to_list() == ["2024-07-20"]


@pytest.mark.parametrize(
    ("learnt", "scored", "told"),
    [
        (LEARNT.drop("DATE"), SCORED, "no column can be read as declaration_date (Day on which the goods were declared)"),
        (LEARNT.drop("Illicit"), SCORED, "no column can be read as is_fraud"),
        (LEARNT.select("Declaration No.", "DATE", "Illicit"), SCORED, "no column says anything about the goods or the companies"),
        (LEARNT.with_columns(DATE=pl.lit("soon")), SCORED, "none of its 1,500 rows can be used: DATE:type (1,500 rows)"),
        (LEARNT.with_columns(Illicit=pl.lit("maybe")), SCORED, "Illicit:type (1,500 rows)"),
        (LEARNT.with_columns(Illicit=pl.lit(0)), SCORED, "0 of the 1,500 rows of known outcome are 1, the others 0"),
        (LEARNT[:99], SCORED, "at least 50 of each are needed"),
        (LEARNT.clear(), SCORED, "a heading without a row"),
        (LEARNT, SCORED.clear(), "a heading without a row"),
        (LEARNT.with_columns(pl.col("HS Code").alias("hs6")), SCORED, "columns 'HS Code' and 'hs6' are both read as hs6_code"),
        (LEARNT.select("Declaration No.", "DATE", "Illicit", "HS Code"), SCORED.drop("HS Code"), "share no column about the goods"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_in_one_line(
    score, tmp_path: Path, learnt: pl.DataFrame, scored: pl.DataFrame, told: str
) -> None:
    result = score(learnt, scored)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("content", [b"", b"PAR1 but no more", b"\x00\x01\x02"])
def test_what_is_no_table_is_told_in_one_line(score, tmp_path: Path, content: bytes) -> None:
    score(LEARNT[:1])
    (tmp_path / "learn.csv").write_bytes(content)
    command = [
        "score-declarations",
        "--learn",
        str(tmp_path / "learn.csv"),
        "--score",
        str(tmp_path / "score.csv"),
        str(tmp_path / "out.csv"),
    ]
    result = CliRunner().invoke(main, command)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output


def test_a_missing_file_and_a_name_without_meaning_are_told(score, tmp_path: Path) -> None:
    assert "give it a name that ends so" in score(out="out.xls").stderr
    result = CliRunner().invoke(main, ["score-declarations", "--learn", "nowhere.csv", "--score", "nowhere.csv", str(tmp_path / "out.csv")])
    assert (result.exit_code, result.stderr) == (2, "tradeflow: nowhere.csv: no such file\n")


def test_columns_are_known_by_layout_contract_or_alias_whatever_their_case() -> None:
    spelled = spell_columns(Path("x"), ["hs6 code", "COUNTRY_OF_DEPARTURE", "broker", "net_weight_kg", "Critical Fraud", "sky"])
    assert spelled == {
        "declarant_id": "broker",
        "hs6_code": "hs6 code",
        "departure": "COUNTRY_OF_DEPARTURE",
        "net_weight_kg": "net_weight_kg",
    }


SHARED = Path(__file__).parents[3] / "shared" / "data" / "customs_declarations_labelled"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the labelled declarations are not beside the repository (../shared/data)")
def test_the_published_parts_are_ranked_as_well_as_we_say(tmp_path: Path) -> None:
    parts = [SHARED / f"df_syn_{name}_eng.csv" for name in ("train", "valid")]
    command = ["score-declarations", "--learn", str(parts[0]), "--score", str(parts[1]), str(tmp_path / "out.parquet")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    truth = pl.read_csv(parts[1], infer_schema=False).select(declaration_id="Declaration ID", outcome=pl.col("Fraud").cast(pl.Float64))
    joined = pl.read_parquet(tmp_path / "out.parquet").join(truth, on="declaration_id")
    figures = ranking_figures(joined["outcome"].to_numpy(), joined["fraud_probability"].to_numpy())
    assert joined.height == truth.height
    assert figures["AUC"] >= 0.89
    assert figures["precision at 1% inspected"] >= 0.98
    assert figures["precision at 5% inspected"] >= 0.97
    assert figures["precision at 10% inspected"] >= 0.90
