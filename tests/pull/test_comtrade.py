"""The real client over real HTTP on this machine: what it asks, what it keeps, what it asks again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pull.comtrade_server import Misbehaviour, make_release, make_row
from tests.pull.comtrade_world import ACETIC_ANHYDRIDE, ACETONE, World, by_identity, only, open_world
from tradeflow.exceptions import SettingsError
from tradeflow.pull.report import PullReport


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with open_world(tmp_path, monkeypatch) as world:
        yield world


# --- what is asked and kept ----------------------------------------------------------------------------------------------------


def test_every_row_is_kept_once_byte_for_byte(world: World) -> None:
    report = world.pull((ACETONE, ACETIC_ANHYDRIDE))
    assert report.problems == ()
    assert by_identity(world.rows()) == by_identity(world.server.rows)
    assert [snapshot.source for snapshot in report.new] == ["comtrade_availability", "comtrade", "comtrade"]
    part = world.kept()[0].parts[0]
    assert part.rows == 72
    assert part.size_bytes == world.kept()[0].part_paths[0].stat().st_size


def test_a_unit_is_one_reporter_with_its_periods_and_says_what_it_asked_for(world: World) -> None:
    world.pull()
    snapshot = next(each for each in world.kept() if each.scope["reporter_code"] == [276])
    assert snapshot.scope == {
        "reporter_code": [276],
        "period": [202401, 202402, 202403, 202404, 202405, 202406],
        "commodity_code": [ACETONE],
        "flow_code": ["M", "X"],
    }
    assert snapshot.layout == "source_comtrade_api"
    assert snapshot.query["path"] == "/data/v1/get/C/M/HS"
    assert snapshot.query["releases"]["202401"] == "30276202401 1 2024-06-01T00:00:00"


def test_the_count_is_asked_before_the_rows_and_the_breakdown_is_classic(world: World) -> None:
    world.pull(reporters=(276,))
    assert [request.kind for request in world.server.requests] == ["availability", "count", "data"]
    asked = world.server.asked("data")[0]
    assert asked.parameters == {
        "reporterCode": "276", "period": "202401,202402,202403,202404,202405,202406", "cmdCode": ACETONE, "flowCode": "M,X",
        "partner2Code": "0", "customsCode": "C00", "motCode": "0", "breakdownMode": "classic", "includeDesc": "false",
        "maxRecords": "100000",
    }  # fmt: skip
    assert asked.headers["user-agent"].startswith("tradeflow/")


def test_never_more_than_12_periods_a_call(world: World) -> None:
    world.server.releases = [make_release(276, year * 100 + month) for year in (2021, 2022, 2023) for month in range(1, 13)]
    world.pull(first_period=202101, last_period=202312)
    assert {len(request.parameters["period"].split(",")) for request in world.server.requests} == {12}


def test_annual_figures_are_asked_from_the_annual_endpoint(world: World) -> None:
    world.server.releases = [make_release(276, 2022)]
    world.server.rows = [make_row(276, 2022, "M", 156, ACETONE)]
    world.pull(frequency="A", first_period=2020, last_period=2023)
    assert world.server.asked("data")[0].path == "/data/v1/get/C/A/HS"
    assert world.server.asked("data")[0].parameters["period"] == "2022"


def test_an_empty_period_is_an_answer_and_is_not_asked_again(world: World) -> None:
    world.server.rows = []
    assert [snapshot.parts[0].rows for snapshot in world.pull(reporters=(276,)).new[1:]] == [0]
    assert world.pull(reporters=(276,)).unchanged == 6
    assert world.server.asked("data") == []


def test_a_new_field_and_another_case_of_names_are_kept_as_they_came(world: World) -> None:
    for row in world.server.rows:
        row["ISNETWGTESTIMATED"] = row.pop("isNetWgtEstimated")
        row["confidentialityFlag"] = 1
    assert world.pull().problems == ()
    assert world.rows()[0]["confidentialityFlag"] == 1


def test_names_of_another_case_are_understood(world: World) -> None:
    world.server.misbehaviours = [
        Misbehaviour(
            body=lambda body: body.replace(b'"count"', b'"Count"').replace(b'"reporterCode"', b'"ReporterCode"'), applies=lambda _: True
        )
    ]
    assert world.pull().problems == ()
    assert len(world.kept()) == 2


# --- what changed --------------------------------------------------------------------------------------------------------------


def test_a_second_pull_asks_only_what_is_released_and_writes_nothing(world: World) -> None:
    world.pull()
    files = sorted(world.lake.root.rglob("*"))
    report = world.pull()
    assert report == PullReport(new=(), unchanged=12)
    assert [request.kind for request in world.server.requests] == ["availability"]
    assert sorted(world.lake.root.rglob("*")) == files


@pytest.mark.parametrize("changed", [{"checksum": 2}, {"last_released": "2024-07-01T00:00:00"}])
def test_a_period_released_again_is_pulled_alone(world: World, changed: dict[str, Any]) -> None:
    world.pull()
    place = next(at for at, each in enumerate(world.server.releases) if (each["reporterCode"], each["period"]) == (484, 202403))
    world.server.releases[place] = make_release(484, 202403, **changed)
    report = world.pull()
    data = [snapshot for snapshot in report.new if snapshot.source == "comtrade"]
    assert [(snapshot.scope["reporter_code"], snapshot.scope["period"]) for snapshot in data] == [([484], [202403])]
    assert report.unchanged == 11
    assert world.pull().new == ()


def test_a_release_that_returns_to_earlier_rows_is_kept_as_the_newest(world: World) -> None:
    world.server.releases = [make_release(276, 202401, checksum=1)]
    world.pull()
    for checksum, weight in ((2, 5.0), (1, 1000.0)):
        world.server.releases = [make_release(276, 202401, checksum=checksum)]
        world.server.rows = [make_row(276, 202401, "M", 156, ACETONE, weight)]
        world.pull()
    newest = json.loads(world.kept()[-1].part_paths[0].read_bytes())
    assert newest["data"][0]["netWgt"] == 1000.0
    assert len(world.kept()) == 3


def test_a_commodity_added_later_is_pulled_alone(world: World) -> None:
    world.pull()
    report = world.pull((ACETONE, ACETIC_ANHYDRIDE))
    assert {tuple(snapshot.scope["commodity_code"]) for snapshot in report.new} == {(ACETIC_ANHYDRIDE,)}
    assert by_identity(world.rows()) == by_identity(world.server.rows)


def test_the_newest_periods_are_asked_first(world: World) -> None:
    world.server.releases = [make_release(276, period) for period in (*range(202201, 202213), *range(202301, 202303))]
    world.pull(first_period=202201, last_period=202312)
    assert [request.parameters["period"][:6] for request in world.server.asked("data")] == ["202301", "202201"]


def test_without_availability_named_cells_are_asked_and_the_same_rows_write_nothing(world: World) -> None:
    world.server.misbehaviours = [Misbehaviour(status=500, applies=only("availability"))]
    first = world.pull(reporters=(276,))
    second = world.pull(reporters=(276,))
    assert [len(snapshot.query["releases"]) for snapshot in first.new] == [6]
    assert "what is released for 202401-202406 is not known" in first.problems[0]
    assert (second.new, second.unchanged) == ((), 6)
    assert len(world.server.asked("data")) == 1


def test_without_availability_what_is_kept_as_released_is_not_asked_again(world: World) -> None:
    world.pull(reporters=(276,))
    world.server.misbehaviours = [Misbehaviour(status=500, applies=only("availability"))]
    assert world.pull(reporters=(276,)).unchanged == 6
    assert world.server.asked("count") == []


def test_without_availability_nothing_is_guessed(world: World) -> None:
    world.server.misbehaviours = [Misbehaviour(status=500, applies=only("availability"))]
    assert world.pull(reporters=(276,), last_period=None).new == ()
    assert world.server.asked("count") == []


def test_what_the_settings_do_not_name_is_not_pulled_even_where_the_service_lists_it(world: World) -> None:
    listed = json.dumps({"count": len(world.server.releases), "data": world.server.releases}).encode()
    world.server.misbehaviours = [Misbehaviour(body=lambda _: listed, applies=only("availability"))]
    world.pull(reporters=(276,), last_period=202402)
    assert [request.parameters["period"] for request in world.server.asked("data")] == ["202401,202402"]
    assert {request.parameters["reporterCode"] for request in world.server.asked("data")} == {"276"}


def test_two_datasets_of_one_period_are_one_release(world: World) -> None:
    both = [make_release(276, 202401), make_release(276, 202401) | {"datasetCode": 7, "classificationCode": "H5"}]
    world.server.releases = both
    world.pull()
    world.server.releases = both[::-1]
    assert world.pull().unchanged == 1
    both[1]["datasetChecksum"] = 8
    assert [snapshot.source for snapshot in world.pull().new] == ["comtrade_availability", "comtrade"]


def test_a_cut_availability_answer_is_asked_in_halves(world: World) -> None:
    world.server.releases = [make_release(reporter, period) for reporter in range(1, 251) for period in (202401, 202402)]
    world.server.rows = []
    world.pull(first_period=202401, last_period=202402, calls_per_day=5)
    assert [request.parameters["period"] for request in world.server.asked("availability")] == ["202401,202402", "202401", "202402"]


# --- settings that make no sense -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "commodities", "said"),
    [
        ({"first_period": 2020}, (ACETONE,), "needs YYYYMM"),
        ({"first_period": 202413}, (ACETONE,), "202413"),
        ({"frequency": "A", "first_period": 202001, "last_period": 2023}, (ACETONE,), "needs YYYY, as 2024"),
        ({"last_period": 202312}, (ACETONE,), "lies after"),
        ({}, ("2914.11",), "without points"),
        ({}, (), "nothing to ask for"),
        ({"flows": ()}, (ACETONE,), "nothing to ask for"),
        ({"flows": ("M&x=1",)}, (ACETONE,), "expected codes such as"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_any_call(
    world: World, changes: dict[str, Any], commodities: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        world.pull(commodities, **changes)
    assert world.server.requests == []


@pytest.mark.parametrize("key", ["", "abc\n", "abc\r\nX: y", "schlüssel", " abc"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(world: World, key: str) -> None:
    world.key = key
    with pytest.raises(SettingsError, match="TRADEFLOW_COMTRADE_KEY") as caught:
        world.pull()
    assert not key.strip() or key.strip() not in str(caught.value)


def test_a_key_is_never_sent_unencrypted(world: World) -> None:
    with pytest.raises(SettingsError, match="https:// only"):
        world.pull(url="http://comtrade.example")


def test_the_key_is_in_the_header_and_nowhere_else(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    world.server.misbehaviours = [
        Misbehaviour(status=400, body=lambda _: b'{"message": "key 0123456789abcdef is odd"}', applies=only("data", reporterCode="276"))
    ]
    report = world.pull()
    assert world.server.asked("data")[0].headers["ocp-apim-subscription-key"] == world.key
    written = [path.read_text() for path in world.lake.root.rglob("*") if path.is_file()]
    urls = [request.url for request in world.server.requests]
    assert any("[key] is odd" in problem for problem in report.problems)
    assert not [text for text in (*written, *urls, *world.lines, *report.problems, caplog.text) if str(world.key) in text]
    assert len(written) == 4
