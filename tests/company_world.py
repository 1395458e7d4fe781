"""A few made-up companies with all that a release holds about them: names in three scripts, trade, licences, notifications, leads."""

from __future__ import annotations

import hashlib
import itertools
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from tests.release_world import NASTY
from tradeflow.contract import load_contract
from tradeflow.telling.tables import ReleaseTables

SUBSTANCES = {"acetone": ("291411", "cocaine"), "toluene": ("290230", "cocaine"), "acetic_anhydride": ("291524", "heroin")}
NAMES = {
    "importer": ["Qalem Química S.A. de C.V.", "QALEM QUIMICA SA DE CV", "Qalem Quimica"],
    "small": ["Comercializadora Qoral", "COMERCIALIZADORA QORAL S.A."],
    "nasty": [f"Qaz {NASTY}", "=HYPERLINK(0)"],
    "exporter": ["Qelin Chemicals Co., Ltd.", "克林化工有限公司"],
    "foreign": ["Кварт Химия ООО", "Qvart Khimiya"],
    "broker": ["Agencia Aduanal Qamar", "AG. ADUANAL QAMAR"],
    "consignee": ["Qopal Solventes"],
}
WHEN = datetime(2025, 1, 5, tzinfo=UTC)
COUNTRIES = {"exporter": "CHN", "foreign": "RUS"}
PERIODS = [year * 100 + month for year in (2023, 2024) for month in range(1, 13)]


def entity_id(key: str) -> str:
    """Return the id of a company of NAMES."""
    return hashlib.sha256(f"entity {key}".encode()).hexdigest()[:16]


def add_companies(tables: ReleaseTables, seed: int = 5) -> ReleaseTables:
    """Return the tables with everything about the companies filled in."""
    items = list(_items(random.Random(seed)))
    made = {
        "entity": _entities(),
        "entity_name": _names(),
        "entity_link": _links_of_names(),
        "company_item": items,
        "company_month": _months(items),
        "company_profile": _profiles(items),
        "company_link": _links(items),
        "broker_share": _broker_shares(),
        "company_signal": _signals(items),
        "company_signal_evidence": _evidence(items),
        "signal_declaration": _behind_country_lead(tables, items),
        "licensed_operator": _licences(),
        "pre_export_notification": _notifications(),
        "record_party": _record_parties(),
    }
    return replace(tables, **{name: _frame(name, rows) for name, rows in made.items()})


def _frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = load_contract(table).schema
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema, orient="row")


def _entities() -> list[dict[str, Any]]:
    return [
        {
            "entity_id": entity_id(key),
            "entity_name": names[0],
            "party_country": COUNTRIES.get(key, "MEX"),
            "entity_number": f"Q{key[:3].upper()}800101AB1",
            "name_count": len(names),
            "mention_count": 40,
            "first_seen_on": date(2023, 1, 1),
        }
        for key, names in NAMES.items()
    ]


def _names() -> list[dict[str, Any]]:
    return [
        {
            "party_id": hashlib.sha256(f"{key} {at}".encode()).hexdigest()[:16],
            "entity_id": entity_id(key),
            "entity_name": names[0],
            "party_name": name,
            "party_country": COUNTRIES.get(key, "MEX"),
            "tax_number": f"Q{key[:3].upper()}800101AB1" if at == 0 else None,
            "party_address": f"Calle Qaro {at + 1}",
            "mention_count": 20 - at,
            "importer_count": 20 - at,
            "exporter_count": 0,
            "broker_count": 0,
            "consignee_count": 0,
            "notify_party_count": 0,
            "licensee_count": 0,
        }
        for key, names in NAMES.items()
        for at, name in enumerate(names)
    ]


def _links_of_names() -> list[dict[str, Any]]:
    names = _names()
    pairs = [(one, other) for one, other in itertools.combinations(names, 2) if one["entity_id"] == other["entity_id"]]
    return [
        {
            "left_party_id": one["party_id"],
            "right_party_id": other["party_id"],
            "left_name": one["party_name"],
            "right_name": other["party_name"],
            "left_entity_id": one["entity_id"],
            "right_entity_id": other["entity_id"],
            "is_merged": True,
            "link_source": "rule",
            "link_rule": "similar_name",
            "link_score": 0.95,
            "name_similarity": 0.96,
            "core_similarity": 1.0,
            "address_similarity": 0.8,
            "link_reason": "one name in one country, where it stands under one number at most; not both with a number; names 0.96 "
            "alike, their telling parts 1.0; addresses 0.8 alike",
        }
        for one, other in pairs
    ]


