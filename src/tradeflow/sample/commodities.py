"""The goods of the simulated world: HS codes by edition, rough price, packing, production calendar, who makes them.

An item is one kind of goods; an HS code may hold several items in an edition that has no code of their own (2926.40 was
in 2926.90 before HS 2017). Prices and quantities are round figures invented for the simulation.
"""

from dataclasses import dataclass

import numpy as np

from tradeflow.sample.chance import Floats, named_generator
from tradeflow.sample.neighbour_codes import tail_codes


@dataclass(frozen=True)
class Item:
    """One kind of goods. `codes` are its subheadings in HS 2012, 2017 and 2022; weights in kg."""

    name: str
    codes: tuple[int, int, int]
    is_watched: bool
    family: str
    usd_per_kg: float
    buyer_kg_per_year: float
    breadth: float
    buyer_calendar: str
    makers: tuple[tuple[str, float], ...]
    is_bulk: bool
    kg_per_litre: float | None


# name, code (or codes H4/H5/H6), family, USD per kg, a usual buyer's kg a year, breadth of use, calendar, makers[, bulk, kg per litre]
_WATCHED = """
acetic anhydride|291524|anhydrides|1.3|90000|1.0|paint|USA:8 CHN:6 MEX:4 DEU:4 BEL:3 SAU:3 JPN:3||1.08
acetone|291411|solvents|0.85|300000|1.6|paint|USA:6 CHN:3 NLD:5 BEL:5 DEU:5 KOR:6 ESP:3 THA:3 ZAF:2 OAS:4|bulk|0.79
methyl ethyl ketone|291412|solvents|1.3|120000|1.2|paint|JPN:5 CHN:6 NLD:3 ZAF:2 GBR:2 OAS:3 BRA:1||0.81
ethyl ether|290911|solvents|2.4|12000|0.7|flat|DEU:4 IND:4 BEL:3 USA:4 CHN:2||0.71
toluene|290230|solvents|0.8|900000|1.3|paint|KOR:7 USA:5 NLD:5 JPN:3 THA:3 IND:2 DEU:3 BEL:2 ITA:2|bulk|0.87
sulphuric acid|280700|acids|0.08|4000000|1.3|fertiliser|KOR:6 JPN:6 CHN:5 DEU:4 CAN:4 ESP:3 BEL:3 POL:3 MEX:2 CHL:1|bulk|1.83
hydrochloric acid|280610|acids|0.2|600000|1.1|flat|DEU:6 BEL:3 USA:4 CHN:3 IND:2 FRA:2 CAN:3|bulk|1.16
potassium permanganate|284161|permanganates|2.6|25000|1.0|water|CHN:8 IND:5 USA:3 ESP:1||
tartaric acid|291812|acids|4.5|40000|1.1|wine|ITA:8 ESP:6 CHN:5 FRA:2 ARG:3 CHL:1 AUS:1||
phenylacetic acid|291634|arylacetic|4.2|15000|0.6|pharma|CHN:8 IND:6 DEU:1||
1-phenyl-2-propanone|291431|arylacetic|18|2500|0.3|pharma|CHN:4 IND:4 DEU:2 USA:1||
alpha-phenylacetoacetonitrile|292690/292640/292640|arylacetic|16|1500|0.25|flat|CHN:6 IND:2||
ephedrine|293941|ephedrines|70|1500|0.8|cold|IND:9 CHN:3 DEU:3 SGP:1||
pseudoephedrine|293942|ephedrines|62|6000|0.9|cold|IND:9 DEU:4 CHN:4 OAS:2 CHE:1||
piperonal|293293|methylenedioxy|14|6000|0.8|perfume|CHN:9 ESP:1 ITA:1 FRA:1 JPN:1||
safrole|293294|methylenedioxy|9|5000|0.35|perfume|CHN:7 VNM:4 BRA:1||1.10
isosafrole|293291|methylenedioxy|12|1500|0.25|perfume|CHN:5 IND:2 USA:1||1.12
3,4-MDP-2-P|293292|methylenedioxy|45|800|0.2|flat|CHN:5 IND:2||
anthranilic acid|292243|anthranilics|3.2|20000|0.6|flat|CHN:8 IND:5 DEU:1||
N-acetylanthranilic acid|292423|anthranilics|7|4000|0.3|flat|CHN:6 IND:4||
piperidine|293332|piperidines|8|9000|0.6|pharma|CHN:6 DEU:4 IND:4 GBR:1 FRA:1||0.86
4-anilino-N-phenethylpiperidine|293339/293339/293336|piperidines|160|60|0.2|pharma|IND:4 CHN:3 USA:2 BEL:1||
N-phenethyl-4-piperidone|293339/293339/293337|piperidines|120|80|0.2|pharma|IND:5 CHN:3 USA:1||
ergometrine|293961|ergots|9000|8|0.35|pharma|CZE:3 CHE:5 IND:3 ITA:2 DEU:1||
ergotamine|293962|ergots|7000|10|0.35|pharma|CHE:5 ITA:2 IND:2 DEU:2||
"""
_NEIGHBOURS = """
nitriles, other|292690|arylacetic|9|20000|1.3|flat|CHN:9 IND:5 DEU:5 USA:5 JPN:3 CHE:2||
pyridines, other|293339|piperidines|28|12000|1.4|pharma|CHN:9 IND:7 DEU:5 CHE:4 USA:4 JPN:2||
acyclic ketones, other|291419|solvents|2.2|50000|0.9|paint|DEU:4 USA:4 CHN:4 JPN:3 FRA:1||0.81
hydroxy acids, other|291819|acids|7|20000|0.9|flat|CHN:6 USA:3 DEU:3 IND:2 FRA:1||
aromatic acids, other|291639|arylacetic|8|15000|0.9|pharma|CHN:8 IND:5 DEU:2 USA:2||
oxygen heterocycles, other|293299|methylenedioxy|22|9000|1.1|perfume|CHN:8 IND:5 DEU:3 CHE:3 USA:3 FRA:2||
cyclic amides, other|292429|anthranilics|15|20000|1.3|pharma|CHN:8 IND:8 DEU:3 CHE:2 USA:3||
acyclic ethers, other|290919|solvents|1.9|90000|0.9|paint|NLD:4 USA:5 DEU:3 CHN:3 FRA:2||0.74
propanols|290512|solvents|1.2|120000|1.3|paint|NLD:5 DEU:4 USA:5 CHN:4 KOR:2 OAS:3|bulk|0.79
methyl isobutyl ketone|291413|solvents|1.6|40000|0.7|paint|USA:4 CHN:3 JPN:3 ZAF:3 NLD:2||0.80
permanganates, other|284169|permanganates|4.5|4000|0.4|water|CHN:5 IND:3 USA:2||
iodine|280120|iodides|42|3000|0.8|pharma|CHL:9 JPN:6 USA:2 NLD:1||
iodides|282760|iodides|38|2500|0.8|pharma|CHL:6 IND:4 JPN:3 DEU:2 CHN:2||
acetic acid|291521|acids|0.6|500000|1.2|flat|CHN:7 USA:6 SGP:3 MYS:3 GBR:2 BEL:2 OAS:3|bulk|1.05
ephedrines, other|293949|ephedrines|85|700|0.3|cold|IND:4 CHN:3 DEU:2||
monocarboxylic acids, other|291590|anhydrides|2.6|40000|1.0|flat|CHN:6 USA:4 DEU:4 IND:3 MYS:3 BEL:1||
amino acids, other|292249|anthranilics|11|30000|1.3|flat|CHN:9 IND:4 DEU:4 USA:3 JPN:3 FRA:2||
dog and cat food|230910|lookalike|2.3|300000|1.6|flat|DEU:6 FRA:6 THA:7 USA:7 NLD:5 CAN:4 POL:4 CHN:3 ITA:3 BRA:1||
petroleum oils, other|271019|lookalike|0.85|5000000|1.7|flat|SGP:8 NLD:8 USA:8 KOR:7 ARE:6 IND:6 CHN:5 BEL:4 ITA:3 MYS:3|bulk|0.84
"""
# The residual code that a declarant who does not find the right subheading picks.
CONFUSED_WITH = {
    291524: 291521, 291411: 291419, 291412: 291419, 290911: 290919, 290230: 290512, 284161: 284169, 291812: 291819,
    291634: 291639, 291431: 291419, 292640: 292690, 293941: 293949, 293942: 293949, 293293: 293299, 293294: 293299,
    293291: 293299, 293292: 293299, 292243: 292249, 292423: 292429, 293332: 293339, 293336: 293339, 293337: 293339,
}  # fmt: skip

