"""The command line as a person meets it: what it prints, where, and with which exit code."""

import csv
import gzip
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.small_world import FinishedRun
from tradeflow.cli import main
from tradeflow.lake import Lake, find_snapshot, read_table
from tradeflow.telling.names import name_area

COMMANDS = sorted(main.commands)
HEAVY = ("polars", "pandas", "prefect", "great_expectations", "sklearn", "scipy", "sqlalchemy", "deltalake", "altair")
LEGACY_HEADER = "period,trade_flow_code,trade_flow,reporter,partner,commodity_code,commodity,net_weight_kg,trade_value_usd"
GOOD = "201501,1,Imports,Germany,Chile,282760,Iodides,5400,151000"
TROUBLE = {
    "net_weight_kg:minimum": GOOD.replace("5400", "-5400").replace("201501", "201502"),
    "reporter:known_code": GOOD.replace("Germany", "Atlantis"),
    "period_exists": GOOD.replace("201501", "201513"),
}


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], catch_exceptions=False)


def one_line(result: Result) -> str:
    """The line in which a mistake is told: it stands alone, and the exit code is 2."""
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1), result.stderr
    return result.stderr.strip()


def as_json(lake: Lake, *options: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(call("signals", "--format", "json", "--lake", lake.root, *options).stdout)
    return found


@pytest.fixture(scope="module")
def lake(finished: FinishedRun) -> Lake:
    return finished.lake


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str) -> None:
    shown = call(command, "--help")
    assert shown.exit_code == 0
    options = [parameter for parameter in main.commands[command].params if parameter.param_type_name == "option"]
    assert all(getattr(option, "help", None) for option in options)
    assert re.search(rf"^  {command} +[A-Z][^\n]*\.$", call("--help").stdout, re.MULTILINE), "the first sentence fits the list of commands"


def test_help_answers_at_once_and_imports_nothing_heavy() -> None:
    imported = f"[name for name in {HEAVY} if name in sys.modules]"
    script = f"import sys; from tradeflow.cli import main; main(['--help'], standalone_mode=False); print({imported})"
    begun = time.perf_counter()
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"
    assert time.perf_counter() - begun < 1


def test_a_run_prints_its_findings_and_tells_its_progress_apart(finished: FinishedRun) -> None:
    lines = finished.stdout.splitlines()
    assert lines[0].split() == [
        "#",
        "score",
        "what",
        "importer",
        "<",
        "exporter",
        "HS",
        "commodity",
        "period",
        "observed",
        "expected",
        "q",
        "id",
    ]
    assert re.match(r" ?1 ", lines[1])
    counts = re.search(r"([\d,]+) rows in = ([\d,]+) conformed \+ ([\d,]+) in quarantine \+ ([\d,]+) set aside", finished.stdout)
    assert counts is not None
    rows_in, *parts = (int(each.replace(",", "")) for each in counts.groups())
    assert rows_in == sum(parts) > 9000
    report = Path(lines[-1].removeprefix("Report: "))
    assert report.is_file()
    assert report.is_relative_to(finished.lake.root)
    progress = finished.stderr.splitlines()
    assert progress
    assert [line for line in progress if not re.match(r"\d\d:\d\d:\d\d [a-z]", line)] == []


def test_a_quiet_run_says_only_where_the_report_is(finished: FinishedRun, answers: Path) -> None:
    quiet = call("run", "--quiet", "--input", answers, "--lake", finished.lake.root)
    assert (quiet.exit_code, quiet.stderr) == (0, "")
    assert re.fullmatch(r"Nothing has changed since this release was made\.\nReport: \S+\n", quiet.stdout)


def test_signals_come_strongest_first_and_as_many_as_asked(lake: Lake) -> None:
    found = as_json(lake, "--limit", 7)
    assert [each["lead_rank"] for each in found] == [1, 2, 3, 4, 5, 6, 7]
    assert len(as_json(lake)) == min(50, read_table(lake, "signal").collect().height)