def _items(chance: random.Random) -> Any:
    number = 0
    for period, (substance, (code, family)) in itertools.product(PERIODS, SUBSTANCES.items()):
        for buyer, seller in (("importer", "exporter"), ("small", "foreign"), ("nasty", "exporter")):
            if chance.random() < 0.35:
                continue
            number += 1
            weight = chance.lognormvariate(9, 0.6)
            yield {
                "source": "made",
                "snapshot_id": "0" * 15 + "1",
                "row_number": number,
                "reporter_code": 484,
                "flow_code": "M",
                "declaration_id": f"24-{number:07d}",
                "item_number": 1,
                "declaration_date": date(period // 100, period % 100, 1 + number % 27),
                "period": period,
                "importer_entity_id": entity_id(buyer),
                "exporter_entity_id": entity_id(seller),
                "broker_entity_id": entity_id("broker") if number % 3 else None,
                "consignee_entity_id": entity_id("consignee") if number % 4 == 0 else None,
                "origin_code": 156 if seller == "exporter" else 643,
                "hs6_code": code,
                "hs_revision": "H6",
                "substance_code": substance,
                "family": family,
                "named_by": "both",
                "is_code_of_substance": True,
                "net_weight_kg": weight,
                "value_usd": weight * 1.7,
                "unit_value_usd_per_kg": 1.7,
                "office": "Qanzanillo",
                "description": f"{substance} in drums",
            }


def _months(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for item in items:
        for role in ("importer", "exporter", "broker"):
            if item[f"{role}_entity_id"]:
                found.setdefault((item[f"{role}_entity_id"], role, item["substance_code"], item["period"]), []).append(item)
    rows = []
    for (entity, role, substance, period), of_month in found.items():
        weight = sum(item["net_weight_kg"] for item in of_month)
        rows.append(
            {
                "entity_id": entity,
                "party_role": role,
                "substance_code": substance,
                "period": period,
                "declaration_count": len(of_month),
                "net_weight_kg": weight,
                "value_usd": weight * 1.7,
                "partner_count": 1,
                "expected_kg": 8000.0,
                "lower_kg": 3000.0,
                "upper_kg": 20_000.0,
                "history_month_count": 12,
                "is_first_trade": False,
                "past_item_count": 5,
            }
        )
    return rows


def _profiles(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    own = {
        entity_id("importer"): "importer",
        entity_id("small"): "importer",
        entity_id("broker"): "broker",
        entity_id("exporter"): "exporter",
    }
    return [
        {
            "entity_id": entity,
            "party_role": role,
            "first_period": PERIODS[0],
            "last_period": PERIODS[-1],
            "main_chapter": "29",
            "main_chapter_share": 0.7,
            "chapter_count": 4,
            "watched_share_ratio": 0.4,
            "item_count": 90,
            "declaration_count": 80,
            "net_weight_kg": 9e5,
            "value_usd": 2e6,
        }
        for entity, role in own.items()
        if items
    ]


def _links(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds = {"traded_with": "exporter_entity_id", "brokered_by": "broker_entity_id", "consigned_to": "consignee_entity_id"}
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for item, (kind, column) in itertools.product(items, kinds.items()):
        if item[column]:
            found.setdefault((item["importer_entity_id"], item[column], kind), []).append(item)
    rows: list[dict[str, Any]] = [
        {
            "entity_id": one,
            "linked_entity_id": other,
            "link_kind": kind,
            "first_period": min(item["period"] for item in through),
            "last_period": max(item["period"] for item in through),
            "declaration_count": len(through),
            "net_weight_kg": sum(item["net_weight_kg"] for item in through),
            "value_usd": 1.0,
            "substances": ";".join(sorted({item["substance_code"] for item in through})),
        }
        for (one, other, kind), through in found.items()
    ]
    return [
        *rows,
        {"entity_id": entity_id("small"), "linked_entity_id": entity_id("nasty"), "link_kind": "shares_address", "declaration_count": 0},
    ]


def _broker_shares() -> list[dict[str, Any]]:
    return [
        {
            "broker_entity_id": entity_id("broker"),
            "substance_code": "acetone",
            "reporter_code": 484,
            "period": 202412,
            "share_ratio": 0.61,
            "expected_share_ratio": 0.2,
            "declaration_count": 30,
            "company_count": 3,
        }
    ]


def _reason(name: str) -> str:
    return (
        f"{name} declared as importer 20.0 t of Acetone in November 2024, where its own past and companies of its size lead to expect "
        "8.00 t (90% interval 3.00 t to 15.0 t). Not one of 2,048 earlier company months of all watched substances looks this unusual "
        "(q 0.02); a lead to check, not a finding."
    )


def _signals(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rules = (
        ("importer", "out_of_profile"),
        ("importer", "unnotified_export"),
        ("small", "unlicensed_importer"),
        ("broker", "broker_bottleneck"),
        ("nasty", "family_basket"),
    )
    first = {entity: next(item for item in items if entity_id(entity) in item.values()) for entity, _ in rules}
    return [
        {
            "signal_id": f"{rank:016x}",
            "lead_id": f"{rank + 100:016x}",
            "lead_rank": rank,
            "is_lead_head": True,
            "signal_count": 1,
            "rule": rule,
            "subject": "company",
            "entity_id": entity_id(entity),
            "entity_name": NAMES[entity][0],
            "party_role": "broker" if entity == "broker" else "importer",
            "reporter_code": 484,
            "substance_code": first[entity]["substance_code"],
            "family": first[entity]["family"],
            "period": 202411,
            "window_periods": 1,
            "declaration_id": first[entity]["declaration_id"],
            "observed_kg": 20_000.0,
            "expected_kg": 8000.0,
            "lower_kg": 3000.0,
            "upper_kg": 15_000.0,
            "excess_kg": 12_000.0,
            "excess_ratio": 2.5,
            "anomaly_score": 90.0 - rank,
            "lead_score": 90.0 - rank,
            "is_flagged": rank < 4,
            "is_white_listed": False,
            "comparison": "2,048 earlier company months of all watched substances",
            "signal_reason": _reason(NAMES[entity][0]),
        }
        for rank, (entity, rule) in enumerate(rules, 1)
    ]


def _evidence(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "signal_id": signal["signal_id"],
            "evidence_role": "observed",
            "source": "made",
            "snapshot_id": item["snapshot_id"],
            "row_number": item["row_number"],
            "declaration_id": item["declaration_id"],
            "item_number": 1,
            "declaration_date": item["declaration_date"],
            "net_weight_kg": item["net_weight_kg"],
            "value_usd": item["value_usd"],
        }
        for signal in _signals(items)
        for item in [each for each in items if signal["entity_id"] in each.values()][:3]
    ]


def _behind_country_lead(tables: ReleaseTables, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    head = tables.signal.filter("is_lead_head").sort("lead_rank").row(0, named=True)
    columns = ("source", "snapshot_id", "row_number", "reporter_code", "declaration_id", "item_number", "declaration_date", "net_weight_kg")
    return [
        {"signal_id": head["signal_id"], "importer_entity_id": item["importer_entity_id"], "exporter_entity_id": item["exporter_entity_id"]}
        | {name: item[name] for name in columns}
        for item in items[:5]
    ]


def _licences() -> list[dict[str, Any]]:
    return [
        {
            "source": "made",
            "snapshot_id": "0" * 15 + "2",
            "row_number": 1,
            "retrieved_at": WHEN,
            "operator_name": NAMES["importer"][0],
            "operator_country": "MEX",
            "licence_number": "LIC-2024-7",
            "licence_kind": "import",
            "substance_code": "acetone",
            "valid_from": date(2024, 1, 1),
            "valid_to": date(2024, 12, 31),
            "annual_limit_kg": 120_000.0,
        }
    ]


def _notifications() -> list[dict[str, Any]]:
    return [
        {
            "source": "made",
            "snapshot_id": "0" * 15 + "3",
            "row_number": at,
            "retrieved_at": WHEN,
            "notification_number": f"PEN-{at}",
            "notified_on": date(2024, 3, 1) + timedelta(days=40 * at),
            "exporting_area_code": 156,
            "importing_area_code": 484,
            "exporter_name": NAMES["exporter"][0],
            "importer_name": NAMES["importer"][0],
            "substance_code": "acetic_anhydride",
            "notified_kg": 9000.0 * at,
            "expected_on": date(2024, 3, 15) + timedelta(days=40 * at),
            "notification_status": ("not_objected", "open", "objected")[at - 1],
        }
        for at in (1, 2, 3)
    ]


def _record_parties() -> list[dict[str, Any]]:
    licence = {
        "record_table": "licensed_operator",
        "snapshot_id": "0" * 15 + "2",
        "row_number": 1,
        "party_role": "licensee",
        "entity_id": entity_id("importer"),
    }
    told = [
        {
            "record_table": "pre_export_notification",
            "snapshot_id": "0" * 15 + "3",
            "row_number": at,
            "party_role": role,
            "entity_id": entity_id(role),
        }
        for at in (1, 2, 3)
        for role in ("exporter", "importer")
    ]
    return [licence, *told]
