"""Made-up companies as declarations name them, with the truth: aliases, slips, scripts, legal forms, shells and namesakes.

Every telling word holds a syllable of q without u, which no language's company register would take for a word: no name is a real company's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.sample.chance import named_generator

_ONSETS = ["b", "d", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z"]
_VOWELS = ["a", "e", "i", "o", "u"]
_CODAS = ["", "", "", "n", "r", "l", "s"]
_MARKED = ["qa", "qe", "qi", "qo"]
_CYRILLIC = dict(zip("abdegiklmnoprstuvzq", "абдегиклмнопрстувзк", strict=True))
_HAN = "鑫瑞泽恒博华宏盛泰嘉润丰源达通凯"
_PINYIN = ["xin", "rui", "ze", "heng", "bo", "hua", "hong", "sheng", "tai", "jia", "run", "feng", "yuan", "da", "tong", "kai"]
_TRADES = {
    "": ["", "", "", ""],
    "chemical": ["Chemicals", "Chem.", "Chemical", "Chemicals"],
    "quimica": ["Química", "Quim.", "QUIMICA", "Quimica"],
    "trading": ["Trading", "Trdg", "Trading Co.", "Trading"],
    "comercial": ["Comercializadora", "COMERCIALIZADORA", "Comercializadora", "Comercializadora"],
    "industry": ["Industries", "Ind.", "Industry", "INDUSTRIES"],
    "pharma": ["Pharmaceuticals", "Pharma", "Pharm", "Pharmaceutical"],
    "impex": ["Import Export", "Imp. & Exp.", "IMPEX", "Import-Export"],
}
_MORE_TRADES = {"brokerage": ["Customs Brokers", "Customs Brokerage", "CUSTOMS BROKERS", "Customs Broker"]}
_PLACES = {
    "MEX": (["S.A. de C.V.", "SA DE CV", "S A de C V", "S.A. de C.V", ""], "Calle Qaro"),
    "COL": (["S.A.S.", "SAS", "S A S", "S.A.S", ""], "Carrera Qomun"),
    "PER": (["S.A.C.", "SAC", "S A C", "S.A.C", ""], "Avenida Qelis"),
    "DEU": (["GmbH", "GMBH", "Gesellschaft mit beschränkter Haftung", "G.m.b.H.", ""], "Qarler Strasse"),
    "IND": (["Pvt. Ltd.", "PRIVATE LIMITED", "(P) Ltd", "Pvt Ltd", ""], "Qalipur Road"),
    "NLD": (["B.V.", "BV", "B V", "Besloten vennootschap", ""], "Rue Qantel"),
    "RUS": (["ООО", "OOO", "LLC", "ооо", ""], "Ulitsa Qirova"),
    "CHN": (["Co., Ltd.", "CO LTD", "有限公司", "Co.,Ltd", ""], "Qonghe Road"),
}
_MORE_PLACES = {
    "ESP": (["S.L.", "SL", "S L", "Sociedad Limitada", ""], "Calle Qorte"),
    "BRA": (["Ltda.", "LTDA", "LTDA.", "Limitada", ""], "Rua Qelar"),
    "FRA": (["S.A.R.L.", "SARL", "S A R L", "Sarl", ""], "Rue Qantin"),
    "ITA": (["S.r.l.", "SRL", "S R L", "S.R.L.", ""], "Via Qarini"),
    "GBR": (["Ltd", "LIMITED", "LTD.", "Limited", ""], "Qarlton Road"),
    "USA": (["Inc.", "INC", "Incorporated", "Inc", ""], "Qorval Street"),
    "TUR": (["A.Ş.", "A.S.", "AS", "Anonim Şirketi", ""], "Qarman Caddesi"),
}
_SPELT = _PLACES | _MORE_PLACES
_PLACEHOLDERS = ["00000000", "N/A", "999999999", "0"]


def make_companies(companies: int, seed: int, error_rate: float, *, first_part: float = 1.0) -> pl.DataFrame:
    """Return what declarations say of made-up companies, a row per appearance: PARTY columns, party_role, and `_company`, the truth.

    `error_rate`: chance of a slip in a name and, again, in an address; a number is mistyped in a tenth as many, since forms check them.
    A quarter of the numbers and a fifth of the addresses are missing. `first_part`: share of appearances that are already known; the
    larger part holds the smaller one.
    """
    rng = named_generator(seed, "companies", companies)
    known = make_register(companies, rng)
    repeats = np.minimum(rng.geometric(0.22, companies), 40)
    seen = known[np.repeat(np.arange(companies), repeats)]
    appearances = misspell(write_down(seen, rng), error_rate, rng)
    return appearances.filter(pl.Series(rng.random(appearances.height) < first_part))


def make_register(companies: int, rng: np.random.Generator) -> pl.DataFrame:
    """One row per company: words, country, number, address; shells share addresses, namesakes share names, siblings nearly do."""
    country = rng.choice(list(_PLACES), companies)
    first, second = _make_words(companies, rng), _make_words(companies, rng)
    second = np.where(rng.random(companies) < 0.45, second, "")
    trade = rng.choice(list(_TRADES), companies)
    kind = rng.random(companies)
    model = rng.integers(0, companies, companies)
    is_namesake, is_sibling = kind < 0.03, (kind >= 0.03) & (kind < 0.04)
    first, second, trade = (np.where(is_namesake, each[model], each) for each in (first, second, trade))
    place = np.where(is_sibling, country[model], country)
    first = np.where(is_sibling, np.char.add(first[model], rng.choice(["s", "n", "l"], companies)), first)
    house, street = rng.integers(1, 4000, companies), _make_words(companies, rng)
    is_shell = kind > 0.95
    house, street = np.where(is_shell, model % 40, house), np.where(is_shell, street[model % 40], street)
    number = rng.integers(10**9, 10**10, companies).astype(str)
    frame = pl.DataFrame(
        {"_company": np.arange(companies), "_first": first, "_second": second, "_trade": trade, "party_country": place}
        | {"_number": number, "_house": house.astype(str), "_street": street}
    )
    han = rng.integers(0, len(_HAN), (companies, 4))
    chinese = pl.DataFrame(
        {"_han": ["".join(_HAN[each] for each in row) for row in han], "_pinyin": [" ".join(_PINYIN[each] for each in row) for row in han]}
    )
    return pl.concat([frame, chinese], how="horizontal")


def _make_words(count: int, rng: np.random.Generator) -> NDArray[Any]:
    syllables = [_draw(rng, _ONSETS, count) + _draw(rng, _VOWELS, count) + _draw(rng, _CODAS, count) for _ in range(3)]
    is_early, is_short = rng.random(count) < 0.5, rng.random(count) < 0.4
    marked = _draw(rng, _MARKED, count)
    body = np.where(is_short, syllables[0] + syllables[1], syllables[0] + syllables[1] + syllables[2])
    words: NDArray[Any] = np.where(is_early, marked + body, body + marked).astype(str)
    return words


def _draw(rng: np.random.Generator, parts: list[str], count: int) -> NDArray[Any]:
    drawn: NDArray[Any] = rng.choice(np.array(parts, dtype=object), count)
    return drawn


def write_down(seen: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Write each appearance as one of many clerks would; `party_country` chooses the legal form and the kind of street."""
    count = seen.height
    pick, form = rng.integers(0, 4, count), rng.integers(0, 5, count)
    trades = pl.DataFrame(
        [(key, place, word) for key, words in (_TRADES | _MORE_TRADES).items() for place, word in enumerate(words)],
        ["_trade", "_pick", "_word"],
        orient="row",
    )
    forms = pl.DataFrame(
        [(area, place, each) for area, (spelt, _) in _SPELT.items() for place, each in enumerate(spelt)],
        ["party_country", "_form_pick", "_form"],
        orient="row",
    )
    streets = pl.DataFrame([(area, street) for area, (_, street) in _SPELT.items()], ["party_country", "_road"], orient="row")
    drawn = pl.DataFrame(
        {"_pick": pick, "_form_pick": form, "_order": rng.random(count), "_script": rng.random(count), "_case": rng.random(count)}
        | {"_has_number": rng.random(count) > 0.25, "_has_address": rng.random(count) > 0.2, "_blank": rng.choice(_PLACEHOLDERS, count)}
        | {"_is_blank": rng.random(count) < 0.3, "_is_short": rng.random(count) < 0.3}
        | {"party_role": rng.choice(["importer", "exporter", "broker", "consignee", "notify_party"], count, p=[0.4, 0.3, 0.1, 0.1, 0.1])}
    )
    rows = pl.concat([seen, drawn], how="horizontal").with_columns(pl.col("_pick", "_form_pick").cast(pl.Int64))
    rows = rows.join(trades, on=["_trade", "_pick"], how="left", maintain_order="left")
    rows = rows.join(forms, on=["party_country", "_form_pick"], how="left", maintain_order="left")
    rows = rows.join(streets, on="party_country", how="left", maintain_order="left")
    return rows.select("_company", _name().alias("party_name"), "party_country", _number(), _address(), "party_role")