@pytest.mark.parametrize(
    ("option", "column", "ask"),
    [
        ("--rule", "rule", str),
        ("--commodity", "commodity_code", lambda code: f"{code[:4]}.{code[4:]}"),
        ("--commodity", "commodity_code", lambda code: code[:4]),
        ("--importer", "importer_code", str),
        ("--importer", "importer_code", name_area),
    ],
)
def test_a_filter_leaves_what_fits_and_all_of_it(lake: Lake, option: str, column: str, ask: Callable[[Any], str]) -> None:
    whole = as_json(lake, "--limit", 5000)
    asked = ask(whole[0][column])
    begins = str(whole[0][column])[:4] if column == "commodity_code" and len(asked) == 4 else str(whole[0][column])
    fitting = [each["signal_id"] for each in whole if str(each[column]).startswith(begins)]
    assert [each["signal_id"] for each in as_json(lake, "--limit", 5000, option, asked)] == fitting
    assert 0 < len(fitting) < len(whole)


def test_min_score_is_held_against_the_score_that_is_shown(lake: Lake) -> None:
    whole = as_json(lake, "--limit", 5000)
    score = whole[len(whole) // 2]["lead_score"]
    chosen = as_json(lake, "--limit", 5000, "--min-score", score)
    assert [each["signal_id"] for each in chosen] == [each["signal_id"] for each in whole if each["lead_score"] >= score]
    assert 0 < len(chosen) < len(whole)


def test_csv_and_json_hold_the_same(lake: Lake) -> None:
    rows = list(csv.DictReader(io.StringIO(call("signals", "--format", "csv", "--lake", lake.root).stdout)))
    found = as_json(lake)
    assert [row["signal_id"] for row in rows] == [each["signal_id"] for each in found]
    assert [row["signal_reason"] for row in rows] == [each["signal_reason"] for each in found]
    assert [float(row["observed_kg"]) for row in rows if row["observed_kg"]] == [
        each["observed_kg"] for each in found if each["observed_kg"] is not None
    ]


def test_no_signal_is_told_in_every_format(lake: Lake) -> None:
    nothing = ("signals", "--min-score", 100, "--lake", lake.root)
    assert call(*nothing).stdout == "no signal fits; leave out an option to see more\n"
    assert json.loads(call(*nothing, "--format", "json").stdout) == []
    assert call(*nothing, "--format", "csv").stdout.startswith("signal_id,")


@pytest.mark.parametrize("width", [80, 100, 130, 160, 240])
def test_the_table_fits_the_terminal(lake: Lake, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("tradeflow.listing._is_terminal", lambda: True)
    lines = call("signals", "--lake", lake.root).stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) == 1 + len(as_json(lake))
    assert lines[0].split()[-1] == "id"
    assert [line.split()[-1] for line in lines[1:]] == [each["signal_id"][:8] for each in as_json(lake)]


def test_the_table_is_whole_where_no_terminal_is(lake: Lake) -> None:
    shown = call("signals", "--lake", lake.root).stdout
    assert "…" not in shown
    assert " < " in shown


def test_explain_walks_back_to_the_row_in_the_sources_own_file(lake: Lake, answers: Path) -> None:
    walked = 0
    for lead in as_json(lake, "--limit", 8):
        told = call("explain", lead["signal_id"][:8], "--lake", lake.root)
        assert told.exit_code == 0
        assert lead["signal_reason"] in told.stdout
        assert "What drove it:" in told.stdout
        for row_number, snapshot_id, folder, shown in re.findall(
            r"row (\d+) of snapshot ([0-9a-f]+), .*\n +(\S+)\n +(\{.*\})", told.stdout
        ):
            part = Path(folder) / find_snapshot(lake, snapshot_id).parts[0].name
            sent = (answers / part.name).read_bytes()
            record = json.loads(gzip.decompress(sent))["data"][int(row_number) - 1]
            assert part.read_bytes() == sent
            assert json.loads(shown) == {name: value for name, value in record.items() if value is not None}
            assert list(json.loads(shown)) == [name for name in record if record[name] is not None]
            # A lead of moved trade rests on its other leg's rows as well.
            assert record["cmdCode"] in (lead["commodity_code"], lead["related_commodity_code"])
            areas = {lead["importer_code"], lead["exporter_code"], lead["related_area_code"]}
            assert areas & {record["reporterCode"], record["partnerCode"]}
            walked += 1
    assert walked >= 8


def test_an_unknown_signal_is_one_line_with_near_ids(lake: Lake) -> None:
    known = as_json(lake, "--limit", 1)[0]["signal_id"]
    wrong = known[:8] + "z"
    assert one_line(call("explain", wrong, "--lake", lake.root)) == (
        f"tradeflow: no signal '{wrong}' in the release that is served; near it are {known}"
    )
    assert one_line(call("explain", "zzz", "--lake", lake.root)).endswith("`tradeflow signals` lists them")


def test_status_tells_runs_sources_and_coverage(finished: FinishedRun) -> None:
    told = call("status", "--lake", finished.lake.root).stdout
    rows = read_table(finished.lake, "trade_flow").collect()
    assert re.search(r"completed: new release \S+, 13 new answers, \d+ flagged leads, \d+ s", told)
    reporters = rows["reporter_code"].n_unique()
    assert reporters > 20
    assert re.search(rf"comtrade: newest period 2024-12, {reporters} reporters, 13 answers, the last on 2025-02-20 \(\d+ days ago\)", told)
    assert f"{rows.height:,} rows = {rows.height:,} conformed + 0 in quarantine + 0 set aside" in told
    assert re.search(rf"Importers that have reported:\n(  2024-\d\d: \d+ of {reporters}\n){{6}}", told)


def test_status_tells_a_run_that_failed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    call("run", "--input", tmp_path / "in", "--lake", tmp_path / "lake")
    told = call("status", "--lake", tmp_path / "lake").stdout
    assert f"failed: {tmp_path / 'in'}: no data file in this folder" in told
    assert "No source has been read yet" in told


def test_status_of_an_empty_lake_is_no_mistake(tmp_path: Path) -> None:
    told = call("status", "--lake", tmp_path)
    assert told.exit_code == 0
    assert "No run yet." in told.stdout
    assert list(tmp_path.iterdir()) == []


def test_quarantine_tells_each_rule_with_its_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\n".join([LEGACY_HEADER, GOOD, *TROUBLE.values(), GOOD]) + "\n")
    call("run", "--quiet", "--input", tmp_path / "a.csv", "--lake", tmp_path / "lake")
    told = call("quarantine", "--lake", tmp_path / "lake").stdout
    assert told.startswith("source_comtrade_legacy, source files: 3 rows\n")
    for row, rule in enumerate(TROUBLE, start=2):
        assert re.search(rf"^  {rule}: 1 row\n    row {row} of snapshot [0-9a-f]{{16}}: ", told, re.MULTILINE)
    only = call("quarantine", "--rule", "period_exists", "--rows", 0, "--lake", tmp_path / "lake").stdout
    assert only.splitlines()[1:] == ["  period_exists: 1 row"]
    rows = list(csv.DictReader(io.StringIO(call("quarantine", "--csv", "--lake", tmp_path / "lake").stdout)))
    assert [row["row_number"] for row in rows] == ["2", "3", "4"]
    assert call("quarantine", "--set-aside", "--lake", tmp_path / "lake").stdout.startswith("source_comtrade_legacy, source files: 1 row\n")
    assert call("quarantine", "--rule", "none_such", "--lake", tmp_path / "lake").stdout == "no row fits\n"


def test_quarantine_of_an_empty_lake_is_one_line(tmp_path: Path) -> None:
    assert "no source has been read" in one_line(call("quarantine", "--lake", tmp_path))


def test_the_lake_is_named_by_the_environment_too(finished: FinishedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEFLOW_LAKE", str(finished.lake.root))
    assert call("status").stdout.startswith(f"Lake {finished.lake.root}\n")


def test_a_valid_file_has_exit_code_0(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f"{LEGACY_HEADER}\n{GOOD}\n")
    result = call("validate", file, "--contract", "source_comtrade_legacy")
    assert (result.exit_code, result.stdout) == (0, f"{file}: 1 row kept by source_comtrade_legacy, 0 broken, 0 set aside\n")


def test_a_broken_file_has_exit_code_1_and_shows_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("\n".join([LEGACY_HEADER, GOOD, *TROUBLE.values(), GOOD]) + "\n")
    result = call("validate", file, "--contract", "source_comtrade_legacy")
    assert result.exit_code == 1
    assert f"{file}: 1 row kept by source_comtrade_legacy, 3 broken, 1 set aside\n" in result.stdout
    for row, rule in enumerate(TROUBLE, start=2):
        assert re.search(rf"^  {rule}: 1 row\n    row {row}: ", result.stdout, re.MULTILINE)
    assert 'net_weight_kg = "-5400" in {' in result.stdout


def test_repeats_alone_break_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("\n".join([LEGACY_HEADER, GOOD, GOOD]) + "\n")
    assert call("validate", file, "--contract", "source_comtrade_legacy").exit_code == 0


def test_what_cannot_be_validated_is_one_line(tmp_path: Path) -> None:
    legacy = ("--contract", "source_comtrade_legacy")
    assert one_line(call("validate", tmp_path / "none.csv", *legacy)) == f"tradeflow: {tmp_path / 'none.csv'}: no such file; check the path"
    assert "a folder, where one file was expected" in one_line(call("validate", tmp_path, *legacy))
    assert "no contract named 'nosuch'; known are" in one_line(call("validate", tmp_path, "--contract", "nosuch"))


def test_a_sample_leaves_a_foreign_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    told = one_line(call("sample", "--out", tmp_path, "--size", 10_000))
    assert told == f"tradeflow: {tmp_path} holds files that are not a simulated world; give a new or empty folder"
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nosuch",), "tradeflow: No such command 'nosuch'. See `tradeflow --help`."),
        (("run", "--as-of", "2020-13-01"), "tradeflow run: Invalid value for '--as-of'"),
        (("run", "--config", "/nowhere.toml"), "tradeflow: no settings file /nowhere.toml"),
        (("run", "extra"), "tradeflow run: Got unexpected extra argument (extra)"),
        (("sample",), "tradeflow sample: Missing option '--out'"),
        (("sample", "--out", "x", "--size", "9"), "tradeflow sample: Invalid value for '--size': 9 is not in the range"),
        (("validate",), "tradeflow validate: Missing argument 'FILE'"),
        (("signals", "--format", "xml"), "tradeflow signals: Invalid value for '--format'"),
        (("signals", "--limit", "0"), "tradeflow signals: Invalid value for '--limit'"),
        (("signals", "--min-score", "101"), "tradeflow signals: Invalid value for '--min-score'"),
        (("signals", "--nosuch"), "tradeflow signals: No such option '--nosuch'"),
        (("signals", "--lake", "/nowhere"), "tradeflow: no release is served yet: there is no /nowhere/7_release/serving.sqlite"),
        (("explain",), "tradeflow explain: Missing argument 'SIGNAL_ID'"),
    ],
)
def test_a_wrong_option_is_one_line(arguments: tuple[str, ...], says: str) -> None:
    assert one_line(call(*arguments)).startswith(says)


