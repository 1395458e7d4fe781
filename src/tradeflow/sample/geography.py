"""The areas of the simulated world: real codes, capital or main port, rough economic weight; distances and sea or land."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from tradeflow.sample.chance import Floats, Ints

WORLD_CODE = 0
AREAS_NES_CODE = 899
FREE_ZONES_CODE = 838

# iso, UN M49 code as UN Comtrade uses it, latitude, longitude, economic weight (United States = 100), landmass, name
_REPORTERS = """
USA 842 40.7 -74.0 100 N United States of America
CAN 124 45.5 -73.6 10 N Canada
MEX 484 19.2 -96.1 9 N Mexico
BRA 76 -24.0 -46.3 11 S Brazil
ARG 32 -34.6 -58.4 4 S Argentina
CHL 152 -33.0 -71.6 3 S Chile
COL 170 10.4 -75.5 3 S Colombia
PAN 591 9.0 -79.5 1 S Panama
DEU 276 53.5 10.0 30 E Germany
FRA 251 49.5 0.1 18 E France, Monaco
GBR 826 51.5 0.0 17 I United Kingdom
ITA 380 44.4 8.9 16 E Italy
ESP 724 41.4 2.2 11 E Spain
NLD 528 51.9 4.5 9 E Netherlands
BEL 56 51.2 4.4 6 E Belgium
CHE 757 47.6 7.6 7 E Switzerland, Liechtenstein
POL 616 54.4 18.7 6 E Poland
NOR 579 59.9 10.7 3 E Norway, Svalbard and Jan Mayen
TUR 792 41.0 29.0 9 E Türkiye
ZAF 710 -29.9 31.0 4 F South Africa
ARE 784 25.0 55.1 4 E United Arab Emirates
IND 699 18.9 72.8 26 E India
CHN 156 31.2 121.5 80 E China
HKG 344 22.3 114.2 4 E China, Hong Kong SAR
SGP 702 1.3 103.8 4 E Singapore
THA 764 13.1 100.9 6 E Thailand
MYS 458 3.0 101.4 5 E Malaysia
KOR 410 35.1 129.0 17 E Rep. of Korea
JPN 392 35.5 139.7 35 I Japan
AUS 36 -33.9 151.2 11 A Australia
"""
_SILENT_PARTNERS = """
AFG 4 34.5 69.2 0.4 E Afghanistan
MMR 104 16.8 96.2 0.8 E Myanmar
NGA 566 6.4 3.4 3 F Nigeria
VEN 862 10.6 -66.9 1 S Venezuela
IRQ 368 30.5 47.8 1.5 E Iraq
LAO 418 18.0 102.6 0.3 E Lao PDR
GTM 320 13.9 -90.8 0.8 N Guatemala
BOL 68 -16.5 -68.1 0.5 S Bolivia
PAK 586 24.8 67.0 4 E Pakistan
VNM 704 10.8 106.7 5 E Viet Nam
IRN 364 27.2 56.3 4 E Iran
OAS 490 25.0 121.5 9 I Other Asia, nes
"""
_MORE_REPORTERS = """
IDN 360 -6.1 106.9 12 I Indonesia
PHL 608 14.6 121.0 5 I Philippines
BGD 50 22.3 91.8 4 E Bangladesh
LKA 144 6.9 79.9 1 I Sri Lanka
NPL 524 27.7 85.3 0.5 E Nepal
KHM 116 11.6 104.9 0.5 E Cambodia
MNG 496 47.9 106.9 0.3 E Mongolia
KAZ 398 43.2 76.9 2 E Kazakhstan
UZB 860 41.3 69.3 1 E Uzbekistan
TKM 795 38.0 58.4 0.4 E Turkmenistan
KGZ 417 42.9 74.6 0.2 E Kyrgyzstan
TJK 762 38.6 68.8 0.2 E Tajikistan
GEO 268 42.2 41.7 0.3 E Georgia
ARM 51 40.2 44.5 0.3 E Armenia
AZE 31 40.4 49.9 0.6 E Azerbaijan
RUS 643 59.9 30.3 15 E Russian Federation
UKR 804 46.5 30.7 3 E Ukraine
BLR 112 53.9 27.6 1 E Belarus
MDA 498 47.0 28.9 0.2 E Rep. of Moldova
ROU 642 44.2 28.7 4 E Romania
BGR 100 43.2 27.9 1.5 E Bulgaria
GRC 300 37.9 23.6 3 E Greece
SRB 688 44.8 20.5 1 E Serbia
HRV 191 45.3 14.4 1 E Croatia
SVN 705 45.5 13.7 1 E Slovenia
HUN 348 47.5 19.0 3 E Hungary
CZE 203 50.1 14.4 4 E Czechia
SVK 703 48.1 17.1 2 E Slovakia
AUT 40 48.2 16.4 6 E Austria
PRT 620 38.7 -9.1 3 E Portugal
IRL 372 53.3 -6.2 6 I Ireland
DNK 208 55.7 12.6 5 E Denmark
SWE 752 57.7 11.9 7 E Sweden
FIN 246 60.2 24.9 4 E Finland
EST 233 59.4 24.8 0.5 E Estonia
LVA 428 57.0 24.1 0.5 E Latvia
LTU 440 55.7 21.1 0.8 E Lithuania
ISL 352 64.1 -21.9 0.3 I Iceland
LUX 442 49.6 6.1 1 E Luxembourg
MLT 470 35.9 14.5 0.2 I Malta
CYP 196 34.7 33.0 0.3 I Cyprus
ALB 8 41.3 19.5 0.2 E Albania
BIH 70 43.9 18.4 0.3 E Bosnia Herzegovina
MKD 807 42.0 21.4 0.2 E North Macedonia
ISR 376 32.8 35.0 5 E Israel
JOR 400 29.5 35.0 0.6 E Jordan
LBN 422 33.9 35.5 0.4 E Lebanon
SYR 760 35.5 35.8 0.3 E Syria
SAU 682 21.5 39.2 10 E Saudi Arabia
KWT 414 29.4 47.9 1.5 E Kuwait
QAT 634 25.3 51.5 2 E Qatar
BHR 48 26.2 50.6 0.5 E Bahrain
OMN 512 23.6 58.6 1 E Oman
YEM 887 12.8 45.0 0.3 E Yemen
EGY 818 31.2 29.9 4 F Egypt
LBY 434 32.9 13.2 0.6 F Libya
TUN 788 36.8 10.2 0.6 F Tunisia
DZA 12 36.8 3.1 2 F Algeria
MAR 504 33.6 -7.6 1.5 F Morocco
SEN 686 14.7 -17.4 0.4 F Senegal
CIV 384 5.3 -4.0 0.8 F Côte d'Ivoire
GHA 288 5.6 0.0 0.9 F Ghana
BEN 204 6.4 2.4 0.2 F Benin
TGO 768 6.1 1.2 0.2 F Togo
MLI 466 12.6 -8.0 0.2 F Mali
BFA 854 12.4 -1.5 0.2 F Burkina Faso
CMR 120 4.0 9.7 0.5 F Cameroon
COD 180 -5.8 13.4 0.6 F Dem. Rep. of the Congo
COG 178 -4.8 11.9 0.2 F Congo
AGO 24 -8.8 13.2 1 F Angola
ETH 231 9.0 38.7 1 F Ethiopia
KEN 404 -4.0 39.7 1.1 F Kenya
UGA 800 0.3 32.6 0.5 F Uganda
TZA 834 -6.8 39.3 0.7 F United Rep. of Tanzania
RWA 646 -1.9 30.1 0.1 F Rwanda
MOZ 508 -25.9 32.6 0.2 F Mozambique
ZMB 894 -15.4 28.3 0.3 F Zambia
ZWE 716 -17.8 31.0 0.3 F Zimbabwe
BWA 72 -24.7 25.9 0.2 F Botswana
NAM 516 -22.9 14.5 0.2 F Namibia
MUS 480 -20.2 57.5 0.2 I Mauritius
MDG 450 -18.1 49.4 0.2 I Madagascar
SDN 729 19.6 37.2 0.4 F Sudan
PER 604 -12.0 -77.1 2.5 S Peru
ECU 218 -2.2 -79.9 1.2 S Ecuador
PRY 600 -25.3 -57.6 0.5 S Paraguay
URY 858 -34.9 -56.2 0.8 S Uruguay
GUY 328 6.8 -58.2 0.2 S Guyana
SUR 740 5.8 -55.2 0.1 S Suriname
CRI 188 10.0 -83.0 0.8 N Costa Rica
NIC 558 12.5 -87.2 0.2 N Nicaragua
HND 340 15.8 -87.9 0.3 N Honduras
SLV 222 13.6 -89.8 0.4 N El Salvador
BLZ 84 17.5 -88.2 0.1 N Belize
DOM 214 18.5 -69.9 1.2 I Dominican Rep.
HTI 332 18.5 -72.3 0.2 I Haiti
JAM 388 18.0 -76.8 0.2 I Jamaica
TTO 780 10.7 -61.5 0.3 I Trinidad and Tobago
CUB 192 23.1 -82.4 0.5 I Cuba
BHS 44 25.1 -77.3 0.1 I Bahamas
NZL 554 -36.8 174.8 2.5 I New Zealand
PNG 598 -9.5 147.2 0.3 I Papua New Guinea
FJI 242 -18.1 178.4 0.1 I Fiji
BRN 96 5.0 115.1 0.2 I Brunei Darussalam
MAC 446 22.2 113.5 0.3 E China, Macao SAR
"""
_HUBS = ("SGP", "NLD", "ARE", "HKG", "PAN")
_EARTH_RADIUS_KM = 6371.0


@dataclass(frozen=True)
class Areas:
    """One place in each array for one area; an area's index is its place."""

    iso: tuple[str, ...]
    name: tuple[str, ...]
    code: Ints
    weight: Floats
    landmass: tuple[str, ...]
    is_south: np.ndarray
    is_hub: np.ndarray
    distance_km: Floats
    is_overland: np.ndarray
    reporter_count: int

    def index(self, iso: str) -> int:
        """The place of an area in every array."""
        return self.iso.index(iso)


