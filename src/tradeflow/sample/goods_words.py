"""What declarants write of the goods: names in the language of the country, with grade, packing or CAS number, as the habit is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tradeflow.contract import load_codelist
from tradeflow.sample.business import load_goods
from tradeflow.sample.chance import Ints, named_generator
from tradeflow.sample.commodities import Item
from tradeflow.sample.geography import Areas

LANGUAGES = ("en", "es", "pt", "fr", "zh")
FIRST_ORDINARY = 10_000
"""`goods_key` of the first of `load_goods`; below it a key is the place of an item of the world."""
WORDINGS = 24
_SPOKEN = {
    "es": ("ESP", "MEX", "COL", "CHL", "ARG", "PAN", "PER", "VEN", "GTM", "BOL", "ECU", "URY", "PRY", "CRI"),
    "pt": ("BRA", "PRT", "AGO"),
    "fr": ("FRA", "BEL", "CHE", "LUX", "MAR", "TUN", "SEN"),
    "zh": ("CHN",),
}
_OTHER_NAMES = {"3,4-MDP-2-P": "3_4_methylenedioxyphenyl_2_propanone"}
# What is written of goods that are no substance of their own, in English, Spanish, Portuguese, French; the last line is for all others.
_GENERAL = """
nitriles, other|Aromatic nitrile|Nitrilo aromático|Nitrila aromática|Nitrile aromatique
pyridines, other|Pyridine derivative|Derivado de piridina|Derivado de piridina|Dérivé de pyridine
acyclic ketones, other|Ketone for coatings|Cetona para recubrimientos|Cetona para revestimentos|Cétone pour revêtements
hydroxy acids, other|Gluconic acid and salts|Ácido glucónico y sales|Ácido glucônico e sais|Acide gluconique et sels
aromatic acids, other|Aromatic acid ester|Éster de ácido aromático|Éster de ácido aromático|Ester d'acide aromatique
oxygen heterocycles, other|Lactone for aromas|Lactona para aromas|Lactona para aromas|Lactone pour arômes
cyclic amides, other|Anilide, intermediate|Anilida, intermedio|Anilida, intermediário|Anilide, intermédiaire
acyclic ethers, other|Fuel ether|Éter para combustibles|Éter para combustíveis|Éther pour carburants
propanols|Isopropyl alcohol|Alcohol isopropílico|Álcool isopropílico|Alcool isopropylique
permanganates, other|Manganate salts|Sales de manganato|Sais de manganato|Sels de manganate
iodides|Potassium iodide|Yoduro de potasio|Iodeto de potássio|Iodure de potassium
ephedrines, other|Alkaloid, pharmaceutical|Alcaloide farmacéutico|Alcaloide farmacêutico|Alcaloïde pharmaceutique
monocarboxylic acids, other|Carboxylic acid|Ácido carboxílico|Ácido carboxílico|Acide carboxylique
amino acids, other|Glycine, feed grade|Glicina, grado alimenticio|Glicina, grau alimentício|Glycine, qualité alimentaire
dog and cat food|Dog food, dry|Alimento para perros, seco|Ração para cães, seca|Aliments pour chiens, secs
petroleum oils, other|Motor oil|Aceite de motor|Óleo de motor|Huile moteur
|Organic intermediate|Intermedio orgánico|Intermediário orgânico|Intermédiaire organique
"""
_TAILS = (
    ("", ", technical grade", ", pure", " in drums", " in bags", ", 99.5%", ", new", ", for industrial use"),
    ("", ", grado técnico", ", puro", " en tambores", " en sacos", ", 99.5%", ", nuevo", ", para uso industrial"),
    ("", ", grau técnico", ", puro", " em tambores", " em sacos", ", 99,5%", ", novo", ", para uso industrial"),
    ("", ", qualité technique", ", pur", " en fûts", " en sacs", ", 99,5%", ", neuf", ", à usage industriel"),
    ("", ", 工业级", ", 纯", " 桶装", " 袋装", ", 99.5%", "", ", 工业用"),
)


@dataclass(frozen=True)
class Substance:
    """A watched substance as the code lists have it; `names` by language; `is_scheduled`: in a table of the 1988 Convention."""

    code: str
    cas: str
    family: str
    is_scheduled: bool
    names: dict[str, list[str]]


def load_substances(items: Sequence[Item]) -> dict[int, Substance]:
    """The substance of each item (by its place) that is one; other items hold several goods."""
    listed = {row["substance_code"]: row for row in load_codelist("substance").iter_rows(named=True)}
    spelt = load_codelist("substance_name").filter(pl.col("name").str.len_chars() > 3)
    named = {key[0]: part for key, part in spelt.partition_by("substance_code", as_dict=True).items()}
    found = {}
    for place, item in enumerate(items):
        code = _OTHER_NAMES.get(item.name, re.sub(r"[^a-z0-9]+", "_", item.name.lower()))
        if code in listed:
            row = listed[code]
            grouped = named[code].group_by("language", maintain_order=True).agg("name")
            found[place] = Substance(
                code, row["cas_number"], row["family"] or "", row["un_1988_table"] in ("I", "II"), dict(grouped.iter_rows())
            )
    return found


def language_of(areas: Areas) -> Ints:
    """The language of each area's declarations, as a place in LANGUAGES; English where none of the others is spoken."""
    spoken = {iso: LANGUAGES.index(language) for language, isos in _SPOKEN.items() for iso in isos}
    return np.array([spoken.get(iso, 0) for iso in areas.iso], dtype=np.int64)


def word_goods(items: Sequence[Item], substances: dict[int, Substance], seed: int) -> pl.DataFrame:
    """WORDINGS ways to write each of the goods in each language: goods_key, language, wording, description."""
    rows = []
    general_words = {name: words for name, *words in (line.split("|") for line in _GENERAL.strip().splitlines())}
    for place, item in enumerate(items):
        general = general_words.get(item.name, general_words[""])
        for language in range(len(LANGUAGES)):
            names = _names(substances.get(place), language) or [general[language % 4]]
            cas = substances[place].cas if place in substances else ""
            rows += _word(place, language, names, cas, seed)
    for number, goods in enumerate(load_goods()):
        for language in range(len(LANGUAGES)):
            rows += _word(FIRST_ORDINARY + number, language, [goods.words[language % 4]], "", seed)
    return pl.DataFrame(
        rows,
        {"goods_key": pl.Int32, "language": pl.Int32, "wording": pl.Int32, "description": pl.String},
        orient="row",
    )


def _names(substance: Substance | None, language: int) -> list[str]:
    """Names in a language and, at the end, the first one in English: trade papers are often in English."""
    if substance is None:
        return []
    english = substance.names.get("en", [])[:1]
    return substance.names.get(LANGUAGES[language], english)[:4] + english


def _word(key: int, language: int, names: list[str], cas: str, seed: int) -> list[tuple[int, int, int, str]]:
    rng = named_generator(seed, "wording", key, language)
    tails = _TAILS[language if key < FIRST_ORDINARY else language % 4]
    texts = []
    for wording in range(WORDINGS):
        text = names[int(len(names) * rng.random() ** 1.5)] + tails[int(rng.integers(len(tails)))]
        if cas and rng.random() < 0.2:
            text += f" CAS {cas}"
        if rng.random() < 0.3:
            text += f" REF {int(rng.integers(100, 9999))}"
        texts.append((key, language, wording, text.upper() if rng.random() < 0.55 else text))
    return texts