def _name() -> pl.Expr:
    latin = pl.concat_str(pl.col("_first").str.to_titlecase(), pl.lit(" "), pl.col("_second").str.to_titlecase()).str.strip_chars()
    russian = latin.str.to_lowercase().str.replace_many(list(_CYRILLIC), list(_CYRILLIC.values())).str.to_titlecase()
    is_foreign = pl.col("_script") < 0.4
    is_russian, is_chinese = pl.col("party_country") == "RUS", pl.col("party_country") == "CHN"
    words = (
        pl.when(is_russian & is_foreign).then(russian)
        .when(is_russian).then(latin.str.replace_all("(?i)q", "k"))
        .when(is_chinese & is_foreign).then("_han")
        .when(is_chinese).then(pl.col("_pinyin").str.to_titlecase())
        .otherwise(latin)
    )  # fmt: skip
    swapped = pl.concat_str(pl.col("_word"), pl.lit(" "), words)
    ordered = (
        pl.when((pl.col("_order") < 0.15) | (pl.col("_trade") == "comercial"))
        .then(swapped)
        .otherwise(words + pl.lit(" ") + pl.col("_word"))
    )
    whole = pl.concat_str(
        ordered.str.strip_chars(), pl.when(pl.col("_form") != "").then(pl.lit(" ") + pl.col("_form")).otherwise(pl.lit(""))
    )
    return (
        pl.when(pl.col("_case") < 0.4)
        .then(whole.str.to_uppercase())
        .when(pl.col("_case") < 0.5)
        .then(whole.str.replace_all(" ", "  "))
        .otherwise(whole)
    )


