"""What is said of a lead: the golden sentence of each rule, and that none of them accuses."""

import re

import polars as pl
import pytest

from tests.signals.company.tables import (
    ANHYDRIDE,
    CHINA,
    MEXICO,
    company_tables,
    export,
    item,
    licence,
    month,
    notification,
)
from tests.signals.company.test_pattern_rules import share
from tradeflow.model.calibration import calibrate
from tradeflow.signals.company import COMPANY_RULES, CompanyRankOptions, propose_company_candidates, rank_company_leads

SURE = r" (Not one|About 1 in [\d,]+) of [\d,]+ earlier .+ looks? this unusual \(q [\d.]+\); a lead to check, not a finding\."
RECORD = r" This rests on what is on record, not on a forecast; a lead to check, not a finding\."
ACCUSING = re.compile(
    r"\b(illegal|illicit|crim|guilt|fraud|smuggl|diver[ts]|launder|traffick|suspect|suspicious|violat|offen)", re.IGNORECASE
)
NAMES = pl.DataFrame({"entity_id": ["ODD", "IMP"], "entity_name": ["Qaro S.A.", "Qelis"]})
USUAL = [
    item(f"C{number % 5}", f"{2022 + number % 3}-{1 + number % 12:02d}-10", 900.0 + number,
         value_usd=(1.9 + 0.01 * (number % 20)) * (900 + number))
    for number in range(120)
]  # fmt: skip


@pytest.fixture(scope="module")
def sentences() -> dict[str, str]:
    odd = [
        item("ODD", "2024-04-04", 300.0, named_by="words", is_code_of_substance=False, hs6_code="392310", description="ACETONA EN TAMBOR",
             declaration_id="W1"),
        item("ODD", "2024-05-05", 950.0, value_usd=95.0, declaration_id="U1"),
        item("ODD", "2024-06-06", 1000.0, substance_code=ANHYDRIDE, hs6_code="291524"),
        *(item("ODD", f"2024-08-{day:02d}", 240.0) for day in (3, 5, 7, 9)),
        export("ODD", "2024-07-09", 400.0, declaration_id="X1"), export("OTHER", "2024-07-09", 400.0),
    ]  # fmt: skip
    rows = [*USUAL, *odd]
    alone = {name: odd[0][name] for name in ("snapshot_id", "row_number", "substance_code")}
    told = [
        {name: row[name] for name in alone} | {"isolation_score": 0.5, "comparable_group": "declarations of HS chapter 29"} for row in USUAL
    ]
    months = [month(f"C{number % 5}", 202201 + number // 5) for number in range(60)]
    months += [month("ODD", 202405, 5000.0, z_company=4.0, is_first_trade=True, months_since_last_trade=None, past_item_count=12,
                     past_chapter_share_ratio=0.0), month("ODD", 202406, substance_code=ANHYDRIDE)]  # fmt: skip
    tables = company_tables(
        rows,
        words=[row | {"matched_name": "acetone", "match_kind": "name"} for row in rows],
        months=months,
        profiles=[{"entity_id": who, "party_role": "importer", "main_chapter": "64"} for who in ("ODD", "C1", "SHOE")],
        shares=[share("ODD"), *(share(f"B{number}", 0.05, period=period) for number in range(10) for period in (202306, 202406))],
        licences=[licence(f"C{number}", "2021-01-01") for number in range(5)],
        notifications=[notification("OTHER", due) for due in ("2023-01-01", "2024-07-10", "2025-01-01")],
        isolation=[*told, alone | {"isolation_score": 0.9, "comparable_group": "declarations of HS chapter 29"}],
    )  # fmt: skip
    candidates = calibrate(propose_company_candidates(tables, list(COMPANY_RULES)))
    leads = rank_company_leads(candidates, tables, NAMES, {MEXICO: "Mexico", CHINA: "China"}, CompanyRankOptions(p_limit=1.0))
    mine = leads.filter(entity_id="ODD").sort("anomaly_score")
    return dict(mine.select("rule", "signal_reason").iter_rows())


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            "misdeclared_goods",
            r"Qaro S\.A\. declared as importer 300 kg of goods described as “ACETONA EN TAMBOR” under HS 3923\.10 on 2024-04-04 "
            r"\(declaration W1\), where the words name Acetone \(HS 2914\.11\)\. Of 5 other companies that had described goods so, none "
            r"used that code\. A slip of the code, or a preparation that holds the substance, would explain it\." + RECORD,
        ),
        (
            "unit_value_outlier",
            r"Qaro S\.A\. declared as importer 950 kg of Acetone at USD 0\.100 a kilogram on 2024-05-05 \(declaration U1\), where earlier "
            r"items of like size, and the company’s own, lead to expect USD [12]\.\d\d\." + SURE,
        ),
        (
            "unnotified_export",
            r"Qaro S\.A\. exported 400 kg of Acetone from China on 2024-07-09 \(declaration X1\); no notification of it within the "
            r"tolerated days is on record among those given to us\. Others exported 1 item of it from China in the year, 1 of them under a "
            r"notification on record\." + RECORD,
        ),
        (
            "split_consignment",
            r"Qaro S\.A\. declared as importer 960 kg of Acetone in 4 consignments from 2024-08-03 to 2024-08-09, each below the usual "
            r"[\d.]+ k?[tg]g? \(the largest 240 kg\), where its pace of the year before leads to await [\d.]+ in such a time\." + SURE,
        ),
        (
            "unlicensed_importer",
            r"Qaro S\.A\. declared [\d.,]+ k?t?g? of Acetone for import into Mexico in \d items? in the twelve months to \w+ 2024; no "
            r"permission that covers them is on record among those given to us\. Others imported \d+ items of it there in these months, "
            r"\d+ of them covered\." + RECORD,
        ),
        (
            "out_of_profile",
            r"Qaro S\.A\. declared as importer 5\.00 t of Acetone in May 2024, where its own past and companies of its size lead to expect "
            r"1\.00 t \(90% interval 500 kg to 2\.00 t\)\. It trades it for the first time; of its 12 earlier declared items 0% are of the "
            r"substance's HS chapters, and of 2 other companies with goods mostly of HS chapter 64, 1 traded anything watched\." + SURE,
        ),
        (
            "family_basket",
            r"Qaro S\.A\. declared as importer Acetic anhydride and Acetone, 6\.00 t together, in the half year to June 2024: 2 of the 2 "
            r"watched substances that it then traded are listed for one class of drug \(heroin\), and Acetic anhydride and Acetone are new "
            r"to it\." + SURE,
        ),
        (
            "broker_bottleneck",
            r"50% of the Acetone declared in Mexico in the twelve months to June 2024 passed through Qaro S\.A\. as broker, for 5 "
            r"companies, where its part in all goods and its own past lead to expect \d%\." + SURE,
        ),
        (
            "isolated_declaration",
            r"The 300 kg of Acetone that Qaro S\.A\. declared on 2024-04-04 \(declaration W1\) stand apart from comparable declarations in "
            r"their combination of size, price, goods, route and companies\." + SURE,
        ),
    ],
)  # fmt: skip
def test_the_sentence_says_what_was_declared_beside_what_and_how_sure(sentences: dict[str, str], rule: str, told: str) -> None:
    assert re.fullmatch(told, sentences[rule]), sentences[rule]


def test_no_sentence_accuses(sentences: dict[str, str]) -> None:
    assert set(sentences) == set(COMPANY_RULES)
    for told in sentences.values():
        assert not ACCUSING.search(told), told
        assert told.endswith("a lead to check, not a finding.")
