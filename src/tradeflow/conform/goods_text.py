"""A goods description in the one spelling that names are looked for in."""

from __future__ import annotations

import polars as pl

GAP = "  "
"""Words stand two blanks apart, so that two names side by side each have a blank of their own on both sides."""
_GREEK = {"α": " alpha ", "β": " beta ", "γ": " gamma "}
_TRADITIONAL = (
    "鹽無錳鉀鈉黃鹼異氫紅麥腈錠氯業級純桶裝罐袋瓶濃溶進國產險貨淨類劑顆狀體偽過單雙亞銨氣醯鈣鎂鐵銅鋅鋁電醫藥試標餾鏈噸應乾點對鄰間"
)
_SIMPLIFIED = (
    "盐无锰钾钠黄碱异氢红麦腈锭氯业级纯桶装罐袋瓶浓溶进国产险货净类剂颗状体伪过单双亚铵气酰钙镁铁铜锌铝电医药试标馏链吨应干点对邻间"
)
_MISWRITTEN = {"猛酸": "锰酸", "笨": "苯", "酸纳": "酸钠", "化纳": "化钠", "硷": "碱", "丙铜": "丙酮", "丁铜": "丁酮", "己铜": "己酮"}
"""Characters that are often typed for the one of a chemical that sounds or looks the same."""
_ALIKE = {"’": "'", "‐": "-", "‑": "-", "–": "-", "—": "-", "−": "-"}


def spell_plainly(text: pl.Expr) -> pl.Expr:
    """Return the words of text in small letters without accents, two blanks apart and one blank at both ends; null stays null.

    Chinese characters stand apart from letters and digits and are brought to their simplified form, usual slips among them mended and
    grades (工业级) left out; hyphens and commas become blanks, M.E.K. is written as one word.
    """
    letters = text.str.normalize("NFKC").str.to_lowercase().str.normalize("NFD").str.replace_all(r"\p{Mn}", "")
    changed = _GREEK | dict(zip(_TRADITIONAL, _SIMPLIFIED, strict=True))
    simple = letters.str.replace_many(list(changed), list(changed.values()))
    alike = simple.str.replace_many(list(_MISWRITTEN), list(_MISWRITTEN.values()))
    joined = alike.str.replace_all(r"\b([a-z])\.([a-z])\.([a-z])\b", "$1$2$3")
    graded = joined.str.replace_all(r"\p{Han}{2}级", GAP)
    apart = graded.str.replace_all(r"(\p{Han}+)", " $1 ").str.replace_all(r"[^a-z0-9\p{Han}]+", GAP)
    return pl.format(" {} ", apart.str.strip_chars(" "))


def find_cas_numbers(text: pl.Expr) -> pl.Expr:
    """Return the list of CAS numbers in text, written with any dash, whose check digit is right.

    The check digit is the sum of the other digits, each times its place from the right, modulo 10 (Chemical Abstracts Service).
    """
    dashes = text.str.normalize("NFKC").str.replace_many(list(_ALIKE), list(_ALIKE.values()))
    found = dashes.str.extract_all(r"\b\d{2,7}\s?-\s?\d{2}\s?-\s?\d\b")
    return found.list.eval(pl.element().str.replace_all(r"\s", "").filter(_has_right_check_digit(pl.element().str.replace_all(r"\s", ""))))


def _has_right_check_digit(cas_number: pl.Expr) -> pl.Expr:
    digits = cas_number.str.replace_all("-", "").str.reverse()
    weighted = [digits.str.slice(place, 1).cast(pl.Int32, strict=False).fill_null(0) * place for place in range(1, 10)]
    return pl.sum_horizontal(weighted) % 10 == digits.str.slice(0, 1).cast(pl.Int32)