@pytest.mark.parametrize(
    ("option", "value", "says"), [("--rule", "nosuch", "known are excess_import"), ("--importer", "Mexiko", "did you mean Mexico?")]
)
def test_a_wrong_name_is_one_line(lake: Lake, option: str, value: str, says: str) -> None:
    assert says in one_line(call("signals", option, value, "--lake", lake.root))


def test_settings_that_make_no_sense_are_one_line(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('[model]\nscored_periods = 0\nnosuch = 1\n[[sources]]\nkind = "files"\n')
    told = one_line(call("run", "--config", settings))
    assert "model.scored_periods: " in told
    assert "model.nosuch: " in told
    assert "path: Field required" in told


def test_nothing_to_work_on_is_one_line(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("")
    told = one_line(call("run", "--config", settings, "--lake", tmp_path / "lake"))
    assert told == "tradeflow: there is nothing to work on: name a folder with --input or a source in the settings file"


def test_a_reader_that_has_seen_enough_is_no_error(lake: Lake) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [
        sys.executable,
        "-c",
        "from tradeflow.cli import main; main()",
        "signals",
        "--format",
        "json",
        "--limit",
        "5000",
        "--lake",
        str(lake.root),
    ]
    with os.fdopen(write, "wb") as closed:
        run = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert "tradeflow:" not in run.stderr
    assert "Traceback" not in run.stderr