def great_circle_km(latitude: Floats, longitude: Floats) -> Floats:
    """Matrix of great-circle distances between all places (haversine), in km."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    inner = (
        np.sin((lat[:, None] - lat[None, :]) / 2) ** 2
        + np.cos(lat[:, None]) * np.cos(lat[None, :]) * np.sin((lon[:, None] - lon[None, :]) / 2) ** 2
    )
    distance: Floats = 2 * _EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(inner, 0, 1)))
    return distance


@cache
def load_areas(extra_reporters: int = 0) -> Areas:
    """The reporters first, more of them in a larger world, then the partners that do not report."""
    reporters = _REPORTERS.strip().splitlines() + _MORE_REPORTERS.strip().splitlines()[:extra_reporters]
    lines = [line.split(maxsplit=6) for line in reporters + _SILENT_PARTNERS.strip().splitlines()]
    latitude = np.array([float(line[2]) for line in lines])
    distance = great_circle_km(latitude, np.array([float(line[3]) for line in lines]))
    landmass = np.array([line[5] for line in lines])
    same_land = (landmass[:, None] == landmass[None, :]) & ~np.isin(landmass, ["I"])[:, None]
    return Areas(
        iso=tuple(line[0] for line in lines),
        name=tuple(line[6] for line in lines),
        code=np.array([int(line[1]) for line in lines], dtype=np.int64),
        weight=np.array([float(line[4]) for line in lines]),
        landmass=tuple(landmass.tolist()),
        is_south=latitude < -10,
        is_hub=np.array([line[0] in _HUBS for line in lines]),
        distance_km=distance,
        is_overland=same_land & (distance < 2200),
        reporter_count=len(reporters),
    )


def extra_reporter_limit() -> int:
    """How many reporters a very large world may add."""
    return len(_MORE_REPORTERS.strip().splitlines())
