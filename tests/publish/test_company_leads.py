"""What a release shows of leads on companies: the report's section, the workbook's sheets, the files, the listing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from tests.company_world import add_companies
from tests.publish.test_report import Outline
from tests.release_world import NASTY, Made, replace_tables
from tradeflow.contract import load_contract
from tradeflow.listing import print_company_signals
from tradeflow.publish.reading import read_company_signals
from tradeflow.publish.report import render_report
from tradeflow.publish.serving import serve_release
from tradeflow.publish.table_files import write_table_files
from tradeflow.publish.workbook import write_workbook
from tradeflow.settings import Publish
from tradeflow.telling.company_lead import read_company_leads
from tradeflow.telling.tables import ReleaseTables
from tradeflow.telling.wording import COMPANY_EVIDENCE_WORDS, COMPANY_ROLE_WORDS, COMPANY_RULE_WORDS


@pytest.fixture(scope="module")
def tables(few: Made) -> ReleaseTables:
    return add_companies(few[0])


def test_every_rule_role_and_kind_of_evidence_has_words() -> None:
    signal, evidence = load_contract("company_signal"), load_contract("company_signal_evidence")
    assert set(COMPANY_RULE_WORDS) == set(signal.column("rule").valid_values)
    assert set(COMPANY_ROLE_WORDS) == set(signal.column("party_role").valid_values)
    assert set(COMPANY_EVIDENCE_WORDS) == set(evidence.column("evidence_role").valid_values)


def test_a_lead_is_its_head_with_the_other_rules_and_the_newest_rows(tables: ReleaseTables) -> None:
    leads = read_company_leads(tables, 50)
    assert [lead.signal["lead_rank"] for lead in leads] == sorted(tables.company_signal["lead_rank"].unique())
    assert all(lead.signal["is_lead_head"] for lead in leads)
    assert all(other["lead_id"] == lead.signal["lead_id"] for lead in leads for other in lead.others)
    counted = sum(lead.evidence_count for lead in leads)
    heads = tables.company_signal.filter("is_lead_head")
    assert counted == tables.company_signal_evidence.join(heads, on="signal_id", how="semi").height


def test_the_report_shows_companies_where_there_are_any(tables: ReleaseTables, few: Made) -> None:
    with_companies, without = render_report(tables, few[1], Publish()), render_report(*few, Publish())
    assert 'id="companies"' in with_companies
    assert 'href="#companies"' in with_companies
    assert 'id="companies"' not in without
    words = "".join(Outline(with_companies).text)
    for lead in read_company_leads(tables, 50):
        assert lead.signal["signal_reason"] in words


def test_a_companys_name_is_never_markup(tables: ReleaseTables, few: Made) -> None:
    nasty = pl.lit(NASTY)
    signals = tables.company_signal.with_columns(entity_name=nasty, related_entity_name=nasty, signal_reason=nasty, family=nasty)
    rows = tables.company_signal_evidence.with_columns(declaration_id=nasty)
    page = render_report(replace_tables(tables, company_signal=signals, company_signal_evidence=rows), few[1], Publish())
    outline = Outline(page)
    assert outline.of("img") == []
    assert len(outline.of("script")) == 4
    assert NASTY in "".join(outline.text)


def test_the_workbook_has_sheets_of_companies_and_no_formula(tables: ReleaseTables, few: Made, tmp_path: Path) -> None:
    signals = tables.company_signal.with_columns(entity_name=pl.lit("=1+1"))
    write_workbook(tmp_path / "signal.xlsx", replace_tables(tables, company_signal=signals), few[1])
    book = pl.read_excel(tmp_path / "signal.xlsx", sheet_id=0, has_header=False, infer_schema_length=0)
    assert list(book) == ["Read me", "signal", "feature", "evidence", "reporter", "company", "company evidence", "declaration",
                          "data dictionary"]  # fmt: skip
    assert book["company"].height == signals.height + 1
    assert "'=1+1" in book["company"].rows()[1]
    assert "company evidence" in book["data dictionary"].to_series(0).to_list()


def test_files_of_companies_are_written_where_there_are_any(tables: ReleaseTables, few: Made, tmp_path: Path) -> None:
    for name, of in (("with", tables), ("without", few[0])):
        (tmp_path / name).mkdir()
        write_table_files(tmp_path / name, of)
    more = {path.name for path in (tmp_path / "with").iterdir()} - {path.name for path in (tmp_path / "without").iterdir()}
    tables_of_companies = {"company_signal", "company_signal_evidence", "signal_declaration", "entity", "entity_name", "company_link"}
    assert more == {f"{table}.{ending}" for table in tables_of_companies for ending in ("csv", "parquet")}
    assert pl.read_parquet(tmp_path / "with" / "company_signal.parquet").equals(tables.company_signal)


def test_leads_on_companies_come_back_by_rank_and_narrowed(tables: ReleaseTables, few: Made, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'serving.sqlite'}"
    serve_release(url, "with", tables, few[1], published_at=datetime(2025, 1, 5, tzinfo=UTC))
    found = read_company_signals(url)
    assert found.height == tables.company_signal.height
    assert found.filter("is_lead_head")["lead_rank"].is_sorted()
    rule = tables.company_signal["rule"][0]
    assert set(read_company_signals(url, rule=rule)["rule"]) == {rule}
    assert read_company_signals(url, min_score=101.0).is_empty()
    assert read_company_signals(url, limit=2).height == 2


def test_the_listing_has_a_line_a_lead(tables: ReleaseTables, capsys: pytest.CaptureFixture[str]) -> None:
    heads = tables.company_signal.filter("is_lead_head").sort("lead_rank")
    print_company_signals(heads)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == heads.height + 1
    assert COMPANY_RULE_WORDS[heads["rule"][0]] in lines[1]
    assert lines[1].endswith(heads["signal_id"][0][:8])
