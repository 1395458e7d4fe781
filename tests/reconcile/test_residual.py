"""Wholes less their parts: what is open is told, what is rounding is not, and where the parts were never pulled nothing is said."""

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reconcile.trade_rows import CHINA, GERMANY, INDIA, MEXICO, USA, flow, trade_flow
from tradeflow.reconcile.residual import derive_residuals

WORLD = 0
CHILDREN = ("291411", "291412")


def heading(reporter: int, usd: float, kg: float | None = None, **other: Any) -> dict[str, Any]:
    return flow(reporter, "X", MEXICO, usd, kg, commodity_code="2914", commodity_level=4, **other)


def children(reporter: int, *usd: float, kg: float | None = None, **other: Any) -> list[dict[str, Any]]:
    return [flow(reporter, "X", MEXICO, each, kg, commodity_code=code, **other) for code, each in zip(CHILDREN, usd, strict=False)]


def complete(*reporters: int) -> list[dict[str, Any]]:
    """Reports whose parts fill the whole: they show that all the parts were pulled."""
    return [row for each in reporters for row in [heading(each, 30, 6), *children(each, 10, 20, kg=3)]]


def residuals(*rows: dict[str, Any]) -> list[tuple[Any, ...]]:
    found = derive_residuals(trade_flow(*rows).lazy())
    return found.select(
        "reporter_code", "partner_code", "commodity_code", "unlocated_kind", "unlocated_value_usd", "unlocated_net_weight_kg",
        "unlocated_label",
    ).rows()  # fmt: skip


def test_a_heading_above_its_subheadings_is_told_with_its_weight() -> None:
    rows = [*complete(INDIA, USA), heading(CHINA, 100, 50), *children(CHINA, 30, 40, kg=20)]

    assert residuals(*rows) == [(CHINA, MEXICO, "2914", "code_detail", 30.0, 10.0, "whole_exceeds_parts")]


def test_a_heading_of_which_no_part_is_stated_is_open_as_a_whole() -> None:
    assert residuals(*complete(INDIA, USA), heading(CHINA, 100, 50)) == [
        (CHINA, MEXICO, "2914", "code_detail", 100.0, 50.0, "whole_exceeds_parts")
    ]


def test_parts_above_their_whole_are_a_finding_on_the_figures() -> None:
    rows = [*complete(INDIA, USA), heading(CHINA, 50), *children(CHINA, 30, 40)]

    assert residuals(*rows) == [(CHINA, MEXICO, "2914", "code_detail", -20.0, None, "parts_exceed_whole")]


def test_a_weight_that_a_part_lacks_or_that_is_estimated_leaves_the_rest_without_weight() -> None:
    estimated = [heading(GERMANY, 100, 50), *children(GERMANY, 30, 40, kg=20, is_net_weight_estimated=True)]
    rows = [*complete(INDIA, USA), heading(CHINA, 100, 50), *children(CHINA, 30, kg=20), *children(CHINA, 0, 40)[1:], *estimated]

    assert [row[:1] + row[4:6] for row in residuals(*rows)] == [(CHINA, 30.0, None), (GERMANY, 30.0, None)]


def test_a_rest_within_the_rounding_is_none() -> None:
    rows = [*complete(INDIA, USA), heading(CHINA, 71.4), *children(CHINA, 30, 40)]

    assert residuals(*rows) == []


def test_where_the_parts_were_not_all_pulled_nothing_is_said() -> None:
    rows = [row for each in (CHINA, INDIA, USA) for row in [heading(each, 100), *children(each, 30)]]

    assert residuals(*rows) == []


def test_world_less_the_partners_counts_pools_and_keeps_to_the_level() -> None:
    whole = [flow(each, "M", WORLD, 30, 3) for each in (INDIA, USA)] + [flow(each, "M", CHINA, 30, 3) for each in (INDIA, USA)]
    rows = [*whole, flow(GERMANY, "M", WORLD, 100, 10), flow(GERMANY, "M", CHINA, 60, 6), flow(GERMANY, "M", 899, 15, 1)]

    assert residuals(*rows) == [(GERMANY, WORLD, "291411", "world_less_partners", 25.0, 3.0, "whole_exceeds_parts")]


def test_each_level_is_held_against_the_next() -> None:
    def level(reporter: int, code: str, usd: float) -> dict[str, Any]:
        return flow(reporter, "X", MEXICO, usd, commodity_code=code, commodity_level=0 if code == "TOTAL" else len(code))

    full = [level(each, code, 30) for each in (INDIA, USA) for code in ("TOTAL", "29", "2914", "291411")]
    rows = [*full, level(CHINA, "TOTAL", 100), level(CHINA, "29", 70), level(CHINA, "2914", 70), level(CHINA, "291411", 60)]

    assert [row[2:5] for row in residuals(*rows)] == [("2914", "code_detail", 10.0), ("TOTAL", "code_detail", 30.0)]


_cells = st.lists(
    st.tuples(st.sampled_from([CHINA, INDIA, USA, GERMANY]), *[st.integers(0, 10**9)] * 3), max_size=4, unique_by=lambda it: it[0]
)


@settings(max_examples=60, deadline=None)
@given(_cells, st.randoms())
def test_whole_is_parts_plus_rest_in_any_order(cells: list[tuple[int, int, int, int]], random: Any) -> None:
    rows = complete(*range(1000, 1010))
    for reporter, whole, first, second in cells:
        rows += [heading(reporter, whole), *children(reporter, first, second)]
    found = derive_residuals(trade_flow(*rows).lazy())
    shuffled = [*rows]
    random.shuffle(shuffled)

    assert found.equals(derive_residuals(trade_flow(*shuffled).lazy()))
    sums = found["located_value_usd"] + found["unlocated_value_usd"]
    assert (sums == found["whole_value_usd"]).all()
    expected = {reporter: float(whole - first - second) for reporter, whole, first, second in cells}
    told = dict(found.select("reporter_code", "unlocated_value_usd").iter_rows())
    tolerance = {reporter: 1.5 + 1e-6 * whole for reporter, whole, _, _ in cells}
    assert told == {reporter: rest for reporter, rest in expected.items() if abs(rest) > tolerance[reporter]}


def test_no_rows_give_no_rest() -> None:
    assert derive_residuals(pl.LazyFrame(schema=trade_flow().schema)).is_empty()
