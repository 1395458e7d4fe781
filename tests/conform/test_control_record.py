"""Control records conformed, and which of all that were ever given count."""

from datetime import UTC, datetime

import polars as pl
import pytest

from tests.control_tables import LICENCE, NOTIFICATION, RECORDS, REQUIREMENT
from tradeflow.conform import conform_control_record, select_known_records
from tradeflow.contract import load_contract
from tradeflow.validate.gate import hold_to_contract

DAYS = [datetime(2024, 6, day, tzinfo=UTC) for day in (1, 2, 3)]


def conform(table: str, *rows: dict[str, object], snapshot: str = "a" * 16, day: datetime = DAYS[0]) -> pl.DataFrame:
    layout = load_contract(f"source_{table}")
    texts = pl.DataFrame([{name: str(value) for name, value in row.items()} for row in rows])
    verdict = hold_to_contract(texts.with_row_index("row_number", 1).cast({"row_number": pl.Int64}), layout)
    assert verdict.counts == {}
    return conform_control_record(verdict.kept, layout, source="files", snapshot_id=snapshot, retrieved_at=day)


@pytest.mark.parametrize("table", RECORDS)
def test_a_conformed_record_keeps_its_contract(table: str) -> None:
    made = conform(table, RECORDS[table])
    assert made.schema == load_contract(table).schema
    assert hold_to_contract(made, load_contract(table)).counts == {}
    assert made["substance_code"].to_list() == ["acetic_anhydride"]


def test_a_requirement_is_conformed_with_its_area_as_a_code() -> None:
    made = conform("annual_requirement", REQUIREMENT)
    assert hold_to_contract(made, load_contract("annual_requirement")).counts == {}
    assert made.select("importer_code", "required_substance_code", "requirement_kg").rows() == [(484, "acetic_anhydride", 250_000.0)]


@pytest.mark.parametrize("spelling", ["Germany", "DEU", "DE", "276", " germany"])
def test_a_country_is_told_by_its_iso_code(spelling: str) -> None:
    assert conform("licensed_operator", LICENCE | {"operator_country": spelling})["operator_country"].to_list() == ["DEU"]


def test_a_notification_that_was_not_there_yet_is_refused() -> None:
    late = conform("pre_export_notification", NOTIFICATION | {"notified_on": "2024-06-05", "expected_on": ""})
    assert hold_to_contract(late, load_contract("pre_export_notification")).counts == {"day_is_plausible": 1}


def snapshots(*answers: tuple[str, str, datetime]) -> pl.DataFrame:
    schema = {"snapshot_id": pl.String, "query_key": pl.String, "retrieved_at": pl.Datetime("us", "UTC")}
    return pl.DataFrame(answers, schema=schema, orient="row").with_columns(pl.lit("files").alias("source"))


def test_the_newest_form_of_a_table_counts_and_a_row_that_left_it_is_gone() -> None:
    first = conform("pre_export_notification", NOTIFICATION, NOTIFICATION | {"notification_number": "N-2"}, snapshot="a" * 16)
    second = conform("pre_export_notification", NOTIFICATION | {"notified_kg": 7}, snapshot="b" * 16, day=DAYS[1])
    given = pl.concat([first, second]).lazy()
    told = snapshots(("a" * 16, "pen.csv", DAYS[0]), ("b" * 16, "pen.csv", DAYS[1]))

    now = select_known_records(given, "pre_export_notification", told).collect()
    then = select_known_records(given, "pre_export_notification", told, DAYS[0]).collect()

    assert now.select("notification_number", "notified_kg").rows() == [("N-1", 7.0)]
    assert then["notification_number"].to_list() == ["N-1", "N-2"]


def test_what_two_tables_tell_of_one_notification_counts_once() -> None:
    first = conform("pre_export_notification", NOTIFICATION | {"notification_status": "open"}, snapshot="a" * 16)
    second = conform("pre_export_notification", NOTIFICATION, snapshot="b" * 16, day=DAYS[2])
    told = snapshots(("a" * 16, "january.csv", DAYS[0]), ("b" * 16, "all.csv", DAYS[2]))
    found = select_known_records(pl.concat([first, second]).lazy(), "pre_export_notification", told).collect()
    assert found["notification_status"].to_list() == ["not_objected"]
