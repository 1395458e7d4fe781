"""What made-up companies do: lines of business, the ordinary goods of each, and what an ordinary kilogram costs.

The goods stand beside the chemicals of the world so that a company has a profile. Prices and weights are round figures invented for
the simulation; no description names a watched substance.
"""

from dataclasses import dataclass

import numpy as np

from tradeflow.sample.chance import Floats

BROKERAGE, DISTRIBUTION, TRADING = "brokerage", "chemical distribution", "general trading"


@dataclass(frozen=True)
class Goods:
    """One kind of ordinary goods; `words` in English, Spanish, Portuguese and French; a usual item in kg."""

    code: str
    usd_per_kg: float
    usual_kg: float
    words: tuple[str, str, str, str]


# code|USD per kg|usual kg|English|Spanish|Portuguese|French
_GOODS = """
320890|3.2|900|Paint in non-aqueous medium|Pintura en medio no acuoso|Tinta em meio não aquoso|Peinture en milieu non aqueux
320611|2.9|4000|Titanium dioxide pigment|Pigmento de dióxido de titanio|Pigmento de dióxido de titânio|Pigment de dioxyde de titane
390799|2.6|6000|Polyester resin|Resina poliéster|Resina poliéster|Résine polyester
390690|2.4|5000|Acrylic polymer dispersion|Dispersión de polímero acrílico|Dispersão de polímero acrílico|Dispersion de polymère acrylique
731021|2.1|1500|Tin cans for paint, empty|Envases de hojalata, vacíos|Latas de folha de flandres, vazias|Boîtes en fer-blanc, vides
300490|95|300|Medicines for retail sale|Medicamentos para la venta al por menor|Medicamentos para venda a retalho|Médicaments au détail
294190|180|120|Antibiotic, active ingredient|Antibiótico, principio activo|Antibiótico, princípio ativo|Antibiotique, principe actif
701090|0.9|8000|Glass vials and bottles|Frascos y botellas de vidrio|Frascos e garrafas de vidro|Flacons et bouteilles en verre
392330|2.8|1200|Plastic bottles|Botellas de plástico|Garrafas de plástico|Bouteilles en plastique
170211|1.4|3000|Lactose, pharmaceutical grade|Lactosa, calidad farmacéutica|Lactose, grau farmacêutico|Lactose, qualité pharmaceutique
330129|55|80|Essential oils|Aceites esenciales|Óleos essenciais|Huiles essentielles
330210|21|250|Flavour mixtures for food|Mezclas de aromas para alimentos|Misturas de aromas para alimentos|Mélanges d'arômes pour aliments
330499|12|600|Skin care cream|Crema para el cuidado de la piel|Creme para cuidado da pele|Crème de soin de la peau
340111|2.2|4000|Toilet soap|Jabón de tocador|Sabonete|Savon de toilette
220421|4.4|6000|Wine in bottles|Vino en botellas|Vinho em garrafas|Vin en bouteilles
450310|18|250|Natural corks|Tapones de corcho natural|Rolhas de cortiça natural|Bouchons en liège naturel
841370|14|500|Centrifugal pump|Bomba centrífuga|Bomba centrífuga|Pompe centrifuge
842121|9|700|Water filter|Filtro de agua|Filtro de água|Filtre à eau
380210|1.9|4000|Activated carbon|Carbón activado|Carvão ativado|Charbon actif
282820|0.9|9000|Hypochlorite for swimming pools|Hipoclorito para piscinas|Hipoclorito para piscinas|Hypochlorite pour piscines
310210|0.45|24000|Urea, fertiliser grade|Urea, grado fertilizante|Ureia, grau fertilizante|Urée, qualité engrais
310520|0.6|24000|NPK fertiliser|Fertilizante NPK|Adubo NPK|Engrais NPK
380892|7|1500|Fungicide|Fungicida|Fungicida|Fongicide
843280|6|2500|Seed drill|Sembradora|Semeadora|Semoir
340290|1.8|5000|Cleaning preparation|Preparación de limpieza|Preparação de limpeza|Préparation de nettoyage
381400|1.7|3000|Thinner for paint, composite|Diluyente compuesto para pinturas|Diluente composto para tintas|Diluant composé pour peintures
282739|1.2|6000|Metal chlorides|Cloruros metálicos|Cloretos metálicos|Chlorures métalliques
291570|2.3|4000|Stearic acid|Ácido esteárico|Ácido esteárico|Acide stéarique
283630|0.5|12000|Sodium bicarbonate|Bicarbonato de sodio|Bicarbonato de sódio|Bicarbonate de sodium
291814|1.1|8000|Citric acid|Ácido cítrico|Ácido cítrico|Acide citrique
610910|14|700|T-shirts of cotton|Camisetas de algodón|Camisetas de algodão|T-shirts en coton
620342|13|800|Cotton trousers|Pantalones de algodón|Calças de algodão|Pantalons en coton
520942|6|3000|Denim fabric|Tejido de mezclilla|Tecido denim|Tissu denim
640399|19|600|Leather shoes|Calzado de cuero|Calçado de couro|Chaussures en cuir
640411|11|800|Sports shoes|Calzado deportivo|Calçado desportivo|Chaussures de sport
420292|9|500|Bags and cases|Bolsos y estuches|Bolsas e estojos|Sacs et étuis
160414|5|4000|Tuna in cans|Atún en conserva|Atum em conserva|Thon en conserve
200570|3|3000|Olives, prepared|Aceitunas preparadas|Azeitonas preparadas|Olives préparées
180632|7|1500|Chocolate bars|Barras de chocolate|Barras de chocolate|Tablettes de chocolat
090111|4.2|9000|Coffee, green|Café sin tostar|Café não torrado|Café vert
847989|25|900|Machine with a function of its own|Máquina con función propia|Máquina com função própria|Machine à fonction propre
848180|16|300|Taps and valves|Grifería y válvulas|Torneiras e válvulas|Robinets et vannes
850440|35|250|Power supplies|Fuentes de alimentación|Fontes de alimentação|Blocs d'alimentation
851762|110|90|Routers and modems|Enrutadores y módems|Roteadores e modems|Routeurs et modems
852872|28|900|Television sets|Televisores|Televisores|Téléviseurs
950300|8|1200|Toys|Juguetes|Brinquedos|Jouets
950450|60|150|Video game consoles|Consolas de videojuegos|Consolas de jogos|Consoles de jeux
940360|3.5|2500|Wooden furniture|Muebles de madera|Móveis de madeira|Meubles en bois
940161|5|1800|Upholstered seats|Asientos tapizados|Assentos estofados|Sièges rembourrés
870829|9|800|Parts of motor vehicles|Partes de vehículos|Partes de veículos|Parties de véhicules
401110|4|3000|Car tyres|Neumáticos para automóviles|Pneus para automóveis|Pneus pour voitures
870899|8|900|Vehicle accessories|Accesorios de vehículos|Acessórios de veículos|Accessoires de véhicules
721420|0.7|20000|Steel bars|Barras de acero|Barras de aço|Barres d'acier
730890|2.4|5000|Steel structures|Estructuras de acero|Estruturas de aço|Constructions en acier
760612|3.6|4000|Aluminium sheet|Chapa de aluminio|Chapa de alumínio|Tôle d'aluminium
480256|1.1|9000|Office paper|Papel de oficina|Papel de escritório|Papier de bureau
482010|3.3|900|Notebooks|Cuadernos|Cadernos|Cahiers
960810|14|150|Ball point pens|Bolígrafos|Esferográficas|Stylos à bille
392321|2.5|2500|Polyethylene bags|Bolsas de polietileno|Sacos de polietileno|Sacs en polyéthylène
391740|4|800|Plastic pipe fittings|Accesorios de tubería de plástico|Acessórios de tubo de plástico|Raccords en plastique
902710|260|15|Gas analysis apparatus|Aparato para análisis de gases|Aparelho de análise de gases|Appareil d'analyse de gaz
701790|22|60|Laboratory glassware|Vidrio de laboratorio|Vidro de laboratório|Verrerie de laboratoire
"""
# line of business|share of a country's companies|codes of its goods, the most usual first
_LINES = """
paint|4|320890 320611 390799 390690 731021 381400
pharmaceuticals|5|300490 294190 701090 392330 170211
perfumery|3|330129 330210 330499 340111 701090
wine|3|220421 450310 701090
water treatment|3|842121 380210 282820 841370
fertilisers|3|310210 310520 380892 843280
chemical manufacture|5|282739 291570 283630 291814 390799 841370
chemical distribution|5|340290 291814 283630 381400 282739 390690
laboratory supply|3|701790 902710 392330
textiles|8|610910 620342 520942
footwear|6|640399 640411 420292
food|9|160414 200570 180632 090111
machinery|7|847989 848180 841370
electronics|8|851762 852872 850440
toys|5|950300 950450
furniture|5|940360 940161
vehicle parts|7|870829 401110 870899
metals|5|721420 730890 760612
stationery|4|480256 482010 960810
plastics|5|392321 391740 392330
general trading|6|950300 482010 850440 940360 640411 392321 870899
brokerage|4|
"""
NAME_TRADES = {
    "pharmaceuticals": ("pharma", "", "pharma"), "chemical manufacture": ("chemical", "quimica", "industry", ""),
    "chemical distribution": ("chemical", "quimica", "trading", "comercial", "impex"), "laboratory supply": ("", "trading", "chemical"),
    "brokerage": ("brokerage",), "general trading": ("trading", "comercial", "impex"),
}  # fmt: skip
"""What the name of a company of some lines says of its trade, as `companies` spells it; others say one of OTHER_NAME_TRADES."""
OTHER_NAME_TRADES = ("", "", "industry", "comercial", "trading", "impex")
CALENDAR_LINES = {
    "flat": "chemical manufacture", "paint": "paint", "fertiliser": "fertilisers", "wine": "wine", "cold": "pharmaceuticals",
    "pharma": "pharmaceuticals", "perfume": "perfumery", "water": "water treatment",
}  # fmt: skip
"""The line of business of a buyer whose plant runs by a calendar of `commodities`."""


