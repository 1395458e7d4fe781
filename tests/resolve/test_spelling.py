"""One plain spelling for a company, whatever the script, legal form, punctuation and order; a number that is none is none."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeflow.contract import load_codelist
from tradeflow.resolve.number import plain_number
from tradeflow.resolve.spelling import spell_addresses, spell_names
from tradeflow.steps.companies import load_name_lists, load_placeholders

LISTS, PLACEHOLDERS = load_name_lists(), load_placeholders()


def spell(*names: str | None) -> list[dict[str, str | None]]:
    return spell_names(pl.Series("name", names, pl.String), LISTS).to_dicts()


@pytest.mark.parametrize(
    "names",
    [
        [
            "Zorqan Química, S.A. de C.V.",
            "ZORQAN QUIMICA SA DE CV",
            "Quim. Zorqan S A de C V",
            "Zorqan Química Sociedad Anónima de Capital Variable",
        ],
        ["Qarler & Söhne GmbH & Co. KG", "QARLER UND SÖHNE GMBH & CO KG"],
        ["Qolibe Trading Pvt. Ltd.", "QOLIBE TRDG (P) LTD", "Qolibe Trading Co., Private Limited"],
        ["ООО «Козур»", "OOO Kozur", "Kozur LLC"],
        ["Qarona Impex", "Qarona Import Export", "IMPORT-EXPORT QARONA"],
    ],
)
def test_spellings_of_one_name_become_one(names: list[str]) -> None:
    spelt = spell(*names)
    assert len({(each["_full"], each["_core"]) for each in spelt}) == 1
    assert len({each["_form"] for each in spelt} - {None}) == 1 or spelt[0]["_form"] is None


def test_a_chinese_name_meets_its_transliteration() -> None:
    chinese, latin, other = spell("鑫瑞泽恒化工有限公司", "Xin Rui Ze Heng Chemical Co., Ltd.", "Xin Rui Ze Hong Chemical Co., Ltd.")
    assert chinese["_core"] == latin["_core"] != other["_core"]
    assert (chinese["_generic"], chinese["_form"]) == (latin["_generic"], latin["_form"]) == ("chemical", "limited")


def test_a_name_of_common_words_alone_or_of_a_legal_form_keeps_its_words() -> None:
    common, form, nothing = spell("Chemical Trading Ltd", "Ltd", None)
    assert (common["_core"], form["_core"], nothing["_core"]) == ("chemicaltrading", "ltd", None)


def test_numbers_in_a_name_are_told_apart() -> None:
    assert [each["_digits"] for each in spell("Qarona Plant 2", "Qarona Plant 3", "Qarona")] == ["2", "3", ""]


@pytest.mark.parametrize("form", load_codelist("legal_form")["legal_form_spelling"].to_list())
def test_every_legal_form_is_taken_off(form: str) -> None:
    assert spell(f"Qarzoldo {form}")[0]["_core"] == "qarzoldo"


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=5))
def test_any_text_is_spelt_in_small_letters_digits_and_blanks(names: list[str]) -> None:
    for row in spell(*names):
        assert row["_full"] is not None
        assert set(row["_full"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789 ")


def test_addresses_are_spelt_alike() -> None:
    one, other, none, empty = spell_addresses(pl.Series(["Av. Qarona No. 12, Col. Centro", "CENTRO, Avenida Qarona 12", None, " "]), LISTS)
    assert one == other == "12 av centro qarona"
    assert none is None
    assert empty is None


@pytest.mark.parametrize(
    "number", ["00000000", "99999999", "0", "N/A", "n.a.", "XAXX010101000", "123456789", "sin numero", "1234", "ABCDEFGH", ""]
)
def test_a_placeholder_is_no_number(number: str) -> None:
    assert plain([number]) == [None]


def test_a_number_is_compared_without_dots_and_leading_zeros() -> None:
    assert plain(["0076.123.456-K", "76123456k", None]) == ["76123456K", "76123456K", None]


def plain(numbers: list[str | None]) -> list[str | None]:
    return pl.DataFrame({"n": pl.Series(numbers, dtype=pl.String)}).select(plain_number(pl.col("n"), PLACEHOLDERS)).to_series().to_list()
