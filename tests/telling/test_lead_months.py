from __future__ import annotations

from typing import Any

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.telling.lead import newest_months, read_leads
from tradeflow.telling.lead_months import Change, lead_months, lead_periods, read_change, reporting_side
from tradeflow.telling.tables import ReleaseTables, empty_tables

MEXICO, CHINA, INDIA = 484, 156, 699
ROUTE = {"freq_code": "M", "importer_code": MEXICO, "exporter_code": CHINA, "commodity_code": "291411"}
SIGNAL: dict[str, Any] = ROUTE | {"period": 202404, "window_periods": 1, "observed_kg": 500.0, "signal_id": "0" * 16, "subject": "flow",
                                  "rule": "excess_import"}  # fmt: skip


def tables_of(**rows: list[dict[str, Any]]) -> ReleaseTables:
    made = {}
    for table, given in rows.items():
        schema = load_contract(table).schema
        made[table] = pl.DataFrame(given, schema=schema, orient="row")
    return ReleaseTables(**(vars(empty_tables()) | made))


def history(period: int, kg: float | None, flow_code: str = "M", **route: Any) -> dict[str, Any]:
    return ROUTE | {"period": period, "flow_code": flow_code, "net_weight_kg": kg, "primary_value_usd": 9.0} | route


def coverage(period: int, reporter: int, flow_code: str, status: str = "reported") -> dict[str, Any]:
    return {"freq_code": "M", "period": period, "reporter_code": reporter, "flow_code": flow_code, "coverage_status": status}


def pair(period: int, exporter_kg: float | None, importer_kg: float | None, status: str, reason: str | None = None) -> dict[str, Any]:
    sides = {"export_net_weight_kg": exporter_kg, "import_net_weight_kg": importer_kg}
    return ROUTE | sides | {"period": period, "mirror_status": status, "mirror_reason": reason}


def test_an_empty_month_says_why_it_is_empty() -> None:
    tables = tables_of(
        trade_history=[history(202401, 300.0), history(202402, None), history(202404, 500.0)],
        coverage=[*(coverage(period, MEXICO, "M") for period in (202401, 202402, 202403, 202404)),
                  coverage(202405, MEXICO, "M", "not_reported_yet")],
    )  # fmt: skip
    months = lead_months(SIGNAL, tables)
    assert months.select("period", "observed_kg", "observed_state", "is_lead_period").rows() == [
        (202401, 300.0, "reported", False),
        (202402, None, "weight_missing", False),
        (202403, None, "none", False),
        (202404, 500.0, "reported", True),
        (202405, None, "not_reported", False),
    ]


def test_silence_of_a_side_is_zero_only_where_it_has_published() -> None:
    tables = tables_of(
        mirror_pair=[
            pair(202402, 80.0, 75.0, "both"),
            pair(202403, 90.0, None, "exporter_only", "not_recorded"),
            pair(202404, 100.0, None, "exporter_only", "not_reported_yet"),
            pair(202405, None, 60.0, "importer_only", "partner_never_reports"),
        ],
        coverage=[coverage(202403, MEXICO, "M"), coverage(202404, MEXICO, "M", "not_reported_yet")],
    )
    sides = lead_months(SIGNAL, tables).select("period", "export_net_weight_kg", "import_net_weight_kg")
    assert sides.rows() == [(202402, 80.0, 75.0), (202403, 90.0, 0.0), (202404, 100.0, None), (202405, None, 60.0)]


def test_a_month_that_no_side_states_says_whether_it_is_a_zero_or_a_silence() -> None:
    known = [(202401, True, True), (202402, True, False), (202403, False, True), (202404, False, False)]
    status = {True: "reported", False: "not_reported_yet"}
    tables = tables_of(
        coverage=[each for period, exporter, importer in known
                  for each in (coverage(period, CHINA, "X", status[exporter]), coverage(period, MEXICO, "M", status[importer]))],
    )  # fmt: skip
    told = {month["period"]: month["mirror_words"] for month in newest_months(lead_months(SIGNAL, tables))}
    assert told == {
        202401: "neither side recorded any",
        202402: "exporter recorded none, importer has not reported",
        202403: "importer recorded none, exporter has not reported",
        202404: "neither side has reported",
    }


def test_a_months_note_says_why_its_sides_are_not_compared() -> None:
    alone = pair(202403, 90.0, None, "exporter_only", "not_recorded") | {"alignment_label": "not_recorded"}
    late = pair(202404, 100.0, 80.0, "both") | {"alignment_label": "not_known", "export_weight_label": "out_of_scale"}
    light = pair(202405, 100.0, None, "both") | {"import_value_usd": 7.0, "alignment_label": "same_period"}
    told = {
        month["period"]: month["mirror_words"] for month in newest_months(lead_months(SIGNAL, tables_of(mirror_pair=[alone, late, light])))
    }
    assert told == {
        202403: "other side recorded none",
        202404: "months of arrival not known yet: not compared; exporter’s weight out of scale, left out",
        202405: "importer gives no weight",
    }


def test_all_exporters_together_are_summed_once() -> None:
    whole = SIGNAL | {"exporter_code": 0}
    routes = [history(202404, 300.0), history(202404, 200.0, exporter_code=INDIA), history(202404, 450.0, "X")]
    with_total = [*routes, history(202404, 510.0, exporter_code=0), history(202404, 460.0, "X", exporter_code=0)]
    for rows, imported, exported in ((routes, 500.0, 450.0), (with_total, 510.0, 460.0)):
        month = lead_months(whole, tables_of(trade_history=rows)).row(0, named=True)
        assert (month["observed_kg"], month["import_net_weight_kg"], month["export_net_weight_kg"]) == (imported, imported, exported)


