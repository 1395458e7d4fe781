"""The rules that hold what was declared against papers: permissions and notifications."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.signals.company.tables import ANHYDRIDE, CHINA, MEXICO, PERMANGANATE, company_tables, export, item, licence, notification
from tradeflow.signals.company.licence_rule import unlicensed_importer
from tradeflow.signals.company.notification_rule import _balance, _planned, unnotified_export
from tradeflow.signals.company.tables import Tolerances

OTHERS = [item("OTHER", f"2024-{month:02d}-10") for month in range(1, 13)]
THEIRS = [licence("OTHER", "2022-01-01")]


def unlicensed(*rows: dict[str, Any], licences: list[dict[str, Any]], **tolerances: Any) -> list[tuple[Any, ...]]:
    tables = company_tables([*OTHERS, *rows], licences=[*THEIRS, *licences], tolerances=Tolerances(**tolerances))
    return unlicensed_importer(tables).sort("entity_id", "period").select("entity_id", "_fact", "period", "observed_kg").rows()


@pytest.mark.parametrize(
    ("held", "is_proposed"),
    [
        ([], True),
        ([licence()], False),
        ([licence(until=None)], False),
        ([licence(until="2024-05-20")], False),
        ([licence(until="2024-05-01")], True),
        ([licence(since="2024-06-16")], True),
        ([licence(substance_code=ANHYDRIDE)], True),
        ([licence(substance_code=None)], False),
        ([licence(licence_kind="export")], True),
        ([licence(licence_kind="white_list")], False),
        ([licence(licence_kind="end_use_declaration")], False),
        ([licence("SOMEBODY")], True),
    ],
    ids=["none", "valid", "without an end", "in renewal", "ended", "from tomorrow", "of another substance", "of all", "to export",
         "white list", "end use", "another's"],
)  # fmt: skip
def test_an_import_needs_a_permission_on_its_day(held: list[dict[str, Any]], is_proposed: bool) -> None:
    assert unlicensed(item("IMP"), licences=held) == ([("IMP", "none", 202406, 1000.0)] if is_proposed else [])


@pytest.mark.parametrize(
    "row",
    [item("IMP", reporter_code=CHINA), item("IMP", substance_code=PERMANGANATE), item("IMP", "2021-12-31"), export("IMP")],
    ids=["another country", "a substance that the table does not know", "before its first day", "an export"],
)
def test_where_the_table_does_not_speak_nothing_is_proposed(row: dict[str, Any]) -> None:
    assert unlicensed(row, licences=[]) == []


def test_a_permission_for_everything_does_not_make_everything_governed() -> None:
    plain = unlicensed(item("IMP", substance_code="urea"), licences=[licence("X", substance_code=None)])
    named = unlicensed(item("IMP", substance_code="urea"), licences=[licence("X", substance_code="urea")])
    assert (len(plain), len(named)) == (0, 1)


def test_twelve_months_without_a_permission_are_told_together() -> None:
    rows = [item("IMP", on) for on in ("2023-05-01", "2023-09-01", "2024-05-01")]
    assert [told[2:] for told in unlicensed(*rows, licences=[])] == [(202305, 1000.0), (202309, 2000.0), (202405, 2000.0)]


@pytest.mark.parametrize(
    ("rows", "limits", "told"),
    [
        ([("2024-02-01", 900.0), ("2024-05-01", 190.0)], [1000.0], []),
        ([("2024-02-01", 900.0), ("2024-05-01", 300.0)], [1000.0], [(202405, 1200.0)]),
        ([("2023-11-01", 900.0), ("2024-05-01", 900.0)], [1000.0], []),
        ([("2024-02-01", 900.0), ("2024-05-01", 900.0)], [1000.0, 1000.0], []),
        ([("2024-02-01", 900.0), ("2024-05-01", 900.0)], [1000.0, None], []),
    ],
    ids=["within the tolerance", "above", "another year", "two licences", "one without a limit"],
)
def test_a_years_imports_are_held_against_the_limits(
    rows: list[tuple[str, float]], limits: list[float | None], told: list[tuple[int, float]]
) -> None:
    held = [licence(annual_limit_kg=limit, licence_number=str(number)) for number, limit in enumerate(limits)]
    found = unlicensed(*(item("IMP", on, kg) for on, kg in rows), licences=held)
    assert found == [("IMP", "above_limit", *each) for each in told]


def test_an_absence_says_the_more_the_better_the_record_is() -> None:
    whole = company_tables([*OTHERS, item("IMP")], licences=THEIRS)
    holed = company_tables([*OTHERS, item("IMP"), *(item(f"X{number}", "2024-02-01") for number in range(12))], licences=THEIRS)
    strengths = [unlicensed_importer(tables).filter(entity_id="IMP")["_strength"].item() for tables in (whole, holed)]
    assert strengths[0] > 0.9
    assert strengths[1] < 0.6


def unnotified(exports: list[dict[str, Any]], notices: list[dict[str, Any]], **tolerances: Any) -> list[tuple[Any, ...]]:
    known = [notification("OTHER", "2023-06-01"), notification("OTHER", "2025-03-01")]
    tables = company_tables(exports, notifications=[*known, *notices], tolerances=Tolerances(**tolerances))
    return unnotified_export(tables).sort("period").select("entity_id", "_fact", "period", "excess_kg").rows()


@pytest.mark.parametrize(
    ("notices", "told"),
    [
        ([], ("none", 1000.0)),
        ([notification()], None),
        ([notification(due="2024-04-20")], None),
        ([notification(due="2024-04-10")], ("none", 1000.0)),
        ([notification(due="2024-06-24")], None),
        ([notification(due="2024-07-01")], ("none", 1000.0)),
        ([notification(due=None)], None),
        ([notification(due=None, notified_on=date(2024, 6, 15))], None),
        ([notification(due=None, notified_on=date(2024, 6, 16))], ("none", 1000.0)),
        ([notification(due=None, notified_on=date(2024, 4, 1))], ("none", 1000.0)),
        ([notification("SOMEBODY")], ("none", 1000.0)),
        ([notification(substance_code=ANHYDRIDE)], ("none", 1000.0)),
        ([notification(notification_status="objected")], ("none", 1000.0)),
        ([notification(notification_status="withdrawn")], ("none", 1000.0)),
        ([notification(notification_status="open")], None),
        ([notification(kg=950.0)], None),
        ([notification(kg=500.0)], ("above", 500.0)),
        ([notification(kg=500.0), notification(due="2024-06-20", kg=500.0)], None),
        ([notification(exporting_area_code=MEXICO)], ("none", 1000.0)),
    ],
    ids=["none", "noticed", "56 days late", "66 days late", "9 days early", "16 days early", "no day planned", "noticed that day",
         "noticed the day after", "noticed months before", "another's",
         "another substance", "objected", "withdrawn", "no answer yet", "a little more", "twice as much", "in two parts",
         "from another area"],
)  # fmt: skip
def test_an_export_needs_a_notification_near_its_day(notices: list[dict[str, Any]], told: tuple[str, float] | None) -> None:
    found = unnotified([export()], notices)
    assert [(fact, pytest.approx(kg)) for _, fact, _, kg in found] == ([told] if told else [])


def test_one_of_a_monthly_run_without_its_own_notification_is_seen() -> None:
    exports = [export(on=f"2024-{month:02d}-15") for month in range(2, 10)]
    notices = [notification(due=f"2024-{month:02d}-15") for month in range(2, 10) if month != 6]
    assert unnotified(exports, notices) == [("EXP", "above", 202406, 1000.0)]


def test_a_small_consignment_beside_a_large_one_is_within_its_slack() -> None:
    exports = [export(on="2024-06-15", kg=1000.0), export(on="2024-06-20", kg=80.0)]
    assert unnotified(exports, [notification()]) == []
    assert len(unnotified([exports[0], export(on="2024-06-20", kg=300.0)], [notification()])) == 1


def test_what_is_a_little_more_each_time_is_ordinary() -> None:
    exports = [export(on=f"2024-{month:02d}-15", kg=1080.0) for month in range(2, 10)]
    assert unnotified(exports, [notification(due=f"2024-{month:02d}-15") for month in range(2, 10)]) == []


@given(
    days=st.lists(st.integers(0, 200), min_size=1, max_size=6),
    dues=st.lists(st.integers(-40, 240), max_size=6),
    weights=st.lists(st.sampled_from([100.0, 200.0, 300.0]), min_size=6, max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_what_no_notification_can_stand_for_is_what_the_best_assignment_leaves(
    days: list[int], dues: list[int], weights: list[float]
) -> None:
    start = date(2024, 1, 1)
    exports = [export(on=str(start + timedelta(day)), kg=kg) for day, kg in zip(days, weights, strict=False)]
    notices = [notification(due=str(start + timedelta(due)), kg=200.0) for due in dues]
    balanced = _balance(*_exports_and_notices(exports, notices), Tolerances())
    lacking = sum(kg for _, kg in zip(days, weights, strict=False)) - largest_assignment(days, dues, weights)
    assert balanced["_beyond_kg"].sum() == pytest.approx(lacking)
    assert (balanced["_beyond_kg"] <= balanced["net_weight_kg"]).all()


def _exports_and_notices(exports: list[dict[str, Any]], notices: list[dict[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    tables = company_tables(exports, notifications=notices)
    return tables.company_item.rename({"exporter_entity_id": "entity_id"}), _planned(tables.pre_export_notification, 10)


def largest_assignment(days: list[int], dues: list[int], weights: list[float]) -> float:
    """The slow, obvious oracle: exports in their order take the earliest notification that may still stand for them."""
    left = dict.fromkeys(range(len(dues)), 200.0)
    taken = 0.0
    for day, kg in sorted(zip(days, weights, strict=False)):
        for place in sorted(left, key=lambda place: dues[place]):
            if day - 60 <= dues[place] <= day + 10:
                used = min(kg, left[place])
                left[place], kg, taken = left[place] - used, kg - used, taken + used
    return taken


def test_a_run_that_is_always_late_uses_the_notification_before() -> None:
    exports = [export(on=f"2024-{month:02d}-28") for month in range(2, 10)]
    assert unnotified(exports, [notification(due=f"2024-{month:02d}-05") for month in range(2, 10)]) == []


@pytest.mark.parametrize(
    "row",
    [export(reporter_code=MEXICO), export(substance_code="urea"), export(on="2022-01-01"), export(on="2025-06-01"), item("EXP")],
    ids=["an area that sends none", "not scheduled", "before the first", "after the last", "an import"],
)
def test_where_no_notification_is_awaited_nothing_is_proposed(row: dict[str, Any]) -> None:
    assert unnotified([row], []) == []
