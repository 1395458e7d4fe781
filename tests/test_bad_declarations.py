"""Declarations of every kind of trouble, in CSV files and workbooks: a line for each, a row in quarantine, the good rows kept."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.control_tables import write_rows
from tradeflow.lake import Lake, read_table
from tradeflow.settings import load_settings, read_only_input
from tradeflow.steps.handles import Conformed
from tradeflow.steps.ingest import conform_snapshots, pull_sources

NOW = datetime(2026, 2, 1, 6, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "reporter_code": "MEX", "flow_code": "M", "declaration_id": "A1", "item_number": 1, "declaration_date": "2024-03-05",
    "importer_name": "Velutra SA", "origin_code": "DEU", "national_code": "29141100", "description": "acetone", "net_weight_kg": 200.5,
}  # fmt: skip
OTHER = GOOD | {"declaration_id": "A2"}


@dataclass(frozen=True)
class Trouble:
    """Rows of which the last one or two are bad, and the rule that they break; in a workbook another where it reads cells differently."""

    rows: list[dict[str, Any]]
    rule: str
    refused: int = 1
    in_workbook: str = ""


TROUBLES = {
    "a zero lost behind the point": Trouble([GOOD, OTHER | {"national_code": "2914.1"}], "national_code:pattern"),
    "a code cut short": Trouble([GOOD, OTHER | {"national_code": "29"}], "national_code:pattern"),
    "a chapter that is not there": Trouble([GOOD, OTHER | {"national_code": "77011000"}], "hs6_code:pattern"),
    "a country that is not there": Trouble([GOOD, OTHER | {"origin_code": "Atlantis"}], "origin_code:known_code"),
    "a month that is not there": Trouble([GOOD, OTHER | {"declaration_date": "2024-13-05"}], "declaration_date:type"),
    "a day that may be two": Trouble([GOOD, OTHER | {"declaration_date": "05/03/2024"}], "declaration_date:type"),
    "a day to come": Trouble([GOOD, OTHER | {"declaration_date": "2062-03-05"}], "declared_in_its_time"),
    "no day": Trouble([GOOD, OTHER | {"declaration_date": ""}], "declaration_date:required"),
    "a number twice": Trouble([GOOD, OTHER, OTHER | {"net_weight_kg": 7}], "key_is_unique", refused=2),
    "a weight below nothing": Trouble([GOOD, OTHER | {"net_weight_kg": -7}], "net_weight_kg:minimum"),
    "a weight in words": Trouble([GOOD, OTHER | {"net_weight_kg": "7 drums"}], "net_weight_kg:type"),
    "a formula in a number": Trouble(
        [GOOD, OTHER | {"net_weight_kg": "=7*3"}], "net_weight_kg:type", in_workbook="unreadable: a formula in column net_weight_kg"
    ),
    "columns shifted": Trouble(
        [GOOD, OTHER | {"item_number": "2024-03-05", "declaration_date": "Velutra SA", "importer_name": "DEU", "origin_code": "29141100"}],
        "item_number:type;declaration_date:type;origin_code:known_code",
    ),
}  # fmt: skip


def ingest(folder: Path, lake: Lake) -> Conformed:
    pull_sources(read_only_input(load_settings(None), folder), lake, NOW)
    return conform_snapshots(lake)


@dataclass(frozen=True)
class Ingested:
    """What became of all troubles, each a file named by its place."""

    lines: dict[str, str]
    refused: pl.DataFrame
    conformed: pl.DataFrame


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    folder = tmp_path_factory.mktemp("bad-declarations")
    (folder / "given").mkdir()
    for place, trouble in enumerate(TROUBLES.values()):
        for form in ("csv", "xlsx"):
            write_rows(folder / "given" / f"{place}.{form}", trouble.rows)
    lake = Lake(folder / "lake")
    problems = ingest(folder / "given", lake).problems
    whose = read_table(lake, "snapshot").select("snapshot_id", "query_key").collect()
    refused, conformed = (read_table(lake, name).collect().join(whose, on="snapshot_id") for name in ("quarantine", "customs_declaration"))
    return Ingested({line.partition(": ")[0]: line for line in problems}, refused, conformed)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_has_its_line_and_costs_its_own_rows_only(ingested: Ingested, name: str, form: str) -> None:
    trouble = TROUBLES[name]
    file = f"{list(TROUBLES).index(name)}.{form}"
    rule = trouble.in_workbook if form == "xlsx" and trouble.in_workbook else trouble.rule

    assert all(f"{each} {trouble.refused}" in ingested.lines[file] for each in rule.split(";"))
    assert ingested.refused.filter(query_key=file)["rule"].to_list() == [rule] * trouble.refused
    assert ingested.conformed.filter(query_key=file).height == len(trouble.rows) - trouble.refused


def test_a_number_stands_in_several_countries_and_a_repeated_row_is_set_aside(tmp_path: Path) -> None:
    write_rows(tmp_path / "declared.csv", [GOOD, GOOD | {"reporter_code": "COL", "net_weight_kg": 9}, GOOD])
    lake = Lake(tmp_path / "lake")
    ingest(tmp_path / "declared.csv", lake)
    assert read_table(lake, "customs_declaration").sort("reporter_code").collect()["reporter_code"].to_list() == [170, 484]
    assert read_table(lake, "quarantine").collect()["rule"].to_list() == ["duplicate_row"]


def test_zeros_that_were_lost_in_front_are_put_back(tmp_path: Path) -> None:
    write_rows(tmp_path / "declared.xlsx", [GOOD | {"national_code": 4022100}])
    lake = Lake(tmp_path / "lake")
    assert ingest(tmp_path / "declared.xlsx", lake).problems == ()
    assert read_table(lake, "customs_declaration").select("national_code", "hs6_code").collect().rows() == [("04022100", "040221")]


def test_a_table_cut_by_another_separator_or_encoding_is_told(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    header, lines = ",".join(GOOD), [",".join(map(str, row.values())) for row in (GOOD, OTHER)]
    (given / "cp1252.csv").write_bytes("\n".join([header, lines[0].replace("Velutra", "Peñón"), lines[1]]).encode("cp1252"))
    (given / "stray.csv").write_bytes(
        "\n".join([header, lines[0], lines[1]]).encode().replace(b"A2", b"A3").replace(b"acetone", b"\x81", 1)
    )
    (given / "wider.csv").write_text("\n".join([header, lines[0].replace("A1", "A4"), f"{lines[1]},spilt".replace("A2", "A5")]))
    lake = Lake(tmp_path / "lake")

    told = {line.split(": ")[0]: line for line in ingest(given, lake).problems}

    assert "they were read as cp1252" in told["cp1252.csv"]
    assert "unreadable: bytes that the declared encodings cannot read 1" in told["stray.csv"]
    assert "unreadable: 11 cells, where the header has 10 1" in told["wider.csv"]
    kept = read_table(lake, "customs_declaration").select("declaration_id", "importer_name").sort("declaration_id").collect()
    assert kept.rows() == [("A1", "Peñón SA"), ("A2", "Velutra SA"), ("A3", "Velutra SA"), ("A4", "Velutra SA")]
    assert read_table(lake, "quarantine").select(pl.len()).collect().item() == 2
