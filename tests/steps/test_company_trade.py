"""The step `company_trade`: from declarations in the lake to what their companies trade; a second run changes nothing."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.lake import Lake, read_table
from tradeflow.settings import Companies, load_settings, read_only_input
from tradeflow.steps.companies import resolve_companies
from tradeflow.steps.company_trade import COMPANY_TABLES, follow_companies
from tradeflow.steps.declarations import name_declared_substances
from tradeflow.steps.handles import Made
from tradeflow.steps.ingest import conform_snapshots, pull_sources
from tradeflow.steps.known import know_figures

HEAD = (
    "declaration_id,item_number,declaration_date,reporter_code,flow_code,national_code,description,net_weight_kg,"
    "importer_id,importer_name,exporter_name,declarant_id,consignee_name\n"
)
ROWS = (
    "A1,1,2024-03-05,484,M,29141100,acetone,900,QAR010203AB1,Qarona Quimica S.A. de C.V.,Belqisu GmbH,AGE990101XX1,Duqel Impex\n"
    "A2,1,2024-04-06,484,M,23091000,dog food,5000,QAR010203AB1,QARONA QUIM.,Belqisu GmbH,AGE990101XX1,\n"
    "A3,1,2024-05-07,484,M,23091000,acetone in drums,700,QAR010203AB1,Qarona Quimica,Belqisu GmbH,AGE990101XX1,\n"
    "A3,2,2024-05-07,484,M,,sand,8000,QAR010203AB1,Qarona Quimica,Belqisu GmbH,AGE990101XX1,\n"
)


def run(lake: Lake, given: Path, day: date) -> Made:
    settings = read_only_input(load_settings(None), given)
    pull_sources(settings, lake, datetime(2026, 1, 1, tzinfo=UTC))
    known = know_figures(settings, lake, None, conform_snapshots(lake))
    return follow_companies(lake, known, name_declared_substances(lake, known), resolve_companies(Companies(), lake, known, day))


def test_companies_are_followed_from_file_to_tables(tmp_path: Path) -> None:
    lake, given = Lake(tmp_path / "lake"), tmp_path / "given"
    given.mkdir()
    (given / "one.csv").write_text(HEAD + ROWS)
    assert run(lake, given, date(2026, 1, 1)).is_new
    assert not run(lake, given, date(2026, 1, 2)).is_new
    tables = {name: read_table(lake, name).collect() for name in COMPANY_TABLES}
    assert {name: made.schema for name, made in tables.items()} == {name: load_contract(name).schema for name in COMPANY_TABLES}
    assert tables["company_item"].select("declaration_id", "named_by", "net_weight_kg").sort("declaration_id").rows() == [
        ("A1", "both", 900.0),
        ("A3", "words", 700.0),
    ]
    importer = tables["company_item"]["importer_entity_id"][0]
    months = tables["company_month"].filter(entity_id=importer)
    assert months.select("period", "past_item_count", "past_chapter_share_ratio").rows() == [(202403, 0, None), (202405, 2, 0.5)]
    profile = tables["company_profile"].filter(entity_id=importer, party_role="importer").row(0, named=True)
    assert (profile["item_count"], profile["declaration_count"], profile["net_weight_kg"]) == (4, 3, 14600.0)
    assert (profile["main_chapter"], profile["main_chapter_share"], profile["chapter_count"]) == ("23", 0.5, 2)
    assert profile["watched_share_ratio"] == 0.5
    # Nobody stated a value: that is not a value of zero.
    assert profile["value_usd"] is None
    kinds = tables["company_link"].filter(pl.col("entity_id") == importer)["link_kind"].to_list()
    assert sorted(kinds) == ["brokered_by", "consigned_to"]
    assert tables["broker_share"]["share_ratio"].to_list() == [1.0, 1.0]
