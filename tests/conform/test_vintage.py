"""Of all the figures that were ever sent, the newest known at a time, cell by cell: held to the slow, obvious loop."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeflow.conform import select_known_rows
from tradeflow.conform.vintage import CELL

TIMES = [datetime(2024, month, 1, tzinfo=UTC) for month in range(1, 5)]
JANUARY, FEBRUARY, MARCH, _ = TIMES
SNAPSHOT_SCHEMA = {"snapshot_id": pl.String, "source": pl.String, "query_key": pl.String, "retrieved_at": pl.Datetime("us", "UTC")}
ROW_SCHEMA = {
    "snapshot_id": pl.String, "retrieved_at": pl.Datetime("us", "UTC"), "freq_code": pl.String, "reporter_code": pl.Int32,
    "period": pl.Int32, "flow_code": pl.String, "commodity_code": pl.String, "partner_code": pl.Int32, "hs_revision": pl.String,
    "net_weight_kg": pl.Float64,
}  # fmt: skip
SCOPE_SCHEMA = {"snapshot_id": pl.String} | {name: ROW_SCHEMA[name] for name in CELL}

Answer = dict[str, Any]


def answer(snapshot_id: str, at: datetime, *rows: tuple[Any, ...], query_key: str = "", asked: tuple[tuple[Any, ...], ...] = ()) -> Answer:
    """Rows are (reporter, period, partner, kg), cells that were asked for (reporter, period): all monthly imports of acetone."""
    return {"snapshot_id": snapshot_id, "at": at, "query_key": query_key or snapshot_id, "rows": rows, "asked": asked}


def tables(answers: list[Answer]) -> tuple[pl.LazyFrame, pl.DataFrame, pl.DataFrame]:
    rows = [
        (each["snapshot_id"], each["at"], "M", reporter, period, "M", "291411", partner, None, kg)
        for each in answers
        for reporter, period, partner, kg in each["rows"]
    ]
    snapshots = [(each["snapshot_id"], "comtrade", each["query_key"], each["at"]) for each in answers]
    scopes = [(each["snapshot_id"], "M", reporter, period, "M", "291411") for each in answers for reporter, period in each["asked"]]
    return (
        pl.LazyFrame(rows, schema=ROW_SCHEMA, orient="row"),
        pl.DataFrame(snapshots, schema=SNAPSHOT_SCHEMA, orient="row"),
        pl.DataFrame(scopes, schema=SCOPE_SCHEMA, orient="row"),
    )


def known(answers: list[Answer], as_of: datetime | None = None) -> list[tuple[Any, ...]]:
    found = select_known_rows(*tables(answers), as_of).collect()
    assert dict(found.schema) == ROW_SCHEMA
    return sorted(found.select("reporter_code", "period", "partner_code", "net_weight_kg").rows())


# --- cases that a person reads -------------------------------------------------------------------------------------------------


def test_the_newest_answer_speaks_for_its_cell_alone() -> None:
    first = answer("a", JANUARY, (484, 202401, 156, 10.0), (484, 202401, 276, 20.0), (484, 202402, 156, 30.0), (842, 202401, 156, 40.0))
    second = answer("b", FEBRUARY, (484, 202401, 156, 11.0))

    assert known([first, second]) == [(484, 202401, 156, 11.0), (484, 202402, 156, 30.0), (842, 202401, 156, 40.0)]


def test_a_newer_answer_of_the_same_query_takes_the_place_of_the_older_as_a_whole() -> None:
    first = answer("a", JANUARY, (484, 202401, 156, 10.0), (484, 202402, 156, 30.0), query_key="q")
    second = answer("b", FEBRUARY, (484, 202401, 156, 11.0), query_key="q")

    assert known([first, second]) == [(484, 202401, 156, 11.0)]


def test_the_same_query_at_another_source_is_another_query() -> None:
    rows, snapshots, scopes = tables([answer("a", JANUARY, (484, 202401, 156, 1.0), query_key="q"), answer("b", FEBRUARY, query_key="q")])
    apart = snapshots.with_columns(source=pl.Series(["comtrade", "files"]))

    assert select_known_rows(rows, apart, scopes).collect().height == 1
    assert select_known_rows(rows, snapshots, scopes).collect().height == 0


def test_a_cell_that_a_newer_answer_asked_for_and_did_not_get_is_empty() -> None:
    first = answer("a", JANUARY, (484, 202401, 156, 10.0), (484, 202402, 156, 30.0), (842, 202401, 156, 5.0))
    empty = answer("b", FEBRUARY, asked=((484, 202401), (276, 202401)))

    assert known([first, empty]) == [(484, 202402, 156, 30.0), (842, 202401, 156, 5.0)]


def test_an_older_scope_empties_nothing_that_came_later() -> None:
    empty = answer("a", JANUARY, asked=((484, 202401),))
    later = answer("b", FEBRUARY, (484, 202401, 156, 10.0))

    assert known([empty, later]) == [(484, 202401, 156, 10.0)]


def test_the_scope_of_a_superseded_answer_empties_nothing() -> None:
    first = answer("a", JANUARY, (484, 202401, 156, 10.0))
    empty = answer("b", FEBRUARY, query_key="q", asked=((484, 202401),))
    other = answer("c", MARCH, (842, 202401, 156, 5.0), query_key="q")

    assert known([first, empty]) == []
    assert known([first, empty, other]) == [(484, 202401, 156, 10.0), (842, 202401, 156, 5.0)]


def test_an_as_of_view_sees_the_past_to_the_moment_alone() -> None:
    vintages = [answer(name, at, (484, 202401, 156, kg)) for name, at, kg in (("a", JANUARY, 1.0), ("b", FEBRUARY, 2.0), ("c", MARCH, 1.0))]

    assert [known(vintages, at) for at in (datetime(2023, 12, 31, tzinfo=UTC), JANUARY, FEBRUARY, MARCH)] == [
        [],
        [(484, 202401, 156, 1.0)],
        [(484, 202401, 156, 2.0)],
        [(484, 202401, 156, 1.0)],
    ]
    assert known(vintages) == [(484, 202401, 156, 1.0)]


def test_files_of_one_time_are_read_together() -> None:
    by_partner = [answer("a", JANUARY, (484, 202401, 156, 10.0)), answer("b", JANUARY, (484, 202401, 276, 20.0), (484, 202402, 276, 7.0))]

    assert known(by_partner) == [(484, 202401, 156, 10.0), (484, 202401, 276, 20.0), (484, 202402, 276, 7.0)]


def test_files_of_one_time_that_overlap_count_once() -> None:
    """Two downloads with a period in common are not twice the trade."""
    january = answer("a", JANUARY, (484, 202401, 156, 10.0), (484, 202401, 276, 20.0))
    both = answer("b", JANUARY, (484, 202401, 156, 10.0), (484, 202402, 156, 30.0))
    restated = answer("c", FEBRUARY, (842, 202401, 156, 5.0))

    once = [(484, 202401, 156, 10.0), (484, 202401, 276, 20.0), (484, 202402, 156, 30.0)]
    assert known([january, both]) == once
    assert known([january, both, restated]) == [*once, (842, 202401, 156, 5.0)]


def test_two_rows_of_one_answer_for_one_partner_are_both_kept() -> None:
    """An edition that changed within the period, or two second partners: parts of one figure, no overlap."""
    parts = answer("a", JANUARY, (484, 202401, 156, 10.0), (484, 202401, 156, 4.0))
    other = answer("b", JANUARY, (842, 202401, 156, 5.0))

    assert known([parts, other]) == [(484, 202401, 156, 4.0), (484, 202401, 156, 10.0), (842, 202401, 156, 5.0)]


def test_monthly_and_annual_figures_of_one_number_are_two_cells() -> None:
    rows, snapshots, scopes = tables([answer("a", JANUARY, (484, 2024, 156, 1.0)), answer("b", FEBRUARY, (484, 2024, 156, 2.0))])
    annual = rows.with_columns(freq_code=pl.when(pl.col("snapshot_id") == "a").then(pl.lit("A")).otherwise(pl.lit("M")))

    assert select_known_rows(annual, snapshots, scopes).collect().height == 2


# --- the slow oracle and the properties ----------------------------------------------------------------------------------------

_cells = st.tuples(st.sampled_from([484, 842]), st.sampled_from([202401, 202402]))


@st.composite
def histories(draw: st.DrawFn) -> list[Answer]:
    answers = []
    for number in range(draw(st.integers(0, 6))):
        rows = draw(st.lists(st.tuples(_cells, st.sampled_from([156, 276])), max_size=4, unique=True))
        asked = draw(st.lists(_cells, max_size=2, unique=True))
        weighed = tuple((*cell, partner, float(10 * number + place)) for place, (cell, partner) in enumerate(rows))
        name, at, query = f"{draw(st.integers(0, 9))}{number}", draw(st.sampled_from(TIMES)), draw(st.sampled_from("pqr"))
        answers.append(answer(name, at, *weighed, query_key=query, asked=tuple(asked)))
    return answers


def slowly_known(answers: list[Answer], as_of: datetime) -> list[tuple[Any, ...]]:
    past = sorted((each for each in answers if each["at"] <= as_of), key=lambda each: (each["at"], each["snapshot_id"]))
    speaking = list({each["query_key"]: each for each in past}.values())
    learned: dict[tuple[int, int], datetime] = {}
    for each in speaking:
        for cell in [*each["asked"], *(row[:2] for row in each["rows"])]:
            learned[cell] = max(learned.get(cell, each["at"]), each["at"])
    told = {}
    for each in sorted(speaking, key=lambda each: each["snapshot_id"]):
        told |= {row[:3]: row for row in each["rows"] if learned[row[:2]] == each["at"]}
    return sorted(told.values())


@settings(max_examples=100, deadline=None)
@given(histories(), st.sampled_from(TIMES))
def test_the_known_rows_are_those_of_the_slow_loop(answers: list[Answer], as_of: datetime) -> None:
    assert known(answers, as_of) == slowly_known(answers, as_of)


@settings(max_examples=40, deadline=None)
@given(histories(), st.sampled_from(TIMES))
def test_a_later_answer_never_changes_an_earlier_view(answers: list[Answer], as_of: datetime) -> None:
    assert known(answers, as_of) == known([each for each in answers if each["at"] <= as_of])


@settings(max_examples=40, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_shuffling_changes_nothing(answers: list[Answer], chance: Any) -> None:
    rows, snapshots, scopes = tables(answers)
    seed = chance.randrange(10**6)
    mixed = [frame.sample(fraction=1, shuffle=True, seed=seed) for frame in (rows.collect(), snapshots, scopes)]

    found = select_known_rows(mixed[0].lazy(), mixed[1], mixed[2]).collect()

    assert sorted(found.select("reporter_code", "period", "partner_code", "net_weight_kg").rows()) == known(answers)
