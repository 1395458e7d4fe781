"""A little graph of companies, with names that somebody wrote to do harm."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.telling.company_graph import CompanyRecords

HOSTILE = '=HYPERLINK("http://q")'
ODD = "Qaron \x00\x1b <b>&\u202e Quimica"
PLACE = {"source": "files", "snapshot_id": "0" * 16}


def fill(table: str, *rows: dict[str, Any], **shared: object) -> pl.DataFrame:
    return pl.DataFrame([PLACE | shared | row for row in rows], schema=load_contract(table).schema)


def make_records() -> CompanyRecords:
    """M buys of X through B for C; M is flagged. Y sells to N and neither has to do with M."""
    names = {"EM": ODD, "EX": HOSTILE, "EB": "Belqisu Broker", "EC": "Duqel Impex", "EY": "Yaqor", "EN": "Naqol", "EZ": "Zeqar"}
    item = {"exporter_entity_id": "EX", "importer_entity_id": "EM", "broker_entity_id": "EB", "consignee_entity_id": "EC"}
    other = {"exporter_entity_id": "EY", "importer_entity_id": "EN", "declaration_id": "D2", "row_number": 3}
    signal = {
        "lead_id": "b" * 16, "is_lead_head": True, "signal_count": 1, "subject": "company", "party_role": "importer", "period": 202403,
        "window_periods": 12, "anomaly_score": 90.0, "lead_score": 92.5, "is_white_listed": False, "comparison": "none",
        "signal_reason": "No licence is on record among those given to us: a lead, not a finding.", "rule": "unlicensed_importer",
    }  # fmt: skip
    licence = fill(
        "licensed_operator",
        {"row_number": 9, "operator_name": "Duqel", "operator_country": "MEX", "licence_number": "L-1", "licence_kind": "import",
         "substance_code": "acetone", "valid_from": date(2024, 1, 1), "annual_limit_kg": 5000.0},
        retrieved_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return CompanyRecords(
        entity=fill("entity", *({"entity_id": each, "entity_name": name} for each, name in names.items()), party_country="MEX",
                    entity_number="QAR010203AB1", name_count=1, mention_count=1, first_seen_on=date(2026, 1, 1)),
        entity_name=fill("entity_name", *({"party_id": f"P{each}", "entity_id": each, "entity_name": name, "party_name": f"{name} SA"}
                         for each, name in names.items()), mention_count=1, party_address="Calle Qaro\n12"),
        company_profile=fill("company_profile", {"entity_id": "EM", "party_role": "importer", "item_count": 4},
                             {"entity_id": "EM", "party_role": "exporter", "item_count": 1}, first_period=202401, last_period=202403,
                             main_chapter="29", chapter_count=1, watched_share_ratio=0.5, declaration_count=2),
        company_link=fill("company_link", {"entity_id": "EX", "linked_entity_id": "EM", "link_kind": "traded_with"},
                          {"entity_id": "EM", "linked_entity_id": "EB", "link_kind": "brokered_by"},
                          {"entity_id": "EB", "linked_entity_id": "EM", "link_kind": "shares_address", "first_period": None},
                          {"entity_id": "EY", "linked_entity_id": "EN", "link_kind": "traded_with"},
                          declaration_count=1, net_weight_kg=2000.0, substances="acetone", first_period=202401),
        company_item=fill("company_item", item | {"substance_code": "acetone", "row_number": 1}, item | {"substance_code": "toluene",
                          "row_number": 1}, other | {"substance_code": "acetone"}, declaration_id="D1", item_number=1, reporter_code=484,
                          flow_code="M", declaration_date=date(2024, 3, 5), period=202403, named_by="code", net_weight_kg=2000.0,
                          hs6_code="291411", departure_code=276, value_usd=1800.0, description="acetone\tin drums"),
        company_signal=fill("company_signal", signal | {"signal_id": "a" * 16, "entity_id": "EM", "is_flagged": True, "lead_rank": 1},
                            signal | {"signal_id": "c" * 16, "entity_id": "EN", "is_flagged": False, "lead_rank": 2}),
        licensed_operator=licence.with_columns(entity_id=pl.lit("EC")),
    )  # fmt: skip
