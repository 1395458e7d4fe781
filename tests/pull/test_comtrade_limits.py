"""Limits: how many rows an answer holds, how long a URL is, how many calls may be made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pull.comtrade_server import Misbehaviour, make_release, make_row
from tests.pull.comtrade_world import ACETIC_ANHYDRIDE, ACETONE, World, by_identity, only, open_world
from tradeflow.contract import codes_of
from tradeflow.pull.comtrade_query import LONGEST_URL

PARTNERS = sorted(codes_of("area.area_code").to_list())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with open_world(tmp_path, monkeypatch) as world:
        yield world


def lay_out(world: World, periods: tuple[int, ...], flows: tuple[str, ...], commodities: tuple[str, ...], partners: list[int]) -> None:
    world.server.releases = [make_release(276, period) for period in periods]
    world.server.rows = [make_row(276, p, f, partner, c) for p in periods for f in flows for c in commodities for partner in partners]


def test_a_silently_cut_preview_is_asked_in_pieces_until_every_row_is_there(world: World) -> None:
    lay_out(world, (202401, 202402), ("M", "X"), (ACETONE, ACETIC_ANHYDRIDE), PARTNERS)
    world.key = None
    report = world.pull((ACETONE, ACETIC_ANHYDRIDE))
    assert report.problems == ()
    assert by_identity(world.rows()) == by_identity(world.server.rows)
    assert {request.path for request in world.server.asked("data")} == {"/public/v1/preview/C/M/HS"}
    assert max(part.rows for snapshot in world.kept() for part in snapshot.parts) < 500


def test_the_order_of_cutting_is_period_commodity_flow_partner(world: World) -> None:
    world.server.row_limit = 60
    lay_out(world, (202401, 202402), ("M", "X"), (ACETONE, ACETIC_ANHYDRIDE), PARTNERS[:100])
    assert world.pull((ACETONE, ACETIC_ANHYDRIDE), row_limit=60).problems == ()
    assert by_identity(world.rows()) == by_identity(world.server.rows)
    counts = [request.parameters for request in world.server.asked("count")]
    assert [each["period"] for each in counts[:2]] == ["202401,202402", "202401"]
    assert counts[2] | {"cmdCode": ACETONE} == counts[2]
    assert (counts[3]["flowCode"], "partnerCode" in counts[3]) == ("M", False)
    assert counts[4]["partnerCode"].startswith("0,")


def test_pieces_of_flows_and_partners_lie_in_one_snapshot_and_others_in_their_own(world: World) -> None:
    world.server.row_limit = 60
    lay_out(world, (202401, 202402), ("M", "X"), (ACETONE, ACETIC_ANHYDRIDE), PARTNERS[:50])
    world.pull((ACETONE, ACETIC_ANHYDRIDE), row_limit=60)
    scopes = [(each.scope["period"], each.scope["commodity_code"], each.scope["flow_code"]) for each in world.kept()]
    assert sorted(scopes) == [([period], [code], ["M", "X"]) for period in (202401, 202402) for code in (ACETONE, ACETIC_ANHYDRIDE)]
    assert world.pull((ACETONE, ACETIC_ANHYDRIDE), row_limit=60).new == ()


def test_an_answer_of_exactly_the_limit_is_taken_as_cut_even_where_the_count_says_less(world: World) -> None:
    lay_out(world, (202401, 202402), ("M",), (ACETONE,), PARTNERS[:30])
    world.server.misbehaviours = [Misbehaviour(body=lambda body: body.replace(b'"count":60', b'"count":59'), applies=only("count"))]
    assert world.pull(row_limit=60).problems == ()
    assert [request.parameters["period"] for request in world.server.asked("data")] == ["202401,202402", "202401", "202402"]


def test_a_tier_that_cuts_below_the_setting_is_noticed(world: World) -> None:
    world.server.row_limit = 500
    lay_out(world, (202401, 202402), ("M", "X"), (ACETONE,), PARTNERS[:150])
    assert world.pull(row_limit=100_000).problems == ()
    assert by_identity(world.rows()) == by_identity(world.server.rows)


def test_what_cannot_be_cut_further_is_kept_with_a_label_and_said(world: World) -> None:
    lay_out(world, (202401,), ("M",), (ACETONE,), [156])
    report = world.pull(row_limit=1)
    assert len(report.problems) == 1
    assert "reporter 276, 202401, 291411, flow M: rows are lacking: 1 rows came, as many as an answer may hold" in report.problems[0]
    (snapshot,) = world.kept()
    assert [part.rows for part in snapshot.parts if part.name in snapshot.query["cut"]] == [1]
    assert sum(part.rows for part in snapshot.parts) == 1
    assert world.pull(row_limit=1).new == ()
    assert world.pull(row_limit=2).problems == ()
    assert world.kept()[-1].query["cut"] == {}


def test_rows_of_a_partner_beyond_the_code_list_are_missed_and_said(world: World) -> None:
    lay_out(world, (202401,), ("M",), (ACETONE,), [*PARTNERS[:99], 9999])
    report = world.pull(row_limit=100)
    assert "100 rows were announced, 99 came" in report.problems[0]
    assert "code list `area`" in report.problems[0]


def test_fewer_rows_than_announced_are_kept_with_a_label(world: World) -> None:
    world.server.misbehaviours = [Misbehaviour(body=lambda body: body.replace(b'"count":36', b'"count":40'), applies=only("count"))]
    report = world.pull(reporters=(276,))
    assert "40 rows were announced, 36 came" in report.problems[0]
    assert world.kept()[0].query["cut"] == {"part-001.json": "40 rows were announced, 36 came"}


def test_a_url_that_is_too_long_is_cut_before_it_is_sent(world: World) -> None:
    codes = tuple(f"{290000 + number}" for number in range(900))
    world.pull(codes, reporters=(276,))
    lengths = [len(request.url) for request in world.server.requests]
    assert max(lengths) <= LONGEST_URL
    assert [len(request.parameters["cmdCode"].split(",")) for request in world.server.asked("data")] == [450, 450]


def test_status_414_is_answered_with_shorter_queries(world: World) -> None:
    world.server.longest_url = 500
    codes = (ACETONE, ACETIC_ANHYDRIDE, *(f"{290000 + number}" for number in range(80)))
    report = world.pull(codes, reporters=(276,))
    assert report.problems == ()
    assert by_identity(world.rows()) == by_identity([row for row in world.server.rows if row["reporterCode"] == 276])


def test_a_url_that_cannot_be_shortened_is_said(world: World) -> None:
    world.server.misbehaviours = [Misbehaviour(status=414, applies=only("count"))]
    lay_out(world, (202401,), ("M",), (ACETONE,), [156])
    assert "no query is shorter" in world.pull(flows=("M",)).problems[0]


def test_calls_are_spaced_out_to_keep_the_calls_per_minute(world: World) -> None:
    world.pull(calls_per_minute=10)
    assert len(world.time.sleeps) == len(world.server.requests) - 1
    assert all(5.9 < seconds <= 6 for seconds in world.time.sleeps)


def test_the_day_s_calls_end_a_run_and_the_next_day_it_goes_on_there(world: World) -> None:
    first = world.pull(calls_per_day=4)
    assert len(world.server.requests) == 4
    assert "stopped at reporter 484, 202401-202406, 291411, flow M,X, 0 more not asked: the 4 calls of a day" in first.problems[0]
    world.time.sleep(86_400)
    second = world.pull(calls_per_day=4)
    assert second.problems == ()
    assert [request.parameters["reporterCode"] for request in world.server.asked("data")] == ["484"]
    assert by_identity(world.rows()) == by_identity([row for row in world.server.rows if row["cmdCode"] == ACETONE])


def test_calls_of_a_run_earlier_that_day_count(world: World) -> None:
    world.pull(reporters=(276,))
    report = world.pull(reporters=(484,), calls_per_day=5)
    assert len(world.server.requests) == 2
    assert "the 5 calls of a day" in report.problems[0]


def test_a_stopped_run_keeps_the_pieces_that_were_whole(world: World) -> None:
    lay_out(world, (202401, 202402, 202403), ("M",), (ACETONE,), PARTNERS[:40])
    world.pull(row_limit=60, calls_per_day=6)
    assert [snapshot.scope["period"] for snapshot in world.kept()] == [[202401], [202402]]
    world.time.sleep(86_400)
    assert [snapshot.scope["period"] for snapshot in world.pull(row_limit=60).new] == [[202403]]