# Share of a normal month that a buyer's plant runs, January to December, north of the equator.
_CALENDARS: dict[str, tuple[float, ...]] = {
    "flat": (1, 1, 1.05, 1, 1, 1, 0.95, 0.85, 1.05, 1.05, 1.05, 0.9),
    "paint": (0.75, 0.85, 1.1, 1.25, 1.3, 1.25, 1.1, 0.85, 1.05, 0.95, 0.8, 0.6),
    "fertiliser": (0.9, 1.2, 1.5, 1.35, 0.9, 0.7, 0.7, 0.9, 1.25, 1.1, 0.8, 0.7),
    "wine": (0.6, 0.6, 0.7, 0.7, 0.8, 0.9, 1.1, 1.9, 2.4, 1.4, 0.8, 0.5),
    "cold": (1.0, 0.8, 0.65, 0.55, 0.55, 0.8, 1.1, 1.3, 1.6, 1.55, 1.3, 1.0),
    "pharma": (1.05, 1, 1.05, 1, 1, 1, 0.95, 0.6, 1.1, 1.1, 1.1, 0.85),
    "perfume": (0.8, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.1, 1.2, 1.1, 0.8, 0.6),
    "water": (0.7, 0.75, 0.9, 1.1, 1.3, 1.5, 1.5, 1.3, 1.0, 0.8, 0.7, 0.6),
}


