"""From candidates to ranked leads: ids, white list, score, rank, sentence, evidence, and the declarations behind a lead on a country."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.signals.company.tables import ACETONE, ANHYDRIDE, MEXICO, company_tables, export, item, licence, month, notification
from tests.signals.tables import table
from tradeflow.contract import load_contract
from tradeflow.model.calibration import calibrate
from tradeflow.signals.company import (
    COMPANY_RULES,
    CompanyRankOptions,
    CompanyTables,
    collect_company_evidence,
    company_rule_meanings,
    link_declarations,
    propose_company_candidates,
    rank_company_leads,
    select_company_signals,
)

ENTITIES = pl.DataFrame({"entity_id": ["IMP", "EXP", "BAD"], "entity_name": ["Importadora Qaro", "Exporter Qelis", "\x1b[31m<b>\u202eBad"]})
OTHERS = [item(f"C{number % 7}", f"{2022 + number % 3}-{1 + number % 12:02d}-10", 500.0 + 10 * number) for number in range(90)]
LICENCES = [licence(f"C{number}", "2021-01-01") for number in range(7)]
WRONG = {"named_by": "words", "is_code_of_substance": False, "hs6_code": "392310", "description": "acetona"}
NO_INCIDENTS = table("precursor_incident").with_columns(pl.lit(None, pl.String).alias("entity_id"))


def leads_of(tables: CompanyTables, **options: Any) -> pl.DataFrame:
    candidates = calibrate(propose_company_candidates(tables, list(COMPANY_RULES)))
    return rank_company_leads(candidates, tables, ENTITIES, {MEXICO: "Mexico", 156: "China"}, CompanyRankOptions(**options))


def busy(*rows: dict[str, Any], **other: Any) -> CompanyTables:
    words = [row | {"matched_name": "acetone", "match_kind": "name"} for row in (*OTHERS, *rows)]
    return company_tables([*OTHERS, *rows], words=words, **({"licences": LICENCES} | other))


def test_leads_keep_their_contract() -> None:
    leads = select_company_signals(leads_of(busy(item("IMP", **WRONG))))
    contract = load_contract("company_signal")
    assert leads.schema == contract.schema
    assert leads["signal_id"].is_unique().all()
    assert leads.select(name for name in contract.column_names if contract.column(name).is_required).null_count().sum_horizontal()[0] == 0


def test_rules_that_name_one_company_and_substance_make_one_lead() -> None:
    leads = leads_of(busy(item("IMP", **WRONG))).filter(entity_id="IMP")
    assert set(leads["rule"]) == {"misdeclared_goods", "unlicensed_importer"}
    assert leads["lead_id"].n_unique() == 1
    assert leads.filter("is_lead_head").height == 1
    assert leads["lead_score"].unique().item() > leads["anomaly_score"].max()


def test_each_substance_of_a_company_is_a_lead_of_its_own() -> None:
    licences = [*LICENCES, licence("OTHER", substance_code=ANHYDRIDE)]
    leads = leads_of(busy(item("IMP"), item("IMP", substance_code=ANHYDRIDE, hs6_code="291524"), licences=licences))
    assert leads.filter(entity_id="IMP")["lead_id"].n_unique() == 2


def test_a_plain_fact_has_no_chance_and_says_so() -> None:
    fact = leads_of(busy(item("IMP", **WRONG))).filter(rule="misdeclared_goods").row(0, named=True)
    assert (fact["p_value"], fact["q_value"], fact["is_flagged"]) == (None, None, True)
    assert "on record, not on a forecast" in fact["signal_reason"]
    assert fact["comparison"] == "a plain fact, beside 7 companies"


def test_a_white_listed_company_counts_for_less_and_the_sentence_says_so() -> None:
    row, white = item("IMP", **WRONG), [licence("IMP", licence_kind="white_list")]
    plain = leads_of(busy(row)).filter(rule="misdeclared_goods", entity_id="IMP").row(0, named=True)
    listed = leads_of(busy(row, licences=[*LICENCES, *white])).filter(rule="misdeclared_goods", entity_id="IMP").row(0, named=True)
    assert listed["anomaly_score"] == pytest.approx(plain["anomaly_score"] / 2)
    assert (plain["is_white_listed"], listed["is_white_listed"]) == (False, True)
    assert "white list" in listed["signal_reason"]
    assert "white list" not in plain["signal_reason"]


@pytest.mark.parametrize(
    "white",
    [licence("IMP", licence_kind="white_list", substance_code=ANHYDRIDE), licence("IMP", until="2024-06-14", licence_kind="white_list")],
    ids=["for another substance", "until the day before"],
)
def test_the_white_list_is_of_a_substance_and_a_time(white: dict[str, Any]) -> None:
    assert not leads_of(busy(item("IMP", **WRONG), licences=[*LICENCES, white])).filter(entity_id="IMP")["is_white_listed"].any()


def test_a_rules_weight_scales_its_score() -> None:
    tables = busy(item("IMP", **WRONG))
    whole, half = (
        leads_of(tables, weights={"misdeclared_goods": weight}).filter(rule="misdeclared_goods")["anomaly_score"].max()
        for weight in (1.0, 0.5)
    )
    assert half == pytest.approx(whole / 2)


def test_more_kilograms_score_more() -> None:
    small, large = (
        leads_of(busy(item("IMP", kg=kg, **WRONG))).filter(rule="misdeclared_goods")["anomaly_score"].item() for kg in (1.0, 5000.0)
    )
    assert 2 * small < large <= 100


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.floats(0, 100)), min_size=1, max_size=8), st.floats(0, 100))
def test_another_finding_never_lowers_a_lead(found: list[tuple[str, float]], more: float) -> None:
    from tradeflow.signals.lead import strongest_together

    def score(rows: list[tuple[str, float]]) -> float:
        frame = pl.DataFrame([("L", *row) for row in rows], schema=["lead_id", "rule", "anomaly_score"], orient="row")
        return strongest_together(frame)["lead_score"].item()

    assert score([*found, ("d", more)]) >= score(found) - 1e-9


def test_the_same_lead_has_the_same_id_in_the_next_run() -> None:
    row = item("IMP", **WRONG)
    first = leads_of(busy(row)).filter(entity_id="IMP")
    later = leads_of(busy(row, item("C1", "2024-12-01"), item("IMP", "2024-11-01", substance_code=ANHYDRIDE))).filter(entity_id="IMP")
    assert set(first["signal_id"]) <= set(later["signal_id"])
    assert set(first["lead_id"]) <= set(later["lead_id"])


def test_a_name_that_would_steer_a_terminal_is_shown_as_text() -> None:
    lead = leads_of(busy(item("BAD", **WRONG))).filter(entity_id="BAD").row(0, named=True)
    assert lead["entity_name"] == "[31m<b> Bad"
    assert not any(ord(letter) < 32 for letter in lead["signal_reason"])


def test_every_rule_is_published_in_a_sentence_and_has_a_place_in_the_contract() -> None:
    assert set(load_contract("company_signal").column("rule").valid_values) == set(COMPANY_RULES)
    assert all(meaning.endswith(".") and len(meaning) > 40 for meaning in company_rule_meanings().values())


def test_evidence_leads_back_to_items_permissions_and_incidents() -> None:
    mine, other = item("IMP", "2024-03-10"), item("IMP", "2024-03-10", substance_code=ANHYDRIDE)
    old = licence("IMP", "2022-01-01", "2023-01-01")
    tables = busy(mine, other, licences=[*LICENCES, old])
    incident = table("precursor_incident", {
        "source": "files", "snapshot_id": "3" * 16, "row_number": 5, "incident_date": mine["declaration_date"], "substance_code": ACETONE,
        "quantity_kg": 7.0,
    }).with_columns(pl.lit("IMP").alias("entity_id"))  # fmt: skip
    leads = leads_of(tables).filter(entity_id="IMP", rule="unlicensed_importer", substance_code=ACETONE)
    found = collect_company_evidence(leads, tables, incident)
    assert found.schema == load_contract("company_signal_evidence").schema
    assert found.select("evidence_role", "row_number").sort("row_number").rows() == sorted(
        [("incident", 5), ("observed", mine["row_number"]), ("licence", old["row_number"])], key=lambda each: each[1]
    )


def test_evidence_of_an_export_holds_what_was_notified_near_it() -> None:
    row, near, far = export(), notification(kg=100.0), notification(due="2022-01-01")
    leads = leads_of(busy(row, notifications=[near, far, notification("OTHER", "2023-01-01"), notification("OTHER", "2025-01-01")]))
    found = collect_company_evidence(leads.filter(rule="unnotified_export"), busy(row, notifications=[near, far]), NO_INCIDENTS)
    assert set(found.select("evidence_role", "row_number").rows()) == {("observed", row["row_number"]), ("notified", near["row_number"])}


def test_a_notification_that_was_objected_to_is_told() -> None:
    notices = [notification(notification_status="objected"), notification("OTHER", "2023-01-01"), notification("OTHER", "2025-01-01")]
    told = leads_of(busy(export(), notifications=notices)).filter(rule="unnotified_export")["signal_reason"].item()
    assert f"Notification {notices[0]['notification_number']}, near it in time, was objected to." in told


def test_a_baskets_evidence_is_of_all_its_substances() -> None:
    months = [month("IMP", 202405), month("IMP", 202406, substance_code=ANHYDRIDE)]
    months += [month(f"C{number}", 202201 + number) for number in range(12)]
    rows = [item("IMP", "2024-05-10"), item("IMP", "2024-06-10", substance_code=ANHYDRIDE), item("IMP", "2023-06-10")]
    tables = busy(*rows, months=months)
    leads = leads_of(tables, p_limit=1.0, q_limit=1.0).filter(rule="family_basket", entity_id="IMP", period=202406, family="heroin")
    found = collect_company_evidence(leads, tables, NO_INCIDENTS)
    assert set(found["row_number"]) == {rows[0]["row_number"], rows[1]["row_number"]}


def country_signal(**other: Any) -> dict[str, Any]:
    return {
        "signal_id": "a" * 16, "freq_code": "M", "importer_code": MEXICO, "exporter_code": 156, "commodity_code": "291411",
        "period": 202406, "window_periods": 3,
    } | other  # fmt: skip


@pytest.mark.parametrize(
    ("signal", "declared", "is_linked"),
    [
        ({}, {}, True),
        ({}, {"on": "2024-04-01"}, True),
        ({}, {"on": "2024-03-31"}, False),
        ({}, {"on": "2024-07-01"}, False),
        ({}, {"hs6_code": "291412"}, False),
        ({}, {"partner_code": 842}, False),
        ({}, {"partner_code": None}, False),
        ({"exporter_code": 0}, {"partner_code": None}, True),
        ({}, {"flow_code": "X", "reporter_code": 156, "partner_code": MEXICO}, True),
        ({}, {"flow_code": "X"}, False),
        ({"freq_code": "A", "period": 2024}, {}, False),
    ],
    ids=["in its month", "in its window", "before", "after", "another code", "another route", "no route", "all routes", "the other side",
         "its own export", "a yearly lead"],
)  # fmt: skip
def test_a_countrys_lead_is_led_back_to_its_declarations(signal: dict[str, Any], declared: dict[str, Any], is_linked: bool) -> None:
    row = item(**({"partner_code": 156} | declared))
    items = table("company_item", row).with_columns(pl.lit(row["partner_code"], pl.Int32).alias("partner_code"))
    linked = link_declarations(table("signal", country_signal(**signal)), items.lazy())
    assert linked.schema == load_contract("signal_declaration").schema
    assert linked["row_number"].to_list() == ([row["row_number"]] if is_linked else [])


def test_tables_without_a_row_make_no_lead() -> None:
    leads = leads_of(company_tables())
    assert leads.is_empty()
    assert select_company_signals(leads).schema == load_contract("company_signal").schema
    assert collect_company_evidence(leads, company_tables(), NO_INCIDENTS).is_empty()
