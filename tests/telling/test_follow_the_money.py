"""FollowTheMoney entities as the package that defines them reads them: nothing is refused, cut or changed."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.telling.company_records import make_records
from tradeflow.contract import load_codelist
from tradeflow.telling.company_graph import take_companies, take_flagged
from tradeflow.telling.follow_the_money import write_follow_the_money


@pytest.fixture
def entities(tmp_path: Path) -> list[dict[str, Any]]:
    count = write_follow_the_money(tmp_path / "out.ftm.json", take_flagged(make_records()))
    lines = (tmp_path / "out.ftm.json").read_text(encoding="utf-8").splitlines()
    assert len(lines) == count
    return [json.loads(line) for line in lines]


def find(entities: list[dict[str, Any]], schema: str) -> list[dict[str, Any]]:
    return [each["properties"] | {"id": each["id"]} for each in entities if each["schema"] == schema]


def test_a_declared_item_says_who_sent_what_to_whom(entities: list[dict[str, Any]]) -> None:
    (item,) = find(entities, "EconomicActivity")

    assert item["sender"] == ["tradeflow-company-EX"]
    assert item["receiver"] == ["tradeflow-company-EM", "tradeflow-company-EC"]
    assert item["declarant"] == ["tradeflow-company-EB"]
    assert item["summary"] == ["Declared import: 2000 kg, Acetone, Toluene"]
    assert (item["vedCode"], item["date"], item["ccdNumber"]) == (["291411"], ["2024-03-05"], ["D1"])
    assert (item["departureCountry"], item["destinationCountry"]) == (["de"], ["mx"])
    assert item["goodsDescription"] == ["acetone in drums"]


def test_a_lead_is_a_trade_risk_and_nothing_says_crime(entities: list[dict[str, Any]]) -> None:
    (risk,) = find(entities, "Risk")

    assert risk["entity"] == ["tradeflow-company-EM"]
    assert risk["topics"] == ["export.risk"]
    assert risk["status"] == ["lead from trade records, not a finding"]
    topics = {topic for each in entities for topic in each["properties"].get("topics", ())}
    assert topics == {"export.risk"}
    assert "crime" not in json.dumps(entities)


def test_a_licence_names_its_authority_and_its_holder(entities: list[dict[str, Any]]) -> None:
    (licence,) = find(entities, "License")
    holder = next(each for each in find(entities, "UnknownLink") if each["role"] == ["holder of the licence"])

    assert licence["name"] == ["Import licence L-1"]
    assert licence["authority"] == [find(entities, "PublicBody")[0]["id"]]
    assert licence["summary"] == ["Valid from 2024-01-01 to no stated end, at most 5000 kg a year"]
    assert (holder["subject"], holder["object"]) == (["tradeflow-company-EC"], [licence["id"]])


def test_every_reference_leads_to_an_entity_and_ids_are_unique(entities: list[dict[str, Any]]) -> None:
    ids = [each["id"] for each in entities]
    referring = ("sender", "receiver", "declarant", "subject", "object", "entity", "authority")
    referred = {value for each in entities for name in referring for value in each["properties"].get(name, ())}

    assert len(set(ids)) == len(ids)
    assert referred <= set(ids)


def test_the_same_records_give_the_same_entities(entities: list[dict[str, Any]], tmp_path: Path) -> None:
    write_follow_the_money(tmp_path / "again.json", take_flagged(make_records()))

    assert [json.loads(line) for line in (tmp_path / "again.json").read_text(encoding="utf-8").splitlines()] == entities


def test_the_package_takes_every_value_as_it_is(tmp_path: Path) -> None:
    ftm = pytest.importorskip("followthemoney", reason="needs the extra ftm (its PyICU needs a compiler and ICU's headers)")
    path = tmp_path / "all.json"
    write_follow_the_money(path, take_companies(make_records()))
    for line in path.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        schema = ftm.model.get(told["schema"])
        assert schema is not None
        assert schema.validate(told) is None
        assert set(schema.required) <= set(told["properties"])
        read = ftm.model.get_proxy(told, cleaned=False)
        kept = {name: sorted(values) for name, values in read.to_dict()["properties"].items()}
        assert kept == {name: sorted(values) for name, values in told["properties"].items()}


def test_the_package_knows_every_country_of_ours() -> None:
    types = pytest.importorskip("followthemoney.types", reason="needs the extra ftm (its PyICU needs a compiler and ICU's headers)")
    codes = load_codelist("area")["iso2"].drop_nulls().str.to_lowercase()

    assert [code for code in codes if types.registry.country.clean(code) != code] == []