def production_calendar(kind: str, is_south: bool) -> Floats:
    """Twelve monthly activity shares; harvests and heat come half a year later in the south."""
    months = np.array(_CALENDARS[kind], dtype=np.float64)
    return np.roll(months, 6) if is_south and kind not in ("flat", "pharma") else months


def _read_item(line: str, is_watched: bool) -> Item:
    name, codes, family, price, buyer_kg, breadth, calendar, makers, *rest = line.split("|")
    editions = [int(code) for code in codes.split("/")]
    pairs = [pair.split(":") for pair in makers.split()]
    return Item(
        name=name,
        codes=(editions[0], editions[len(editions) // 2], editions[-1]),
        is_watched=is_watched,
        family=family,
        usd_per_kg=float(price),
        buyer_kg_per_year=float(buyer_kg),
        breadth=float(breadth),
        buyer_calendar=calendar,
        makers=tuple((iso, float(capacity)) for iso, capacity in pairs),
        is_bulk=rest[0] == "bulk",
        kg_per_litre=float(rest[1]) if rest[1] else None,
    )


def _draw_tail_item(code: str, seed: int) -> Item:
    rng = named_generator(seed, "tail item", code)
    price = float(np.round(np.exp(rng.normal(1.6, 1.5)), 3))
    countries = ("CHN", "DEU", "USA", "IND", "JPN", "KOR", "FRA", "BEL", "NLD", "ITA", "GBR", "ESP", "CHE", "OAS")
    made_in = rng.choice(len(countries), size=int(rng.integers(3, 8)), replace=False)
    return Item(
        name=f"chemical goods of {code}",
        codes=(int(code), int(code), int(code)),
        is_watched=False,
        family="tail",
        usd_per_kg=price,
        buyer_kg_per_year=float(np.exp(rng.normal(10.8, 1.0)) / price**0.7),
        breadth=float(rng.uniform(0.5, 1.6)),
        buyer_calendar=str(rng.choice(["flat", "flat", "pharma", "paint"])),
        makers=tuple((countries[place], float(rng.integers(1, 10))) for place in made_in),
        is_bulk=price < 1.0,
        kg_per_litre=None,
    )


def load_items(tail_count: int, seed: int) -> tuple[Item, ...]:
    """The 25 watched items, their neighbours, and as many other chemical codes as a large world needs."""
    watched = [_read_item(line, True) for line in _WATCHED.strip().splitlines()]
    neighbours = [_read_item(line, False) for line in _NEIGHBOURS.strip().splitlines()]
    tail = [_draw_tail_item(code, seed) for code in tail_codes()[:tail_count]]
    return tuple(watched + neighbours + tail)