def test_the_worlds_months_are_those_of_its_own_series() -> None:
    whole = SIGNAL | {"importer_code": 0, "exporter_code": 0}
    row = {key: whole[key] for key in ("freq_code", "importer_code", "exporter_code", "commodity_code")} | {
        "series_level": "world", "period": 202404, "observed_kg": 9.0, "expected_kg": 6.0, "lower_kg": 4.0, "upper_kg": 8.0
    }  # fmt: skip
    month = lead_months(whole, tables_of(baseline=[row], trade_history=[history(202404, 300.0)])).row(0, named=True)
    assert (month["observed_kg"], month["expected_kg"], month["observed_state"]) == (9.0, 6.0, "reported")


def test_history_is_the_exporters_where_the_importer_never_reported() -> None:
    tables = tables_of(trade_history=[history(202404, 700.0, "X")])
    assert reporting_side(SIGNAL, tables) == "X"
    assert lead_months(SIGNAL, tables)["observed_kg"].to_list() == [700.0]


def test_an_excess_of_exports_is_drawn_by_the_exporters_own_series() -> None:
    row = ROUTE | {"period": 202404, "observed_kg": 700.0, "lower_kg": 1.0, "upper_kg": 3.0}
    tables = tables_of(
        trade_history=[history(202404, 700.0, "X"), history(202404, 9.0)],
        baseline=[row | {"series_level": "export", "expected_kg": 2.0}, row | {"series_level": "flow", "expected_kg": 8.0}],
    )
    exported = SIGNAL | {"rule": "excess_export"}
    assert reporting_side(exported, tables) == "X"
    assert lead_months(exported, tables).select("observed_kg", "expected_kg").row(0) == (700.0, 2.0)


def test_another_route_or_level_does_not_leak_in() -> None:
    row = ROUTE | {"period": 202404, "observed_kg": 1.0, "expected_kg": 2.0, "lower_kg": 1.0, "upper_kg": 3.0}
    tables = tables_of(
        trade_history=[history(202404, 9.0, exporter_code=INDIA), history(202404, 9.0, commodity_code="291412")],
        baseline=[row | {"series_level": "importer"}, row | {"series_level": "flow", "exporter_code": INDIA}],
    )
    month = lead_months(SIGNAL, tables).row(0, named=True)
    assert (month["observed_kg"], month["expected_kg"], month["observed_state"]) == (None, None, "not_reported")


def test_a_window_spans_the_turn_of_the_year() -> None:
    assert lead_periods(SIGNAL | {"period": 202402, "window_periods": 3}) == [202312, 202401, 202402]
    assert lead_periods(SIGNAL | {"freq_code": "A", "period": 2024, "window_periods": 2}) == [2023, 2024]


def test_a_long_history_is_cut_but_never_before_the_lead() -> None:
    periods = [year * 100 + month for year in range(2000, 2025) for month in range(1, 13)]
    tables = tables_of(trade_history=[history(period, 1.0) for period in periods])
    assert lead_months(SIGNAL, tables)["period"].to_list()[-1] == 202412
    assert lead_months(SIGNAL, tables).height == 72
    assert 201001 in lead_months(SIGNAL | {"period": 201001}, tables)["period"]


def test_annual_leads_are_drawn_by_year() -> None:
    yearly = SIGNAL | {"freq_code": "A", "period": 2023}
    rows = [history(year, 5.0, freq_code="A") for year in (2020, 2023)]
    assert lead_months(yearly, tables_of(trade_history=rows))["period"].to_list() == [2020, 2021, 2022, 2023]


def test_first_leads_by_rank_are_read(made: tuple[ReleaseTables, dict[str, Any]]) -> None:
    tables, _ = made
    leads = read_leads(tables, 5)
    assert [lead.signal["lead_rank"] for lead in leads] == [1, 2, 3, 4, 5]
    for lead in leads:
        columns = [values for values in lead.charts["history"].values() if isinstance(values, list)]
        assert len({len(values) for values in columns}) == 1
        assert sum(lead.charts["history"]["flagged"]) == lead.signal["window_periods"]
        assert any(month["is_lead_period"] for month in lead.months)


def test_an_importer_that_reports_none_from_anybody_stands_at_zero_beside_its_partners() -> None:
    whole = SIGNAL | {"exporter_code": 0}
    published = [coverage(period, MEXICO, "M") for period in (202403, 202404)]
    tables = tables_of(trade_history=[history(202403, 48.0, "X"), history(202404, 500.0)], coverage=published)
    sides = lead_months(whole, tables).select("period", "import_net_weight_kg", "export_net_weight_kg")
    assert sides.rows() == [(202403, 0.0, 48.0), (202404, 500.0, None)]


def test_the_change_is_read_that_the_half_years_around_the_lead_tell_most_clearly() -> None:
    rows = [
        (202312, 90.0, "ramp", 202310),
        (202406, 40.0, "level_shift", 202402),
        (202409, 80.0, "spike", 202405),
        (202412, 1.0, "none", None),
    ]
    columns = ["period", "six_month_score", "change_kind", "change_period"]
    route = {name: pl.lit(value) for name, value in (ROUTE | {"series_level": "flow"}).items()}
    told = pl.DataFrame(rows, schema=columns, orient="row").with_columns(**route)
    lead = SIGNAL | {"period": 202403, "window_periods": 3}
    assert read_change(lead, told) == Change("level_shift", 202402, 40.0)
    assert read_change(lead | {"period": 202405}, told) == Change("spike", 202405, 80.0)
    assert read_change(lead | {"period": 202412, "window_periods": 1}, told) is None
    assert read_change(lead | {"exporter_code": INDIA}, told) is None
    assert read_change(lead | {"freq_code": "A", "period": 2024}, told) is None
