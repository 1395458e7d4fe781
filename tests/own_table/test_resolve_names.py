"""`tradeflow resolve-names`: anyone's names in, one id per company out; nothing passes in silence."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from tradeflow.cli import main
from tradeflow.contract import load_contract

ROWS = """Name;Country;tax_number;remark
Qarona Quimica S.A. de C.V.;Mexico;QAR010203AB1;a
QARONA QUIM.;MX;qar010203ab1;b
;MEX;;c
Belqisu;MEX;;d
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    def run(given: str, *options: str, out: str = "out.csv") -> Result:
        (tmp_path / "in.csv").write_text(given, encoding="utf-8")
        return CliRunner().invoke(main, ["resolve-names", str(tmp_path / "in.csv"), str(tmp_path / out), *options])

    return run


@pytest.mark.parametrize("out", ["out.csv", "out.parquet"])
def test_rows_keep_their_order_and_columns_and_gain_an_id(run: Callable[..., Result], tmp_path: Path, out: str) -> None:
    result = run(ROWS, out=out)
    assert result.exit_code == 0, result.output
    assert "4 rows, 2 companies" in result.stdout
    assert "1 rows name nobody" in result.stderr
    read = pl.read_csv if out.endswith("csv") else pl.read_parquet
    rows = read(tmp_path / out)
    assert rows.columns == ["Name", "Country", "tax_number", "remark", "party_id", "entity_id", "entity_name"]
    assert rows["remark"].to_list() == list("abcd")
    ids = rows["entity_id"].to_list()
    assert ids[0] == ids[1] != ids[3]
    assert ids[2] is None
    for ending, table in (("links", "entity_link"), ("names", "entity_name"), ("entities", "entity")):
        assert read(tmp_path / out.replace("out", f"out.{ending}")).columns == load_contract(table).column_names


def test_a_later_run_keeps_ids_and_follows_decisions(run: Callable[..., Result], tmp_path: Path) -> None:
    assert run(ROWS).exit_code == 0
    first = pl.read_csv(tmp_path / "out.csv")
    one, other = first["party_id"][0], first["party_id"][1]
    (tmp_path / "told.csv").write_text(
        "left_party_id,right_party_id,decision,decided_by,decided_on,decision_reason\n"
        f"{one},{other},different,an analyst,2026-02-01,two firms share a number\n"
    )
    more = ROWS + "Qarona Quimica;MEX;QAR010203AB1;e\n"
    kept = run(more, "--previous", str(tmp_path / "out.csv"), out="later.csv")
    assert kept.exit_code == 0, kept.output
    later = pl.read_csv(tmp_path / "later.csv")
    assert later["entity_id"].head(4).to_list() == first["entity_id"].to_list()
    assert later["entity_id"][4] == first["entity_id"][0]
    parted = run(more, "--previous", str(tmp_path / "later.csv"), "--decisions", str(tmp_path / "told.csv"), out="parted.csv")
    assert parted.exit_code == 0, parted.output
    ids = pl.read_csv(tmp_path / "parted.csv")["entity_id"].to_list()
    assert ids[0] != ids[1]


def test_a_cell_that_a_spreadsheet_would_run_loses_its_power(run: Callable[..., Result], tmp_path: Path) -> None:
    assert run('name\n"=HYPERLINK(1)"\n').exit_code == 0
    assert pl.read_csv(tmp_path / "out.csv")["entity_name"].to_list() == ["'=HYPERLINK(1)"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("company\nQarona\n", "no column name; found company"),
        ("name,party_name\nQarona,Qarona\n", "are both read as party_name"),
        ('name\n""\n', "no row names a company"),
        ("", "empty"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(run: Callable[..., Result], given: str, says: str) -> None:
    result = run(given)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("decisions", "says"),
    [
        ("left_party_id,right_party_id\nP1,P2\n", "no column decision"),
        ("left_party_id,right_party_id,decision,decided_by,decided_on,decision_reason\nP1,P2,maybe,me,2026-01-01,so\n", "row 1: decision"),
        (None, "no such file"),
    ],
)
def test_decisions_that_cannot_be_read_are_one_line(run: Callable[..., Result], tmp_path: Path, decisions: str | None, says: str) -> None:
    path = tmp_path / "told.csv"
    if decisions is not None:
        path.write_text(decisions)
    result = run(ROWS, "--decisions", str(path))
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_decision_on_unknown_names_and_a_strange_role_are_told(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "told.csv").write_text(
        "left_party_id,right_party_id,decision,decided_by,decided_on,decision_reason\nP1,P2,same,me,2026-01-01,so\n"
    )
    result = run("name,role\nQarona,importer\nQarona,cook\n", "--decisions", str(tmp_path / "told.csv"))
    assert result.exit_code == 0
    assert "1 decisions name a party that is in no table" in result.stderr
    assert "roles that are not counted: cook" in result.stderr
