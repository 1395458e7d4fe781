"""Files of every kind of trouble beside good ones, from the folder to the release: a line for each, good rows kept, no row lost."""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from tests.small_world import FinishedRun, run_command
from tradeflow.lake import read_table

HEADER = "period,trade_flow_code,trade_flow,reporter,partner,commodity_code,commodity,net_weight_kg,trade_value_usd"


def row(period: object, reporter: str = "Germany", code: str = "282760", kg: object = 5400, usd: object = 151000) -> str:
    return f"{period},1,Imports,{reporter},Chile,{code},Iodides,{kg},{usd}"


def text(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def many_rows() -> bytes:
    """Rows that gzip can hardly shrink, so that half of the file holds many whole ones."""
    return text(*(row(201801 + number % 12, code=f"{280000 + number}", usd=number * 7919 % 100_003) for number in range(2000))).encode()


@dataclass(frozen=True)
class Trouble:
    """A file, the words of its line, rows conformed, the rule of each row in quarantine, and of each that is set aside."""

    content: str | bytes
    says: str
    conformed: int
    quarantined: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()


CUT = gzip.compress(many_rows(), mtime=0)
TROUBLES = {
    "missing_column.csv": Trouble(
        text("201601,1,Imports,Germany,Peru,282760,151000", header=HEADER.replace("commodity,net_weight_kg,", "")),
        "columns missing at the source: commodity, net_weight_kg", 1,
    ),
    "missing_needed_column.csv": Trouble(
        text("201601,1,Imports,Germany,282760,5,151000", header=HEADER.replace("partner,", "").replace("commodity,", "")),
        "columns missing at the source: partner, commodity; rows in quarantine by rule: partner:required 1", 0, ("partner:required",),
    ),
    "new_column.csv": Trouble(text(row(201602) + ",glad", header=f"{HEADER},mood"), "new columns at the source, not read: mood", 1),
    "wrong_types.csv": Trouble(
        text(row(201603, kg="heavy"), row("Mai 2016"), row(201604)),
        "rows in quarantine by rule: net_weight_kg:type 1, period:type 1", 1, ("net_weight_kg:type", "period:type"),
    ),
    "latin_1.csv": Trouble(
        text(row(201605, reporter="Côte d'Ivoire"), row(201606)).encode("latin-1"),
        "lines that are not utf-8: 1, the first is line 2", 1, ("unreadable: bytes that the declared encodings cannot read",),
    ),
    "cut.csv.gz": Trouble(
        CUT[: len(CUT) // 2], "the gzip file is cut short after ", -1, ("unreadable: the file is cut short in this row",)
    ),
    "repeated.csv": Trouble(text(row(201608), row(201608)), "rows set aside by rule: duplicate_row 1", 1, set_aside=("duplicate_row",)),
    "contradicting.csv": Trouble(
        text(row(201609), row(201609, usd=9), row(201610)),
        "rows in quarantine by rule: key_is_unique 2", 1, ("key_is_unique",) * 2,
    ),
    "unknown_codes.csv": Trouble(
        text(row(201611, reporter="Atlantis"), row(201611, code="ABCDEF"), row(201611)),
        "rows in quarantine by rule: commodity_code:pattern 1, reporter:known_code 1", 1, ("commodity_code:pattern", "reporter:known_code"),
    ),
    "negative.csv": Trouble(
        text(row(201612, kg=-5), row(201701, usd=-1), row(201702)),
        "rows in quarantine by rule: net_weight_kg:minimum 1, trade_value_usd:minimum 1",
        1, ("net_weight_kg:minimum", "trade_value_usd:minimum"),
    ),
    "impossible_period.csv": Trouble(
        text(row(201713), row(201700), row(190001), row(201703)),
        "rows in quarantine by rule: period_exists 3", 1, ("period_exists",) * 3,
    ),
    "group_of_reporters.csv": Trouble(
        text(row(201704, reporter="EU-28"), row(201704)), "rows set aside by rule: reporter_group 1", 1, set_aside=("reporter_group",)
    ),
}  # fmt: skip
UNREADABLE = {
    "page.csv": "a web page or XML ('Sign in'), not data",
    "empty.csv": "empty: not one line of text",
    "notes.csv": "fit no declared layout",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    folder = tmp_path_factory.mktemp("bad-input")
    given = folder / "given"
    given.mkdir()
    (given / "good.csv").write_text(text(*(row(201500 + month) for month in range(1, 13))))
    for name, trouble in TROUBLES.items():
        (given / name).write_bytes(trouble.content if isinstance(trouble.content, bytes) else trouble.content.encode())
    (given / "page.csv").write_text("<html><title>Sign in</title></html>")
    (given / "empty.csv").write_text("")
    (given / "notes.csv").write_text("case_id,note\n1,x\n")
    return run_command(given, folder / "lake")


@pytest.fixture(scope="module")
def counts(run: FinishedRun) -> dict[str, dict[str, int]]:
    snapshots = read_table(run.lake, "snapshot").collect()
    return {each["query_key"]: each for each in snapshots.iter_rows(named=True)}


def rules_of(run: FinishedRun, snapshot_id: object, *, is_set_aside: bool) -> list[str]:
    found = read_table(run.lake, "quarantine").filter(snapshot_id=snapshot_id, is_set_aside=is_set_aside).collect()
    return sorted(found["rule"])


def test_the_run_is_not_lost(run: FinishedRun) -> None:
    assert run.exit_code == 0
    assert Path(run.stdout.splitlines()[-1].removeprefix("Report: ")).is_file()


def test_good_rows_of_good_files_are_kept(run: FinishedRun, counts: dict[str, dict[str, int]]) -> None:
    assert (counts["good.csv"]["row_count"], counts["good.csv"]["conformed_count"]) == (12, 12)
    assert "good.csv" not in run.stderr


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_has_its_line_and_costs_its_own_rows_only(run: FinishedRun, counts: dict[str, dict[str, int]], name: str) -> None:
    trouble, counted = TROUBLES[name], counts[name]
    lines = [line for line in run.stderr.splitlines() if line.startswith(f"note: {name}: ")]
    assert len(lines) == 1, run.stderr
    assert trouble.says in lines[0]
    assert lines[0].count(name) == 1
    assert rules_of(run, counted["snapshot_id"], is_set_aside=False) == sorted(trouble.quarantined)
    assert rules_of(run, counted["snapshot_id"], is_set_aside=True) == sorted(trouble.set_aside)
    kept = read_table(run.lake, "trade_flow").filter(snapshot_id=counted["snapshot_id"]).collect().height
    assert kept == counted["conformed_count"]
    if trouble.conformed >= 0:
        assert kept == trouble.conformed
    assert counted["row_count"] == kept + len(trouble.quarantined) + len(trouble.set_aside)


def test_a_cut_file_gives_its_whole_rows(run: FinishedRun, counts: dict[str, dict[str, int]]) -> None:
    kept = read_table(run.lake, "trade_flow").filter(snapshot_id=counts["cut.csv.gz"]["snapshot_id"]).sort("row_number").collect()
    expected = many_rows().decode().splitlines()[1 : kept.height + 1]
    assert 500 < kept.height < 2000
    assert kept["commodity_code"].to_list() == [line.split(",")[5] for line in expected]
    assert kept["primary_value_usd"].to_list() == [float(line.split(",")[-1]) for line in expected]
    assert f"cut short after {kept.height:,} whole rows" in run.stderr


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_data_at_all_has_its_line(run: FinishedRun, counts: dict[str, dict[str, int]], name: str) -> None:
    lines = [line for line in run.stderr.splitlines() if name in line]
    assert len(lines) == 1
    assert UNREADABLE[name] in lines[0]
    assert name not in counts


def test_no_row_is_lost(run: FinishedRun) -> None:
    shown = re.search(r"([\d,]+) rows in = ([\d,]+) conformed \+ ([\d,]+) in quarantine \+ ([\d,]+) set aside", run.stdout)
    assert shown is not None
    rows_in, conformed, quarantined, set_aside = (int(each.replace(",", "")) for each in shown.groups())
    in_files = sum(len(each.quarantined) + len(each.set_aside) + max(each.conformed, 0) for each in TROUBLES.values()) + 12
    cut = read_table(run.lake, "snapshot").filter(query_key="cut.csv.gz").collect()["conformed_count"].item()
    assert rows_in == conformed + quarantined + set_aside == in_files + cut
    assert quarantined == read_table(run.lake, "quarantine").filter(~pl.col("is_set_aside")).collect().height


def test_a_row_in_quarantine_shows_what_the_source_sent(run: FinishedRun) -> None:
    refused = read_table(run.lake, "quarantine").filter(rule="net_weight_kg:type").collect()
    assert refused["raw_row"].str.json_path_match("$.net_weight_kg").to_list() == ["heavy"]
    assert refused["row_number"].to_list() == [1]