def load_goods() -> tuple[Goods, ...]:
    """All ordinary goods."""
    found = []
    for line in _GOODS.strip().splitlines():
        code, price, kg, *words = line.split("|")
        english, spanish, portuguese, french = words
        found.append(Goods(code, float(price), float(kg), (english, spanish, portuguese, french)))
    return tuple(found)


@dataclass(frozen=True)
class Lines:
    """Lines of business: name and share of a country's companies; `goods` has a line's goods (places in `load_goods`), `width` how many."""

    name: tuple[str, ...]
    share: Floats
    goods: np.ndarray
    width: np.ndarray

    def index(self, name: str) -> int:
        """The place of a line in every array."""
        return self.name.index(name)


def load_lines() -> Lines:
    """All lines of business; brokerage, which trades in nothing, is the last."""
    place = {goods.code: number for number, goods in enumerate(load_goods())}
    names, shares, rows = [], [], []
    for line in _LINES.strip().splitlines():
        name, share, codes = line.split("|")
        names.append(name)
        shares.append(float(share))
        rows.append([place[code] for code in codes.split()])
    width = np.array([len(row) for row in rows])
    goods = np.zeros((len(rows), width.max()), dtype=np.int64)
    for number, row in enumerate(rows):
        goods[number, : len(row)] = row
    return Lines(tuple(names), np.array(shares) / sum(shares), goods, width)
