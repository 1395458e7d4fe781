from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator

import fastexcel
import pytest

from tests.company_world import NAMES, entity_id
from tests.serve.conftest import Served, Visitor
from tests.serve.with_companies import open_with_companies, state_purpose
from tradeflow.serve.dossier.paper import write_pdf
from tradeflow.serve.dossier.shape import Column, Dossier, Section


@pytest.fixture(scope="module")
def investigator(tmp_path_factory: pytest.TempPathFactory, cheap_hashing: None) -> Iterator[Visitor]:
    served: Served = open_with_companies(tmp_path_factory.mktemp("dossier"))
    yield state_purpose(served.signed_in("investigator"))
    served.app.state.house.stores.dispose()


def dossier(visitor: Visitor, kind: str, company: str = "importer") -> bytes:
    answer = visitor.get(f"/companies/{entity_id(company)}/dossier.{kind}")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    return bytes(answer.content)


def test_the_paper_is_a_pdf_whatever_the_names_are(investigator: Visitor) -> None:
    for company in NAMES:
        assert dossier(investigator, "pdf", company).startswith(b"%PDF-")


@pytest.mark.parametrize(
    "text", ["#sys.inputs", "*bold* _it_ $x^2$", "] #panic()", "\\", "克林化工", "x" * 400, "@ref <label> // comment", "{{ }}"]
)
def test_no_text_is_read_as_markup(text: str) -> None:
    section = Section(text, [Column(text, "long"), Column(text, "code")], [[text, text]], text, text)
    made = write_pdf(Dossier(text, [(text, text)], text, [section, Section(text, [Column(text)], [], none=text)]), "en")
    assert made.startswith(b"%PDF-")


def test_a_long_table_ends_on_paper() -> None:
    rows = [[f"row {at}"] for at in range(600)]
    cut, whole = (
        len(write_pdf(Dossier("x", [], "x", [Section("x", [Column("x")], rows, most_on_paper=most)]), "en")) for most in (20, 600)
    )
    assert cut < whole / 2


def test_the_spreadsheet_holds_the_sections_and_no_formula(investigator: Visitor) -> None:
    written = dossier(investigator, "xlsx", "nasty")
    book = fastexcel.read_excel(written)
    assert book.sheet_names[:3] == ["Company", "Leads", "Names as written"]
    names = book.load_sheet("Names as written").to_polars()
    assert set(names["Name"]) == set(NAMES["nasty"])
    with zipfile.ZipFile(io.BytesIO(written)) as parts:
        assert not any(b"<f>" in parts.read(part) for part in parts.namelist() if "worksheets" in part)


def test_follow_the_money_holds_the_company_its_ties_and_how_to_read_them(investigator: Visitor) -> None:
    entities = [json.loads(line) for line in dossier(investigator, "ftm").splitlines()]
    assert entities[0]["schema"] == "Note"
    assert entities[0]["properties"]["description"][0].startswith("A lead is no finding")
    companies = {entity["id"]: entity for entity in entities if entity["schema"] == "Company"}
    assert entities[0]["properties"]["entity"][0] in companies
    assert {entity["schema"] for entity in entities} >= {"Company", "EconomicActivity", "UnknownLink", "License", "Risk"}
    topics = {topic for entity in entities for topic in entity["properties"].get("topics", [])}
    assert topics <= {"export.risk"}


def test_every_entity_of_the_dossier_is_valid(investigator: Visitor) -> None:
    ftm = pytest.importorskip("followthemoney", reason="needs the extra ftm (its PyICU needs a compiler and ICU's headers)")
    for line in dossier(investigator, "ftm", "nasty").splitlines():
        entity = json.loads(line)
        proxy = ftm.model.get_proxy(entity, cleaned=False)
        ftm.model.get(entity["schema"]).validate(entity)
        assert set(proxy.properties) == set(entity["properties"]), entity


def test_there_is_no_other_kind(investigator: Visitor) -> None:
    assert investigator.get(f"/companies/{entity_id('importer')}/dossier.docx").status_code == 404
    assert investigator.get("/companies/nobody/dossier.pdf").status_code == 404


def test_a_dossier_stands_in_the_log_as_an_export(investigator: Visitor) -> None:
    dossier(investigator, "pdf")
    served = investigator.client.app.state.house.stores.reading  # type: ignore[attr-defined]
    with served.connect() as connection:
        rows = connection.exec_driver_sql("SELECT action, purpose, case_number, returned FROM audit_entry ORDER BY entry_number").all()
    action, purpose, case_number, returned = rows[-1]
    assert (action, purpose, case_number) == ("export", "A made-up enquiry", "C-1")
    assert entity_id("importer") in returned
