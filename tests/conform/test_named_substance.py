"""Watched substances named in goods descriptions: found in five languages, through slips, and not where only the words look alike."""

from functools import cache

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeflow.conform.goods_text import find_cas_numbers, spell_plainly
from tradeflow.conform.misspelling import correct_words
from tradeflow.conform.named_substance import find_named_substances
from tradeflow.conform.substance_names import NameList, build_name_list
from tradeflow.contract import load_codelist, load_contract


@cache
def names() -> NameList:
    return build_name_list(load_codelist("substance_name"), load_codelist("near_name"), load_codelist("substance"))


def named(description: str) -> dict[str, str]:
    found = find_named_substances(pl.Series([description], dtype=pl.String), names())
    return dict(found.select("substance_code", "match_kind").iter_rows())


@pytest.mark.parametrize(
    ("description", "substances"),
    [
        ("ACETONE 99.5% IN 200 L DRUMS", {"acetone": "name"}),
        ("l'acétone et le toluène, qualité industrielle", {"acetone": "name", "toluene": "name"}),
        ("ANHIDRIDO ACETICO", {"acetic_anhydride": "name"}),
        ("ácido L-tartárico, grau alimentício", {"tartaric_acid": "name"}),
        ("工业级丙酮99%桶裝", {"acetone": "name"}),
        ("鹽酸 35%", {"hydrochloric_acid": "name"}),
        ("麦角新碱", {"ergometrine": "name"}),
        ("methylethylketone, technical", {"methyl_ethyl_ketone": "name"}),
        ("chemical, CAS 108–24–7", {"acetic_anhydride": "cas_number"}),
        ("acetic anhidride", {"acetic_anhydride": "misspelling"}),
        ("potasium permanganat cryst.", {"potassium_permanganate": "misspelling"}),
        ("Tolueen in bulk", {"toluene": "misspelling"}),
        ("sample of APAAN powder", {"alpha_phenylacetoacetonitrile": "name"}),
        ("1,4-丁二醇", {"1_4_butanediol": "name"}),
    ],
)
def test_name_is_found(description: str, substances: dict[str, str]) -> None:
    assert named(description) == substances


@pytest.mark.parametrize(
    "description",
    [
        "toluene diisocyanate 80/20",
        "diisocianato de tolueno",
        "acetone-free nail polish remover",
        "esmalte sin acetona",
        "dissolvant sans acétone",
        "ethylene glycol monobutyl ether",
        "polyethylene glycol 400",
        "dimethylamine 40% solution",
        "nitromethane",
        "potassium iodide",
        "povidone iodine 10%",
        "丙酮酸",
        "不含丙酮的洗甲水",
        "chemical, CAS 108-24-8",
        "piperonyl butoxide",
        "benzoyl chloride",
        "menthol crystals",
        "sulphuric acid resistant gloves",
        "",
    ],
)
def test_what_only_looks_alike_is_not_named(description: str) -> None:
    assert named(description) == {}


def test_result_keeps_its_contract() -> None:
    found = find_named_substances(pl.Series(["acetone", "acetone", None, "toluen", "rice"]), names())
    contract = load_contract("named_substance")
    assert found.schema == contract.schema
    assert found["description"].to_list() == ["acetone", "toluen"]


@pytest.mark.parametrize("descriptions", [[], [None], ["rice"]])
def test_nothing_named_gives_no_row(descriptions: list[str | None]) -> None:
    assert find_named_substances(pl.Series(descriptions, dtype=pl.String), names()).is_empty()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["acetone", "tolueno", "acide tartrique", "甲醇", "metanol 99%", "rice", "acetonne"]), unique=True))
def test_order_and_company_of_descriptions_change_nothing(descriptions: list[str]) -> None:
    together = find_named_substances(pl.Series(descriptions, dtype=pl.String), names())
    alone = {description: named(description) for description in descriptions}
    expected = {(description, code, kind) for description, found in alone.items() for code, kind in found.items()}
    assert set(together.select("description", "substance_code", "match_kind").iter_rows()) == expected


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read(description: str) -> None:
    named(description)


def test_every_name_in_the_list_names_its_own_substance() -> None:
    wanted = load_codelist("substance_name")
    found = find_named_substances(wanted["name"], names())
    pairs = set(found.select("description", "substance_code").iter_rows())
    assert [row for row in wanted.select("name", "substance_code").iter_rows() if row not in pairs] == []


def test_a_name_means_one_substance() -> None:
    spelt = load_codelist("substance_name").with_columns(spell_plainly(pl.col("name")).alias("plain"))
    assert spelt.group_by("plain").agg(pl.col("substance_code").n_unique().alias("n")).filter(pl.col("n") > 1).is_empty()


def test_check_digit_decides() -> None:
    texts = pl.DataFrame({"text": ["67-64-1 and 67-64-2", "7722 - 64 - 7", None, "100-52-7x"]})
    assert texts.select(find_cas_numbers(pl.col("text")))["text"].to_list() == [["67-64-1"], ["7722-64-7"], None, []]


def test_slip_is_forgiven_by_length() -> None:
    words = pl.Series(["hexanne", "hxanne", "permangantae", "dimethylamine", "exane"])
    corrected = dict(correct_words(words, pl.Series(["hexane", "permanganate", "methylamine"])).iter_rows())
    assert corrected == {"hexanne": "hexane", "permangantae": "permanganate"}
