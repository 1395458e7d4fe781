from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl
import pytest

from tests.company_world import NAMES, entity_id
from tests.release_world import replace_tables
from tests.serve.conftest import Served, Visitor
from tests.serve.with_companies import made_with_companies, open_with_companies, state_purpose
from tradeflow.serve.dossier import MOST_ITEMS, paper
from tradeflow.serve.dossier.names import spell_in_latin
from tradeflow.serve.dossier.paper import find_lacking, write_pdf
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


def printed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Watch what Typst is given; the last is what stands on paper."""
    given, set_pages = [], paper._set_pages
    monkeypatch.setattr(paper, "_set_pages", lambda content: (given.append(content), set_pages(content))[1])
    return given


def test_a_letter_that_no_font_has_is_written_in_latin_ones_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    given = printed(monkeypatch)
    name = "Qaz 克\U000e9001\U000e9002 Ltd"  # private use: no font of anybody's has them
    assert write_pdf(Dossier(name, [("Name", name)], "x", [Section("x", [Column("x")], [[name]])]), "en").startswith(b"%PDF-")
    assert given[0]["spelling_note"] == ""
    assert "The spreadsheet has them as they are" in given[-1]["spelling_note"]
    told = given[-1]["sections"][0]["rows"][0][0]
    assert told == given[-1]["title"]
    assert re.fullmatch("Qaz (克‹\\?›|‹Ke›) Ltd", told)


def test_what_cannot_be_seen_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    given = printed(monkeypatch)
    write_pdf(Dossier("a\u202eb\x00c\u200bd", [], "x", []), "en")
    assert given[-1]["title"] == "a b c d"


def test_typst_tells_which_letters_it_lacks() -> None:
    told = ('the text `"克"` could not be displayed', 'the text `"\\u{1234}a"` could not be displayed with font')
    diagnostic = "\n".join(f"error: PDF/A-2u error: {each}" for each in told)
    assert find_lacking(diagnostic) == {"克", "\u1234"}


@pytest.mark.parametrize(
    ("written", "latin"),
    [("Кварт Химия", "Kvart Khimiya"), ("克林", "KeLin"), ("Química S.A.", None), ("Hóa chất", None), (None, None)],
)
def test_names_in_other_scripts_have_their_latin_letters_beside_them(written: str | None, latin: str | None) -> None:
    assert spell_in_latin(written) == latin


def test_alike_names_are_told_once_on_paper_and_each_on_the_sheet(investigator: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    given = printed(monkeypatch)
    dossier(investigator, "pdf", "importer")
    sections = {section["title"]: section for section in given[-1]["sections"]}
    book = fastexcel.read_excel(dossier(investigator, "xlsx", "importer"))
    sheet = {title: book.load_sheet(title).to_polars() for title in ("Leads", "Names as written", "How the names were joined")}
    names = sections["Names as written"]["rows"]
    assert len({row[0] for row in names}) == len(names) == sheet["Names as written"]["Name"].n_unique()
    reasons = sections["How the names were joined"]["rows"]
    assert sum(int(row[2]) for row in reasons) == sheet["How the names were joined"].height > 0
    assert sum(int(row[-1]) for row in sections["Leads"]["rows"]) == sheet["Leads"].height


def test_a_company_without_leads_has_a_dossier_that_says_so(investigator: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    given = printed(monkeypatch)
    without = [key for key in NAMES if "No lead names this company" in investigator.get(f"/companies/{entity_id(key)}").text]
    assert dossier(investigator, "pdf", without[0])
    assert given[-1]["sections"][0] | {"none": ""} == given[-1]["sections"][0] | {"rows": [], "none": ""}
    assert given[-1]["sections"][0]["none"] == "No lead names this company."


def test_a_dossier_in_spanish_holds_no_english_heading(investigator: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    given = printed(monkeypatch)
    dossier(investigator, "pdf")
    investigator.client.cookies.set("tradeflow_language", "es")
    dossier(investigator, "pdf")
    investigator.client.cookies.delete("tradeflow_language")
    english, spanish = ([each["title"] for each in content["sections"]] for content in (given[0], given[-1]))
    columns = ([column for section in content["sections"] for column in section["columns"]] for content in (given[0], given[-1]))
    headings = [{column["heading"] for column in of_one} for of_one in columns]
    assert len(english) == len(spanish)
    assert not set(english) & set(spanish)
    assert headings[0] & headings[1] == set()


def test_what_is_too_much_is_left_out_and_said(tmp_path: Path, cheap_hashing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    tables, manifest = made_with_companies()
    item = tables.company_item.filter(pl.col("importer_entity_id") == entity_id("importer")).head(1)
    many = pl.concat([item] * (MOST_ITEMS + 100)).with_columns(row_number=pl.int_range(pl.len()) + 1_000_000)
    many = many.with_columns(pl.col("row_number").cast(tables.company_item.schema["row_number"]))
    served = open_with_companies(tmp_path, (replace_tables(tables, company_item=pl.concat([tables.company_item, many])), manifest))
    given, visitor = printed(monkeypatch), state_purpose(served.signed_in("investigator"))
    dossier(visitor, "pdf")
    declarations = next(section for section in given[-1]["sections"] if section["title"] == "Declarations")
    assert re.match(r"The newest 5,000 of 5,\d+ declared items", declarations["intro"])
    assert (len(declarations["rows"]), declarations["more"]) == (30, "4970 more rows stand in the spreadsheet.")
    assert fastexcel.read_excel(dossier(visitor, "xlsx")).load_sheet("Declarations").to_polars().height == MOST_ITEMS
    note = json.loads(dossier(visitor, "ftm").splitlines()[0])
    assert "The newest 5,000 of 5," in note["properties"]["summary"][0]
    served.app.state.house.stores.dispose()


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
