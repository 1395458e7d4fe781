"""A small contract with a code list of its own, so that a case can be read without knowing the real ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tradeflow.contract import Contract, load_codelist, read_contract

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: shipment
name: shipment
version: 1.0.0
status: active
schema:
- name: shipment
  description: One row is a shipment.
  properties:
  - {name: port, logicalType: string, physicalType: VARCHAR, description: Where., required: true, customProperties: [
      {property: codelist, value: port.area_code}, {property: alias, value: port_alias}]}
  - {name: month, logicalType: integer, physicalType: INTEGER, description: When., required: true}
  - {name: net_weight_kg, logicalType: number, physicalType: DOUBLE, description: How much., logicalTypeOptions: {minimum: 0}}
  - {name: is_estimated, logicalType: boolean, physicalType: BOOLEAN, description: Estimated.}
  - {name: seen_at, logicalType: timestamp, physicalType: TIMESTAMP, description: Seen.}
  - {name: remark, logicalType: string, physicalType: VARCHAR, description: Remark., customProperties: [
      {property: ignored, value: not read}]}
  quality:
  - {name: key_is_unique, type: library, metric: duplicateValues, arguments: {properties: [port, month]}, mustBe: 0}
  - {name: month_exists, type: custom, description: A month., severity: error,
     implementation: "month BETWEEN 196201 AND 210012 AND month % 100 BETWEEN 1 AND 12"}
  - {name: not_transit, type: custom, description: Transit is not used., severity: info,
     implementation: "COALESCE(remark, '') <> 'transit'"}
"""
PORTS = """area_code,iso2,iso3,area_name
4,,,Côte d'Ivoire
8,NA,NAM,Namibia
12,,,Twin
16,,,Twin
20,,IVC,Isle of Vic
"""
ALIASES = """alias,area_code
ivory coast,4
356,8
ivc,4
"""


@pytest.fixture
def shipment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Contract]:
    (tmp_path / "codelists").mkdir()
    (tmp_path / "codelists" / "port.csv").write_text(PORTS, encoding="utf-8")
    (tmp_path / "codelists" / "port_alias.csv").write_text(ALIASES, encoding="utf-8")
    (tmp_path / "shipment.odcs.yaml").write_text(CONTRACT, encoding="utf-8")
    monkeypatch.setattr("tradeflow.contract.contracts_folder", lambda: tmp_path)
    load_codelist.cache_clear()
    yield read_contract(tmp_path / "shipment.odcs.yaml")
    load_codelist.cache_clear()