def _number() -> pl.Expr:
    blank = pl.when("_is_blank").then("_blank")
    return pl.when("_has_number").then("_number").otherwise(blank).alias("tax_number")


def _address() -> pl.Expr:
    written = pl.format("{} {} {}", "_road", "_street", "_house")
    short = pl.format("{} no. {}, {}", "_road", "_house", "_street").str.replace_many(
        ["Calle", "Carrera", "Avenida", "Strasse", "Road", "Ulitsa"], ["C.", "Carr.", "Av.", "Str.", "Rd", "Ul."]
    )
    return pl.when("_has_address").then(pl.when("_is_short").then(short).otherwise(written.str.to_uppercase())).alias("party_address")


def misspell(rows: pl.DataFrame, error_rate: float, rng: np.random.Generator) -> pl.DataFrame:
    """Let slips happen in names and addresses, and in a tenth as many numbers."""
    slips = {"party_name": error_rate, "party_address": error_rate, "tax_number": error_rate / 10}
    for name, rate in slips.items():
        drawn = pl.DataFrame(
            {"_slips": rng.random(rows.height) < rate, "_place": rng.random(rows.height), "_kind": rng.integers(0, 4, rows.height)}
        )
        letters = rng.choice(list("3817" if name == "tax_number" else "aeiorst"), rows.height)
        marked = pl.concat([rows, drawn.with_columns(_letter=pl.Series(letters))], how="horizontal")
        rows = marked.with_columns(pl.when("_slips").then(_slip(pl.col(name))).otherwise(name).alias(name)).select(rows.columns)
    return rows


def _slip(text: pl.Expr) -> pl.Expr:
    """One letter left out, added, changed, or exchanged with the next."""
    place = (pl.col("_place") * (text.str.len_chars() - 1)).floor().cast(pl.Int64)
    head, one, two, tail = text.str.slice(0, place), text.str.slice(place, 1), text.str.slice(place + 1, 1), text.str.slice(place + 2)
    kinds = [(head, two, tail), (head, one, pl.col("_letter"), two, tail), (head, pl.col("_letter"), two, tail), (head, two, one, tail)]
    written = [pl.concat_str(*parts) for parts in kinds]
    return (
        pl.when(pl.col("_kind") == 0)
        .then(written[0])
        .when(pl.col("_kind") == 1)
        .then(written[1])
        .when(pl.col("_kind") == 2)
        .then(written[2])
        .otherwise(written[3])
    )
