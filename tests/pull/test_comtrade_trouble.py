"""Trouble on the way: what may pass is tried again, what will not is said, and nothing that is not data is ever kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pull.comtrade_server import Misbehaviour
from tests.pull.comtrade_world import World, by_identity, only, open_world
from tradeflow.exceptions import SourceError
from tradeflow.pull.comtrade_answer import read_answer

HTML = b"<!DOCTYPE html><html><body>We are down for maintenance</body></html>"
FIRST_REPORTER = only("data", reporterCode="276")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with open_world(tmp_path, monkeypatch) as world:
        yield world


def drop_a_row(body: bytes) -> bytes:
    document = json.loads(body)
    return json.dumps(document | {"data": document["data"][1:]}).encode()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda _: HTML, "not JSON"),
        (lambda body: body[:-200], "not JSON"),
        (lambda _: b"", "not JSON"),
        (lambda _: b"\xff\xfe", "not JSON"),
        (lambda _: b"[]", "not an object"),
        (lambda _: b'{"elapsedTime": "0.1 secs", "count": 0, "data": null, "error": "Invalid period"}', "error: Invalid period"),
        (lambda _: b'{"errorObject": {"errorMessage": "Too many periods"}, "count": 0, "data": []}', "error: Too many periods"),
        (lambda _: b'{"statusCode": 404, "message": "Resource not found"}', "error: Resource not found"),
        (lambda _: b'{"count": 0}', "no list of rows"),
        (lambda _: b'{"count": 1, "data": ["x"]}', "no list of rows"),
        (lambda _: b'{"count": "many", "data": []}', "states count 'many'"),
        (drop_a_row, "states count 18 and holds 17 rows"),
        (lambda body: body.replace(b'"reporterCode":276', b'"reporterCode":32'), "reporterCode '32', which was not asked for"),
        (lambda body: body.replace(b'"period":"202401"', b'"period":"2024"'), "period '2024', which was not asked for"),
    ],
)
def test_what_is_not_data_is_never_kept_and_the_rest_is_pulled(world: World, spoil: Callable[[bytes], bytes], said: str) -> None:
    world.server.misbehaviours = [Misbehaviour(body=spoil, applies=FIRST_REPORTER)]
    report = world.pull(flows=("M",))
    assert len(report.problems) == 1
    assert report.problems[0].startswith("UN Comtrade: reporter 276, 202401-202406, 291411, flow M: ")
    assert said in report.problems[0]
    assert [snapshot.scope["reporter_code"] for snapshot in world.kept()] == [[484]]
    world.server.misbehaviours = []
    assert [snapshot.scope["reporter_code"] for snapshot in world.pull(flows=("M",)).new] == [[276]]


@pytest.mark.parametrize("spoil", [lambda _: HTML, lambda _: b'{"data": []}', lambda _: b'{"count": 0, "error": "no"}'])
def test_a_count_that_is_none_is_a_problem_of_its_query(world: World, spoil: Callable[[bytes], bytes]) -> None:
    world.server.misbehaviours = [Misbehaviour(body=spoil, applies=only("count", reporterCode="276"))]
    assert len(world.pull().problems) == 1
    assert [snapshot.scope["reporter_code"] for snapshot in world.kept()] == [[484]]


@pytest.mark.parametrize("row", [{"period": 202401}, {"reporterCode": "x", "period": 202401, "datasetChecksum": 1}])
def test_an_availability_row_that_does_not_say_what_is_released_is_refused(world: World, row: dict[str, object]) -> None:
    world.server.releases = []
    body = json.dumps({"count": 1, "data": [row]}).encode()
    world.server.misbehaviours = [Misbehaviour(body=lambda _: body, applies=only("availability"))]
    report = world.pull()
    assert "is not known: a row states reporterCode" in report.problems[0]
    assert report.new == ()


@pytest.mark.parametrize(
    "trouble", [Misbehaviour(status=500), Misbehaviour(status=503), Misbehaviour(is_cut_off=True), Misbehaviour(status=408)]
)
def test_what_may_pass_is_tried_again_after_growing_delays(world: World, trouble: Misbehaviour) -> None:
    trouble.times, trouble.applies = 4, FIRST_REPORTER
    world.server.misbehaviours = [trouble]
    assert world.pull(calls_per_minute=1_000_000).problems == ()
    delays = [seconds for seconds in world.time.sleeps if seconds > 1]
    assert len(delays) == 4
    assert [2 ** (at + 1) <= seconds <= 1.5 * 2 ** (at + 1) for at, seconds in enumerate(delays)] == [True] * 4
    assert by_identity(world.rows()) == by_identity([row for row in world.server.rows if row["cmdCode"] == "291411"])


def test_after_the_last_attempt_the_query_is_reported_and_the_rest_pulled(world: World) -> None:
    world.server.misbehaviours = [Misbehaviour(status=502, applies=FIRST_REPORTER)]
    report = world.pull(attempts=3)
    assert "status 502, at each of 3 attempts" in report.problems[0]
    assert [snapshot.scope["reporter_code"] for snapshot in world.kept()] == [[484]]


def test_a_connection_closed_half_way_is_never_kept(world: World) -> None:
    world.server.misbehaviours = [Misbehaviour(is_cut_off=True)]
    report = world.pull()
    assert all("no whole answer came" in problem for problem in report.problems)
    assert world.kept() == []


def test_a_service_that_does_not_answer_in_time_is_asked_again(world: World) -> None:
    world.server.misbehaviours = [Misbehaviour(delay_seconds=0.6, applies=FIRST_REPORTER, times=1)]
    assert world.pull(timeout_seconds=0.3).problems == ()
    assert any("no whole answer came: timed out; attempt 1 of 5" in line for line in world.lines)


def test_a_service_that_answers_nothing_is_left_alone(world: World) -> None:
    world.server.misbehaviours = [Misbehaviour(status=500, applies=only("count"))]
    world.server.releases = [{**each, "reporterCode": reporter} for each in world.server.releases for reporter in range(20, 30)]
    report = world.pull(attempts=1)
    assert len(world.server.asked("count")) == 3
    assert "stopped, 7 more not asked" in report.problems[-1]


@pytest.mark.parametrize("status", [403, 429, 503])
@pytest.mark.parametrize(
    ("stated", "seconds"), [("7", 7.0), ("Mon, 01 Jul 2024 12:01:00 GMT", 60.0), ("Mon, 01 Jul 2024 11:00:00 GMT", 0.0)]
)
def test_retry_after_is_honoured(world: World, status: int, stated: str, seconds: float) -> None:
    world.server.misbehaviours = [Misbehaviour(status=status, headers={"Retry-After": stated}, applies=only("availability"), times=1)]
    assert world.pull(calls_per_minute=1_000_000).problems == ()
    assert world.time.sleeps[0] == pytest.approx(seconds, abs=0.1)


def test_429_without_retry_after_is_tried_again_after_a_delay_of_our_own(world: World) -> None:
    world.server.misbehaviours = [Misbehaviour(status=429, headers={"Retry-After": "soon"}, times=1)]
    assert world.pull().problems == ()
    assert any(2 <= seconds <= 3 for seconds in world.time.sleeps)


def test_429_at_every_attempt_stops_the_pull(world: World) -> None:
    world.server.misbehaviours = [Misbehaviour(status=429, headers={"Retry-After": "1"}, applies=only("count"))]
    report = world.pull(attempts=2)
    assert len(world.server.asked("count")) == 2
    assert "lower `calls_per_minute`" in report.problems[0]


def test_a_wait_of_hours_stops_the_pull_and_says_until_when(world: World) -> None:
    world.server.misbehaviours = [
        Misbehaviour(
            status=403, headers={"Retry-After": "7200"}, applies=only("count"),
            body=lambda _: b'{"statusCode": 403, "message": "Out of call volume quota."}',
        )
    ]  # fmt: skip
    report = world.pull()
    assert "status 403 (Out of call volume quota.): the service asks not to be called before 2024-07-01 14:00 UTC" in report.problems[0]
    assert world.time.sleeps == [] or max(world.time.sleeps) < 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_the_pull_with_one_clear_line(world: World, status: int) -> None:
    world.server.misbehaviours = [Misbehaviour(status=status, body=lambda _: b"", applies=only("count"))]
    report = world.pull()
    assert len(report.problems) == 1
    assert f"status {status}: the key was refused or its quota is used up; look at the environment variable" in report.problems[0]
    assert len(world.server.asked("count")) == 1


def test_a_wrong_key_is_refused_by_the_service(world: World) -> None:
    world.key = "wrong"
    assert "Access denied due to invalid subscription key." in world.pull().problems[0]


def test_a_stop_while_asking_what_is_released_is_said(world: World) -> None:
    world.server.misbehaviours = [Misbehaviour(status=403, applies=only("availability"))]
    assert "stopped while asking what is released: status 403" in world.pull().problems[0]


def test_a_query_that_the_service_does_not_accept_is_a_problem_of_its_own(world: World) -> None:
    world.server.misbehaviours = [
        Misbehaviour(status=400, body=lambda _: b'{"errorObject": {"errorMessage": "bad"}}', applies=FIRST_REPORTER)
    ]
    assert "status 400 (bad): the service does not accept the query" in world.pull().problems[0]
    assert len(world.server.asked("data")) == 2


def test_a_redirect_is_not_followed(world: World) -> None:
    world.server.misbehaviours = [Misbehaviour(status=302, headers={"Location": "http://elsewhere.example/"}, applies=FIRST_REPORTER)]
    assert "sent on to http://elsewhere.example/, which is not followed" in world.pull().problems[0]


def test_the_proxy_of_the_environment_is_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", world.server.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    world.key = None
    assert world.pull(url="http://comtrade.example").problems == ()
    assert {request.headers["host"] for request in world.server.requests} == {"comtrade.example"}


def test_recorded_answers_are_read_by_the_same_code(require: Callable[[object, str], None]) -> None:
    folder = Path(__file__).parents[3] / "shared" / "data" / "comtrade_api_answers"
    if not folder.is_dir():
        pytest.skip("recorded answers are not there: ../shared/data/comtrade_api_answers")
    recorded = {path.name: path.read_bytes() for path in sorted(folder.glob("comtradr/*.json"))}
    bodies = {name: json.dumps(json.loads(body)["body"]).encode() if "decoded" in name else body for name, body in recorded.items()}
    answers = {name: read_answer(body) for name, body in bodies.items() if "reference" not in name}
    assert sorted(answer.count for answer in answers.values()) == [0, 0, 1, 4, 4]


def test_a_recorded_answer_that_was_trimmed_is_refused() -> None:
    path = Path(__file__).parents[3] / "shared/data/comtrade_api_answers/other/horizonlabs_preview_C_M_HS_india_202201_TRIMMED.json"
    if not path.is_file():
        pytest.skip("recorded answers are not there: ../shared/data/comtrade_api_answers")
    with pytest.raises(SourceError, match="states count 500 and holds"):
        read_answer(path.read_bytes())
